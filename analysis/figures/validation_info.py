"""Predicted against measured: one panel per unit, one series per comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.validation.comparison import Comparison


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


def validation_panels(comparisons: Sequence[Comparison]) -> tuple[ValidationPanel, ...]:
    """Group comparisons by unit, in order of first appearance."""
    units = list(dict.fromkeys(comparison.unit for comparison in comparisons))
    return tuple(_panel(unit, [c for c in comparisons if c.unit == unit]) for unit in units)


def _panel(unit: str, comparisons: Sequence[Comparison]) -> ValidationPanel:
    series = tuple(
        ValidationSeries(c.name, tuple(map(float, c.measured)), tuple(map(float, c.predicted)))
        for c in comparisons
    )
    values = [value for one in series for value in (*one.measured, *one.predicted) if value > 0]
    return ValidationPanel(unit=unit, series=series, low=min(values) / 1.5, high=max(values) * 1.5)
