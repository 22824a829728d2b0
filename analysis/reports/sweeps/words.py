"""What the page of a sweep says of it in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from accel_models import CORES_ALONE
from analysis.pareto.ranks import Costs, knee_point, pareto_mask
from analysis.reports.sweeps.columns import costs_of_rows, title_of
from analysis.reports.sweeps.naming import Naming
from analysis.words import change_words, percent, quantity, skipped_words
from traces import Bools, unpriced_words

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults
    from analysis.sweeps.row import SweepRow


def sweep_words(results: SweepResults, rows: Sequence[SweepRow], naming: Naming) -> tuple[str, ...]:
    """Return the sentences; ``rows`` are the feasible ones."""
    manifest, total = results.manifest, len(results.rows)
    bounds = " and ".join(bound.words for bound in results.budget)
    fit = f"fit and are within the budget ({bounds})" if bounds else "fit"
    first = f"{total:,} of the space's {manifest.size:,} points were evaluated; {len(rows):,} of them {fit}."
    missing = [f"{name} is {unpriced_words(nodes)}." for name, nodes in manifest.skipped.items()]
    if "batch" in results.frame and int(results.frame["batch"].max()) > 1:
        missing.append("Latency is that of a whole batch; MACs, bytes and energy are per input.")
    if not rows:
        return (first, *missing, "No design fits; the table below says why.")
    costs = costs_of_rows(rows, manifest.minimize, manifest.maximize)
    best = [
        f"Objectives: {_objectives(manifest.minimize, manifest.maximize)}. "
        f"{int(pareto_mask(costs).sum()):,} points are on their Pareto front: no other beats them everywhere.",
        *_of_areas(results, rows),
        *_unknown(rows, costs),
    ]
    knee = knee_point(costs)
    if knee is not None:
        row = rows[knee]
        best.append(
            f"The best compromise (the knee of the front) is {naming.name(row)}: "
            f"{quantity(row.latency_us, 'us')}, {quantity(row.energy_uj, 'uJ')} per input{_accurate(row)}."
        )
    return (first, *missing, *best, *_saved(rows))


def _accurate(row: SweepRow) -> str:
    return "" if math.isnan(row.accuracy) else f", {percent(row.accuracy)} accurate"


def _objectives(minimize: Sequence[str], maximize: Sequence[str]) -> str:
    small = [f"{title_of(name).lower()} small" for name in minimize]
    return ", ".join([*small, *(f"{title_of(name).lower()} large" for name in maximize)])


def _of_areas(results: SweepResults, rows: Sequence[SweepRow]) -> tuple[str, ...]:
    """Say of which designs the area is that of a core alone, where it is compared."""
    cores = [name for name in results.cores if any(row.design == name for row in rows)]
    if not cores or "area_mm2" not in results.manifest.minimize:
        return ()
    return (f"{CORES_ALONE[0].upper()}{CORES_ALONE[1:]} ({', '.join(cores)}).",)


def _unknown(rows: Sequence[SweepRow], costs: Costs) -> tuple[str, ...]:
    """Say which designs no front holds, because they lack a value of an objective."""
    lacking: Bools = np.asarray(np.isnan(costs).any(axis=1))
    if not lacking.any():
        return ()
    names = sorted({row.design for row, lacks in zip(rows, lacking, strict=True) if lacks})
    return (
        f"{int(lacking.sum()):,} points are on no front, for they lack a value of an objective: {', '.join(names)}.",
    )


def _saved(rows: Sequence[SweepRow]) -> tuple[str, ...]:
    saved = [1 - row.latency_us / row.dense_latency_us for row in rows if row.dense_latency_us > 0]
    macs = [1 - row.macs / row.dense_macs for row in rows if row.dense_macs > 0]
    if not saved or not macs:
        return ()
    worth = _span(*(change_words(share, "faster", "slower") for share in (min(saved), max(saved))))
    return (
        f"The gates {skipped_words(macs, 'skip', 'add')} the MACs; that is {worth} than the dense network.",
    )


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
