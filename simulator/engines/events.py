"""The event engine: the same schedule on SimPy, one process per unit and input; the reference.

Every unit serves the tasks of one input in program order; inputs in flight share it, the earliest input
first (:class:`Machine`).  Ties in time: what one event makes possible happens at once, and of tasks that ask
for a unit at the same time the one of the earliest input gets it, then the first to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy
from simpy.events import EventPriority

from simulator.schedules.durations import Durations, TaskTimes, Times, speculative_duration
from simulator.schedules.schedule import NO_UNIT, Task
from traces import Indices, Ints

Process = Generator[Any, Any, None]
_LAST = EventPriority(2)  # behind SimPy's URGENT (0) and NORMAL (1)


class Machine:
    """A design's units in a SimPy environment; frames that run on it compete for them."""

    def __init__(self, units: int) -> None:
        self.env = simpy.Environment()
        self.units = [simpy.PriorityResource(self.env) for _ in range(units)]

    def last_at(self, time: int) -> Any:
        """Return an event at ``time`` that comes after everything else that happens then."""
        return _Last(self.env, time)


class _Last(simpy.Event):
    """A timeout behind all other events of its moment."""

    def __init__(self, env: simpy.Environment, time: int) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, priority=_LAST, delay=time - env.now)


@dataclass(slots=True)
class Frame:
    """One input on its way through the schedule."""

    machine: Machine
    tables: Durations
    states: list[int]  # per op
    priority: int = 0  # lower goes first
    starts: list[int] = field(init=False)
    ends: list[int] = field(init=False)
    worked: list[int] = field(init=False)
    early: list[int] = field(init=False)
    waited: list[int] = field(init=False)
    landed: list[Any] = field(init=False)
    finished: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        tasks = len(self.tables.schedule.tasks)
        self.starts, self.ends, self.worked, self.early, self.waited = ([0] * tasks for _ in range(5))
        self.landed, self.finished = ([self.machine.env.event() for _ in range(tasks)] for _ in range(2))

    def run(self) -> Any:
        """Start the frame's processes; return the event of its end."""
        env, schedule = self.machine.env, self.tables.schedule
        mine: dict[tuple[int, int], list[int]] = {}
        for t, task in enumerate(schedule.tasks):
            unit = task.unit if task.unit != NO_UNIT else -1 - t  # what has no unit waits for no one
            mine.setdefault((unit, task.queue), []).append(t)
        queued = {unit for unit, queue in mine if queue}
        lanes = [
            self._serve(unit, tasks, unit in queued and not queue) for (unit, queue), tasks in mine.items()
        ]
        return env.all_of([env.process(lane) for lane in lanes])

    @property
    def _now(self) -> int:
        return int(self.machine.env.now)

    def _serve(self, unit: int, tasks: list[int], polite: bool) -> Process:
        """Do the tasks of one queue of a unit in program order; ``polite``: another queue goes first at a tie."""
        schedule = self.tables.schedule
        for t in tasks:
            task = schedule.tasks[t]
            for p in task.after:
                yield self.finished[p]
            ready = self._now
            if self.tables.waits[t]:
                for p in task.decisions:
                    yield self.finished[p]
            self.waited[t] = self._now - ready
            yield from self._do(t, task, unit, polite)

    def _do(self, t: int, task: Task, unit: int, polite: bool) -> Process:
        """Hold the unit for the task, or pass on if there is nothing to do."""
        cycles = self._cycles(t, self.tables.cycles)
        if cycles > 0:
            for p in task.streams:
                yield self.landed[p]
        if unit < 0 or (cycles == 0 and not self._whole(t)):
            yield from self._work(t, task, cycles)
        else:
            if polite:
                yield self.machine.last_at(self._now)
            with self.machine.units[unit].request(priority=self.priority) as turn:
                yield turn
                yield from self._work(t, task, cycles)
        self.ends[t] = self._now
        self.finished[t].succeed()

    def _work(self, t: int, task: Task, cycles: int) -> Process:
        env = self.machine.env
        self.starts[t] = self._now
        env.process(self._land(t))
        if self._whole(t):
            cycles = yield from self._speculate(t, task, cycles)
        elif cycles:
            yield env.timeout(cycles)
        self.worked[t] = cycles
        if cycles == 0:
            return
        for p in task.streams:
            yield self.finished[p]
            rest = self.ends[p] + self._cycles(t, self.tables.tail) - env.now
            if rest > 0:
                yield env.timeout(rest)

    def _land(self, t: int) -> Process:
        """Tell when the task's first tile is there."""
        first = self._cycles(t, self.tables.first)
        if first:
            yield self.machine.env.timeout(first)
        self.landed[t].succeed()

    def _speculate(self, t: int, task: Task, kept: int) -> Generator[Any, Any, int]:
        """Fetch everything until the decision is there, then only what is left of the kept share."""
        env, whole = self.machine.env, max(self._whole(t), kept)
        decided = env.all_of([self.finished[p] for p in task.decisions])
        yield decided | env.timeout(whole)
        known = self._now if decided.triggered else self.starts[t] + whole
        cut = self.tables.cut_cycles
        cycles, self.early[t] = speculative_duration(self.starts[t], known, kept, whole, cut)
        left = self.starts[t] + cycles - env.now
        if left > 0:
            yield env.timeout(left)
        return cycles

    def _cycles(self, t: int, table: Ints) -> int:
        task = self.tables.schedule.tasks[t]
        return int(table[self.tables.base[t] + self.states[task.op]])

    def _whole(self, t: int) -> int:
        return int(self.tables.speculative_cycles[t])


def simulate(tables: Durations, state_index: Indices) -> Times:
    """Return the times of every row of ``state_index`` (n, ops), one row after the other.

    Same meaning and same result, to the cycle, as :func:`simulator.engines.fast.simulate`.
    """
    return _run(tables, state_index, lambda _, frame: None)


def simulate_tasks(tables: Durations, state_index: Indices) -> TaskTimes:
    """Return the times of every row, as :func:`simulate`, and of every task in it."""
    spans = np.zeros((3, len(state_index), len(tables.schedule.tasks)), np.int64)

    def note(row: int, frame: Frame) -> None:
        spans[:, row] = frame.starts, frame.ends, frame.worked

    return _run(tables, state_index, note).with_tasks(*spans)


def _run(tables: Durations, state_index: Indices, note: Callable[[int, Frame], None]) -> Times:
    """Run one row after the other; ``note`` is told of each when it is done."""
    n, tasks, units = len(state_index), tables.schedule.tasks, tables.schedule.units
    speculative = np.flatnonzero(tables.speculative_cycles)
    latency = np.zeros(n, np.int64)
    busy = np.zeros((n, max(len(units), 1)), np.int64)
    waited = np.zeros(len(tasks), np.int64)
    early = np.zeros((n, len(speculative)), np.int64)
    for i in range(n):
        machine = Machine(len(units))
        frame = Frame(machine, tables, [int(state) for state in state_index[i]])
        machine.env.run(frame.run())
        latency[i] = max(frame.ends, default=0)
        for task, cycles in zip(tasks, frame.worked, strict=True):
            if task.unit != NO_UNIT:
                busy[i, task.unit] += cycles
        waited += frame.waited
        early[i] = np.array(frame.early, np.int64)[speculative]
        note(i, frame)
    return Times(latency=latency, busy=busy, waits=lambda: waited, fetched_early=early)
