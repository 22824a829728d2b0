"""Rows of a figure with their names; rows of one group stand together under the group's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analysis.figures.palette import BLACK, RED
from analysis.figures.plain_chart import ChartMarks, known, plain
from analysis.words import shorten

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

RELATIVE: Final = "% of dense"  # unit of rows that each stand against their own dense network
_MANY: Final = 8  # Choice: places beyond which rows stand closer


@dataclass(frozen=True, slots=True)
class RowName:
    """What a row is called."""

    label: str
    group: str = ""  # rows of one group stand together; "" stands under no name


class BarPart(NamedTuple):
    """One part of every row's bar."""

    name: str
    values: tuple[float, ...]  # one per row
    colour: str


@dataclass(frozen=True, slots=True)
class FigureRows:
    """Rows from top to bottom; the name of a group takes a place of its own above its rows."""

    names: tuple[RowName, ...]

    @classmethod
    def of(cls, names: Sequence[RowName | str]) -> FigureRows:
        """Return rows from names, or from labels without groups."""
        return cls(tuple(name if isinstance(name, RowName) else RowName(name) for name in names))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def places(self) -> tuple[int, ...]:
        """Place of each row, counted from the top."""
        return tuple(place for place, name, head in self._laid() if not head)

    @property
    def ticks(self) -> tuple[tuple[int, str, bool], ...]:
        """Place and words of every tick, and whether it names a group."""
        return tuple((place, name.group if head else name.label, head) for place, name, head in self._laid())

    @property
    def height(self) -> int:
        """How many places there are."""
        return len(self._laid())

    def _laid(self) -> list[tuple[int, RowName, bool]]:
        laid: list[tuple[int, RowName, bool]] = []
        group = ""
        for name in self.names:
            if name.group and name.group != group:
                laid.append((len(laid), name, True))
            group = name.group
            laid.append((len(laid), name, False))
        return laid

    @property
    def axis(self) -> dict[str, Any]:
        """A chart's axis of rows under the names of their groups."""
        words = [(place, plain(shorten(text, 30)), head) for place, text, head in self.ticks]
        return {
            "range": [self.height - 0.4, -0.6],
            "tickvals": [place for place, _, _ in words],
            "ticktext": [f"<b>{text}</b>" if head else text for _, text, head in words],
            "showgrid": False,
            "tickfont": {"size": 12},
        }

    @property
    def full_names(self) -> list[str]:
        """Each row's name with its group's, as a chart's tooltip shows them."""
        return [plain(f"{name.group} on {name.label}" if name.group else name.label) for name in self.names]

    def chart_bars(self, parts: Sequence[BarPart], amount: str) -> list[ChartMarks]:
        """Return a chart's bar per row; ``amount`` is how a tooltip tells a value."""
        return [
            {
                "type": "bar", "x": part.values, "y": self.places, "orientation": "h", "name": part.name,
                "marker": {"color": part.colour}, "customdata": self.full_names,
                "hovertemplate": f"%{{customdata}}<br>{part.name}: {amount}<extra></extra>",
            }
            for part in parts
        ]  # fmt: skip

    def chart_diamonds(self, values: Sequence[float], name: str, amount: str) -> ChartMarks:
        """Return a chart's mark in every row."""
        return {
            "type": "scatter", "x": [known(value) for value in values], "y": self.places, "mode": "markers",
            "name": name, "customdata": self.full_names,
            "marker": {
                "symbol": "diamond-tall", "size": 14, "color": BLACK, "line": {"width": 1.5, "color": "white"},
            },
            "hovertemplate": f"%{{customdata}}<br>{name}: {amount}<extra></extra>",
        }  # fmt: skip

    def draw_names(self, canvas: Canvas) -> None:
        """Name the rows along a drawing's axis."""
        axes = canvas.axes
        axes.set_yticks(
            [place for place, _, _ in self.ticks], [shorten(text, 34) for _, text, _ in self.ticks]
        )
        for label, (_, _, head) in zip(axes.get_yticklabels(), self.ticks, strict=True):
            label.set_fontweight("bold" if head else "normal")
        axes.set_ylim(self.height - 0.4, -0.6)
        axes.grid(axis="y", visible=False)

    def draw_bars(self, canvas: Canvas, parts: Sequence[BarPart]) -> None:
        """Draw a bar per row and name the rows; what is below zero stands to the left of it."""
        right, left = np.zeros(len(self)), np.zeros(len(self))
        for part in parts:
            values = np.asarray(part.values)
            begin = np.where(values < 0, left, right)
            canvas.axes.barh(
                self.places, values, left=begin, color=part.colour, edgecolor="white", height=0.66, label=part.name,
            )  # fmt: skip
            right += np.maximum(values, 0)
            left += np.minimum(values, 0)
        self.draw_names(canvas)

    def draw_diamonds(self, canvas: Canvas, values: Sequence[float], name: str, size: int) -> None:
        """Draw a mark in every row."""
        canvas.axes.plot(
            values, self.places, "d", color=BLACK, markeredgecolor="white", markersize=size, label=name
        )


class RowBars:
    """A figure of a bar per row: it grows with them."""

    __slots__ = ()
    rows: FigureRows

    @property
    def height(self) -> float:
        """Height of the drawing [inch]."""
        places = self.rows.height
        return 1.9 + (0.24 if places > _MANY else 0.36) * places

    @property
    def chart_height(self) -> int:
        """Height of the chart [CSS pixels]."""
        places = self.rows.height
        return 80 + (26 if places > _MANY else 34) * places


def dense_line(unit: str) -> dict[str, Any]:
    """Return what a chart's layout needs to show where the dense network stands; nothing in another unit."""
    if unit != RELATIVE:
        return {}
    line = {"type": "line", "x0": 100, "x1": 100, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
    return {"shapes": [line | {"line": {"color": RED, "width": 1.5}}]}


def draw_dense_line(canvas: Canvas, unit: str, width: float) -> None:
    """Draw where the dense network stands; nothing in another unit."""
    if unit == RELATIVE:
        canvas.level(100, RED, linewidth=width)
