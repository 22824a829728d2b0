"""How long a block of inputs takes for each task: by their states, or as shares of what the dense network takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.schedules.durations import Durations, mapped
from traces import Bools, Indices, Ints

SHARE_BITS: Final = 20
ZERO: Final = np.int32(0)
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


def in_32_bits(tables: Durations) -> Durations:
    """Return the tables in half as many bits if no time can need more: all that tasks can ever add."""
    three = (tables.cycles, tables.first, tables.tail)
    most = sum(int(_most(table, tables.base).sum()) for table in three)
    if most + int(tables.speculative_cycles.sum()) >= _MOST_32:
        return tables
    return mapped(tables, lambda table: table.astype(np.int32))


class LookUps:
    """Entries of a schedule's tables for inputs, block by block; what is one for all inputs is one number."""

    def __init__(self, tables: Durations, index: Indices, scaling: Scaling | None) -> None:
        self.tables = in_32_bits(tables)
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
