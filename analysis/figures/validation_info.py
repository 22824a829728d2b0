"""Predicted against measured, one panel per unit; and every comparison's errors, fitted beside predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.validation.comparison import Comparison
from analysis.validation.left_out import predicted_of


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


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """Mean absolute relative errors of one comparison [1]."""

    name: str
    fitted: float | None  # on rows that a fit saw; None where nothing was fitted
    predicted: float | None  # on rows that no fit saw; None where nothing was left out
    low: float | None  # 95 % interval of the latter
    high: float | None
    bound: float
    spread: float | None  # of the truth's own repetitions, mean


def error_lines(comparisons: Sequence[Comparison]) -> tuple[ErrorLine, ...]:
    """Return what was fitted beside what was predicted, in the comparisons' order."""
    return tuple(_error_line(comparison) for comparison in comparisons)


def _error_line(c: Comparison) -> ErrorLine:
    predicted = predicted_of(c)
    return ErrorLine(
        name=c.name,
        fitted=c.mean_error if c.constants else None,
        predicted=predicted.mean if predicted else None,
        low=predicted.low if predicted else None,
        high=predicted.high if predicted else None,
        bound=c.promised[0],
        spread=None if c.spread is None else float(c.spread.mean()),
    )


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
