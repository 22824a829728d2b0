"""Search a space instead of walking it: NSGA-II or TPE ask for points, the sweep's workers answer.

Choices of axes, traces, policies and designs are asked for as integers.  Points in a folder are never
evaluated again, so a search that is resumed with its seed takes the same path and goes on where it
stopped, and a search may begin in the folder of a sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis.pareto.front import Objective, objectives_of
from analysis.sweeps.budgets import held_against
from analysis.sweeps.cluster import TlsScheduler
from analysis.sweeps.evaluate import Evaluator, SweepTask, evaluate
from analysis.sweeps.folder.manifest import FolderRun, Manifest
from analysis.sweeps.folder.results import SweepResults, load_sweep
from analysis.sweeps.folder.store import Store
from analysis.sweeps.row import NUMBERS, Request, SweepRow
from analysis.sweeps.spaces.space import Axis, Point, Space
from analysis.sweeps.sweep import Progress, Recorder, model_version, request_of, task_of
from analysis.sweeps.workers import Workers, open_workers, run_tasks
from traces import ConfigError, did_you_mean

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import Trial

Sampler = Literal["nsga2", "tpe"]
Direction = Literal["minimize", "maximize"]

BATCH = 16  # Choice: points asked for before answers are told, whatever the number of workers, so that
# the same seed takes the same path on every machine
MOST_SEED = 2**32 - 1  # NumPy's RandomState, which the samplers draw from
_ASKS_PER_EVALUATION = 50  # samplers ask again for what they know; a small space runs dry
_WORST = 1e30  # an objective of an infeasible point; samplers order those by their constraint instead


@dataclass(frozen=True, slots=True)
class _Choice:
    """One integer a sampler decides: which of ``count``."""

    name: str
    count: int


def search(  # noqa: PLR0913  # what a user may ask of a search, all by name
    space: Space,
    folder: str | Path,
    *,
    evaluations: int,
    sampler: Sampler = "nsga2",
    seed: int = 0,
    workers: int | None = None,
    scheduler: str | TlsScheduler | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    evaluator: Evaluator = evaluate,
    command: str = "",
) -> SweepResults:
    """Look for the front of a space in its own objectives and return the folder's results.

    Parameters
    ----------
    space
        Where to look; points that ``where`` forbids are not evaluated.
    folder
        Where rows go; as for a sweep.
    evaluations
        Points to find in all, those already in the folder included.
    sampler
        ``nsga2`` or ``tpe``.
    seed
        Of the sampler; the same seed finds the same points.
    workers, scheduler, resume, progress, evaluator, command
        As for :func:`analysis.sweeps.sweep.sweep`.
    """
    if evaluations < 1:
        raise ConfigError(f"evaluations = {evaluations}: must be at least 1")
    if not 0 <= seed <= MOST_SEED:
        raise ConfigError(f"seed = {seed}: must be 0 to {MOST_SEED}")
    objectives = _checked(objectives_of(space.minimize, space.maximize))
    study = _study(objectives, sampler, seed)
    version, path = model_version(), Path(folder)
    asked = FolderRun(kind="search", evaluations=evaluations, sampler=sampler, seed=seed, command=command)
    with open_workers(workers, scheduler) as crew:
        store = Store.open(path, Manifest.of(space, version, asked), resume=resume)
        recorder = Recorder(store, evaluations, progress)
        hunt = _Hunt(
            space=space, store=store, recorder=recorder, crew=crew, evaluator=evaluator, version=version
        )
        try:
            hunt.run(study, objectives, evaluations)
        finally:
            store.finish()
        recorder.tell()
    return load_sweep(path, store.found)


@dataclass(frozen=True, kw_only=True)
class _Hunt:
    """One search under way, and all it works with."""

    space: Space
    store: Store
    recorder: Recorder
    crew: Workers
    evaluator: Evaluator
    version: str
    seen: set[str] = field(default_factory=set)  # keys of the points this search has asked for

    @cached_property
    def choices(self) -> tuple[_Choice, ...]:
        """The integers that pick a point."""
        return choices_of(self.space)

    def run(self, study: Study, objectives: Sequence[Objective], evaluations: int) -> None:
        """Ask, evaluate and tell in batches until so many points are known, or the sampler only repeats itself."""
        for corner in _corners(self.choices):
            study.enqueue_trial(corner)
        for _ in range(-(-evaluations * _ASKS_PER_EVALUATION // BATCH)):
            if len(self.seen) >= evaluations:
                return
            trials = [study.ask() for _ in range(BATCH)]
            points = [point_of(self.space, self._suggested(trial)) for trial in trials]
            requests = [self._request(point) for point in points]
            self._evaluate(points, requests, evaluations - len(self.seen))
            for trial, point, request in zip(trials, points, requests, strict=True):
                self._tell(study, trial, objectives, self._answer(point, request))

    def _suggested(self, trial: Trial) -> dict[str, int]:
        return {choice.name: trial.suggest_int(choice.name, 0, choice.count - 1) for choice in self.choices}

    def _request(self, point: Point) -> Request | None:
        """Return what to evaluate; nothing if a rule forbids the point."""
        if self.space.broken_rule(point) is not None:
            return None
        return request_of(self.space, point, self.version)

    def _evaluate(self, points: Sequence[Point], requests: Sequence[Request | None], left: int) -> None:
        """Evaluate the first ``left`` requests that are new to this search, those in the folder for free."""
        new: dict[str, tuple[Point, Request]] = {}
        for point, request in zip(points, requests, strict=True):
            if request is not None and request.key not in self.seen and len(new) < left:
                new.setdefault(request.key, (point, request))
        self.seen.update(new)
        missing = [pair for key, pair in new.items() if key not in self.store]
        for key in new.keys() - {request.key for _, request in missing}:
            self.recorder.reuse(self.store[key])
        for _, rows in run_tasks(self.crew, self.evaluator, self._tasks(missing)):
            self.recorder.add(rows)

    def _tasks(self, missing: list[tuple[Point, Request]]) -> Iterator[SweepTask]:
        """Yield a task per trace and policy, cut so that every worker gets some."""
        size = max(1, -(-len(missing) // max(1, self.crew.count)))
        missing.sort(key=lambda pair: pair[1].index)
        for (trace, policy), pairs in groupby(missing, lambda pair: (pair[0].trace, pair[0].policy)):
            requests = [request for _, request in pairs]
            for start in range(0, len(requests), size):
                yield task_of(self.space, trace, policy, requests[start : start + size])

    def _answer(self, point: Point, request: Request | None) -> SweepRow | None:
        """Return the row of a point under the space's budget, if there is one."""
        if request is None or request.key not in self.seen:
            return None
        return held_against(self.store[request.key], self.space.budget)

    def _tell(
        self, study: Study, trial: Trial, objectives: Sequence[Objective], row: SweepRow | None
    ) -> None:
        violation = _violation(row)
        trial.set_constraint("fits", violation)
        values = [_WORST if not o.maximize else -_WORST for o in objectives]
        if row is not None and violation <= 0:
            values = [float(getattr(row, objective.column)) for objective in objectives]
        study.tell(trial, values)


def choices_of(space: Space) -> tuple[_Choice, ...]:
    """Return the integers that pick a point: family, trace, policy, and one per axis name.

    An axis that several families have is asked for once, with the most values it has in any of them.
    """
    counts: dict[str, int] = {}
    for family in space.families:
        for axis in family.axes:
            counts[axis.name] = max(counts.get(axis.name, 0), len(axis))
    heads = {"design": len(space.families), "trace": len(space.traces), "policy": len(space.policies)}
    return tuple(_Choice(name, count) for name, count in [*_prefixed(heads), *counts.items()])


def point_of(space: Space, chosen: Mapping[str, int]) -> Point:
    """Return the point of a sampler's integers; axes that its family lacks do not matter."""
    family = chosen[":design"]
    most = {choice.name: choice.count for choice in choices_of(space)}
    choices = tuple(
        _rescaled(chosen[axis.name], most[axis.name], axis) for axis in space.families[family].axes
    )
    return Point(family, choices, chosen[":trace"], chosen[":policy"])


def _prefixed(heads: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return names that no setting can have."""
    return [(f":{name}", count) for name, count in heads.items()]


def _rescaled(choice: int, count: int, axis: Axis) -> int:
    """Return the choice on an axis that may have fewer values than were chosen from."""
    return choice * len(axis) // count


def _corners(choices: Sequence[_Choice]) -> list[dict[str, int]]:
    """Return where a search begins: everything smallest, in the middle, and largest."""
    return [
        {choice.name: 0 for choice in choices},
        {choice.name: choice.count // 2 for choice in choices},
        {choice.name: choice.count - 1 for choice in choices},
    ]


def _violation(row: SweepRow | None) -> float:
    """Return how far a point is from feasible, at most 0 if it is: its demand over its bound, where known."""
    if row is None:
        return 1e6  # forbidden by the space's own rules
    if row.feasible:
        return 0.0
    if isfinite(row.demand) and isfinite(row.bound) and row.bound > 0:
        return max(row.demand / row.bound - 1, 1e-6)
    return 1e3


def _checked(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Refuse an objective that is no result, such as an axis: a search learns from rows."""
    for objective in objectives:
        if objective.column not in NUMBERS:
            known = did_you_mean(objective.column, NUMBERS)
            raise ConfigError(f"objective {objective.column!r}: no result of a replay{known}")
    return objectives


def _study(objectives: Sequence[Objective], sampler: Sampler, seed: int) -> Study:
    """Return an empty study in memory; its history is the folder's rows."""
    try:
        import optuna  # noqa: PLC0415  (optional, and slow to import)
    except ModuleNotFoundError:
        raise ConfigError("a search needs Optuna: install lacuna[search]") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions: list[Direction] = ["maximize" if o.maximize else "minimize" for o in objectives]
    return optuna.create_study(directions=directions, sampler=_sampler(optuna, sampler, seed))


def _sampler(optuna: Any, name: Sampler, seed: int) -> BaseSampler:
    samplers: dict[str, Callable[[], Any]] = {
        "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=2 * BATCH, seed=seed),
        "tpe": lambda: optuna.samplers.TPESampler(multivariate=True, n_startup_trials=2 * BATCH, seed=seed),
    }
    if name not in samplers:
        raise ConfigError(f"sampler {name!r}: no such sampler{did_you_mean(name, samplers)}")
    sampler: BaseSampler = samplers[name]()
    return sampler
