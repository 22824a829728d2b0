"""Which block of the output a microNPU works on at a time: the one that moves the fewest bytes and fits.

For every block the input block is what it reads, rounded up to micro-blocks; both, double-buffered, must fit the
block buffers.  The block follows *bytes*, not cycles, which is why fewer channels may be slower::

    cost = (input fetched + weights fetched) / output elements
    input fetched   = plane of the input block x C_in x (H / h) (W / w) x ceil(C_out / d)
    weights fetched = taps x C_in x C_out x ceil(H / h) ceil(W / w)

halved if twice the input block holds the whole input.  C_in cancels but for that, so ops that differ in C_in alone
share one search.  Source: ``FindBlockConfig`` of ``ethosu55`` and ``ethosu85``, Vela 5.2.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from accel_models.units.micronpu.blocks.candidates import SPLIT_DEPTH, Candidates, candidates_of, is_flat
from accel_models.units.micronpu.blocks.traversal import input_block_depth, micro_block, part_kernel
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.settings import SharedBanks
from accel_models.units.micronpu.work import LARGEST_WINDOW, Engine, NpuWork, rounded
from traces import Bools, Ints

_AT_ONCE = 2_000_000  # costs held in memory together
_STREAM_BITS = 1024  # of a row of an elementwise block


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """The blocks of ``n`` ops, shape (n,) each, not cut to the tensors."""

    out_height: Ints
    out_width: Ints
    out_channels: Ints
    in_height: Ints
    in_width: Ints
    in_channels: Ints
    micro: Ints  # index of the micro-block among those of its engine
    part_kernel: Bools  # taps of the kernel side by side instead of channel by channel


def choose_blocks(work: NpuWork, machine: MicroNpu) -> Blocks:
    """Return the block of each op."""
    by_kernel = part_kernel(work, machine)
    depth = input_block_depth(work, by_kernel, machine)
    micro = micro_block(work, machine)
    keys = _keys(work, by_kernel, depth, micro, machine)
    geometry, _ = _numbered(keys[:-2])
    distinct, first = _numbered([geometry, *keys[-2:]])
    found = np.zeros((5, len(first)), np.int64)  # height, width, channels of the block; plane of its input
    order = np.argsort(geometry[first], kind="stable")
    for rows in _runs(geometry[first][order], order):
        one = int(first[rows[0]])
        found[:, rows] = _search(work, one, first[rows], int(depth[one]), int(micro[one]), keys[-2], machine)
    height, width, channels, in_height, in_width = _streamed(work, found[:, distinct], machine)
    return Blocks(
        out_height=height,
        out_width=width,
        out_channels=channels,
        in_height=in_height,
        in_width=in_width,
        in_channels=np.where(work.keeps_depth, channels, depth),
        micro=micro,
        part_kernel=by_kernel,
    )


def _streamed(work: NpuWork, found: Ints, machine: MicroNpu) -> Ints:
    """Return the blocks, shape (5, n), those of a U85's elementwise ops as large as its input buffer lets them be.

    Whole rows (a power of two), whole columns, as deep as fits (a power of two), then wider still, up to 128 bytes; a
    quarter of the buffer where the second operand is spread over the first.  Source: rows of elementwise ops on
    ``ethos-u85-256`` in ``vela_ops.csv``, all eleven shapes of which follow.
    """
    if isinstance(machine.buffers, SharedBanks):
        return found
    rows = np.flatnonzero(work.engine == Engine.ELEMENTWISE)
    if not len(rows):
        return found
    op = work.take(rows)
    spread = (op.second > 0) & (op.second < op.in_height * op.in_width * op.in_channels)
    room = machine.buffers.inputs * 8 // op.in_bits // np.where(spread, 4, 1)
    widest = _STREAM_BITS // op.in_bits
    wide = np.minimum(_power(op.out_width), widest)
    tall = np.clip(room // (wide * SPLIT_DEPTH), 1, op.out_height)
    deep = np.clip(
        _power(room // (wide * tall), up=False), SPLIT_DEPTH, rounded(op.out_channels, SPLIT_DEPTH)
    )
    wide = np.clip(_power(room // (tall * deep), up=False), wide, np.maximum(widest, wide))
    blocks = found.copy()
    blocks[:, rows] = np.stack([tall, wide, deep, tall, wide])
    return blocks


def _power(values: Ints, *, up: bool = True) -> Ints:
    """Return the nearest power of two, at least the values or at most."""
    exponent = np.log2(np.maximum(values, 1))
    return np.asarray(1 << (np.ceil(exponent) if up else np.floor(exponent)).astype(np.int64))


def _keys(work: NpuWork, by_kernel: Bools, depth: Ints, micro: Ints, machine: MicroNpu) -> list[Ints]:
    """Return what the search reads: the geometry, then from which plane on the whole input fits, then C_out."""
    twice = 2 * np.where(work.keeps_depth, 1, depth)
    whole = work.in_height * work.in_width * work.in_channels // twice
    bound = np.minimum(whole, _room(machine) // np.where(work.keeps_depth, 1, depth) + 1)
    flat = (work.in_height == work.reach_height) & (work.in_width == work.reach_width)
    return [
        work.engine,
        work.out_height,
        work.out_width,
        work.stride_height,
        work.stride_width,
        np.minimum(work.reach_height, LARGEST_WINDOW),
        np.minimum(work.reach_width, LARGEST_WINDOW),
        work.kernel_height,
        work.kernel_width,
        work.in_bits,
        np.minimum(work.second, 2),
        depth,
        micro,
        by_kernel.astype(np.int64) * 2 + flat,
        np.where(work.keeps_depth, work.in_channels, 0),
        np.where(work.keeps_depth, work.in_height * (1 << 32) + work.in_width, 0),
        bound,
        work.out_channels,
    ]


def _room(machine: MicroNpu) -> int:
    """Return a bound on the elements of any input block that fits."""
    return (
        machine.buffers.count * 1024 if isinstance(machine.buffers, SharedBanks) else machine.buffers.inputs
    )


def _numbered(columns: list[Ints]) -> tuple[Ints, Ints]:
    """Return a number for each distinct row, and the first row of each number."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        if len(values) > 1:
            _, code = np.unique(code * len(values) + place, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return code.astype(np.int64), first.astype(np.int64)


def _runs(sorted_keys: Ints, order: Ints) -> Iterator[Ints]:
    """Yield the members of each run of equal keys."""
    edges = np.flatnonzero(np.diff(sorted_keys)) + 1
    yield from np.split(order, edges)


def _search(  # noqa: PLR0913, PLR0917  # one geometry, and what differs within it
    work: NpuWork, one: int, rows: Ints, depth: int, micro: int, whole: Ints, machine: MicroNpu
) -> Ints:
    """Return blocks, shape (5, r), of ops alike but for their channels."""
    same = work.take(np.array([one]))
    options = candidates_of(same, depth, micro, machine, int(work.out_channels[rows].max()))
    step = max(1, _AT_ONCE // max(options.size, 1))
    parts = [
        _best(options, same, work.out_channels[rows[k : k + step]], whole[rows[k : k + step]])
        for k in range(0, len(rows), step)
    ]
    return np.concatenate(parts, axis=1)


def _best(options: Candidates, same: NpuWork, channels: Ints, whole: Ints) -> Ints:
    """Return the block of least cost for each count of output channels, shape (5, r)."""
    depths, fits = options.depths_for(channels)  # (r, j), (r, j, p)
    cost = options.cost(same, depths, channels)
    held = options.in_plane * (depths[:, :, None] if same.keeps_depth[0] else 1)
    cost = np.where(held > whole[:, None, None], cost / 2, cost)
    flat = np.where(fits, cost, np.float32(np.inf)).astype(np.float32).reshape(len(channels), -1)
    chosen = _with_ties(flat, options, same)
    j, p = chosen // len(options.heights), chosen % len(options.heights)
    picked = (
        options.heights[p],
        options.widths[p],
        depths[np.arange(len(channels)), j],
        options.in_heights[p],
        options.in_widths[p],
    )
    return np.stack(picked)


def _with_ties(
    cost: np.ndarray[tuple[int, ...], np.dtype[np.float32]], options: Candidates, same: NpuWork
) -> Ints:
    """Return the first block of least cost; a later one of at most 4 x 4 replaces it if it covers more input.

    Where the cost knows rows and depth alone (a U85's 1x1 passes), the last of equals is taken: as many rows as fit.
    """
    if options.by_area and is_flat(same):
        return np.asarray(cost.shape[1] - 1 - np.argmin(cost[:, ::-1], axis=1), np.int64)
    first = np.argmin(cost, axis=1)
    rows = np.arange(len(cost))
    small = np.tile(options.small, cost.shape[1] // len(options.small))
    equal = (cost == cost[rows, first][:, None]) & small & (np.arange(cost.shape[1]) > first[:, None])
    if not equal.any():
        return np.asarray(first, np.int64)
    covered = np.tile(options.covered(same), cost.shape[1] // len(options.small))
    score = np.where(equal, covered, -1)
    last = cost.shape[1] - 1 - np.argmax(score[:, ::-1], axis=1)
    found: Ints = np.where(equal.any(axis=1), last, first).astype(np.int64)
    return found


def clipped(work: NpuWork, blocks: Blocks) -> Blocks:
    """Return the blocks cut to the tensors: what a block really holds."""
    return replace(
        blocks,
        out_height=np.minimum(blocks.out_height, work.out_height),
        out_width=np.minimum(blocks.out_width, work.out_width),
        out_channels=np.minimum(blocks.out_channels, work.out_channels),
        in_height=np.minimum(blocks.in_height, work.in_height),
        in_width=np.minimum(blocks.in_width, work.in_width),
        in_channels=np.minimum(blocks.in_channels, work.in_channels),
    )
