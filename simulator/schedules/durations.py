"""What both engines read and return: how long every task takes in every state; when an input was done, and why then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models import Cost, OpCosts
from simulator.policy import Policy
from simulator.schedules.schedule import Schedule, Task, TaskKind
from traces import Bools, Floats, Ints, compiled

TICKS = 256  # per cycle, where idealised replays take shares of cycles


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Durations:
    """Look-up tables by state of the task's op: task t in state s is at ``base[t] + s``; all in cycles."""

    schedule: Schedule
    base: Ints  # (tasks,)
    states: Ints  # (tasks,), states of the task's op, the dense one last
    cycles: Ints  # (entries,), the unit works; 0 where the task is skipped
    first: Ints  # (entries,), from its start until its first tile can be read
    tail: Ints  # (entries,), its work that is left when the last operand has landed
    waits: Bools  # (tasks,), whether the task waits for its decisions
    speculative_cycles: Ints  # (tasks,), of a transfer that starts before its decisions; 0: it does not
    cut_cycles: int  # a transfer in flight can be cut every so many cycles

    def lut(self, task: int, table: Ints) -> Ints:
        """Return the part of a table that holds the task's states."""
        start = int(self.base[task])
        return table[start : start + int(self.states[task])]

    def by_op(self, values: ArrayLike) -> NDArray[Any]:
        """Return a value per op (ops,) as one per entry of a table, that of the task's op."""
        return np.repeat(np.asarray(values)[[task.op for task in self.schedule.tasks]], self.states)

    @property
    def places(self) -> list[slice]:
        """Where in a table each task's states lie."""
        return [slice(a, a + n) for a, n in zip(self.base.tolist(), self.states.tolist(), strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Times of a design that belong to no op."""

    cut_cycles: int = 1  # of one burst: a transfer in flight is cut at the next
    handover_cycles: int = 0  # of a decision from the unit that made it to another


def durations(
    schedule: Schedule,
    costs: OpCosts,
    policy: Policy,
    rates: Floats,
    latencies: Latencies,
) -> Durations:
    """Return the tables of a schedule under a policy.

    Parameters
    ----------
    schedule
        Of the graph and design that ``costs`` are for.
    costs
        Per op, of its states; the last state is the dense one.
    policy
        Says which weights are fetched before their decisions.
    rates
        Recorded execution rate of each op, shape (ops,); read by ``predict`` alone.
    latencies
        Of the design.
    """
    rules = policy.fetching
    if rules.knows_decisions:
        latencies = replace(latencies, handover_cycles=0)
    ops = np.array([task.op for task in schedule.tasks], np.intp)
    sizes = costs.lengths[ops]
    ends = np.cumsum(sizes)
    cycles, first, tail = _tables(schedule, costs, ops, latencies)
    likely = rates > policy.theta if rules.reads_rates else np.ones(len(costs), np.bool_)
    speculative = [rules.speculates and _guarded(task) and bool(likely[task.op]) for task in schedule.tasks]
    whole = np.where(speculative, cycles[ends - 1], 0)
    return Durations(
        schedule=schedule,
        base=ends - sizes,
        states=sizes,
        cycles=cycles,
        first=np.minimum(first, cycles),
        tail=np.minimum(tail, cycles),
        waits=np.array([not (rules.knows_decisions or flag) for flag in speculative], np.bool_),
        speculative_cycles=whole,
        cut_cycles=max(latencies.cut_cycles, 1),
    )


def _tables(
    schedule: Schedule, costs: OpCosts, ops: NDArray[np.intp], latencies: Latencies
) -> tuple[Ints, Ints, Ints]:
    """Return cycles, first and tail of all tasks' states end to end; ``ops``: the op of each task."""
    kinds = [task.kind for task in schedule.tasks]
    of_kind = {kind: place for place, kind in enumerate(dict.fromkeys(kinds))}
    three = zip(*(task_tables(kind, costs.joint, latencies) for kind in of_kind), strict=True)
    begins = np.array([of_kind[kind] for kind in kinds]) * int(costs.ends[-1]) + costs.starts[ops]
    sizes = costs.lengths[ops]
    rows = np.arange(int(sizes.sum())) + np.repeat(begins - (np.cumsum(sizes) - sizes), sizes)
    cycles, first, tail = (np.concatenate(tables).take(rows) for tables in three)
    return cycles, first, tail


def without_waste(tables: Durations) -> Durations:
    """Return the tables with fetches that begin before their decision and yet bring only what is needed."""
    return replace(tables, speculative_cycles=np.zeros_like(tables.speculative_cycles))


def with_known_decisions(tables: Durations) -> Durations:
    """Return the tables of the oracle: nothing waits for a decision or its hand-over, nothing is fetched in vain."""
    return replace(without_handover(without_waste(tables)), waits=np.zeros_like(tables.waits))


def without_handover(tables: Durations) -> Durations:
    """Return the tables with decisions known everywhere as soon as they are made."""
    if all(task.kind != "handover" for task in tables.schedule.tasks):
        return tables
    taken = np.repeat([task.kind != "handover" for task in tables.schedule.tasks], tables.states)
    return mapped(tables, lambda table: table * taken)


def mapped(tables: Durations, change: Callable[[Ints], Ints]) -> Durations:
    """Return the tables with cycles, first and tail of all tasks passed through ``change``, each at once."""
    cycles, first, tail = (change(table) for table in (tables.cycles, tables.first, tables.tail))
    return replace(tables, cycles=cycles, first=first, tail=tail)


def task_tables(kind: TaskKind, cost: Cost, latencies: Latencies) -> tuple[Ints, Ints, Ints]:
    """Return cycles, first and tail of an op's task by state."""
    match kind:
        case "weights":
            return cost.weight_cycles, cost.weight_first_cycles, np.zeros_like(cost.weight_cycles)
        case "inputs":
            return cost.input_cycles, cost.input_first_cycles, np.zeros_like(cost.input_cycles)
        case "compute":
            return cost.compute_cycles, cost.first_tile_cycles, cost.last_tile_cycles
        case "handover":
            cycles = np.where(cost.compute_cycles > 0, np.int64(latencies.handover_cycles), np.int64(0))
            return cycles, cycles, cycles
        case "outputs":
            return cost.output_cycles, cost.output_cycles, cost.last_store_cycles


def _guarded(task: Task) -> bool:
    """Whether the task fetches weights that a decision may leave out."""
    return task.kind == "weights" and bool(task.decisions)


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """Times of ``n`` rows (inputs or batches) on one schedule [cycles]."""

    latency: Ints  # (n,), until the last task has ended
    busy: Ints  # (n, units), cycles each unit worked
    waits: Callable[[], Ints]  # what ``decision_wait`` is, found out when it is asked for
    fetched_early: Ints  # (n, speculative tasks), cycles of each transfer spent before its decision came

    @cached_property
    def decision_wait(self) -> Ints:
        """Cycles that tasks stood ready but for a decision, over all rows, shape (tasks,)."""
        return self.waits()

    def with_tasks(self, starts: Ints, ends: Ints, worked: Ints) -> TaskTimes:
        """Return the same times beside those of every task, each of shape (n, tasks)."""
        return TaskTimes(
            latency=self.latency,
            busy=self.busy,
            waits=self.waits,
            fetched_early=self.fetched_early,
            starts=starts,
            ends=ends,
            worked=worked,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskTimes(Times):
    """Times of rows, and of every task in each."""

    starts: Ints  # (n, tasks)
    ends: Ints  # (n, tasks)
    worked: Ints  # (n, tasks), cycles of each task


@compiled
def speculative_duration(start: int, decided: int, kept: int, whole: int, cut: int) -> tuple[int, int]:
    """Return a speculative transfer's cycles, and how many of them passed before the decision.

    The whole operand is asked for; once the decision is known the transfer is cut at the next burst, and of
    the part not yet fetched only the kept share still comes:

        early    = min(ceil((decided - start) / cut) cut, whole), at least 0
        duration = early + ceil(kept (whole - early) / whole)

    Parameters
    ----------
    start, decided
        When the transfer starts and when the decision is there [cycles].
    kept, whole
        Cycles of what turns out needed, and of everything, at least 1; tiling may make a part of the weights
        take longer than all of them, and then counts as everything.
    cut
        Cycles of one burst.
    """
    whole = max(whole, kept)
    early = max(decided - start, 0)
    early = min(-(-early // cut) * cut, whole)
    return early + -(-kept * (whole - early) // whole), early
