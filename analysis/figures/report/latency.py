"""When the inputs of one replay end: the distribution of their latency, beside what it is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from analysis.figures.palette import BLUE, REFERENCES
from analysis.figures.pictures import FREE_HEIGHT, FREE_INCHES
from analysis.figures.plain_chart import Chart, ChartMarks, laid_out
from analysis.words import digits, fitting_unit

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

PERCENTILES = (50, 95, 99)  # interpolated linearly, as in summary.json
CDF_POINTS = 400  # Choice: as many steps as a screen shows; a million inputs draw as fast as a thousand


@dataclass(frozen=True, slots=True)
class Mark:
    """A named value on the latency axis."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class LatencyInfo:
    """Distribution of latency over inputs: share of the inputs that ended by then."""

    unit: str
    latency: tuple[float, ...]  # rising [unit]
    share: tuple[float, ...]  # [0..1], rising to 1
    percentiles: tuple[Mark, ...]  # p50, p95, p99
    references: tuple[Mark, ...]  # dense, mean rate, MAC-proportional, oracle

    height = FREE_INCHES
    chart_height = FREE_HEIGHT

    @property
    def titles(self) -> tuple[str, str]:
        """Of the axes."""
        return f"Latency of one input [{self.unit}]", "Share of inputs that have ended"

    def named(self, reference: Mark) -> str:
        """Return what a reference is called beside its line."""
        return f"{reference.name}: {digits(reference.value)} {self.unit}"

    def chart(self) -> Chart:
        """Return it for plotly."""
        places = [*self.latency, *(line.value for line in self.references), 0.0]
        return laid_out(
            [self._chart_steps(), self._chart_percentiles(), *map(self._chart_reference, self.references)],
            self.titles,
            x={"range": [0, 1.05 * max(places)]},
            y={"tickformat": ".0%", "range": [0, 1.12]},
        )

    def _chart_steps(self) -> ChartMarks:
        return {
            "type": "scatter", "x": self.latency, "y": self.share, "mode": "lines", "name": "replayed per input",
            "line": {"color": BLUE, "width": 3, "shape": "hv"},
            "hovertemplate": f"%{{y:.1%}} of the inputs end within %{{x:.4g}} {self.unit}<extra></extra>",
        }  # fmt: skip

    def _chart_percentiles(self) -> ChartMarks:
        marks = self.percentiles
        return {
            "type": "scatter", "x": [m.value for m in marks], "y": [_level(m) for m in marks],
            "text": [m.name for m in marks], "mode": "markers+text",
            "textposition": ["middle left", "middle left", "top center"],  # nothing is left of a curve that rises
            "marker": {"color": BLUE, "size": 9}, "showlegend": False,
            "hovertemplate": f"%{{text}}: %{{x:.4g}} {self.unit}<extra></extra>",
        }  # fmt: skip

    def _chart_reference(self, line: Mark) -> ChartMarks:
        (colour, dash), text = REFERENCES[line.name], self.named(line)
        return {
            "type": "scatter", "x": [line.value, line.value], "y": [0, 1], "mode": "lines", "name": text,
            "line": {"color": colour, "dash": dash, "width": 2}, "hovertemplate": f"{text}<extra></extra>",
        }  # fmt: skip

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes = canvas.axes
        axes.step(self.latency, self.share, where="post", color=BLUE, linewidth=2, label="replayed per input")
        for mark in self.percentiles:
            level = _level(mark)
            axes.plot([mark.value], [level], "o", color=BLUE, markersize=5)
            side = "bottom" if mark.name == "p99" else "top"  # p95 and p99 lie close
            axes.annotate(mark.name, (mark.value, level), (6, 0), textcoords="offset points", va=side)
        for line in self.references:
            canvas.level(line.value, *REFERENCES[line.name], linewidth=1.6, label=self.named(line))
        axes.set(xlabel=self.titles[0], ylabel=self.titles[1])
        canvas.in_percent(x=False, y=True)
        axes.set_ylim(0, 1.04)
        axes.set_xlim(left=0)
        canvas.legend(2)


def latency_info(latency_us: ArrayLike, references_us: Mapping[str, float]) -> LatencyInfo:
    """Return the latency distribution of a replay.

    Parameters
    ----------
    latency_us
        Latency of every input (n,) [us].
    references_us
        What it is compared with, by name [us]; values that are not known (NaN) are left out.
    """
    ordered = np.sort(np.asarray(latency_us, np.float64))
    known = {name: value for name, value in references_us.items() if not math.isnan(value)}
    unit, holds = fitting_unit(max([*ordered[-1:], *known.values(), 0.0]), "us")
    rank = np.unique(np.linspace(0, len(ordered) - 1, min(CDF_POINTS, len(ordered))).astype(np.int64))
    marks = zip(PERCENTILES, np.percentile(ordered, PERCENTILES), strict=True) if len(ordered) else ()
    return LatencyInfo(
        unit=unit,
        latency=tuple(map(float, ordered[rank] / holds)),
        share=tuple(map(float, (rank + 1) / max(len(ordered), 1))),
        percentiles=tuple(Mark(f"p{q}", float(value) / holds) for q, value in marks),
        references=tuple(Mark(name, value / holds) for name, value in known.items()),
    )


def _level(mark: Mark) -> float:
    """Return the share of the inputs that a percentile is named after."""
    return int(mark.name[1:]) / 100
