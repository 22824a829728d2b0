"""Try every way of cutting every op, and keep the best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import TILE_AIMS
from accel_models.units.array.job import (
    ChannelCut,
    Job,
    OpsByKind,
    PixelCut,
    ReductionCut,
    Tiles,
    choose,
    numbered,
    stack,
)
from accel_models.units.array.machine import Demand, Prices, Transfers, total_cycles, weights_moved
from accel_models.units.array.tile_cost import (
    INPUTS,
    OUTPUTS,
    WEIGHTS,
    demand_of,
    fits,
    least_demand,
)
from accel_models.units.array.tiling import (
    ChannelSizes,
    PixelSizes,
    ReductionSizes,
    channel_cut,
    channel_sizes,
    part_levels,
    pixel_cut,
    pixel_sizes,
    reduction_cut,
    reduction_sizes,
)
from accel_models.work.rows import arrays_of, each_array
from traces import Bools, Floats, Ints

COMPUTE, BYTES = TILE_AIMS.index("compute"), TILE_AIMS.index("bytes")
_ROUNDED_DOWN = 1 - 1e-9  # a bound may be rounded otherwise than what it bounds
_TOGETHER = 4096  # tries looked at at a time, so that working arrays stay in cache
Cut = TypeVar("Cut", ChannelCut, ReductionCut)
CutLevels = NDArray[np.intp]  # (3, n): which cut of pixels, channels, reduction


@dataclass(frozen=True, eq=False)  # no slots: what follows is found out once
class Cuts:
    """Every cut of every axis, from the whole to the smallest."""

    sizes: tuple[PixelSizes, list[ChannelSizes], list[ReductionSizes]]
    pixels: PixelCut  # arrays of shape (levels, n)
    channels: list[ChannelCut]
    reduction: list[ReductionCut]
    parts: tuple[frozenset[int], frozenset[int]]  # levels of channels, of reduction that are parts of a fold

    @classmethod
    def of(cls, job: Job) -> Cuts:
        """Return all cuts of the job's ops."""
        op, array, memory = job.op, job.machine.array, job.machine.memory
        sizes = pixel_sizes(op), channel_sizes(op, array), reduction_sizes(op, array)
        pixels, channels, reduction = sizes
        return cls(
            sizes,
            pixel_cut(op, array, memory, pixels),
            [channel_cut(op, array, memory, each) for each in channels],
            [reduction_cut(op, array, memory, each) for each in reduction],
            part_levels(op, array, len(channels)),
        )

    @cached_property
    def stacked(self) -> tuple[ChannelCut, ReductionCut]:
        """All cuts of channels and of the reduction, arrays of shape (levels, n)."""
        return stack(self.channels), stack(self.reduction)

    @cached_property
    def others(self) -> list[tuple[int, int]]:
        """Levels of channels and reduction that go together, always in the same order."""
        found = []
        for c, channels in enumerate(self.channels):
            together = c > 0 and bool(np.max(channels.tile_groups) > 1)  # some of the groups at a time
            found += [(c, r) for r in range(1 if together else len(self.reduction))]
        return found

    def at(self, levels: CutLevels, kind: NDArray[np.intp]) -> Tiles:
        """Return the cuts at the ``levels`` of ops of these kinds."""
        return Tiles(
            choose(self.pixels, levels[0], kind),
            choose(self.stacked[0], levels[1], kind),
            choose(self.stacked[1], levels[2], kind),
        )

    def twice(self, c: int, r: int) -> tuple[int, int] | None:
        """Return the levels with a tile twice as large, if one of these is a part of a fold."""
        if c in self.parts[0]:
            return c - 1, r
        return (c, r - 1) if r in self.parts[1] else None

    @property
    def smallest(self) -> Tiles:
        """The cuts that need the least room."""
        kinds = np.arange(self.pixels.tiles.shape[1])
        last = np.full_like(kinds, -1)
        return self.at(np.stack([last, last, last]), kinds)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The best cuts and loop order of each op."""

    levels: CutLevels
    kept: Ints  # index into KEPT
    feasible: Bools  # false: nothing fits, levels and kept are 0
    keys: Floats  # (2, n): what was minimised, and what decided among equals


def search(ops: OpsByKind, ways: Cuts, prices: Prices | None) -> Chosen:
    """Choose for what each op aims at, or for energy if there are ``prices``; the first of equals wins.

    What cuts of channels and reduction in a loop order cost at least is what they would at the best of all pixel cuts
    at once.  The lowest of these bounds is looked at first, then all that are not above what it found.
    """
    tries = _Tries.of(ops, ways)
    found = _Found((len(tries.kept), len(ops)))
    if found.level.size <= _TOGETHER:
        tries.look_at(tries.able[:, ops.kind], found, ways, prices)
    else:
        bounds = tries.bounds(ways, prices)
        first = np.zeros(bounds.shape, np.bool_)
        first[bounds.argmin(axis=0), np.arange(bounds.shape[1])] = True
        tries.look_at(first & np.isfinite(bounds), found, ways, prices)
        left = (bounds * _ROUNDED_DOWN <= found.keys[0].min(axis=0)) & np.isfinite(bounds) & ~first
        tries.look_at(left, found, ways, prices)
    least = found.keys[0].min(axis=0)
    second = np.where(found.keys[0] == least, found.keys[1], np.inf)
    best, each = second.argmin(axis=0), np.arange(len(least))
    feasible = np.isfinite(least)
    levels = np.stack([found.level[best, each], tries.channels[best], tries.reduction[best]])
    return Chosen(
        np.where(feasible, levels, 0).astype(np.intp),
        np.where(feasible, tries.kept[best], 0),
        feasible,
        np.stack([least, second[best, each]]),
    )


class _Found:
    """What was minimised, and what decided among equals, at the best pixel cut of each try of each op."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.keys = np.full((2, *shape), np.inf)  # (2, tries, n); infinite where nobody has looked
        self.level = np.zeros(shape, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class _Tries:
    """Cuts of channels and reduction, each in every loop order it allows, for every kind of op."""

    ops: OpsByKind
    channels: NDArray[np.intp]  # (tries,), level of the cut
    reduction: NDArray[np.intp]
    kept: NDArray[np.intp]  # index into KEPT
    able: Bools  # (tries, kinds): called for, and not the same cuts as those before

    @classmethod
    def of(cls, ops: OpsByKind, ways: Cuts) -> _Tries:
        """Return all tries."""
        orders: list[tuple[int, int]] = []  # place in ``Cuts.others``, and the loop order
        for k, (_, r) in enumerate(ways.others):
            orders += [(k, INPUTS), (k, WEIGHTS)] if r == 0 else [(k, OUTPUTS)]
        places, kept = np.array(orders).T
        c, r = np.array(ways.others).T
        able = _new(ways.stacked[0])[c] & _new(ways.stacked[1])[r] & _called_for(ops.kinds, ways)
        return cls(ops, c[places], r[places], kept, able[places])

    def bounds(self, ways: Cuts, prices: Prices | None) -> Floats:
        """Return what each try costs each op at least, infinite where nothing fits, shape (tries, n)."""
        kinds, kind = self.ops.kinds, self.ops.kind
        tiles = Tiles(
            each_array(ways.pixels, lambda array: array.min(axis=0)),
            each_array(ways.stacked[0], lambda array: array[self.channels]),
            each_array(ways.stacked[1], lambda array: array[self.reduction]),
        )
        demand = least_demand(kinds, tiles, self.kept[:, None]).take(kind)
        found, _ = _keys(self.ops.transfers, demand, prices)
        able = self.able if kinds.has_bands else self.able & fits(kinds, tiles)  # bands need many tiles
        found[~able[:, kind]] = np.inf
        return found

    def look_at(self, asked: Bools, found: _Found, ways: Cuts, prices: Prices | None) -> None:
        """Find the best pixel cut of what is asked for, shape (tries, n)."""
        tries, ops = np.nonzero(asked)
        for at in range(0, len(tries), _TOGETHER):
            m, some = tries[at : at + _TOGETHER], ops[at : at + _TOGETHER]
            demand, fit = self._demanded(m, some, ways)
            keys = _keys(self.ops.transfers.take(some), demand, prices)
            found.keys[:, m, some], found.level[m, some] = _best_pixels(fit, *keys)

    def _demanded(self, tries: NDArray[np.intp], ops: NDArray[np.intp], ways: Cuts) -> tuple[Demand, Bools]:
        """Return what ops demand in these tries, at every pixel cut, and whether that fits; both ascend."""
        count = len(self.ops.kinds.works)
        pairs, pair = numbered(tries * count + self.ops.kind[ops])
        m, kinds = np.divmod(pairs, count)
        job = self.ops.kinds.take(kinds)
        tiles = Tiles(
            _of_kinds(ways.pixels, kinds),
            _picked(ways.stacked[0], self.channels[m], kinds),
            _picked(ways.stacked[1], self.reduction[m], kinds),
        )
        demand, fit = demand_of(job, tiles, self.kept[m]), fits(job, tiles)
        return (demand, fit) if len(pairs) == len(ops) else (demand.take(pair), fit.take(pair, axis=-1))


def _of_kinds(cuts: PixelCut, kinds: NDArray[np.intp]) -> PixelCut:
    """Return the cuts of some kinds of ops."""
    return each_array(cuts, lambda array: array.take(kinds, axis=1))


def _picked(cuts: Cut, levels: NDArray[np.intp], kinds: NDArray[np.intp]) -> Cut:
    """Return the cut at each of these levels of each of these kinds of ops."""
    at = levels * cuts.tiles.shape[1] + kinds
    return each_array(cuts, lambda array: array.ravel().take(at))


def _new(cuts: ChannelCut | ReductionCut) -> Bools:
    """Return which cuts are not those of the level before, shape (levels, n): small ops have fewer than large ones."""
    changed = [array[1:] != array[:-1] for array in arrays_of(cuts).values()]
    first = np.ones((1, changed[0].shape[1]), np.bool_)
    return np.concatenate([first, np.logical_or.reduce(changed)])


def _called_for(job: Job, ways: Cuts) -> Bools:
    """Return which cuts of channels and reduction are called for, shape (others, n).

    Choice: parts of a fold are tried where whole ones fit no tile that streams four times as long as the array is
    high, which hides the loading of weights, nor the op's pixels as they are.
    """
    called = np.ones((len(ways.others), len(job.op.m)), np.bool_)
    larger = {k: twice for k, levels in enumerate(ways.others) if (twice := ways.twice(*levels))}
    roomy = ways.pixels.tile_pixels >= np.minimum(4.0 * job.machine.array.rows, job.op.m)
    enough: dict[tuple[int, int], Bools] = {}  # whether so large tiles fit and are roomy, or larger ones are
    for k, levels in enumerate(ways.others):
        if k in larger:
            called[k] = ~enough[larger[k]]
        if levels in larger.values():
            tiles = Tiles(ways.pixels, ways.channels[levels[0]], ways.reduction[levels[1]])
            enough[levels] = (fits(job, tiles) & roomy).any(axis=0) | ~called[k]
    return called


def _best_pixels(ok: Bools, first: Floats, second: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the least keys over the levels of pixel cuts, shape ``(2, n)``, and the level that has them."""
    first = np.where(ok, first, np.inf) if not ok.all() else first
    least = first.min(axis=0)
    second = np.where(first == least, second, np.inf)
    level = second.argmin(axis=0)
    return np.stack([least, second[level, np.arange(len(level))]]), level


def _keys(transfers: Transfers, demand: Demand, prices: Prices | None) -> tuple[Floats, Floats]:
    """Return what to minimise, and what decides among equals."""
    weights = weights_moved(transfers, demand)
    moved_bytes = demand.input_bytes + weights + demand.output_bytes
    total = total_cycles(transfers, demand)
    if prices is None:
        first, second = total, moved_bytes
        if transfers.aims_at(BYTES):
            fewest = transfers.aim == BYTES
            first, second = np.where(fewest, second, first), np.where(fewest, first, second)
        if transfers.aims_at(COMPUTE):
            first = np.where(transfers.aim == COMPUTE, demand.array, first)
        return first, second
    far, near = prices.dram_pj_per_byte, prices.near_pj_per_byte
    outside = (
        demand.input_bytes * np.where(transfers.inputs_behind, near, far)
        + weights * np.where(transfers.weights_behind, near, far)
        + demand.output_bytes * np.where(transfers.output_behind, near, far)
    )
    filled = moved_bytes + demand.weight_reads * transfers.weight_bytes  # what comes in goes into a buffer
    return outside + filled * prices.buffer_pj_per_byte, total
