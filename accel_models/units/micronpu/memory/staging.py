"""Whether the DMA brings an op's weights into the SRAM ahead, in how many slices, and what the op before hides.

Vela's scheduler tries to cut weights into slices of output channels: the first is fetched while the op before works
on its last slice, the others while the op works on the slice before.  It keeps the cut where it looks no slower than
reading weights from off the chip, block of the plane by block.  Source: ``scheduler.cpp``, Vela 5.2.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accel_models.units.micronpu.blocks.candidates import SPLIT_DEPTH
from accel_models.units.micronpu.blocks.choice import Blocks, clipped
from accel_models.units.micronpu.cycles import OpCycles, engine_cycles
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.memory.transfers import copy_cycles, ends, weight_read_cycles
from accel_models.units.micronpu.work import NpuWork, rounded, up
from traces import Bools, Floats, Ints

_ALIGN = 16  # bytes, of scales in memory
_STARTUP_CYCLES = 1000  # that the first op of a network may wait for its first slice
_LEAST_USED = 0.3  # of a block's depth by a slice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Staging:
    """How the weights of ``n`` ops come in; arrays of shape (n,)."""

    staged: Bools  # through the SRAM, not read from off the chip
    total_bytes: Ints  # weights and scales, once [B]
    first_bytes: Floats  # of the first slice
    full_cycles: Floats  # to copy all
    last_slice_cycles: Floats  # the engine's, which hide the first slice of the op behind
    engine: Floats  # cycles of the engine reading weights from where they are

    def moved_in(self, inside: Bools, engine: Floats) -> Staging:
        """Return the same with some ops' weights in the SRAM for good; ``engine`` are its cycles then."""
        return replace(self, staged=self.staged | inside, engine=np.where(inside, engine, self.engine))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slices:
    first: Ints  # channels
    others: Ints  # channels of each slice but the first and last; 0 where there is one slice
    count: Ints

    def last(self, channels: Ints) -> Ints:
        """Channels of the last slice."""
        rest = channels - self.first - np.maximum(self.count - 2, 0) * self.others
        return np.where(self.count > 1, rest, channels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reads:
    """Cycles that a choice weighs."""

    unmoved: Floats  # all weights, from off the chip, for every block of the plane
    staged: Floats  # ... from the SRAM
    full: Floats  # to copy all
    run: Floats  # the engine
    inputs: Floats
    slack: Floats  # of the op before


def stage_weights(work: NpuWork, cycles: OpCycles, machine: MicroNpu, slack: Floats, first: Bools) -> Staging:
    """Return how the weights of each op come in.

    Parameters
    ----------
    work, cycles
        The ops, and what they take with weights in the SRAM.
    machine
        The NPU.
    slack
        Cycles in which the op before leaves the DMA free, shape (n,).
    first
        Whether no op runs before, shape (n,).
    """
    total = cycles.weights + rounded(cycles.scales, _ALIGN)
    unstaged = engine_cycles(work, cycles.blocks, clipped(work, cycles.blocks), machine, staged=False)
    home = _at_home(work, machine)
    run = engine_cycles(home, cycles.blocks, clipped(home, cycles.blocks), machine, staged=False)
    reads = _reads(cycles, total, machine, home, run, slack)
    tried = _worth_trying(work, cycles, reads, first)
    slices = _cut(home, cycles, machine, reads, total)
    parts = _slice_cycles(home, cycles.blocks, machine, slices)
    kept = _keeps(cycles, reads, slices, parts, first, work)
    staged = work.has_weights & tried & kept & (total > 0) & ~_wasteful(cycles, reads, slices)
    share = slices.first / np.maximum(work.out_channels, 1)
    return Staging(
        staged=staged,
        total_bytes=np.where(work.has_weights, total, 0),
        first_bytes=np.where(staged, share * total, 0.0),
        full_cycles=np.where(staged, reads.full, 0.0),
        last_slice_cycles=np.where(staged, parts[2], run),
        engine=np.where(staged, cycles.engine, unstaged),
    )


def _at_home(work: NpuWork, machine: MicroNpu) -> NpuWork:
    """Return the ops with their tensors where they live before any is moved: the choice is made then."""
    offchip = np.full(len(work), machine.feature_maps_offchip)
    return replace(work, in_offchip=work.in_offchip | offchip, out_offchip=work.out_offchip | offchip)


def _reads(  # noqa: PLR0913, PLR0917  # what is weighed
    cycles: OpCycles, total: Ints, machine: MicroNpu, work: NpuWork, run: Floats, slack: Floats
) -> _Reads:
    source = ends(work.in_offchip, machine)
    return _Reads(
        unmoved=weight_read_cycles(total, machine.offchip, machine) * cycles.plane_blocks,
        staged=weight_read_cycles(total, machine.sram, machine) * cycles.plane_blocks,
        full=copy_cycles(total, machine),
        run=run,
        inputs=cycles.moved.read / source.bytes_per_cycle + source.read_latency_cycles,
        slack=slack,
    )


def _forced(cycles: OpCycles, reads: _Reads, smallest: Floats, first: Bools) -> Bools:
    """Whether the first op of a network tries to stage: its first slice comes soon enough."""
    soon = (smallest < reads.unmoved / 10) | (smallest <= _STARTUP_CYCLES)
    return np.asarray(first & (cycles.plane_blocks > 1) & soon)


def _smallest(work: NpuWork, reads: _Reads) -> Floats:
    """Cycles to copy a slice of 16 channels."""
    return np.floor(
        reads.full * np.minimum(work.out_channels, SPLIT_DEPTH) / np.maximum(work.out_channels, 1)
    )


def _worth_trying(work: NpuWork, cycles: OpCycles, reads: _Reads, first: Bools) -> Bools:
    smallest = _smallest(work, reads)
    hidden = reads.staged + np.maximum(reads.full - reads.slack, 0)
    many = work.out_channels // cycles.blocks.out_channels > 2
    ahead = ~first & (smallest < reads.slack) & (cycles.plane_blocks > 1)
    tried = _forced(cycles, reads, smallest, first) | (hidden < reads.unmoved) | many | ahead
    return np.asarray(tried & (reads.staged < reads.unmoved))


def _cut(work: NpuWork, cycles: OpCycles, machine: MicroNpu, reads: _Reads, total: Ints) -> _Slices:
    """Cut the output channels: first what the op before hides, then what the engine hides of each other."""
    channels = work.out_channels
    half = np.minimum(machine.stage_bytes / 2 / np.maximum(total, 1), 1.0)
    ratio = np.minimum(_first_share(channels, reads), half)
    pre = np.maximum(np.floor(channels * ratio).astype(np.int64) // SPLIT_DEPTH * SPLIT_DEPTH, SPLIT_DEPTH)
    single = (ratio >= 1.0) | (pre >= channels)
    pre = np.where(single, channels, pre)
    ahead = _part_cycles(work, cycles.blocks, machine, pre)
    block = cycles.blocks.out_channels
    beside = np.floor(channels * ahead / np.maximum(reads.full, 1))
    step = np.minimum(beside, channels).astype(np.int64)  # all there are, at most
    step = rounded(np.maximum(step, SPLIT_DEPTH), block)
    step = np.minimum(step, np.maximum(np.floor(half * channels).astype(np.int64), SPLIT_DEPTH))
    unit = np.where(step > block, block, SPLIT_DEPTH)
    step = np.maximum(step // unit * unit, SPLIT_DEPTH)
    count = np.where(single, 1, 1 + up(channels - pre, step))
    return _Slices(first=pre, others=np.where(single, 0, step), count=count)


def _first_share(channels: Ints, reads: _Reads) -> Floats:
    """Share of the channels whose weights the op before hides, at least 16 channels."""
    least = np.minimum(SPLIT_DEPTH / np.maximum(channels, 1), 1.0)
    share = np.minimum(reads.slack / np.maximum(reads.full, 1), 1.0)
    aligned = np.floor(share / least) * least
    share = np.where(1.0 - aligned < least / 2, 1.0, share)
    halved = rounded(channels // 2, SPLIT_DEPTH) / np.maximum(channels, 1)
    long = (reads.run > reads.unmoved) & (share > 0.5) & (share < 1.0)
    return np.maximum(np.where(long, np.clip(halved, 0.5, 1.0), share), least)


def _part_cycles(work: NpuWork, blocks: Blocks, machine: MicroNpu, channels: Ints) -> Floats:
    """Cycles of the engine on some of the output channels."""
    part = replace(work, out_channels=np.maximum(channels, 1))
    return engine_cycles(part, blocks, clipped(part, blocks), machine, staged=True)


def _slice_cycles(
    work: NpuWork, blocks: Blocks, machine: MicroNpu, slices: _Slices
) -> tuple[Floats, Floats, Floats]:
    """Cycles of the engine on the first, a middle, and the last slice."""
    first = _part_cycles(work, blocks, machine, slices.first)
    middle = _part_cycles(work, blocks, machine, np.where(slices.count > 2, slices.others, slices.first))
    return first, middle, _part_cycles(work, blocks, machine, slices.last(work.out_channels))


def _keeps(  # noqa: PLR0913, PLR0917  # both sides of the comparison
    cycles: OpCycles,
    reads: _Reads,
    slices: _Slices,
    parts: tuple[Floats, Floats, Floats],
    first: Bools,
    work: NpuWork,
) -> Bools:
    """Whether staging looks no slower than reading weights from off the chip."""
    forced = _forced(cycles, reads, _smallest(work, reads), first)
    seen = _seen_copies(
        work, reads, slices, parts, np.where(first, np.where(forced, _STARTUP_CYCLES, 0), reads.slack)
    )
    middles = np.maximum(slices.count - 2, 0)
    run = parts[0] + parts[1] * middles + np.where(slices.count > 1, parts[2], 0)
    run = np.where(slices.count > 1, run, reads.run)
    before = np.maximum(np.maximum(reads.run, reads.unmoved), reads.inputs)
    after = np.maximum(np.maximum(run + seen, reads.staged), reads.inputs)
    long = reads.run > reads.unmoved
    short_wait = long & (np.floor(seen / slices.count) < _STARTUP_CYCLES)
    after = after - np.where(short_wait, seen, 0)
    same = long & (slices.count > 1) & (run + seen == after) & forced
    after = after - np.where(same, slices.count * (_STARTUP_CYCLES // 2), 0)
    once = (cycles.plane_blocks == 1) & (reads.full + reads.staged > before)
    return np.asarray((before >= after) & ~once)


def _seen_copies(
    work: NpuWork, reads: _Reads, slices: _Slices, parts: tuple[Floats, Floats, Floats], slack: Floats
) -> Floats:
    """Cycles of copies that nothing hides."""
    share = 1.0 / np.maximum(work.out_channels, 1)
    copies = [
        reads.full * share * part for part in (slices.first, slices.others, slices.last(work.out_channels))
    ]
    seen = np.maximum(copies[0] - slack, 0)
    middles = np.maximum(slices.count - 2, 0)
    second = np.maximum(copies[1] - parts[0], 0) * (middles > 0)
    later = np.maximum(copies[1] - parts[1], 0) * np.maximum(middles - 1, 0)
    before_last = np.where(middles > 0, parts[1], parts[0])
    last = np.maximum(copies[2] - before_last, 0) * (slices.count > 1)
    return np.asarray(seen + second + later + last)


def _wasteful(cycles: OpCycles, reads: _Reads, slices: _Slices) -> Bools:
    """Whether slices would use too little of a block."""
    used = slices.others / np.maximum(rounded(slices.others, cycles.blocks.out_channels), 1)
    return np.asarray((slices.count > 2) & (used < _LEAST_USED) & (reads.run > reads.unmoved))
