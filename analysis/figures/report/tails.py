"""How long the slow inputs take: percentiles of latency, a row per class of one replay, or per replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from analysis.figures.palette import BLACK, BLUE, GREY, RED, SKY
from analysis.figures.plain_chart import Chart, ChartMarks, laid_out
from analysis.figures.report.latency import PERCENTILES
from analysis.figures.rows import RELATIVE, FigureRows, RowName, dense_line, draw_dense_line
from analysis.words import fitting_unit
from traces import Floats

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

CLASSES_SHOWN = 24  # Choice: more bars cannot be read at 600 pixels; the slowest are shown
_COLOURS: Final = {"p50": SKY, "p95": BLUE, "p99": RED}
_SYMBOLS: Final = {"p50": "circle", "p95": "square", "p99": "diamond", "largest": "line-ns-open"}
_MARKERS: Final = {"p50": "o", "p95": "s", "p99": "D", "largest": "|"}


@dataclass(frozen=True, slots=True)
class Tail:
    """Latency of some inputs: those of one class, or all of one replay."""

    name: RowName
    inputs: int
    p50: float
    p95: float
    p99: float
    largest: float

    @property
    def marks(self) -> dict[str, float]:
        """What is drawn of it, by name."""
        return {"p50": self.p50, "p95": self.p95, "p99": self.p99, "largest": self.largest}


@dataclass(frozen=True, slots=True)
class TailInfo:
    """Latency percentiles by class, in order of labels, the slowest where there are many; or by replay."""

    unit: str
    tails: tuple[Tail, ...]
    left_out: int  # faster classes that are not shown

    @property
    def rows(self) -> FigureRows:
        """The rows of the picture."""
        return FigureRows(tuple(tail.name for tail in self.tails))

    @property
    def height(self) -> float:
        """Height of the drawing [inch]."""
        return 1.5 + 0.22 * self.rows.height

    @property
    def chart_height(self) -> int:
        """Height of the chart [CSS pixels]."""
        return 80 + 24 * self.rows.height

    @property
    def title(self) -> str:
        """Of the axis."""
        return f"Latency of one input [{self.unit}]"

    def chart(self) -> Chart:
        """Return it for plotly."""
        marks = [self._chart_marks(name) for name in _SYMBOLS]
        return laid_out(marks, (self.title, ""), y=self.rows.axis, **dense_line(self.unit))

    def _chart_marks(self, name: str) -> ChartMarks:
        names = self.rows.full_names
        return {
            "type": "scatter", "x": [tail.marks[name] for tail in self.tails], "y": self.rows.places,
            "mode": "markers", "name": name,
            "marker": {
                "color": _COLOURS.get(name, GREY), "symbol": _SYMBOLS[name], "size": 10,
                "line": {"width": 2 * (name == "largest")},
            },
            "customdata": [[full, tail.inputs] for full, tail in zip(names, self.tails, strict=True)],
            "hovertemplate": f"%{{customdata[0]}}<br>{name}: %{{x:.4g}} {self.unit}"
            "<br>%{customdata[1]} inputs<extra></extra>",
        }  # fmt: skip

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes, rows = canvas.axes, self.rows
        for place, tail in zip(rows.places, self.tails, strict=True):
            axes.plot([tail.p50, tail.largest], [place, place], color=GREY, linewidth=1.5, zorder=1)
        for name, marker in _MARKERS.items():
            values = [tail.marks[name] for tail in self.tails]
            colour = _COLOURS.get(name, BLACK)
            axes.scatter(values, rows.places, color=colour, marker=marker, s=26, label=name, zorder=2)
        rows.draw_names(canvas)
        draw_dense_line(canvas, self.unit, 1)
        axes.set(xlabel=self.title)
        canvas.legend(4)


def tail_info(latency_us: ArrayLike, labels: ArrayLike) -> TailInfo:
    """Return latency percentiles by class from latency (n,) [us] and label (n,) of every input."""
    latency, label = np.asarray(latency_us, np.float64), np.asarray(labels)
    unit, holds = fitting_unit(float(latency.max(initial=0.0)), "us")
    tails = {
        int(c): _tail(RowName(f"class {c}"), np.sort(latency[label == c]) / holds) for c in np.unique(label)
    }
    slowest = sorted(tails, key=lambda c: (-tails[c].p99, c))[:CLASSES_SHOWN]
    shown = tuple(tails[c] for c in sorted(slowest))
    return TailInfo(unit=unit, tails=shown, left_out=len(tails) - len(shown))


def spread_info(
    names: Sequence[RowName], latencies_us: Sequence[ArrayLike], dense_us: Sequence[float]
) -> TailInfo:
    """Return latency percentiles of replays, each against its own dense network.

    Parameters
    ----------
    names
        Of the replays.
    latencies_us
        Latency of every input, (n,) per replay [us].
    dense_us
        Of the dense network, per replay, positive [us].
    """
    ordered = (np.sort(np.asarray(latency, np.float64)) for latency in latencies_us)
    tails = (
        _tail(name, 100 * values / dense)
        for name, values, dense in zip(names, ordered, dense_us, strict=True)
    )
    return TailInfo(unit=RELATIVE, tails=tuple(tails), left_out=0)


def _tail(name: RowName, ordered: Floats) -> Tail:
    p50, p95, p99 = (float(value) for value in np.percentile(ordered, PERCENTILES))
    return Tail(name, len(ordered), p50, p95, p99, float(ordered[-1]))
