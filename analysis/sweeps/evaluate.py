"""The task of every sweep: replay one trace under one policy on a batch of designs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from accel_models import design_area
from analysis.sweeps.row import Request, SweepRow, infeasible_row, result_row
from analysis.sweeps.space import Limit, TraceRef
from traces import FileProblem, LacunaError, Trace

if TYPE_CHECKING:
    from simulator import Policy, Views

_TRACES_KEPT = 2  # in the memory of a worker: tasks come trace by trace


@dataclass(frozen=True, slots=True)
class SweepTask:
    """What goes to a worker at once."""

    trace: TraceRef
    policy: Policy
    inputs: int | None
    budget: tuple[Limit, ...]
    requests: tuple[Request, ...]

    def __len__(self) -> int:
        return len(self.requests)


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
    for request in task.requests:
        try:
            yield _row(request, task, recorded)
        except FileProblem:
            raise  # not the design's fault: the sweep cannot go on
        except LacunaError as problem:
            yield infeasible_row(request, task.trace, task.policy, str(problem))


def _row(request: Request, task: SweepTask, recorded: _Recorded) -> SweepRow:
    """Return the row of one design; an area beyond the budget is known without a replay."""
    from simulator import replay  # noqa: PLC0415  (numba is loaded where it is needed: in the workers)

    if request.design is None:
        return infeasible_row(request, task.trace, task.policy, request.problem)
    area = design_area(request.design)
    for bound in task.budget:
        if bound.column == "area_mm2" and area.total_mm2 > bound.limit:
            return _over(request, task, bound, area.total_mm2, area.total_mm2)
    results = replay(recorded.trace, request.design, policy=task.policy, explain=False, views=recorded.views)
    if not results.feasible:
        return infeasible_row(
            request,
            task.trace,
            task.policy,
            results.reason,
            demand=results.demand,
            bound=results.bound,
            area_mm2=area.total_mm2,
        )
    found = result_row(request, task.trace, task.policy, results.replayed, area.total_mm2, area.scaled)
    row = replace(found, accuracy=_accuracy(found, task, recorded.trace))
    for bound in task.budget:
        value: float = getattr(row, bound.column)
        if value > bound.limit:
            return _over(request, task, bound, value, area.total_mm2)
    return row


def _accuracy(row: SweepRow, task: SweepTask, trace: Trace) -> float:
    """Return the whole trace's accuracy also where only its first inputs are replayed: it is known for free."""
    known = trace.info.test_accuracy
    return row.accuracy if task.inputs is None or known is None else known


def _over(request: Request, task: SweepTask, bound: Limit, value: float, area_mm2: float) -> SweepRow:
    unit = bound.column.split("_")[1]
    return infeasible_row(
        request,
        task.trace,
        task.policy,
        f"over budget: {bound.quantity} = {value:.4g} {unit}, the budget is {bound.limit:.4g} {unit}",
        demand=value,
        bound=bound.limit,
        area_mm2=area_mm2,
    )
