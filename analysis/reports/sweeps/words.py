"""What the page of a sweep says of it in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from accel_models import CORES_ALONE
from analysis.names import design_title
from analysis.pareto.ranks import Costs, knee_point, pareto_mask
from analysis.reports.replays.words import KeyFigure
from analysis.reports.sweeps.columns import text_of, title_of, value_of
from analysis.reports.sweeps.naming import Naming
from analysis.words import change_words, skipped_words
from traces import Bools, unpriced_words

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults
    from analysis.sweeps.row import SweepRow


def sweep_words(results: SweepResults, rows: Sequence[SweepRow]) -> tuple[str, ...]:
    """Return the sentences on all that was evaluated; ``rows`` are the feasible ones."""
    manifest, total = results.manifest, len(results.rows)
    bounds = " and ".join(bound.words for bound in results.budget)
    fit = f"fit and are within the budget ({bounds})" if bounds else "fit"
    first = f"{total:,} of the space's {manifest.size:,} points were evaluated; {len(rows):,} of them {fit}."
    if not rows:
        return (first, *_missing(results), "No design fits; the table below says why.")
    return (first, *_of_areas(results, rows), *_saved(rows))


def best_words(
    results: SweepResults, rows: Sequence[SweepRow], naming: Naming, costs: Costs
) -> tuple[str, ...]:
    """Return what is said before the pictures: the front, its knee, and what to know before figures are read."""
    front, knee = int(pareto_mask(costs).sum()), knee_point(costs)
    told = (
        f"{front:,} of {len(rows):,} points are on the Pareto front: "
        "no other beats them in every objective (▼ less, ▲ more is better)."
    )
    if knee is not None:
        told += f" The best compromise, its knee, is {naming.name(rows[knee])}."
    return (told, *_missing(results), *_unknown(rows, costs))


def objective_figures(results: SweepResults, rows: Sequence[SweepRow], costs: Costs) -> tuple[KeyFigure, ...]:
    """Return each objective: what the knee reaches, and from where to where the front goes."""
    manifest, knee = results.manifest, knee_point(costs)
    if knee is None:
        return ()
    front = [row for row, keep in zip(rows, pareto_mask(costs), strict=True) if keep]
    return tuple(
        KeyFigure(
            label=f"{sign} {title_of(name)} at the knee",
            value=text_of(rows[knee], name),
            note=f"{_reach(front, name)} on the front",
        )
        for names, sign in ((manifest.minimize, "▼"), (manifest.maximize, "▲"))
        for name in names
    )


def _reach(front: Sequence[SweepRow], name: str) -> str:
    known = sorted(
        (row for row in front if not math.isnan(value_of(row, name))), key=lambda row: value_of(row, name)
    )
    return _span(*(text_of(row, name) for row in (known[0], known[-1])))


def _missing(results: SweepResults) -> tuple[str, ...]:
    """Say what has no price, and what figures of batches are of."""
    missing = [f"{name} is {unpriced_words(nodes)}." for name, nodes in results.manifest.skipped.items()]
    if "batch" in results.frame and int(results.frame["batch"].max()) > 1:
        missing.append("Latency is that of a whole batch; MACs, bytes and energy are per input.")
    return tuple(missing)


def _of_areas(results: SweepResults, rows: Sequence[SweepRow]) -> tuple[str, ...]:
    """Say of which designs the area is that of a core alone, where it is compared."""
    cores = [name for name in results.cores if any(row.design == name for row in rows)]
    if not cores or "area_mm2" not in results.manifest.minimize:
        return ()
    return (f"{CORES_ALONE[0].upper()}{CORES_ALONE[1:]} ({', '.join(map(design_title, cores))}).",)


def _unknown(rows: Sequence[SweepRow], costs: Costs) -> tuple[str, ...]:
    """Say which designs no front holds, because they lack a value of an objective."""
    lacking: Bools = np.asarray(np.isnan(costs).any(axis=1))
    if not lacking.any():
        return ()
    names = sorted({row.design for row, lacks in zip(rows, lacking, strict=True) if lacks})
    told = ", ".join(map(design_title, names))
    return (f"{int(lacking.sum()):,} points are on no front, for they lack a value of an objective: {told}.",)


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
