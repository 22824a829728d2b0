"""A table of values as colours: layers by design, gates by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from analysis.figures.palette import HEAT, HEAT_COLOURS
from analysis.figures.plain_chart import DOWNWARDS, Chart, known, laid_out, plain
from analysis.words import shorten

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

ROWS_SHOWN = 120  # Choice: of a heat map
_SHORT = 4  # letters of a column's name that still stand level


@dataclass(frozen=True, slots=True)
class HeatAxis:
    """The rows, or the columns."""

    title: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeatInfo:
    """A table of values as colours; ``values[row][column]``, NaN where there is none."""

    rows: HeatAxis
    columns: HeatAxis
    values: tuple[tuple[float, ...], ...]
    measure: str  # what a colour means, with its unit
    top: float = 1.0  # value of the last colour
    left_out: int = 0  # rows not shown

    @property
    def height(self) -> float:
        """Height of the drawing [inch]."""
        return 1.6 + 0.19 * len(self.rows.names)

    @property
    def chart_height(self) -> int:
        """Height of the chart [CSS pixels]."""
        return 150 + 19 * len(self.rows.names)

    @property
    def slanted(self) -> bool:
        """Whether the names of the columns have no room beside each other."""
        return max(map(len, self.columns.names), default=0) > _SHORT

    def chart(self) -> Chart:
        """Return it for plotly."""
        rows, columns = [[plain(name) for name in axis.names] for axis in (self.rows, self.columns)]
        cells = {
            "type": "heatmap", "z": [[known(value) for value in row] for row in self.values],
            "x": list(range(len(columns))), "y": list(range(len(rows))), "zmin": 0, "zmax": self.top,
            "colorscale": [[i / (len(HEAT_COLOURS) - 1), colour] for i, colour in enumerate(HEAT_COLOURS)],
            "customdata": [[f"{row}<br>{self.columns.title} {column}" for column in columns] for row in rows],
            "colorbar": {"title": {"text": self.measure, "side": "right"}, "thickness": 12},
            "hovertemplate": f"%{{customdata}}<br>{self.measure}: %{{z:.3g}}<extra></extra>", "hoverongaps": False,
        }  # fmt: skip
        x = {
            "tickvals": list(range(len(columns))),
            "ticktext": [plain(shorten(name, 18)) for name in self.columns.names],
            "showgrid": False,
            "tickangle": -40 if self.slanted else 0,
        }
        y = {
            **DOWNWARDS,
            "type": "linear",
            "tickvals": list(range(len(rows))),
            "ticktext": [plain(shorten(name, 24)) for name in self.rows.names],
            "showgrid": False,
            "tickfont": {"size": 11},
        }
        return laid_out([cells], (self.columns.title, self.rows.title), x=x, y=y)

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes, rows, columns = canvas.axes, self.rows.names, self.columns.names
        table = np.ma.masked_invalid(np.asarray(self.values).reshape(len(rows), len(columns)))
        image = axes.imshow(table, cmap=HEAT, vmin=0, vmax=self.top, aspect="auto")
        axes.set_facecolor("#EEEEEE")
        axes.grid(visible=False)
        axes.set_xticks(
            range(len(columns)), [shorten(name, 20) for name in columns],
            rotation=35 if self.slanted else 0, ha="right" if self.slanted else "center",
        )  # fmt: skip
        axes.set_yticks(range(len(rows)), [shorten(name) for name in rows], fontsize=7)
        axes.set(xlabel=self.columns.title, ylabel=self.rows.title)
        canvas.figure.colorbar(image, ax=axes, label=self.measure, pad=0.02)


def heat_info(values: ArrayLike, rows: HeatAxis, columns: HeatAxis, measure: str) -> HeatInfo:
    """Return a heat map of ``values`` (rows, columns); beyond :data:`ROWS_SHOWN` the first rows."""
    table = np.asarray(values, np.float64).reshape(len(rows.names), len(columns.names))
    shown = table[:ROWS_SHOWN]
    return HeatInfo(
        rows=HeatAxis(rows.title, rows.names[:ROWS_SHOWN]),
        columns=columns,
        values=tuple(tuple(map(float, row)) for row in shown),
        measure=measure,
        top=max(1.0, float(np.nanmax(shown, initial=0.0))),
        left_out=len(table) - len(shown),
    )
