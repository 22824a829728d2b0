"""The Pareto front of a table of results: which designs are worth a second look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from accel_models import SCALING_BAND
from analysis.pareto.hypervolume import hypervolume
from analysis.pareto.ranks import Costs, band_masks, epsilon_front, knee_point, pareto_mask
from analysis.sweeps.budgets import is_over, misfit_words
from traces import Bools, ConfigError, Ints, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_REFERENCE_MARGIN = 0.1  # Choice: the reference lies this share of the range beyond the worst value


@dataclass(frozen=True, slots=True)
class Objective:
    """A column to make small, or large."""

    column: str
    maximize: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Front:
    """The best rows of a table, and what they are measured by."""

    objectives: tuple[Objective, ...]
    frame: pd.DataFrame  # rows on the front by rising first objective; with knee, doubtful (both bool)
    possible: pd.DataFrame  # rows off the front that the band could put on it
    dominated: int  # feasible rows off the front
    infeasible: int
    over_budget: int  # of them, ruled out by a budget alone
    unknown: int  # feasible rows without a value in some objective
    hypervolume: float  # of costs (maximised columns with their sign turned) below the reference
    reference: tuple[float, ...]  # in costs

    def __repr__(self) -> str:
        names = ", ".join(objective.column for objective in self.objectives)
        return (
            f"<Front: {len(self.frame)} points in {names}; {self.dominated} dominated, "
            f"{misfit_words(self.infeasible, self.over_budget)}>"
        )

    def _repr_html_(self) -> str:
        shown = [objective.column for objective in self.objectives]
        others = [name for name in ("design", "trace") if name in self.frame]
        table = self.frame[[*others, *shown]].to_html(index=False)  # escapes
        return f"<div><strong>{escape(repr(self)[1:-1])}</strong>{table}</div>"

    def to_frame(self) -> pd.DataFrame:
        """Return the rows on the front."""
        return self.frame.copy()


def objectives_of(minimize: Iterable[str], maximize: Iterable[str] = ()) -> tuple[Objective, ...]:
    """Return objectives by the names of their columns, each column once."""
    objectives = (*(Objective(name) for name in minimize), *(Objective(name, True) for name in maximize))
    names = [objective.column for objective in objectives]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ConfigError(f"objective {double!r} is named twice")
    if not objectives:
        raise ConfigError("no objective: name at least one column to minimize or maximize")
    return objectives


def costs_of(frame: pd.DataFrame, objectives: Sequence[Objective]) -> Costs:
    """Return the objectives' columns as costs, (rows, objectives): less is better."""
    numeric = [name for name in frame.columns if frame[name].dtype.kind in "fiu"]
    for objective in objectives:
        if objective.column not in numeric:
            known = did_you_mean(objective.column, numeric)
            raise ConfigError(f"objective {objective.column!r}: no such column of numbers{known}")
    signs = [-1.0 if objective.maximize else 1.0 for objective in objectives]
    return np.asarray(frame[[o.column for o in objectives]].to_numpy(float) * signs)


def find_front(
    frame: pd.DataFrame,
    minimize: Sequence[str],
    maximize: Sequence[str] = (),
    *,
    epsilon: float | None = None,
) -> Front:
    """Return the front of a table with the columns ``feasible`` and the named ones.

    Parameters
    ----------
    frame
        As :attr:`analysis.sweeps.folder.results.SweepResults.frame`; ``energy_scaled``, ``area_scaled`` and
        ``energy_table``, where present, tell which values carry a band.
    minimize, maximize
        Columns.
    epsilon
        Thin the front: a row is left out if a kept one is at most this share of each objective's range worse.
    """
    objectives = objectives_of(minimize, maximize)
    fits = frame[frame["feasible"].astype(bool)].reset_index(drop=True)
    every = costs_of(fits, objectives)
    known = np.isfinite(every).all(axis=1)
    rows, costs = fits[known].reset_index(drop=True), every[known]
    best = pareto_mask(costs)
    certain, possible = band_masks(costs, *_band(rows, costs, objectives), _families(rows))
    shown = best if epsilon is None else epsilon_front(costs, _share_of_range(costs[best], epsilon))
    reference = _reference(costs)
    return Front(
        objectives=objectives,
        frame=_front_rows(rows, costs, shown, certain),
        possible=rows[possible & ~best].reset_index(drop=True),
        dominated=int((~best).sum()),
        infeasible=len(frame) - len(fits),
        over_budget=sum(map(is_over, frame["reason"])) if "reason" in frame else 0,
        unknown=int((~known).sum()),
        hypervolume=hypervolume(costs[best], reference) if len(costs) else 0.0,
        reference=reference,
    )


def _front_rows(rows: pd.DataFrame, costs: Costs, shown: Bools, certain: Bools) -> pd.DataFrame:
    """Return the shown rows with their marks, sorted by objectives from the first on."""
    knee = knee_point(costs)
    marked = rows.assign(knee=[i == knee for i in range(len(rows))], doubtful=~certain)
    order = np.lexsort(costs.T[::-1])
    return marked.iloc[[i for i in order if shown[i]]].reset_index(drop=True)


def _band(rows: pd.DataFrame, costs: Costs, objectives: Sequence[Objective]) -> tuple[Costs, Costs]:
    """Return the lower and upper ends of every cost."""
    low, high = costs.copy(), costs.copy()
    for j, objective in enumerate(objectives):
        flag = _scaled_flag(objective.column)
        if flag is None or flag not in rows or objective.maximize:
            continue
        width = np.where(rows[flag].to_numpy(bool), SCALING_BAND, 1.0)
        low[:, j] /= width
        high[:, j] *= width
    return low, high


def _scaled_flag(column: str) -> str | None:
    """Return the column that tells whether this one leans on scaled tables."""
    if column.startswith("area"):
        return "area_scaled"
    return "energy_scaled" if column.startswith(("energy", "power")) else None


def _families(rows: pd.DataFrame) -> Ints:
    """Return which rows share a technology, and so err together."""
    if "energy_table" not in rows:
        return np.arange(len(rows))
    return np.asarray(np.unique(rows["energy_table"].to_numpy(str), return_inverse=True)[1])


def _share_of_range(costs: Costs, share: float) -> list[float]:
    if not 0 <= share <= 1:
        raise ConfigError(f"epsilon = {share}: must be from 0 to 1, a share of each objective's range")
    return list(share * (costs.max(axis=0) - costs.min(axis=0))) if len(costs) else []


def _reference(costs: Costs) -> tuple[float, ...]:
    """Return a corner a little worse than every row."""
    if not len(costs):
        return (0.0,) * int(costs.shape[1])
    worst, best = costs.max(axis=0), costs.min(axis=0)
    spread = np.where(worst > best, worst - best, np.maximum(np.abs(worst), 1.0))
    return tuple((worst + _REFERENCE_MARGIN * spread).tolist())
