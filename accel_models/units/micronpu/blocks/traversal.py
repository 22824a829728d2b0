"""How a convolution walks its sums, and which micro-block finishes together."""

from __future__ import annotations

import numpy as np

from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.settings import BlockSizes, SharedBanks
from accel_models.units.micronpu.work import Engine, NpuWork, rounded
from traces import Bools, Ints

_GROUP = 8  # input channels that meet a part of the kernel at a time
_PART_DEPTH = 16  # input channels of a block taken by kernel


def part_kernel(work: NpuWork, machine: MicroNpu) -> Bools:
    """Whether a convolution takes taps of the kernel side by side: where that leaves fewer MACs idle."""
    channels, taps = work.in_channels, work.taps
    if isinstance(machine.buffers, SharedBanks):
        by_depth = channels / rounded(channels, 32)
        by_kernel = channels / rounded(channels, _GROUP) * (taps / rounded(taps, 4))
        chosen = (channels <= _GROUP) | (by_kernel >= by_depth)
    else:
        padded = taps // 5 * 5 + np.maximum(taps % 5, 2)
        by_depth = channels / rounded(channels, 64)
        chosen = channels / rounded(channels, 16) * (taps / padded) >= by_depth
    return np.asarray((work.engine == Engine.CONV) & chosen)


def input_block_depth(work: NpuWork, by_kernel: Bools, machine: MicroNpu) -> Ints:
    """Input channels of a block; ops that keep depth take that of the output block instead, here 0."""
    whole = machine.depth_first_channels
    if isinstance(machine.buffers, SharedBanks):
        most = np.where(by_kernel, _PART_DEPTH, whole)
        depth = rounded(np.minimum(work.in_channels, most), _GROUP)
    else:
        depth = np.where(by_kernel, _PART_DEPTH, np.where(work.in_bits == 32, 32, whole))
    found: Ints = np.where(work.keeps_depth, 0, depth)
    return found


def micro_block(work: NpuWork, machine: MicroNpu) -> Ints:
    """Return for each op the micro-block, among those of its engine, that rounding wastes least on."""
    waste = np.stack([_waste(work, each) for each in machine.npu.micro_blocks])
    pool = np.stack([_waste(work, each) for each in machine.pool_micro_blocks])
    pooled = (work.engine == Engine.DEPTHWISE) | (work.engine == Engine.POOL)
    found: Ints = np.where(pooled, np.argmin(pool, axis=0), np.argmin(waste, axis=0)).astype(np.int64)
    return found


def _waste(work: NpuWork, block: BlockSizes) -> Ints:
    height, width, channels = block
    whole = rounded(work.out_height, height) * rounded(work.out_width, width)
    return whole * rounded(work.out_channels, channels)


def micro_sizes(work: NpuWork, micro: Ints, machine: MicroNpu) -> tuple[Ints, Ints, Ints]:
    """Return height, width and channels of each op's micro-block."""
    pooled = (work.engine == Engine.DEPTHWISE) | (work.engine == Engine.POOL)
    sizes, pools = np.array(machine.npu.micro_blocks), np.array(machine.pool_micro_blocks)
    picked = np.where(
        pooled[:, None], pools[np.minimum(micro, len(pools) - 1)], sizes[np.minimum(micro, len(sizes) - 1)]
    )
    return picked[:, 0], picked[:, 1], picked[:, 2]


def flat_micro_sizes(work: NpuWork, micro: Ints, machine: MicroNpu) -> tuple[Ints, Ints, Ints]:
    """Return the sizes as the MACs use them: lines of even width take a 2 x 2 micro-block as 1 x 4."""
    height, width, channels = micro_sizes(work, micro, machine)
    line = (work.engine == Engine.CONV) & (work.out_height == 1) & (work.kernel_height == 1)
    line &= (height == 2) & (work.out_width % 2 == 0) & isinstance(machine.buffers, SharedBanks)
    return np.where(line, 1, height), np.where(line, 4, width), channels
