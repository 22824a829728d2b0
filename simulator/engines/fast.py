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

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.engines.composed import composed
from simulator.schedules.durations import Durations, Times
from simulator.schedules.schedule import NO_UNIT, Schedule, Task
from traces import Bools, Indices, Ints

BLOCK = 16384  # inputs; measured on 550 tasks, 4,096 take 1.4 times as long and 32,768 take 1.1 times
_FEWEST = 4096  # rows; Choice: of fewer the recurrence takes about as long as its matrices
_SHARE_BITS = 20
_ZERO = np.int64(0)
_NEVER = np.int64(-(2**62))  # added to what is not waited for

InputTimes = Ints | np.int64  # of every input of a block, or one for all of them


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Durations that are a share of the dense ones, per input: for idealised replays."""

    scaled: Bools  # (tasks,), which tasks take their dense cycles times the share
    share: Ints  # (n,), in units of 1 / 2**20


def simulate(
    tables: Durations,
    state_index: Indices,
    *,
    keep: bool = False,
    scaling: Scaling | None = None,
) -> Times:
    """Return the times of every row of ``state_index`` (n, ops).

    Parameters
    ----------
    tables
        Schedule and durations.
    state_index
        State of each op, shape (n, ops); fastest when columns are contiguous.
    keep
        Also return start, end and cycles of every task.
    scaling
        Tasks that take a share of their dense cycles instead.
    """
    alike = not keep and scaling is None and _composes(tables, len(state_index))
    found = composed(tables, state_index) if alike else None
    if found is None:
        return _walked(tables, state_index, keep=keep, scaling=scaling)
    return Times(
        latency=found[0],
        busy=found[1],
        waits=lambda: _walked(tables, state_index).decision_wait,
        fetched_early=np.zeros((len(state_index), 0), np.int64),
    )


def _composes(tables: Durations, rows: int) -> bool:
    """Whether matrices are exact, and may be worth it."""
    queues = any(task.queue for task in tables.schedule.tasks)
    return rows >= _FEWEST and not tables.speculative_cycles.any() and not queues


def _walked(
    tables: Durations, state_index: Indices, *, keep: bool = False, scaling: Scaling | None = None
) -> Times:
    """Return what :func:`simulate` does, task by task."""
    n, count = len(state_index), len(tables.schedule.tasks)
    early_tasks = np.flatnonzero(tables.speculative_cycles)
    spans, waited = np.zeros((3, n if keep else 0, count), np.int64), np.zeros(count, np.int64)
    times = Times(
        latency=np.zeros(n, np.int64),
        busy=np.zeros((n, max(len(tables.schedule.units), 1)), np.int64),
        waits=lambda: waited,
        fetched_early=np.zeros((n, len(early_tasks)), np.int64),
        **(dict(zip(("starts", "ends", "worked"), spans, strict=True)) if keep else {}),
    )
    slots = {int(t): column for column, t in enumerate(early_tasks)}
    windows = tables.schedule.windows()
    forgotten = _forgotten(tables.schedule, windows)
    for low in range(0, n, BLOCK):
        rows = slice(low, min(low + BLOCK, n))
        block = _Block(tables, state_index[rows], scaling, rows, times, slots, windows)
        for t in range(count):
            block.run(t)
            for p in forgotten[t]:
                del block.start[p], block.end[p]
        block.finish()
    return times


def _forgotten(schedule: Schedule, windows: Mapping[int, int]) -> list[list[int]]:
    """Return per task the tasks whose times nobody asks for after it."""
    last: dict[int, int] = {}
    for t, task in enumerate(schedule.tasks):
        last[t] = t
        last.update(dict.fromkeys((*task.after, *task.decisions, *task.streams), t))
    for w, end in windows.items():
        for p in (w, *schedule.tasks[w].decisions):
            last[p] = max(last[p], min(end, len(schedule.tasks) - 1))
    found: list[list[int]] = [[] for _ in schedule.tasks]
    for p, t in last.items():
        found[t].append(p)
    return found


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

    tables: Durations
    index: Indices
    scaling: Scaling | None
    rows: slice
    times: Times
    slots: dict[int, int]  # column of ``times.fetched_early`` by speculative task
    windows: Mapping[int, int]
    start: dict[int, InputTimes] = field(default_factory=dict)  # by task
    end: dict[int, InputTimes] = field(default_factory=dict)
    free: dict[tuple[int, int], InputTimes] = field(
        default_factory=dict
    )  # by unit and queue, end of its last task
    bus: dict[int, InputTimes] = field(default_factory=dict)  # by unit with two queues, when it is free
    waiting: dict[int, _Waiting] = field(default_factory=dict)  # by unit, the task of queue 1 not served yet
    worked: dict[int, InputTimes] = field(default_factory=dict)
    latest: InputTimes = _ZERO  # end of tasks on no unit
    places: list[slice] = field(init=False)  # of each task's states in a table
    states: tuple[int, Any] = (-1, 0)  # the op looked at last, and the state of each input

    def __post_init__(self) -> None:
        self.places = self.tables.places
        self.bus = {self.tables.schedule.tasks[w].unit: _ZERO for w in self.windows}

    def run(self, t: int) -> None:
        """Let a task pass."""
        task = self.tables.schedule.tasks[t]
        for unit, kept in list(self.waiting.items()):
            if self.windows[kept.task] == t:
                self._serve(unit, np.True_)
        ready = _latest([self.free.get((task.unit, task.queue), _ZERO), *(self.end[p] for p in task.after)])
        time = self._look_up(t, self.tables.cycles)
        if task.decisions and t not in self.slots and self.tables.waits[t]:
            decided = _latest([self.end[p] for p in task.decisions])
            wait = np.maximum(decided - ready, 0)
            self.times.decision_wait[t] += np.broadcast_to(wait, len(self.index)).sum()
            ready = ready + wait
        if t in self.windows:
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
        task = self.tables.schedule.tasks[t]
        self.start[t], self.end[t] = begin, finish
        if task.unit == NO_UNIT:
            self.latest = np.maximum(self.latest, finish)
        else:
            self.free[task.unit, task.queue] = finish
            self.worked[task.unit] = self.worked.get(task.unit, _ZERO) + time
        times = self.times
        if times.starts is not None and times.ends is not None and times.worked is not None:
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
        if not task.streams:
            return ready, ready + time
        ignored = None if np.all(time) else np.where(time > 0, _ZERO, _NEVER)
        begin, finish = ready, None
        left = self._look_up(t, self.tables.tail)
        for p in task.streams:
            first, last = self.start[p] + self._look_up(p, self.tables.first), self.end[p] + left
            if ignored is not None:
                first, last = first + ignored, last + ignored
            begin = np.maximum(begin, first)
            finish = last if finish is None else np.maximum(finish, last)
        assert finish is not None  # there are streams
        return begin, np.maximum(begin + time, finish)

    def _cut(
        self, t: int, time: InputTimes, begin: InputTimes, inputs: Bools | np.bool_ = np.True_
    ) -> InputTimes:
        """Return a speculative transfer's cycles, note those before its decision; see ``speculative_duration``."""
        cut = np.int64(self.tables.cut_cycles)
        decided = _latest([self.end[p] for p in self.tables.schedule.tasks[t].decisions])
        most = np.maximum(time, self.tables.speculative_cycles[t])
        early = np.maximum(decided - begin, 0)
        early = np.minimum((early + cut - 1) // cut * cut, most)
        column = self.times.fetched_early[self.rows, self.slots[t]]
        column[:] = np.where(inputs, early, column)
        left = time * (most - early)
        return np.asarray(early + (left + most - 1) // most)

    def _look_up(self, t: int, table: Ints) -> InputTimes:
        """Return a table's entry for each input's state, or its share of the dense one."""
        lut = table[self.places[t]]
        if self.scaling is not None and self.scaling.scaled[t]:
            return np.asarray(lut[-1] * self.scaling.share[self.rows] >> _SHARE_BITS)
        op = self.tables.schedule.tasks[t].op
        if self.states[0] != op:
            self.states = op, self._states_of(op)
        return lut[self.states[1]]  # type: ignore[no-any-return]  # an array, or one number

    def _states_of(self, op: int) -> NDArray[np.intp] | int:
        column = self.index[:, op]
        first = int(column[0])
        return first if (column == first).all() else column.astype(np.intp)


def _latest(times: list[InputTimes]) -> InputTimes:
    return reduce(np.maximum, times)
