"""What each figure shows, as plain values: computed here, drawn elsewhere, and tested without a pixel.

Every ``*_info`` function takes arrays and returns a frozen value in the units of the axes.
:mod:`analysis.figures.drawings` (matplotlib) and :mod:`analysis.figures.charts` (plotly) draw the same values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.figures.rows import FigureRows, RowName
from analysis.words import fitting_unit
from traces import Floats

PERCENTILES = (50, 95, 99)  # interpolated linearly, as in summary.json
CDF_POINTS = 400  # Choice: as many steps as a screen shows; a million inputs draw as fast as a thousand
CLASSES_SHOWN = 24  # Choice: more bars cannot be read at 600 pixels; the slowest are shown
RELATIVE = "% of dense"
RELATIVE_FROM = 20.0  # Choice: beyond this ratio of energies the bars of the thriftiest design vanish
ROWS_SHOWN = 120  # Choice: of a heat map


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


@dataclass(frozen=True, slots=True)
class Tail:
    """Latency of some inputs: those of one class, or all of one replay."""

    name: RowName
    inputs: int
    p50: float
    p95: float
    p99: float
    largest: float


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


@dataclass(frozen=True, slots=True)
class EnergyInfo:
    """Energy of one input, by part and design."""

    unit: str  # a unit of energy, or RELATIVE
    rows: FigureRows  # replays
    parts: tuple[tuple[str, tuple[float, ...]], ...]  # part, one value per replay [unit]
    dense: tuple[float, ...]  # of the dense network per replay, NaN where it is not known [unit]


@dataclass(frozen=True, slots=True)
class HeatInfo:
    """A table of values as colours; ``values[row][column]``, NaN where there is none."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    measure: str  # what a colour means, with its unit
    row_title: str
    column_title: str
    top: float = 1.0  # value of the last colour
    left_out: int = 0  # rows not shown


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
        latency=_floats(ordered[rank] / holds),
        share=_floats((rank + 1) / max(len(ordered), 1)),
        percentiles=tuple(Mark(f"p{q}", float(value) / holds) for q, value in marks),
        references=tuple(Mark(name, value / holds) for name, value in known.items()),
    )


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


def energy_info(
    parts_pj: Mapping[str, Sequence[float]], names: Sequence[RowName | str], dense_uj: Sequence[float]
) -> EnergyInfo:
    """Return mean energy by part.

    Parts that are zero on every design are left out.  Designs far apart are shown relative to their own
    dense network, where that is known of all.

    Parameters
    ----------
    parts_pj
        ``parts_pj[part][replay]`` [pJ].
    names
        Of the replays.
    dense_uj
        The dense network's total per replay, NaN where it is not known [uJ].
    """
    values = np.array(list(parts_pj.values()), np.float64).reshape(len(parts_pj), len(names)) * 1e-6
    dense = np.asarray(dense_uj, np.float64)
    totals = values.sum(axis=0)
    if (dense > 0).all() and totals.max(initial=0) > RELATIVE_FROM * totals.min(initial=np.inf):
        unit, holds = RELATIVE, dense / 100
    else:
        unit, one = fitting_unit(float(np.nanmax([*totals, *dense, 0.0])), "uJ")
        holds = np.full(len(names), one)
    return EnergyInfo(
        unit=unit,
        rows=FigureRows.of(names),
        parts=tuple(
            (name, _floats(row / holds)) for name, row in zip(parts_pj, values, strict=True) if row.any()
        ),
        dense=_floats(dense / holds),
    )


def heat_info(  # noqa: PLR0913  (a heat map has these names and no fewer)
    values: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    measure: str,
    row_title: str,
    column_title: str,
) -> HeatInfo:
    """Return a heat map of ``values`` (rows, columns); beyond :data:`ROWS_SHOWN` the first rows."""
    table = np.asarray(values, np.float64).reshape(len(rows), len(columns))
    shown = table[:ROWS_SHOWN]
    return HeatInfo(
        rows=tuple(rows[:ROWS_SHOWN]),
        columns=tuple(columns),
        values=tuple(_floats(row) for row in shown),
        measure=measure,
        row_title=row_title,
        column_title=column_title,
        top=max(1.0, float(np.nanmax(shown, initial=0.0))),
        left_out=len(rows) - len(shown),
    )


def _floats(values: ArrayLike) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, np.float64))
