"""Try every way of cutting every op, keep the best, and tell what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import TILE_AIMS
from accel_models.units.array.job import ChannelCut, Job, PixelCut, ReductionCut, Tiles, choose, stack
from accel_models.units.array.ports import weight_loads
from accel_models.units.array.tile_cost import (
    Kept,
    OpEnds,
    TileTraffic,
    ends,
    fits,
    footprints,
    total_cycles,
    traffic,
)
from accel_models.units.array.tiling import channel_cuts, part_levels, pixel_cuts, reduction_cuts
from traces import Bools, Floats, Ints

KEPT: tuple[Kept, ...] = ("inputs", "weights", "outputs")
COMPUTE, BYTES = TILE_AIMS.index("compute"), TILE_AIMS.index("bytes")
CutLevels = NDArray[np.intp]  # (3, n): which cut of pixels, channels, reduction


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Energy per byte moved, for choosing tiles by energy."""

    dram_pj_per_byte: float
    buffer_pj_per_byte: float
    near_pj_per_byte: float = 0.0  # of the second level on the chip, read or written


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Every cut of every axis, from the whole to the smallest."""

    pixels: PixelCut  # arrays of shape (levels, n)
    channels: list[ChannelCut]
    reduction: list[ReductionCut]
    parts: tuple[frozenset[int], frozenset[int]]  # levels of channels, of reduction that are parts of a fold

    @classmethod
    def of(cls, job: Job) -> Cuts:
        """Return all cuts of the job's ops."""
        channels = channel_cuts(job.op, job.machine.array, job.machine.memory)
        return cls(
            pixel_cuts(job.op, job.machine.array, job.machine.memory),
            channels,
            reduction_cuts(job.op, job.machine.array, job.machine.memory),
            part_levels(job.op, job.machine.array, len(channels)),
        )

    def __iter__(self) -> Iterator[tuple[tuple[int, int], Tiles, tuple[Kept, ...]]]:
        """Yield the other axes' levels, the cuts and the loop orders they allow, always in the same order."""
        for c, channels in enumerate(self.channels):
            together = c > 0 and bool(np.max(channels.tile_groups) > 1)  # some of the groups at a time
            for r, reduction in enumerate(self.reduction[:1] if together else self.reduction):
                kept: tuple[Kept, ...] = ("inputs", "weights") if r == 0 else ("outputs",)
                yield (c, r), Tiles(self.pixels, channels, reduction), kept

    def at(self, levels: CutLevels) -> Tiles:
        """Return each op's cuts at its ``levels``."""
        return Tiles(
            choose(self.pixels, levels[0]),
            choose(stack(self.channels), levels[1]),
            choose(stack(self.reduction), levels[2]),
        )

    def twice(self, c: int, r: int) -> tuple[int, int] | None:
        """Return the levels with a tile twice as large, if one of these is a part of a fold."""
        if c in self.parts[0]:
            return c - 1, r
        return (c, r - 1) if r in self.parts[1] else None

    @property
    def smallest(self) -> Tiles:
        """The cuts that need the least room."""
        last = np.full(self.pixels.tiles.shape[1], -1, np.intp)
        return self.at(np.stack([last, last, last]))


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The best cuts and loop order of each op."""

    levels: CutLevels
    kept: Ints  # index into KEPT
    feasible: Bools  # false: nothing fits, levels and kept are 0
    keys: Floats  # (2, n): what was minimised, and what decided among equals


def search(job: Job, ways: Cuts, prices: Prices | None) -> Chosen:
    """Choose for what each op aims at, or for energy if there are ``prices``; the first of equals wins."""
    count = len(job.op.m)
    best = np.full((2, count), np.inf)
    levels = np.zeros((3, count), np.intp)
    chosen_kept = np.zeros(count, np.int64)
    # Choice: parts of a fold are tried where whole ones fit no tile that streams four times as long as the array is
    # high, which hides the loading of weights, nor the op's pixels as they are.
    roomy = ways.pixels.tile_pixels >= np.minimum(4.0 * job.machine.array.rows, job.op.m)
    fitting: dict[tuple[int, int] | None, Bools] = {}
    for other_levels, tiles, orders in ways:
        twice = ways.twice(*other_levels)
        cramped = np.True_ if twice is None else ~(fitting[twice] & roomy).any(axis=0)
        if not cramped.any():
            fitting[other_levels] = fitting[twice]
            continue
        fitting[other_levels] = fits(job, tiles)
        ok = fitting[other_levels] & cramped
        if not ok.any():
            continue
        end = ends(job, tiles)
        for kept in orders:
            keys, level = _best_pixels(ok, *_keys(job, tiles, end, kept, prices))
            better = (keys[0] < best[0]) | ((keys[0] == best[0]) & (keys[1] < best[1]))
            np.copyto(best, keys, where=better)
            found = np.stack([level, *(np.full_like(level, other) for other in other_levels)])
            np.copyto(levels, found, where=better)
            chosen_kept[better] = KEPT.index(kept)
    return Chosen(levels, chosen_kept, np.isfinite(best[0]), best)


def _best_pixels(ok: Bools, first: Floats, second: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the least keys over the levels of pixel cuts, shape ``(2, n)``, and the level that has them."""
    first = np.where(ok, first, np.inf) if not ok.all() else first
    least = first.min(axis=0)
    second = np.where(first == least, second, np.inf)
    level = second.argmin(axis=0)
    return np.stack([least, second[level, np.arange(len(level))]]), level


def _keys(job: Job, tiles: Tiles, end: OpEnds, kept: Kept, prices: Prices | None) -> tuple[Floats, Floats]:
    """Return what to minimise, and what decides among equals."""
    moved = traffic(job, tiles, kept)
    moved_bytes = moved.input_bytes + moved.weight_bytes + moved.output_bytes
    total = total_cycles(job, tiles, end, moved)
    if prices is None:
        first, second = total, moved_bytes
        if job.aims_at(BYTES):
            fewest = job.aim == BYTES
            first, second = np.where(fewest, second, first), np.where(fewest, first, second)
        if job.aims_at(COMPUTE):
            first = np.where(job.aim == COMPUTE, end.array, first)
        return first, second
    packed = job.op.k / job.op.stored_k  # groups side by side: words of the buffer are read once for each
    reads = weight_loads(job, tiles) * packed * job.op.weight_bytes
    outside = _outside_pj(job, moved, prices)
    return outside + (
        moved_bytes + reads
    ) * prices.buffer_pj_per_byte, total  # what comes in goes into a buffer


def _outside_pj(job: Job, moved: TileTraffic, prices: Prices) -> Floats:
    """Return the energy of bytes in DRAM, or in the second level before it [pJ]."""
    far, near = prices.dram_pj_per_byte, prices.near_pj_per_byte
    return (
        moved.input_bytes * np.where(job.inputs_behind, near, far)
        + moved.weight_bytes * np.where(job.weights_behind, near, far)
        + moved.output_bytes * np.where(job.output_behind, near, far)
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
