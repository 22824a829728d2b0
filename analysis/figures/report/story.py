"""What skipping is worth on every design, network by network: the picture that opens a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analysis.figures.palette import BLACK, BLUE, ORANGE
from analysis.figures.rows import FigureRows, RowName

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

Extreme = Literal["", "best", "worst"]
_STEP = 0.2  # Choice: of the axis, as a share of the dense network


@dataclass(frozen=True, slots=True)
class Worth:
    """What one quantity keeps of the saving, as shares of the dense network compiled alike; below zero it costs."""

    compiled: float
    written: float | None = None  # both networks as written, where that was replayed
    mark: Extreme = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRow:
    """One replay."""

    label: str  # design, settings, policy
    anchor: str
    latency: Worth | None  # None where the network does not fit
    energy: Worth | None
    reason: str = ""  # why it does not


@dataclass(frozen=True, slots=True)
class StoryGroup:
    """One network on every design."""

    network: str
    sentence: str
    promised: float  # share of the MACs saved, NaN where nothing fits
    rows: tuple[StoryRow, ...]


@dataclass(frozen=True, slots=True)
class StoryInfo:
    """Rows by network on one axis of shares of the dense network."""

    groups: tuple[StoryGroup, ...]
    low: float  # ends of the axis
    high: float

    @property
    def ticks(self) -> tuple[float, ...]:
        """Places on the axis that carry a number: zero, and every step."""
        return self._ticks(every=1)

    @property
    def fewer_ticks(self) -> tuple[float, ...]:
        """Every second of them, for a narrow screen."""
        return self._ticks(every=2)

    def _ticks(self, every: int) -> tuple[float, ...]:
        first, last = round(self.low / _STEP), round(self.high / _STEP)
        every *= -(-(last - first) // 8)  # at most nine of them
        return tuple(k * _STEP for k in range(first, last + 1) if k % every == 0)

    def place(self, share: float) -> float:
        """Return where a share stands on the axis [% of its length]."""
        return 100 * (share - self.low) / (self.high - self.low)

    @property
    def written(self) -> bool:
        """Whether any row knows both networks as written."""
        return any(worth.written is not None for worth in self._worths())

    def _worths(self) -> Iterator[Worth]:
        rows = (row for group in self.groups for row in group.rows)
        return (worth for row in rows for worth in (row.latency, row.energy) if worth is not None)

    @property
    def height(self) -> float:
        """Height of the drawing [inch]."""
        return 1.7 + 0.3 * sum(1 + len(group.rows) for group in self.groups)

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib; a page tells it in words and bars."""
        worths = [(row, group.network) for group in self.groups for row in group.rows]
        rows = FigureRows.of([RowName(row.label, network) for row, network in worths])
        for shift, colour, drawn in (
            (-0.17, BLUE, [row.latency for row, _ in worths]),
            (0.17, ORANGE, [row.energy for row, _ in worths]),
        ):
            for place, worth in zip(rows.places, drawn, strict=True):
                if worth is not None:
                    _draw_worth(canvas, place + shift, worth, colour)
        for (place, _, _), group in zip([tick for tick in rows.ticks if tick[2]], self.groups, strict=False):
            reach = [place - 0.3, place + len(group.rows) + 0.4]
            canvas.axes.plot([100 * group.promised] * 2, reach, color=BLACK, linewidth=1.2, linestyle=":")
        rows.draw_names(canvas)
        canvas.level(0, BLACK, linewidth=0.8)
        canvas.axes.set_xlim(100 * self.low - 2, 100 * self.high + 12)
        canvas.axes.set(xlabel="Saved of the dense network [%]; below zero: slower, more energy")
        keys = [
            canvas.patch_key("latency, compiled", BLUE),
            canvas.patch_key("energy, compiled", ORANGE),
            canvas.line_key("MACs saved", BLACK, linestyle=":"),
        ]
        hollow = {"marker": "o", "markerfacecolor": "white", "linestyle": ""}
        canvas.legend(4, [*keys, canvas.line_key("as written", BLACK, **hollow)] if self.written else keys)


def story_info(groups: Sequence[StoryGroup]) -> StoryInfo:
    """Return the groups with their best and worst replays marked, per quantity, and the axis that holds all."""
    worths = [row for group in groups for row in group.rows]
    latency = _extremes([row.latency for row in worths])
    energy = _extremes([row.energy for row in worths])
    marked = tuple(
        StoryGroup(
            group.network,
            group.sentence,
            group.promised,
            tuple(_row(row, latency, energy) for row in group.rows),
        )
        for group in groups
    )
    shares = [group.promised for group in groups if not math.isnan(group.promised)]
    shares += [
        share
        for row in worths
        for worth in (row.latency, row.energy)
        if worth is not None
        for share in (worth.compiled, worth.written)
        if share is not None
    ]
    low = math.floor(min([0.0, *shares]) / _STEP + 1e-9) * _STEP
    high = math.ceil(max([_STEP, *shares]) / _STEP - 1e-9) * _STEP
    return StoryInfo(marked, low, high)


def _row(row: StoryRow, latency: dict[float, Extreme], energy: dict[float, Extreme]) -> StoryRow:
    return StoryRow(
        label=row.label,
        anchor=row.anchor,
        latency=_marked(row.latency, latency),
        energy=_marked(row.energy, energy),
        reason=row.reason,
    )


def _marked(worth: Worth | None, marks: dict[float, Extreme]) -> Worth | None:
    return None if worth is None else Worth(worth.compiled, worth.written, marks.get(worth.compiled, ""))


def _extremes(worths: Sequence[Worth | None]) -> dict[float, Extreme]:
    """Return which values are the best and the worst; none where all are one."""
    values = {worth.compiled for worth in worths if worth is not None}
    return {min(values): "worst", max(values): "best"} if len(values) > 1 else {}


def _draw_worth(canvas: Canvas, place: float, worth: Worth, colour: str) -> None:
    axes = canvas.axes
    axes.barh(place, 100 * worth.compiled, height=0.3, color=colour)
    if worth.written is not None:
        axes.plot([100 * worth.written], [place], "o", color=BLACK, markerfacecolor="white", markersize=4)
    if worth.mark:
        axes.annotate(
            worth.mark, (100 * max(worth.compiled, worth.written or 0, 0), place), (5, 0),
            textcoords="offset points", va="center", fontsize=7, fontweight="bold",
        )  # fmt: skip
