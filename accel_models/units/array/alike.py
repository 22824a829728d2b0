"""Ops that can be cut alike: of many gated states of an op, on designs whose buses differ, there are few kinds.

How an op can be cut, what room its tiles take and what they demand of array and bus is found out once per kind
(:mod:`accel_models.units.array.tile_cost`); how long that takes is each op's own
(:mod:`accel_models.units.array.transfers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from accel_models.design.design import columns_of
from accel_models.units.array.job import Job
from accel_models.units.array.machine import ArrayMachine
from accel_models.units.array.tile_cost import has_bands, waits_for_bus
from accel_models.units.array.transfers import Transfers
from accel_models.work.rows import arrays_of

_FEW: Final = 128  # ops; Choice: to look for kinds among fewer takes about as long as it saves
_MIXER: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: odd, its bits are spread


@dataclass(frozen=True, slots=True, eq=False)
class OpsByKind:
    """``n`` ops, no two the same, in the order of their kinds."""

    kinds: Job  # one op of each kind; its transfers are some op's, read where they tell kinds apart
    kind: NDArray[np.intp]  # (n,), of each op, ascending
    transfers: Transfers  # (n,), of each op

    @classmethod
    def of(cls, job: Job) -> tuple[OpsByKind, NDArray[np.intp]]:
        """Return the distinct ops of a job, kinds of equally many pixels together, and each op's place among them."""
        count = len(job.works)
        if count < _FEW:
            return cls(job, np.arange(count), job.transfers), np.arange(count)
        one_of_kind, kind = equal_rows([*_columns(job)])
        by_pixels = np.argsort(job.op.m[one_of_kind], kind="stable")
        kind = np.argsort(by_pixels)[kind]
        first, place = equal_rows([kind, *_own_columns(job.transfers)])
        order = np.argsort(kind[first], kind="stable")
        ops = first[order]
        alike = cls(job.take(one_of_kind[by_pixels]), kind[ops], job.transfers.take(ops))
        return alike, np.argsort(order)[place]

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, ops: slice | NDArray[np.intp]) -> OpsByKind:
        """Return some of the ops, in their order."""
        present, kind = numbered(self.kind[ops])
        return OpsByKind(self.kinds.take(present), kind, self.transfers.take(ops))

    def packed(self, kinds: Job) -> OpsByKind:
        """Return the ops with other packs of groups."""
        return replace(self, kinds=kinds)


def equal_rows(columns: Sequence[NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first of each kind of row, and each row's kind; where hashes collide every row is its own kind."""
    rows = len(columns[0])
    varying = [column for column in columns if np.any(column != column[0])]
    hashes = np.zeros(rows, np.uint64)
    for column in varying:
        hashes ^= column.astype(np.float64).view(np.uint64)
        hashes *= _MIXER
        hashes ^= hashes >> np.uint64(32)
    _, first, kind = np.unique(hashes, return_index=True, return_inverse=True)
    if all(np.array_equal(column, column[first][kind]) for column in varying):
        return first, kind
    return np.arange(rows), np.arange(rows)


def numbered(ascending: NDArray[np.integer[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct ones of ascending numbers, and each number's place among them."""
    new = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    return ascending[new].astype(np.intp), np.cumsum(new) - 1


def _columns(job: Job) -> Iterator[NDArray[Any]]:
    """Yield every array that decides how ops can be cut and what their tiles demand."""
    yield from arrays_of(job.op).values()
    yield from arrays_of(job).values()
    transfers, machine = job.transfers, job.machine
    if has_bands(job):
        yield transfers.fetched_weight_bytes
    if waits_for_bus(job):
        yield transfers.output_behind
        yield from columns_of(machine.memory)
    yield from columns_of(machine.array)
    yield from columns_of(_without_speed(machine).memory)


def _own_columns(transfers: Transfers) -> Iterator[NDArray[Any]]:
    """Yield every array that decides how long what an op demands takes."""
    yield from arrays_of(transfers).values()
    yield from columns_of(transfers.machine.memory)


def _without_speed(machine: ArrayMachine) -> ArrayMachine:
    """Return the machine, one time for whatever its memory outside takes."""
    unasked = {"bandwidth": 1.0, "latency": 0.0}
    requests = {"requests_in_flight": 1, "request_overhead_cycles": 0}
    memory = machine.memory
    dram = memory.dram.model_copy(update=unasked | requests)
    l2 = None if memory.l2 is None else memory.l2.model_copy(update=unasked)
    return replace(machine, memory=memory.model_copy(update={"dram": dram, "l2": l2}))
