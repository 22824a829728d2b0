"""Predicted against measured, one panel per unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.palette import GREY, MARKERS, series_colour
from analysis.validation.comparison import Comparison
from analysis.words import shorten

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

_COLUMNS = 2  # of panels
_BAND = 0.25  # either side of what was measured


@dataclass(frozen=True, slots=True)
class ValidationSeries:
    """One comparison; the longest name fits a legend."""

    name: str
    measured: tuple[float, ...]
    predicted: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ValidationPanel:
    """All comparisons in one unit, and the span of both axes."""

    unit: str
    series: tuple[ValidationSeries, ...]
    low: float
    high: float

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes, span = canvas.axes, np.array([self.low, self.high])
        axes.fill_between(span, span * (1 - _BAND), span * (1 + _BAND), color="#EEEEEE", lw=0)
        axes.plot(span, span, color=GREY, lw=0.8)
        for i, one in enumerate(self.series):
            axes.plot(
                one.measured, one.predicted, MARKERS[i % len(MARKERS)],
                color=series_colour(i), ms=4, alpha=0.7, mew=0, label=shorten(one.name, 40),
            )  # fmt: skip
        canvas.logarithmic(x=True, y=True)
        axes.set(xlim=span, ylim=span)
        axes.set_xlabel(f"measured [{self.unit}]")
        axes.set_ylabel(f"predicted [{self.unit}]")
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))


@dataclass(frozen=True, slots=True)
class ValidationInfo:
    """A panel per unit, on logarithmic axes, with a band of 25 %."""

    panels: tuple[ValidationPanel, ...]

    dots_per_inch = 100

    @property
    def size(self) -> tuple[float, float]:
        """Width and height [inch]."""
        return 12.0, 3.4 * -(-len(self.panels) // _COLUMNS)

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        for panel, place in zip(self.panels, canvas.panels(len(self.panels), _COLUMNS), strict=True):
            panel.draw(place)


def validation_info(comparisons: Sequence[Comparison]) -> ValidationInfo:
    """Group comparisons by unit, in order of first appearance."""
    units = list(dict.fromkeys(comparison.unit for comparison in comparisons))
    return ValidationInfo(tuple(_panel(unit, [c for c in comparisons if c.unit == unit]) for unit in units))


def _panel(unit: str, comparisons: Sequence[Comparison]) -> ValidationPanel:
    series = tuple(
        ValidationSeries(c.name, tuple(map(float, c.measured)), tuple(map(float, c.predicted)))
        for c in comparisons
    )
    values = [value for one in series for value in (*one.measured, *one.predicted) if value > 0]
    return ValidationPanel(unit=unit, series=series, low=min(values) / 1.5, high=max(values) * 1.5)
