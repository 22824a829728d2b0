"""The task of every sweep: replay one trace under one policy on a batch of designs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from accel_models import design_area
from analysis.sweeps.row import Evaluation, Request, SweepRow, infeasible_row, result_row
from analysis.sweeps.spaces.space import TraceRef
from traces import FileProblem, LacunaError, Trace

if TYPE_CHECKING:
    from accel_models import Area, Design
    from simulator import Policy, Results, Views

TOGETHER = 64  # designs priced in one call; Choice: their states fill the cache, more gain nothing
_TRACES_KEPT = 2  # in the memory of a worker: tasks come trace by trace


@dataclass(frozen=True, slots=True)
class SweepTask:
    """What goes to a worker at once."""

    trace: TraceRef
    policy: Policy
    inputs: int | None
    requests: tuple[Request, ...]

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def evaluations(self) -> list[Evaluation]:
        """What each row of the answer answers."""
        return [Evaluation(request, self.trace, self.policy) for request in self.requests]


class Evaluator(Protocol):
    """What turns a task into its rows: :func:`evaluate`, or what stands in for it."""

    def __call__(self, task: SweepTask, trace: Trace | None = None) -> list[SweepRow]:
        """Return one row per request, in order."""


def evaluate(task: SweepTask, trace: Trace | None = None) -> list[SweepRow]:
    """Return one row per request, in order.

    Parameters
    ----------
    task
        What to replay.
    trace
        The trace itself, where workers do not share a file system; otherwise it is read from its path once
        per worker.
    """
    recorded = _stored(task.trace, task.inputs) if trace is None else _sent(trace)
    return list(_rows(task, recorded))


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A trace in the memory of a worker, and what earlier designs found out about it."""

    trace: Trace
    views: Views


@lru_cache(maxsize=_TRACES_KEPT)
def _stored(trace: TraceRef, inputs: int | None) -> _Recorded:
    return _sent(trace.inputs(inputs))


@lru_cache(maxsize=_TRACES_KEPT)
def _sent(trace: Trace) -> _Recorded:
    """Return a trace (by identity) with its views."""
    from simulator import Views  # noqa: PLC0415  (keeps the simulator out of a sweep's parent process)

    return _Recorded(trace, Views(trace))


def _rows(task: SweepTask, recorded: _Recorded) -> Iterator[SweepRow]:
    """Yield the rows."""
    wanted = [_wanted(asked) for asked in task.evaluations]
    designs = [each.design for each in wanted if isinstance(each, _ToReplay)]
    results = iter(_replayed(designs, task, recorded))
    accuracy = None if task.inputs is None else recorded.trace.info.test_accuracy
    for each in wanted:
        if not isinstance(each, _ToReplay):
            yield each
            continue
        found = next(results)
        if isinstance(found, LacunaError):
            yield infeasible_row(each.asked, str(found))
        else:
            yield _row(each, found, accuracy)


@dataclass(frozen=True, slots=True)
class _ToReplay:
    """A design to be replayed."""

    asked: Evaluation
    design: Design
    area: Area


def _wanted(asked: Evaluation) -> _ToReplay | SweepRow:
    """Return what is to be replayed, or the row of what cannot be."""
    design = asked.request.design
    if design is None:
        return infeasible_row(asked, asked.request.problem)
    try:
        area = design_area(design)
    except LacunaError as problem:
        return infeasible_row(asked, str(problem))
    return _ToReplay(asked, design, area)


def _replayed(designs: list[Design], task: SweepTask, recorded: _Recorded) -> list[Results | LacunaError]:
    """Return what each design takes, or why it cannot be told: many at once, one by one where one spoils that."""
    from simulator import replay_each  # noqa: PLC0415  (keeps the simulator out of a sweep's parent process)

    found: list[Results | LacunaError] = []
    for start in range(0, len(designs), TOGETHER):
        some = designs[start : start + TOGETHER]
        try:
            found += replay_each(recorded.trace, some, task.policy, recorded.views)
        except FileProblem:
            raise  # not a design's fault: the sweep cannot go on
        except LacunaError as problem:
            found += [problem] if len(some) == 1 else [_alone(each, task, recorded) for each in some]
    return found


def _alone(design: Design, task: SweepTask, recorded: _Recorded) -> Results | LacunaError:
    return _replayed([design], task, recorded)[0]


def _row(each: _ToReplay, results: Results, accuracy: float | None) -> SweepRow:
    """Return the row of one design.

    ``accuracy`` is the whole trace's, known for free where only its first inputs are replayed; ``None`` elsewhere.
    """
    if results.feasible:
        row = result_row(each.asked, results.replayed, each.area)
        return row if accuracy is None else replace(row, accuracy=accuracy)
    return infeasible_row(
        each.asked,
        results.reason,
        demand=results.demand,
        bound=results.bound,
        area_mm2=each.area.total_mm2,
    )


def one_thread() -> None:
    """Keep a worker to one thread: there is a worker for every CPU."""
    os.environ["OMP_NUM_THREADS"] = "1"
