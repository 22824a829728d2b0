"""The schedule of one input (or one batch): every task, its unit, and what it waits for.

Built once per graph and design, and the same for every policy; only its durations differ per input::

    weights ─┐                          (dma)
    inputs ──┴─► compute ──► outputs    (dma ─► array or simd ─► dma)

Tasks stand in one order in which every task follows all it waits for; each unit serves its own in that order:
of op i the inputs come first, then weights for later ops, then its compute, then its outputs.  The weights of
op i are asked for as early as the inputs of the op before it; they wait for the compute that frees their
buffer space, and, by policy, for the decisions that say which of them are needed.  A decision that is made
on one unit and obeyed on another is handed over first, if the design says that this takes time.

Where transfers pass weights that wait (``memory.dma: out_of_order``), weights stand in queue 1 of the DMA and all
else in queue 0.  Weights pass nothing; what asks for the bus before them passes, until the next weights stand in line
or their op computes, whichever comes first in program order: what is behind that waits for them.  So a waiting gate
blocks neither the outputs of the op before nor the inputs of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from traces import NetworkGraph

TaskKind = Literal["weights", "inputs", "compute", "handover", "outputs"]
NO_UNIT = -1  # of an op that costs nothing on any unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of an op's work on one unit.

    It starts when its unit is free, all ``after`` have ended, all ``decisions`` have ended (unless the policy
    does not wait for them), and each of ``streams`` has landed its first tile; it cannot end before the end of
    each of ``streams`` plus its own work on the last tile.
    """

    name: str
    op: int
    kind: TaskKind
    unit: int  # index into the schedule's units, or NO_UNIT
    after: tuple[int, ...] = ()
    decisions: tuple[int, ...] = ()
    streams: tuple[int, ...] = ()  # of the same op
    queue: int = 0  # of its unit; see below


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: what follows from the tasks is found out once
class Schedule:
    """Tasks in program order; indices in a task point to earlier ones."""

    graph: NetworkGraph
    units: tuple[str, ...]
    tasks: tuple[Task, ...]

    @cached_property
    def queues(self) -> bool:
        """Whether a unit has two queues."""
        return any(task.queue for task in self.tasks)

    @cached_property
    def windows(self) -> Mapping[int, int]:
        """Per task of queue 1 the task before which it is served: nothing behind that passes it."""
        found: dict[int, int] = {}
        waiting: dict[int, int] = {}  # by unit, the last task of queue 1
        for t, task in enumerate(self.tasks):
            asked = {*task.after, *task.decisions, *task.streams}
            for unit, w in list(waiting.items()):
                next_in_line = task.unit == unit and task.queue == 1
                if next_in_line or w in asked or (task.kind == "compute" and task.op == self.tasks[w].op):
                    found[waiting.pop(unit)] = t
            if task.queue == 1 and task.unit != NO_UNIT:
                waiting[task.unit] = t
        return found | dict.fromkeys(waiting.values(), len(self.tasks))

    @cached_property
    def forgotten(self) -> Sequence[Sequence[int]]:
        """Per task the tasks whose times nobody asks for after it."""
        last: dict[int, int] = {}
        for t, task in enumerate(self.tasks):
            last[t] = t
            last.update(dict.fromkeys((*task.after, *task.decisions, *task.streams), t))
        for w, end in self.windows.items():
            for p in (w, *self.tasks[w].decisions):
                last[p] = max(last[p], min(end, len(self.tasks) - 1))
        found: list[list[int]] = [[] for _ in self.tasks]
        for p, t in last.items():
            found[t].append(p)
        return found

    def of_kind(self, kind: TaskKind) -> dict[int, int]:
        """Return the task of this kind by op, for the ops that have one."""
        return {task.op: i for i, task in enumerate(self.tasks) if task.kind == kind}


def in_queues(schedule: Schedule) -> Schedule:
    """Return the schedule whose tasks wait for those of the other queue that they may not pass."""
    windows = schedule.windows
    if not windows:
        return schedule
    closed = {end: w for w, end in windows.items()}
    passed: dict[int, int] = {}  # by unit, the last of queue 1 whose window has closed
    before: dict[int, int] = {}  # by unit, the last of queue 0
    tasks = []
    for t, task in enumerate(schedule.tasks):
        if t in closed:
            passed[schedule.tasks[closed[t]].unit] = closed[t]
        other = before if task.queue else passed
        behind = () if other.get(task.unit) is None else (other[task.unit],)
        tasks.append(replace(task, after=(*task.after, *behind)))
        if task.queue == 0:
            before[task.unit] = t
    return replace(schedule, tasks=tuple(tasks))
