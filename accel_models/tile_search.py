"""Try every way of cutting every op, and keep the best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models.shapes import Ints
from accel_models.tile_cost import (
    Bools,
    Ends,
    Job,
    Kept,
    Tiles,
    ends,
    fits,
    footprints,
    total_cycles,
    traffic,
)
from accel_models.tiling import (
    ChannelCut,
    Floats,
    PixelCut,
    ReductionCut,
    channel_cuts,
    choose,
    pixel_cuts,
    reduction_cuts,
)

KEPT: tuple[Kept, ...] = ("inputs", "weights", "outputs")
Levels = NDArray[np.intp]  # (3, n): which cut of pixels, channels, reduction


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Energy per byte moved, for choosing tiles by energy."""

    dram_pj_per_byte: float
    buffer_pj_per_byte: float


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Every cut of every axis."""

    pixels: list[PixelCut]
    channels: list[ChannelCut]
    reduction: list[ReductionCut]

    @classmethod
    def of(cls, job: Job) -> Ways:
        """Return all cuts of the job's ops."""
        return cls(
            pixel_cuts(job.op, job.array, job.memory),
            channel_cuts(job.op, job.array, job.memory),
            reduction_cuts(job.op, job.array, job.memory),
        )

    @property
    def smallest(self) -> Tiles:
        """The cuts that need the least room."""
        return Tiles(self.pixels[-1], self.channels[0], self.reduction[-1])

    def __iter__(self) -> Iterator[tuple[tuple[int, int, int], Tiles, tuple[Kept, ...]]]:
        """Yield the cuts' levels, the cuts and the loop orders they allow, always in the same order."""
        for p, pixels in enumerate(self.pixels):
            for c, channels in enumerate(self.channels):
                for r, reduction in enumerate(self.reduction):
                    kept: tuple[Kept, ...] = ("inputs", "weights") if r == 0 else ("outputs",)
                    yield (p, c, r), Tiles(pixels, channels, reduction), kept

    def at(self, levels: Levels) -> Tiles:
        """Return each op's cuts at its ``levels``."""
        return Tiles(
            choose(self.pixels, levels[0]),
            choose(self.channels, levels[1]),
            choose(self.reduction, levels[2]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The best cuts and loop order of each op."""

    levels: Levels
    kept: Ints  # index into KEPT
    feasible: Bools  # false: nothing fits, levels and kept are 0


def search(job: Job, ways: Ways, prices: Prices | None) -> Chosen:
    """Choose for latency, or for energy if there are ``prices``; the first of equals wins."""
    count = len(job.op.m)
    best = np.full((2, count), np.inf)
    levels = np.zeros((3, count), np.intp)
    chosen_kept = np.zeros(count, np.int64)
    for level, tiles, orders in ways:
        ok = fits(job, tiles)
        if not ok.any():
            continue
        end = ends(job, tiles)
        for kept in orders:
            keys = _keys(job, tiles, end, kept, prices)
            better = ok & ((keys[0] < best[0]) | ((keys[0] == best[0]) & (keys[1] < best[1])))
            if better.any():
                for row, key in zip(best, keys, strict=True):
                    np.copyto(row, key, where=better)
                levels[:, better] = np.array(level)[:, None]
                chosen_kept[better] = KEPT.index(kept)
    return Chosen(levels, chosen_kept, np.isfinite(best[0]))


def _keys(job: Job, tiles: Tiles, end: Ends, kept: Kept, prices: Prices | None) -> tuple[Floats, Floats]:
    """Return what to minimise, and what decides among equals."""
    moved = traffic(job, tiles, kept)
    moved_bytes = moved.input_bytes + moved.weight_bytes + moved.output_bytes
    total = total_cycles(job, tiles, end, moved)
    if prices is None:
        return total, moved_bytes
    reads = weight_loads(job, tiles) * job.op.weight_bytes
    both = prices.dram_pj_per_byte + prices.buffer_pj_per_byte  # a byte on the bus is also one in a buffer
    return moved_bytes * both + reads * prices.buffer_pj_per_byte, total


def weight_loads(job: Job, tiles: Tiles) -> Floats:
    """Return how often tiles make the weights pass from their buffer into the array."""
    return tiles.pixels.tiles if job.array.dataflow == "ws" else np.ones_like(job.op.m)


def shortfall(job: Job, ways: Ways) -> tuple[Ints, Ints, Ints]:
    """Return which buffer the smallest tiles overflow most, what they demand of it, and what it has [B]."""
    memory = job.memory
    demands = np.ceil(np.stack(footprints(job, ways.smallest))).astype(np.int64)
    bounds = np.array(
        [memory.activation_buffer_bytes, memory.weight_buffer_bytes, memory.accumulator_buffer_bytes],
        np.int64,
    )
    short = np.argmax(demands - bounds[:, None], axis=0)
    return short.astype(np.int64), demands[short, np.arange(len(short))], bounds[short]
