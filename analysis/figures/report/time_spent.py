"""Where latency goes: what each op, or each replay, spends its share of it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW
from analysis.figures.plain_chart import Chart, laid_out
from analysis.figures.rows import RELATIVE, BarPart, FigureRows, RowBars, RowName, dense_line, draw_dense_line
from analysis.words import fitting_unit

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

# Part of an op's time as results call it: what a figure calls it, and its colour.
TIME_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "array":  ("array", BLUE),
    "fill":   ("fill and drain", SKY),
    "gather": ("gather", YELLOW),
    "tiles":  ("tile control", GREY),
    "simd":   ("SIMD", GREEN),
    "gate":   ("gates", PURPLE),
    "dram":   ("DRAM", ORANGE),
    "wait":   ("wait for decisions", RED),
}  # fmt: skip
_ESTIMATE_PARTS: Final = {"work": ("compute", BLUE), "stall": ("stall", ORANGE)}  # all that an estimate knows
_ALL_PARTS: Final = {**TIME_PARTS, **_ESTIMATE_PARTS}
OPS_SHOWN: Final = 40  # Choice: rows that a screen shows at once; the rest of a deep network are one row


@dataclass(frozen=True, slots=True)
class TimeInfo(RowBars):
    """Stacked parts of a latency, per row."""

    quantity: str  # along the axis
    unit: str
    rows: FigureRows
    parts: tuple[tuple[str, tuple[float, ...]], ...]  # by key: one value per row [unit]
    others: int = 0  # ops that the last row stands for together; 0: every row is one op

    @property
    def title(self) -> str:
        """Of the axis."""
        return f"{self.quantity} [{self.unit}]"

    @property
    def bars(self) -> list[BarPart]:
        """What a bar consists of."""
        named = ((*_ALL_PARTS[part], values) for part, values in self.parts)
        return [BarPart(name, values, colour) for name, colour, values in named]

    def chart(self) -> Chart:
        """Return it for plotly."""
        bars = self.rows.chart_bars(self.bars, f"%{{x:.4g}} {self.unit}")
        return laid_out(bars, (self.title, ""), y=self.rows.axis, barmode="stack", **dense_line(self.unit))

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        self.rows.draw_bars(canvas, self.bars)
        canvas.axes.set(xlabel=self.title)
        draw_dense_line(canvas, self.unit, 1.2)
        canvas.legend(4)


def op_time_info(ops: Sequence[tuple[str, Mapping[str, float]]], us_per_cycle: float) -> TimeInfo:
    """Return what each op adds to the mean latency: those that add most, in program order, the rest together.

    Parameters
    ----------
    ops
        Name and parts of each op [cycles].
    us_per_cycle
        Of the design's clock [us].
    """
    shown, others = _longest(ops)
    most = max((sum(parts.values()) for _, parts in shown), default=0.0) * us_per_cycle
    unit, holds = fitting_unit(most, "us")
    scaled = [{part: cycles * us_per_cycle / holds for part, cycles in parts.items()} for _, parts in shown]
    return TimeInfo(
        quantity="Added to the latency of one input",
        unit=unit,
        rows=FigureRows.of([name for name, _ in shown]),
        parts=_seen(scaled),
        others=others,
    )


def estimate_time_info(ops: Sequence[tuple[str, float, float]]) -> TimeInfo:
    """Return what each op takes by itself: name, cycles at work, cycles waiting for transfers."""
    shown, others = _longest([(name, {"work": work, "stall": stall}) for name, work, stall in ops])
    return TimeInfo(
        quantity="Time of the op alone",
        unit="cycles",
        rows=FigureRows.of([name for name, _ in shown]),
        parts=_seen([parts for _, parts in shown]),
        others=others,
    )


def _longest(
    ops: Sequence[tuple[str, Mapping[str, float]]],
) -> tuple[list[tuple[str, Mapping[str, float]]], int]:
    """Return the ops that take longest, in program order, the rest as one, and how many that stands for."""
    timed = [(name, parts) for name, parts in ops if sum(parts.values()) > 0]
    longest = sorted(timed, key=lambda each: -sum(each[1].values()))[:OPS_SHOWN]
    least = {name for name, _ in timed} - {name for name, _ in longest}
    shown = [(name, parts) for name, parts in timed if name not in least]
    if least:
        rest = [parts for name, parts in timed if name in least]
        shown.append((f"{len(rest)} other ops", {part: sum(each[part] for each in rest) for part in rest[0]}))
    return shown, len(least)


def replay_time_info(names: Sequence[RowName], shares: Sequence[Mapping[str, float]]) -> TimeInfo:
    """Return what replays spend their mean latency on, each as a share of its dense network's [0..]."""
    return TimeInfo(
        quantity="Mean latency",
        unit=RELATIVE,
        rows=FigureRows.of(names),
        parts=_seen([{part: 100 * share for part, share in each.items()} for each in shares]),
    )


def _seen(rows: Sequence[Mapping[str, float]]) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """Return the parts that any row has."""
    parts = ((part, tuple(row.get(part, 0.0) for row in rows)) for part in _ALL_PARTS)
    return tuple((part, values) for part, values in parts if any(values))
