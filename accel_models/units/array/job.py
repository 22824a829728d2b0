"""What there is to tile: ops on a machine, one cut of each of their axes, and which of the ops are cut alike.

Of many gated states of an op, on designs whose buses differ, there are few kinds.  How an op can be cut, what room its
tiles take and what they demand of array and bus is found out once per kind (:mod:`accel_models.units.array.tile_cost`);
how long that takes is each op's own (:mod:`accel_models.units.array.machine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from accel_models.design.design import columns_of
from accel_models.design.sections import Memory
from accel_models.units.array.machine import ArrayMachine, Transfers
from accel_models.units.array.systolic import Gemms
from accel_models.work.rows import RowWise, arrays_of, each_array, rows_of, together
from accel_models.work.shapes import Shapes
from traces import RECURRENT, Bools, Floats

_FEW: Final = 128  # ops; Choice: to look for kinds among fewer takes about as long as it saves
_MIXER: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: odd, its bits are spread


@dataclass(frozen=True, slots=True, eq=False)
class OpSizes:
    """What a tiling needs to know of ``n`` ops, as float64 arrays of shape ``(n,)``.

    ``k``, ``n``, ``groups`` and ``channels`` are those of packs where groups are packed
    (:mod:`accel_models.units.array.tiling`); what is stored stays as it was.
    """

    m: Floats
    k: Floats
    n: Floats
    groups: Floats
    batch: Floats
    channels: Floats  # input channels per group
    stored_k: Floats  # weights of one output channel
    stored_n: Floats  # output channels that read the same input channel
    in_channels: Floats  # over all groups
    out_channels: Floats  # over all groups
    in_height: Floats
    in_width: Floats
    out_height: Floats
    out_width: Floats
    kernel_area: Floats
    span_height: Floats  # of the kernel, with dilation [pixels]
    span_width: Floats
    stride_height: Floats
    stride_width: Floats
    input_pixel_bytes: Floats  # fetched per input pixel, whole bursts if its channels are gathered


def sizes_of(shapes: Shapes, memory: Memory, pixel_bytes: Floats | None) -> OpSizes:
    """Convert shapes; sizes of skipped work become 1, the caller masks it."""
    whole = shapes.kind in RECURRENT  # its K is two vectors, no kernel
    area = np.ones_like(shapes.k) if whole else shapes.kernel_height * shapes.kernel_width
    channels = shapes.k // np.maximum(area, 1)
    dense_pixel = np.asarray(channels * shapes.groups * (memory.activation_bits / 8), np.float64)
    counts = (
        shapes.m,
        shapes.k,
        shapes.n,
        shapes.groups,
        shapes.batch,
        channels,
        shapes.k,
        shapes.n,
        channels * shapes.groups,
        shapes.n * shapes.groups,
        shapes.in_height,
        shapes.in_width,
        shapes.out_height,
        shapes.out_width,
        area,
        (shapes.kernel_height - 1) * shapes.dilation_height + 1,
        (shapes.kernel_width - 1) * shapes.dilation_width + 1,
        shapes.stride_height,
        shapes.stride_width,
    )
    values = [np.maximum(value, 1).astype(np.float64) for value in counts]
    return OpSizes(*[*values, dense_pixel if pixel_bytes is None else pixel_bytes])


def bursts(run_bytes: Floats, memory: Memory) -> Floats:
    """Bytes on the bus for contiguous runs, as :func:`accel_models.dram.whole_bursts` in floats."""
    return np.ceil(run_bytes / memory.dram.burst) * memory.dram.burst


def gemms_of(op: OpSizes) -> Gemms:
    """Return the products that ops come to, packs of groups as one."""
    return Gemms.of(op.m, op.k, op.n, op.groups, op.kernel_area)


@dataclass(frozen=True, slots=True, eq=False)
class AxisCut:
    """One axis in ``tiles``.  Folds, or streamed cycles, of the three axes multiply to the array's time."""

    tiles: Floats
    folds: Floats  # over all tiles
    tile_folds: Floats  # of a full tile

    @property
    def several(self) -> Floats:
        """1.0 where there is more than one tile, else 0.0."""
        return np.minimum(self.tiles - 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class PixelCut(AxisCut):
    """Output pixels cut into ``tiles``."""

    tile_pixels: Floats  # output pixels of a full tile
    tile_in_pixels: Floats  # input pixels under it, halo included
    in_pixels: Floats  # fetched in one pass over all tiles
    in_pixels_alone: Floats  # if no tile leaves a halo to the next
    in_bytes: Floats  # fetched in one pass, all channels of a pixel together
    out_bytes: Floats  # stored, all channels of a pixel together


@dataclass(frozen=True, slots=True, eq=False)
class ChannelCut(AxisCut):
    """Output channels, or groups, cut into ``tiles``."""

    tile_out: Floats  # output channels of a full tile, over its groups
    tile_groups: Floats
    input_tiles: Floats  # tiles of the input that go with them: those of whole groups
    in_pixel_bytes: Floats  # fetched per pixel if there are several input tiles, else 0
    out_pixel_bytes: Floats  # stored per pixel if there are several tiles, else 0


@dataclass(frozen=True, slots=True, eq=False)
class ReductionCut(AxisCut):
    """The reduction of one group, input channels x kernel, cut into ``tiles``."""

    tile_k: Floats
    tile_channels: Floats  # input channels per group in a full tile
    in_pixel_bytes: Floats  # fetched per pixel if input channels are cut, else 0


def stack(cuts: list[RowWise]) -> RowWise:
    """Put cuts of shape ``(n,)`` together as one of shape ``(levels, n)``."""
    return together(cuts, np.stack)


def choose(cuts: RowWise, level: NDArray[np.intp], op: NDArray[np.intp]) -> RowWise:
    """Return the cuts at these levels of these ops, from cuts of shape ``(levels, n)``."""
    return each_array(cuts, lambda array: array[level, op])


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """``n`` ops to tile, with what is on chip already; arrays of shape ``(n,)``.

    Numbers of the machine in which designs side by side differ are arrays too.
    """

    machine: ArrayMachine
    op: OpSizes
    works: Bools  # whether there is anything to compute
    packed: Floats  # groups side by side on the array
    untiled_cycles: Floats  # of the array for the op in one piece, exact
    untiled_extra: Floats  # of them, beyond whole folds: fill and drain, less what trimming saves
    input_element_bytes: Floats  # in a buffer tile; 0 if the input is on chip
    fetch_input: Floats  # 1.0 if the input comes from DRAM, 0.0 if it is on chip
    fetch_weights: Floats
    store_output: Floats
    reserved_bytes: Floats  # of the activation buffer, held by tensors that stay on chip
    pinned_bytes: Floats  # of the weight buffer, held by weights of other ops that stay
    bands: Floats  # of rows that the op shares with others of a depth-first group; 1.0 alone
    transfers: Transfers

    @property
    def has_bands(self) -> bool:
        """Whether some op shares bands of rows with others."""
        return bool((self.bands > 1).any())

    @property
    def waits_for_bus(self) -> bool:
        """Whether the array waits for the bus to empty a lone accumulator."""
        memory = self.machine.memory
        return memory.double_buffered and not memory.double_buffered_accumulator

    def take(self, rows: slice | NDArray[np.intp]) -> Job:
        """Return the ops at ``rows``."""
        machine = self.machine.take(rows)
        transfers = self.transfers.take(rows, machine)
        return replace(rows_of(self, rows), machine=machine, op=rows_of(self.op, rows), transfers=transfers)


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """One cut of every axis."""

    pixels: PixelCut
    channels: ChannelCut
    reduction: ReductionCut


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
    if job.has_bands:
        yield transfers.fetched_weight_bytes
    if job.waits_for_bus:
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
