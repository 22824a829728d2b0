"""The fast engine: the schedule's recurrence, task by task, over whole arrays of inputs.

For task t of one input, with u its unit (max-plus algebra)::

    start[t] = max(end of the task before it on u, end[after], end[decisions], start[p] + first[p] for p in streams)
    end[t]   = max(start[t] + cycles[t], end[p] + tail[t] for p in streams)

Where a unit has two queues, a task waits for the one before it in its own, and for the unit.  A task of queue 1 is
kept back until its window closes (:meth:`simulator.schedules.schedule.Schedule.windows`), and served before the
first task of queue 0 that asks no sooner.

A skipped task (zero cycles) passes its waits on and ignores its streams.  Inputs are taken in blocks whose times
stay in the cache while the tasks go by, and a time is forgotten after the last task that asks for it.  What is the
same for all inputs stays one number: a task whose op has one state, and all times before the first that varies.

Where many inputs share few joint states, :mod:`simulator.engines.composed` gives latency and busy time in far fewer
steps; what is fetched early, waits by task and timelines go task by task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from simulator.engines.composed import composed
from simulator.engines.looked_up import ZERO, InputTimes, LookUps, Scaling
from simulator.schedules.durations import Durations, TaskTimes, Times
from simulator.schedules.schedule import NO_UNIT, Schedule, Task
from traces import Bools, Indices

BLOCK = 16384  # inputs; measured on 550 tasks, 4,096 take 1.4 times as long and 32,768 take 1.1 times
_FEWEST = 4096  # rows; Choice: of fewer the recurrence takes about as long as its matrices


def simulate(tables: Durations, state_index: Indices, *, scaling: Scaling | None = None) -> Times:
    """Return the times of every row of ``state_index`` (n, ops).

    Parameters
    ----------
    tables
        Schedule and durations.
    state_index
        State of each op, shape (n, ops); fastest when columns are contiguous.
    scaling
        Tasks that take a share of their dense cycles instead.
    """
    return simulate_each([tables], state_index, scaling=scaling)[0]


def simulate_each(
    each: Sequence[Durations], state_index: Indices, *, scaling: Scaling | None = None
) -> list[Times]:
    """Return the times under tables of one schedule; tasks that take as long in several are looked up once."""
    found: list[Times | None] = [None if scaling else _in_matrices(tables, state_index) for tables in each]
    together: dict[int, list[int]] = {}
    for k, tables in enumerate(each):
        if found[k] is None:
            together.setdefault(id(tables.cycles), []).append(k)
    for members in together.values():
        times = _walked([each[k] for k in members], state_index, scaling)
        for k, its in zip(members, times, strict=True):
            found[k] = its
    return [times for times in found if times is not None]  # none is


def _in_matrices(tables: Durations, state_index: Indices) -> Times | None:
    """Return the times by matrices; ``None`` where they are not exact, or not worth it."""
    found = composed(tables, state_index) if _composes(tables, len(state_index)) else None
    if found is None:
        return None
    return Times(
        latency=found[0],
        busy=found[1],
        waits=lambda: _walked([tables], state_index)[0].decision_wait,
        fetched_early=np.zeros((len(state_index), 0), np.int64),
    )


def simulate_tasks(tables: Durations, state_index: Indices) -> TaskTimes:
    """Return the times of every row, as :func:`simulate`, and of every task in it."""
    spans = np.zeros((3, len(tables.schedule.tasks), len(state_index)), np.int64)  # a task's are contiguous
    times = _zeros(tables, len(state_index)).with_tasks(spans[0].T, spans[1].T, spans[2].T)
    _walk([tables], state_index, [times])
    return times


def _composes(tables: Durations, rows: int) -> bool:
    """Whether matrices are exact, and may be worth it."""
    return rows >= _FEWEST and not tables.speculative_cycles.any() and not tables.schedule.queues


def _walked(each: Sequence[Durations], state_index: Indices, scaling: Scaling | None = None) -> list[Times]:
    """Return what :func:`simulate_each` does, task by task; tasks take as long in all tables."""
    times = [_zeros(tables, len(state_index)) for tables in each]
    _walk(each, state_index, times, scaling)
    return times


def _zeros(tables: Durations, rows: int) -> Times:
    """Return times to be filled in."""
    waited = np.zeros(len(tables.schedule.tasks), np.int64)
    return Times(
        latency=np.zeros(rows, np.int64),
        busy=np.zeros((rows, max(len(tables.schedule.units), 1)), np.int64),
        waits=lambda: waited,
        fetched_early=np.zeros((rows, np.count_nonzero(tables.speculative_cycles)), np.int64),
    )


def _walk(
    each: Sequence[Durations], state_index: Indices, times: Sequence[Times], scaling: Scaling | None = None
) -> None:
    """Fill in ``times``, block by block of inputs."""
    n, schedule = len(state_index), each[0].schedule
    longest = max(
        each, key=lambda tables: int(tables.speculative_cycles.sum())
    )  # decides how many bits suffice
    look = LookUps(longest, state_index, scaling)
    for low in range(0, n, BLOCK):
        rows = slice(low, min(low + BLOCK, n))
        look.enter(rows)
        blocks = [_Block(look, tables, rows, its) for tables, its in zip(each, times, strict=True)]
        for t in range(len(schedule.tasks)):
            for block in blocks:
                block.run(t)
                for p in schedule.forgotten[t]:
                    del block.start[p], block.end[p]
        for block in blocks:
            block.finish()


@dataclass(slots=True, eq=False)
class _Waiting:
    """A task of queue 1 that may still be passed."""

    task: int
    asks: InputTimes  # for its unit
    time: InputTimes  # cycles, those of a speculative transfer yet to be found
    served: Bools | np.bool_ = np.False_


@dataclass(slots=True, eq=False)
class _Block:
    """Times of some inputs while the tasks go by."""

    look: LookUps
    tables: Durations
    rows: slice
    times: Times
    slots: dict[int, int] = field(init=False)  # column of ``times.fetched_early`` by speculative task
    start: dict[int, InputTimes] = field(default_factory=dict)  # by task
    end: dict[int, InputTimes] = field(default_factory=dict)
    free: dict[tuple[int, int], InputTimes] = field(
        default_factory=dict
    )  # by unit and queue, end of its last task
    bus: dict[int, InputTimes] = field(default_factory=dict)  # by unit with two queues, when it is free
    waiting: dict[int, _Waiting] = field(default_factory=dict)  # by unit, the task of queue 1 not served yet
    worked: dict[int, InputTimes] = field(default_factory=dict)
    latest: InputTimes = ZERO  # end of tasks on no unit
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = self.tables.schedule
        self.slots = {
            int(t): column for column, t in enumerate(np.flatnonzero(self.tables.speculative_cycles))
        }
        self.bus = {self.schedule.tasks[w].unit: ZERO for w in self.schedule.windows}

    def run(self, t: int) -> None:
        """Let a task pass."""
        task = self.schedule.tasks[t]
        for unit, kept in list(self.waiting.items()):
            if self.schedule.windows[kept.task] == t:
                self._serve(unit, np.True_)
        ready = _latest([self.free.get((task.unit, task.queue), ZERO), *(self.end[p] for p in task.after)])
        time = self.look.cycles(t)
        if task.decisions and t not in self.slots and self.tables.waits[t]:
            decided = _latest([self.end[p] for p in task.decisions])
            until = np.maximum(decided, ready)
            self.times.decision_wait[t] += _sum(until - ready, self.rows)
            ready = until
        if t in self.schedule.windows:
            self.waiting[task.unit] = _Waiting(t, ready, time)
            return
        if t in self.slots:
            time = self._cut(t, time, ready)
        begin, finish = self._streamed(t, task, ready, time)
        if task.unit in self.bus:
            begin, finish = self._in_turn(t, task, begin, time)
        self._note(t, begin, finish, time)

    def finish(self) -> None:
        """Write down when each input was done, and how long each unit worked: a queue's last task ends last."""
        for unit in list(self.waiting):
            self._serve(unit, np.True_)
        self.times.latency[self.rows] = _latest([self.latest, *self.free.values()])
        for unit, worked in self.worked.items():
            self.times.busy[self.rows, unit] = worked

    def _note(self, t: int, begin: InputTimes, finish: InputTimes, time: InputTimes) -> None:
        task = self.schedule.tasks[t]
        self.start[t], self.end[t] = begin, finish
        if task.unit == NO_UNIT:
            self.latest = np.maximum(self.latest, finish)
        else:
            self.free[task.unit, task.queue] = finish
            self.worked[task.unit] = self.worked.get(task.unit, ZERO) + time
        times = self.times
        if isinstance(times, TaskTimes):
            times.starts[self.rows, t], times.ends[self.rows, t] = begin, finish
            times.worked[self.rows, t] = time

    def _in_turn(
        self, t: int, task: Task, asks: InputTimes, time: InputTimes
    ) -> tuple[InputTimes, InputTimes]:
        """Return start and end of a task of queue 0 that asks for a unit with another queue."""
        works = time > 0
        if task.unit in self.waiting:
            self._serve(task.unit, works & ~(asks < self.waiting[task.unit].asks))
        ready = np.where(works, np.maximum(asks, self.bus[task.unit]), asks)
        begin, finish = self._streamed(t, task, ready, time)
        self.bus[task.unit] = np.where(works, finish, self.bus[task.unit])
        return begin, finish

    def _serve(self, unit: int, inputs: Bools | np.bool_) -> None:
        """Serve the waiting task of queue 1 for these inputs; if for all, it is done."""
        kept = self.waiting[unit]
        t, now = kept.task, inputs & ~kept.served
        holds = (kept.time > 0) | np.bool_(t in self.slots)
        begin = np.where(holds, np.maximum(kept.asks, self.bus[unit]), kept.asks)
        time = self._cut(t, kept.time, begin, now) if t in self.slots else kept.time
        finish = begin + time
        if kept.served is not np.False_:
            begin = np.where(now, begin, self.start[t])
            finish = np.where(now, finish, self.end[t])
        self.bus[unit] = np.where(now & holds, finish, self.bus[unit])
        self.start[t], self.end[t] = begin, finish
        kept.served = kept.served | inputs
        if inputs is np.True_:
            del self.waiting[unit]
            self._note(t, begin, finish, finish - begin)

    def _streamed(
        self, t: int, task: Task, ready: InputTimes, time: InputTimes
    ) -> tuple[InputTimes, InputTimes]:
        """Return start and end of a task that begins with its operands' first tiles and ends after their last."""
        if time is ZERO:
            return ready, ready
        if not task.streams:
            return ready, ready + time
        begin, finish = ready, None
        left = self.look.where_it_runs(t, "tail", t, time)
        for p in task.streams:
            begin = np.maximum(begin, self.start[p] + self.look.where_it_runs(p, "first", t, time))
            last = self.end[p] + left
            finish = last if finish is None else np.maximum(finish, last)
        assert finish is not None  # there are streams
        return begin, np.maximum(begin + time, finish)

    def _cut(
        self, t: int, time: InputTimes, begin: InputTimes, inputs: Bools | np.bool_ = np.True_
    ) -> InputTimes:
        """Return a speculative transfer's cycles, note those before its decision; see ``speculative_duration``."""
        cut, time = np.int64(self.tables.cut_cycles), np.asarray(time, np.int64)
        decided = _latest([self.end[p] for p in self.schedule.tasks[t].decisions])
        most = np.maximum(time, self.tables.speculative_cycles[t])
        early = np.maximum(decided - begin, 0)
        early = np.minimum((early + cut - 1) // cut * cut, most)
        column = self.times.fetched_early[self.rows, self.slots[t]]
        column[:] = np.where(inputs, early, column)
        left = time * (most - early)
        return np.asarray(early + (left + most - 1) // most, self.look.tables.cycles.dtype)


def _sum(times: InputTimes, rows: slice) -> int:
    """Return the sum over the rows of a block."""
    return int(times.sum(dtype=np.int64)) if times.ndim else int(times) * (rows.stop - rows.start)


def _latest(times: list[InputTimes]) -> InputTimes:
    return reduce(np.maximum, times)
