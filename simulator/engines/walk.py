"""A block of inputs while the tasks of a schedule go by: what each takes by the states of its op, and when it runs.

The recurrence is that of :mod:`simulator.engines.fast`.  What is the same for all inputs stays one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.schedules.durations import Durations, TaskTimes, Times, mapped
from simulator.schedules.schedule import NO_UNIT, Schedule, Task
from traces import Bools, Indices, Ints

SHARE_BITS: Final = 20  # shares of dense cycles are whole numbers of 1 / 2**20
ZERO: Final = np.int32(0)  # cycles of what no input does
_MOST_32: Final = 2**30  # times below it need half as many bits
_OPS_KEPT: Final = 8  # Choice: whose states are at hand; tasks of an op stand a few tasks apart

InputTimes = NDArray[Any] | np.signedinteger[Any]  # of every input of a block, or one for all of them
TableName = Literal["cycles", "first", "tail"]


class InputShares:
    """A share of each input, and what it leaves of dense cycles, worked out once for all replays that take it."""

    def __init__(self, share: Ints) -> None:
        self.share = share  # (n,), in units of 1 / 2**20
        self._known: dict[tuple[int, int, np.dtype[Any]], NDArray[Any]] = {}

    def of(self, dense: int, rows: slice, dtype: np.dtype[Any]) -> InputTimes:
        """Return each input's share of so many cycles."""
        if not dense:
            return ZERO
        key = dense, rows.start, dtype
        if key not in self._known:
            self._known[key] = (dense * self.share[rows] >> SHARE_BITS).astype(dtype)
        return self._known[key]


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Durations that are a share of the dense ones, per input: for idealised replays."""

    scaled: Bools  # (tasks,), which tasks take their dense cycles times the share
    shares: InputShares


def _in_32_bits(tables: Durations) -> Durations:
    """Return the tables in half as many bits if no time can need more: all that tasks can ever add."""
    three = (tables.cycles, tables.first, tables.tail)
    most = sum(int(_most(table, tables.base).sum()) for table in three)
    if most + int(tables.speculative_cycles.sum()) >= _MOST_32:
        return tables
    return mapped(tables, lambda table: table.astype(np.int32))


class LookUps:
    """Entries of a schedule's tables for inputs, block by block; what is one for all inputs is one number."""

    def __init__(self, tables: Durations, index: Indices, scaling: Scaling | None) -> None:
        self.tables = _in_32_bits(tables)
        self._three: Mapping[TableName, Ints] = {
            "cycles": self.tables.cycles, "first": self.tables.first, "tail": self.tables.tail
        }  # fmt: skip
        small = self.tables.cycles.dtype == np.int32
        self._never = np.int32(-_MOST_32) if small else np.int64(-(2**62))  # added to what is not waited for
        self._equal = {
            name: (_least(table, tables.base) == _most(table, tables.base)).tolist()
            for name, table in self._three.items()
        }
        self._works = (_least(tables.cycles, tables.base) > 0).tolist()
        self._places = tables.places
        self._ops = [task.op for task in tables.schedule.tasks]
        self._index = index
        self._scaling = scaling
        self._rows = slice(0)
        self._states: dict[int, NDArray[np.intp] | int] = {}  # by op
        self._task = -1  # that passes
        self._found: dict[tuple[int, TableName], InputTimes] = {}  # for it

    def enter(self, rows: slice) -> None:
        """Go on to other rows of the index."""
        self._rows, self._states, self._task = rows, {}, -1

    def cycles(self, t: int) -> InputTimes:
        """Return how long a task takes, which passes from now on."""
        if t != self._task:
            self._task, self._found = t, {}
        if (t, "cycles") not in self._found:
            self._found[t, "cycles"] = self._entry(t, "cycles")
        return self._found[t, "cycles"]

    def where_it_runs(self, p: int, name: TableName, t: int, time: InputTimes) -> InputTimes:
        """Return task p's entry of a table where task t, which passes, takes ``time``, never where that is none."""
        if (p, name) not in self._found:
            self._found[p, name] = self._where_it_runs(p, name, t, time)
        return self._found[p, name]

    def _where_it_runs(self, p: int, name: TableName, t: int, time: InputTimes) -> InputTimes:
        if self._scales(t):
            return self._entry(p, name) if np.all(time) else self._entry(p, name) + (time <= 0) * self._never
        if self._works[t]:
            return self._entry(p, name)
        if self._scales(p) or self._ops[p] != self._ops[t]:
            return self._entry(p, name) + (time <= 0) * self._never
        skipped = self.tables.cycles[self._places[t]] <= 0
        return self._taken(
            self._ops[p], np.asarray(self._three[name][self._places[p]] + skipped * self._never)
        )

    def _entry(self, t: int, name: TableName) -> InputTimes:
        """Return a table's entry for each input's state, or its share of the dense one."""
        table, place = self._three[name], self._places[t]
        if self._scaling is not None and self._scaling.scaled[t]:
            return self._scaling.shares.of(int(table[place.stop - 1]), self._rows, table.dtype)
        if self._equal[name][t]:
            return table[place.start]  # type: ignore[no-any-return]  # one number
        return self._taken(self._ops[t], table[place])

    def _taken(self, op: int, entries: Ints) -> InputTimes:
        """Return the entry of an op's table for each input's state."""
        states = self._states.get(op)
        if states is None:
            if len(self._states) == _OPS_KEPT:
                del self._states[next(iter(self._states))]
            column = self._index[self._rows, op]
            first = int(column[0])
            states = self._states[op] = first if (column == first).all() else column.astype(np.intp)
        return entries.take(states, mode="wrap")  # all are in it: the other modes look at each index

    def _scales(self, t: int) -> bool:
        return self._scaling is not None and bool(self._scaling.scaled[t])


def _least(table: Ints, base: Ints) -> Ints:
    """Return the least entry of each task."""
    return np.minimum.reduceat(table, base) if len(base) else np.zeros(0, np.int64)


def _most(table: Ints, base: Ints) -> Ints:
    """Return the greatest entry of each task."""
    return np.maximum.reduceat(table, base) if len(base) else np.zeros(0, np.int64)


@dataclass(slots=True, eq=False)
class _Waiting:
    """A task of queue 1 that may still be passed."""

    task: int
    asks: InputTimes  # for its unit
    time: InputTimes  # cycles, those of a speculative transfer yet to be found
    served: Bools | np.bool_ = np.False_


@dataclass(slots=True, eq=False)
class InputBlock:
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
        begin, left = ready, self.look.where_it_runs(t, "tail", t, time)
        for p in task.streams:
            begin = np.maximum(begin, self.start[p] + self.look.where_it_runs(p, "first", t, time))
        return begin, _latest([begin + time, *(self.end[p] + left for p in task.streams)])

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
