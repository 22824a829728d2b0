"""How a compiler cuts ops: tiles chosen once for all of an op, in which what gates leave of it is cut short.

A compiler knows no input, so it chooses sizes of tiles, packs of groups and the operand that stays for the whole op;
at run time loops over less work end earlier.  So of one op less work never takes longer than more.

Groups of a convolution lie side by side on the array, as one denser product, where that pays.  A group of K x N
weights that fills only a corner of an R x C array wastes the rest of it.  With ``p`` groups packed, the array holds
their weights as blocks along a diagonal, and nothing between them: a product of p K x p N, run ceil(groups / p) times.
Depthwise convolutions gain most (N = 1), and with all groups packed the op is the dense convolution of the same
channels, so a grouped convolution never costs more than that.  The blocks are stored as they are; what lies between
them is masked off on the way from the weight buffer to the array, whose words are read in full (Choice).  Compilers do
the same in software by storing the zeros: XLA's ``ConvolutionGroupConverter`` expands grouped filters to dense ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accel_models.design.unit_sections import Array, ProductSize, streaming_of
from accel_models.units.array.job import Job, OpsByKind, OpSizes, Tiles, choose, gemms_of, stack
from accel_models.units.array.machine import Prices
from accel_models.units.array.systolic import compute_cycles, interval
from accel_models.units.array.tile_cost import footprints
from accel_models.units.array.tile_search import BYTES, Chosen, Cuts, search
from accel_models.units.array.tiling import (
    ChannelSizes,
    PixelSizes,
    ReductionSizes,
    channel_cut,
    pixel_cut,
    reduction_cut,
    row_folds,
    streamed,
)
from accel_models.work.rows import joined, rows_of, together
from traces import Bools, Floats, Ints

CHUNK = 8192  # ops searched at a time, so that working arrays stay in cache


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TilePlan:
    """Sizes of full tiles of ``n`` ops, and what stays; arrays of shape ``(n,)``."""

    packed: Floats  # groups side by side on the array; a group below is then a pack
    images: Floats
    rows: Floats
    cols: Floats
    groups: Floats
    outputs: Floats  # channels of a group
    channels: Floats  # of the reduction of a group
    kernel: Floats  # positions
    kept: Ints  # index into KEPT
    feasible: Bools  # false: no tiles fit, and those of the plan mean nothing
    short_buffer: Ints  # that the smallest tiles overflow most, index into BUFFERS
    demand_bytes: Ints  # of them
    bound_bytes: Ints  # what is free of that buffer
    keys: Floats  # what was minimised
    second_keys: Floats  # what decided among equals


def planned(job: Job, prices: Prices | None) -> TilePlan:
    """Return the tiles of every op of a job, chosen for what it aims at, or for energy if there are ``prices``."""
    ops, place = OpsByKind.of(job)
    chunks = [slice(at, at + CHUNK) for at in range(0, len(ops), CHUNK)]
    parts = [ops] if len(chunks) == 1 else [ops.take(rows) for rows in chunks]
    return rows_of(joined([_planned_chunk(part, prices) for part in parts]), place)


def tiles_of(job: Job, plan: TilePlan) -> tuple[Job, Tiles]:
    """Return the job with the packs of a plan, and its tiles: those of the plan, cut short where ops are less."""
    if np.any(plan.packed > 1):
        job = packed(job, plan.packed)
    op, array, memory = job.op, job.machine.array, job.machine.memory
    return job, Tiles(
        pixel_cut(op, array, memory, PixelSizes(plan.images, plan.rows, plan.cols)),
        channel_cut(op, array, memory, ChannelSizes(plan.groups, plan.outputs)),
        reduction_cut(op, array, memory, ReductionSizes(plan.channels, plan.kernel)),
    )


def _planned_chunk(ops: OpsByKind, prices: Prices | None) -> TilePlan:
    """Search at the packing of groups that computes fastest, then at the others that could still be better."""
    kinds, kind = ops.kinds, ops.kind
    counts = packings(kinds.machine.array, kinds.op)
    if len(counts) == 1:
        return _planned_packed(ops, prices)
    least = np.stack([untiled_cycles(kinds.machine.array, packed_sizes(kinds.op, count)) for count in counts])
    fastest = least.argmin(axis=0)
    first = np.stack(counts)[fastest, np.arange(len(fastest))]
    best = _planned_packed(ops.packed(packed(kinds, first)), prices)
    # Tiles take no less than the op in one piece; fewer bytes can take any time.
    bounded = prices is None and kinds.machine.array.stream_block == 0 and not ops.transfers.aims_at(BYTES)
    for level, count in enumerate(counts):
        other = ((level == 0) | (count > 1)) & (fastest != level)
        rows = np.flatnonzero(other[kind] & ~(bounded & (least[level][kind] > best.keys)))
        if not len(rows):
            continue
        found = _planned_packed(ops.packed(packed(kinds, count)).take(rows), prices)
        mine = rows_of(best, rows)
        better = (found.keys < mine.keys) | (
            (found.keys == mine.keys) & (found.second_keys < mine.second_keys)
        )
        best = _put(best, rows[better], rows_of(found, better))
    return best


def _put(plan: TilePlan, rows: NDArray[np.intp], other: TilePlan) -> TilePlan:
    """Return the plan with another one at ``rows``."""

    def put(columns: list[NDArray[np.generic]]) -> NDArray[np.generic]:
        mine = columns[0].copy()
        mine[rows] = columns[1]
        return mine

    return together([plan, other], put)


def _planned_packed(ops: OpsByKind, prices: Prices | None) -> TilePlan:
    """Return the best tiles at one packing of groups."""
    ways = Cuts.of(ops.kinds)
    return _plan(ops, ways, search(ops, ways, prices))


def _plan(ops: OpsByKind, ways: Cuts, chosen: Chosen) -> TilePlan:
    kind, (pixels, channels, reduction) = ops.kind, ways.sizes
    tile = choose(pixels, chosen.levels[0], kind)
    outputs = choose(stack(channels), chosen.levels[1], kind)
    inputs = choose(stack(reduction), chosen.levels[2], kind)
    short_buffer, demand_bytes, bound_bytes = (values.take(kind) for values in shortfall(ops.kinds, ways))
    return TilePlan(
        packed=ops.kinds.packed.take(kind),
        images=tile.images,
        rows=tile.rows,
        cols=tile.cols,
        groups=outputs.groups,
        outputs=outputs.outputs,
        channels=inputs.channels,
        kernel=inputs.kernel,
        kept=chosen.kept,
        feasible=chosen.feasible,
        short_buffer=short_buffer,
        demand_bytes=demand_bytes,
        bound_bytes=bound_bytes,
        keys=chosen.keys[0],
        second_keys=chosen.keys[1],
    )


def shortfall(job: Job, ways: Cuts) -> tuple[Ints, Ints, Ints]:
    """Return which buffer the smallest tiles overflow most, what they demand of it, and what is free of it [B]."""
    memory = job.machine.memory
    nothing = np.zeros_like(job.reserved_bytes)
    pinned = job.pinned_bytes
    if memory.shared_buffer:
        held = np.stack([job.reserved_bytes + pinned, nothing, nothing])
    else:
        held = np.stack([job.reserved_bytes, pinned, nothing])
    sizes = (memory.activation_buffer, memory.weight_buffer, memory.accumulator_buffer)
    demands = np.ceil(np.stack(footprints(job, ways.smallest)) - held).astype(np.int64)
    wholes = np.stack([np.broadcast_to(np.asarray(size, np.float64), held.shape[1:]) for size in sizes])
    bounds = (wholes - held).astype(np.int64)
    short = np.argmax(demands - bounds, axis=0)
    ops = np.arange(len(short))
    return short.astype(np.int64), demands[short, ops], bounds[short, ops]


def packings(array: Array, op: OpSizes) -> list[Floats]:
    """Return how many groups to pack, each shape ``(n,)``: 1, then 2, 4, 8 ... while it can pay, then all.

    More groups at a time save folds only while a pack leaves rows or columns free, and save the ends of folds
    only while what streams is shorter than those.  The counts offered do not depend on how many groups are
    active, so a gated op can do whatever the dense one does.  1 stands where a count is not offered.
    """
    one = np.ones_like(op.groups)
    counts = [one]
    if not array.pack_groups or np.max(op.groups, initial=1) <= 1:
        return counts
    ends = np.asarray(interval(array, array.rows, array.cols, 0), np.float64) / 2
    long, wide = np.maximum(array.rows, ends), np.maximum(array.cols, ends)
    count = 2.0
    while True:
        half = count / 2
        pays = (count < op.groups) & ((half * op.k <= long) | (half * op.n <= wide))
        if not pays.any():
            return [*counts, op.groups]
        counts.append(np.where(pays, count, 1.0))
        count *= 2


def packed_sizes(op: OpSizes, count: Floats) -> OpSizes:
    """Return ops whose groups are packs of ``count`` groups; the last pack may have fewer, and is priced full."""
    return replace(
        op, k=op.k * count, n=op.n * count, channels=op.channels * count, groups=np.ceil(op.groups / count)
    )


def packed(job: Job, count: Floats) -> Job:
    """Return the job with packs of ``count`` groups, of all where an op has fewer."""
    count = np.minimum(count, job.op.groups)
    op = packed_sizes(job.op, count)
    untiled = untiled_cycles(job.machine.array, op)
    extra = untiled - whole_folds(job.machine.array, op)
    return replace(job, op=op, packed=count, untiled_cycles=untiled, untiled_extra=extra)


def untiled_cycles(array: Array, op: OpSizes) -> Floats:
    """Cycles of the array for ops in one piece."""
    return compute_cycles(array, gemms_of(op)).astype(np.float64)


def whole_folds(array: Array, op: OpSizes) -> Floats:
    """Cycles between the folds of ops in one piece, the same sum as over tiles."""
    flow = streaming_of(array.dataflow)
    sizes: dict[ProductSize, Floats] = {"m": np.ceil(op.m / array.pixels), "k": op.k, "n": op.n}
    rows = row_folds(array, op) if flow.rows == "k" else np.ceil(sizes[flow.rows] / array.rows)
    return rows * np.ceil(sizes[flow.cols] / array.cols) * op.groups * streamed(array, sizes[flow.streams])
