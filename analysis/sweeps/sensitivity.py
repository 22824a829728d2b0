"""Which parameter matters: alone around a design, over a whole sweep, and for the front."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from accel_models import assign, parse_design
from analysis.pareto.front import Objective, costs_of, find_front
from analysis.pareto.hypervolume import hypervolume
from analysis.sweeps.evaluate import Evaluator, SweepTask, evaluate
from analysis.sweeps.row import Request, SweepRow
from analysis.sweeps.spaces.ranges import Scalar
from analysis.sweeps.spaces.space import Axis, Family, Space
from analysis.sweeps.workers import open_workers, run_tasks
from traces import ConfigError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Effect:
    """What one axis does to one quantity while all else stays as the base design has it."""

    design: str
    axis: str
    column: str
    base: float  # of the base design itself
    values: tuple[tuple[str, float], ...]  # label of a choice -> the quantity; NaN where it is infeasible

    @property
    def swing(self) -> float:
        """Largest less smallest value, as a share of the base's; NaN if no value is feasible."""
        known = [value for _, value in self.values if not np.isnan(value)]
        return (max(known) - min(known)) / abs(self.base) if known and self.base else float("nan")


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is left of a front when one parameter is held at one value."""

    axis: str
    label: str
    kept: float  # share of the whole front's hypervolume [0..1]
    on_front: int  # points of the whole front with this value


def one_at_a_time(  # noqa: PLR0913  # what a user may ask, all by name
    space: Space,
    columns: Sequence[str] = ("latency_us", "energy_uj", "area_mm2"),
    *,
    trace: int = 0,
    policy: int = 0,
    workers: int | None = 0,
    evaluator: Evaluator = evaluate,
) -> tuple[Effect, ...]:
    """Return the effect of every axis of every design alone, by falling swing of the first column.

    Parameters
    ----------
    space
        Its axes are varied around its base designs; ``where`` and the budget do not apply.
    columns
        Quantities of a :class:`~analysis.sweeps.row.SweepRow`.
    trace, policy
        Which of the space's.
    workers
        As for :func:`analysis.sweeps.workers.open_workers`.
    """
    asked = [request for family in space.families for request in _around(family)]
    unique = {request.key: request for request in asked}
    tasks = [
        SweepTask(space.traces[trace], space.policies[policy], space.inputs, (request,))
        for request in unique.values()
    ]
    with open_workers(workers) as crew:
        rows = {row.key: row for _, found in run_tasks(crew, evaluator, iter(tasks)) for row in found}
    effects = [
        _effect(family, axis, column, rows)
        for family in space.families
        for axis in family.axes
        for column in columns
    ]
    return tuple(sorted(effects, key=lambda effect: (columns.index(effect.column), -_or_zero(effect.swing))))


def front_sensitivity(
    frame: pd.DataFrame, axes: Sequence[str], minimize: Sequence[str], maximize: Sequence[str] = ()
) -> tuple[Pinned, ...]:
    """Return, per value of each axis, the share of the front's hypervolume that rows with that value reach.

    An axis whose values all keep nearly everything does not matter; one of which a single value does has
    been decided.
    """
    front = find_front(frame, minimize, maximize)
    fits = frame[frame["feasible"].astype(bool)]
    found = []
    for axis in axes:
        _check_column(axis, frame)
        numbers = fits[axis].dtype.kind in "iuf"  # others stay as the space names them: 8 GB/s before 16 GB/s
        for label, rows in fits.groupby(axis, sort=numbers):
            costs = costs_of(rows, front.objectives)
            volume = hypervolume(costs, front.reference)
            kept = volume / front.hypervolume if front.hypervolume else 1.0
            named = (
                f"{label:g}" if isinstance(label, float) else str(label)
            )  # whole numbers where some rows have none
            found.append(Pinned(axis, named, kept, int((front.frame[axis] == label).sum())))
    return tuple(found)


def importances(frame: pd.DataFrame, axes: Sequence[str], objective: Objective) -> dict[str, float]:
    """Return how much each axis decides whether a design is among the best tenth; shares that add up to 1.

    PED-ANOVA (Watanabe, Bansal, Hutter, IJCAI 2023) as Optuna has it.  Rows that lack one of the axes, or
    are not feasible, are left out; so are axes that do not vary.  All shares are zero where the objective differs
    between networks alone, as accuracy does: no axis decides it.
    """
    try:
        import optuna  # noqa: PLC0415  (optional, and slow to import)
    except ModuleNotFoundError:
        raise ConfigError("importances need Optuna: install lacuna[search]") from None
    for axis in axes:
        _check_column(axis, frame)
    rows = frame[frame["feasible"].astype(bool)].dropna(subset=list(axes))
    costs = costs_of(rows, [objective])[:, 0]
    varying = [axis for axis in axes if rows[axis].nunique() > 1]
    networks = rows["trace"] if "trace" in rows else np.zeros(len(rows))
    if not varying or rows.groupby(networks)[objective.column].nunique().max() < 2:
        return dict.fromkeys(axes, 0.0)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    study.add_trials(_trials(optuna, rows, varying, costs))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=varying)
    return {axis: float(shares.get(axis, 0.0)) for axis in axes}


def _trials(optuna: Any, rows: pd.DataFrame, axes: Sequence[str], costs: Any) -> list[Any]:
    """Return the rows as finished trials; each value is its place among the axis's values."""
    places = {axis: np.unique(rows[axis].to_numpy(), return_inverse=True) for axis in axes}
    distributions = {
        axis: optuna.distributions.IntDistribution(0, len(values) - 1) for axis, (values, _) in places.items()
    }
    return [
        optuna.trial.create_trial(
            params={axis: int(places[axis][1][i]) for axis in axes}, distributions=distributions, value=cost
        )
        for i, cost in enumerate(costs.tolist())
    ]


def _check_column(axis: str, frame: pd.DataFrame) -> None:
    if axis not in frame.columns:
        raise ConfigError(f"axis {axis!r}: no such column{did_you_mean(axis, frame.columns)}")


def _around(family: Family) -> list[Request]:
    """Return the base design and every design that differs from it on one axis."""
    changes: list[Mapping[str, Scalar]] = [{}]
    for axis in family.axes:
        changes += [dict(zip(axis.paths, values, strict=True)) for values in axis.values]
    return [_request(family, change) for change in changes]


def _request(family: Family, change: Mapping[str, Scalar]) -> Request:
    data = json.loads(json.dumps(dict(family.data)))
    for path, value in change.items():
        assign(data, path, value)
    problem, design = "", None
    try:
        design = parse_design(data, family.base.name)
    except ConfigError as error:
        problem = str(error)
    return Request(_key(family, change), 0, family.base.name, json.dumps(change), design, "", problem)


def _key(family: Family, change: Mapping[str, Scalar]) -> str:
    return f"{family.base.name} {json.dumps(change)}"


def _effect(family: Family, axis: Axis, column: str, rows: Mapping[str, SweepRow]) -> Effect:
    found = tuple(
        (str(axis.label(i)), float(getattr(rows[_key(family, change)], column)))
        for i, values in enumerate(axis.values)
        for change in [dict(zip(axis.paths, values, strict=True))]
    )
    base = float(getattr(rows[_key(family, {})], column))
    return Effect(family.base.name, axis.name, column, base, found)


def _or_zero(value: float) -> float:
    return 0.0 if np.isnan(value) else value
