"""Cycles in which the MACs work on one block, operands at hand."""

from __future__ import annotations

import numpy as np

from accel_models.units.micronpu.blocks.choice import Blocks
from accel_models.units.micronpu.blocks.traversal import flat_micro_sizes
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.settings import SharedBanks
from accel_models.units.micronpu.work import LARGEST_WINDOW, Engine, NpuWork, up
from traces import Floats, Ints

_STEP = 4  # cycles of a micro-block per step
_GROUP = 8  # input channels of a step by kernel
_PADDED_CHANNELS = 2  # of four that lie together
_TAPS = 4  # taps that meet in a step by kernel, or in a depthwise layer, at 8 bits


def micro_counts(work: NpuWork, cut: Blocks, machine: MicroNpu) -> tuple[Ints, Ints]:
    """Return the micro-blocks of a block, cut to the tensor: in the plane, and in depth."""
    height, width, channels = flat_micro_sizes(work, cut.micro, machine)
    plane = up(cut.out_height, height) * up(cut.out_width, width)
    return plane, up(cut.out_channels, channels)


def mac_cycles(work: NpuWork, cut: Blocks, machine: MicroNpu) -> Floats:
    """Return the cycles of the MACs on one block, shape (n,).

    ::

        depth first   max(wb, 4 p) taps d         x ceil(C_in / 32)
        by kernel     max(wb, 4 p) ceil(taps / 4) d ceil(c / 8) x ceil(C_in / c)
        depthwise     max(wb, 4 p) ceil(taps / 4) d
        pool          max(4, taps) p d, four times that at 8 bits but on the smallest

    with p micro-blocks in the plane and d in depth, c channels of the input block, and wb = 32 weights a cycle
    that the decoder brings at best.  Kernels of more than 8 taps a side run window by window.  A block of one
    micro-block in its plane waits for itself between steps.

    Parameters
    ----------
    work, cut
        The ops, and their blocks cut to the tensors.
    machine
        The NPU.
    """
    plane, deep = micro_counts(work, cut, machine)
    total = np.zeros(len(work), np.float64)
    for height, rows in _windows(work.kernel_height):
        for width, columns in _windows(work.kernel_width):
            taps = height * width
            each = _window_cycles(work, cut, machine, np.maximum(taps, 1), (plane, deep))
            total += np.where(taps > 0, each * rows * columns, 0)
    slices = up(work.in_channels, np.maximum(cut.in_channels, 1))
    summed = (work.engine == Engine.CONV) | (work.engine == Engine.REDUCE)
    return np.floor(np.where(summed, total * slices, total) / machine.npu.engines)


def _windows(side: Ints) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Cut the kernel's side into windows of 8 taps and what is left; return the taps of each kind, and how many."""
    whole, rest = np.divmod(side, LARGEST_WINDOW)
    return (np.full_like(side, LARGEST_WINDOW), whole), (rest, np.ones_like(side))


def _window_cycles(
    work: NpuWork, cut: Blocks, machine: MicroNpu, taps: Ints, counts: tuple[Ints, Ints]
) -> Ints:
    plane, deep = counts
    groups = up(cut.in_channels, _GROUP)
    _, _, unit = flat_micro_sizes(work, cut.micro, machine)
    decoder = 32 * unit // (8 * _decoders(machine))
    step = np.maximum(decoder, _STEP * plane)
    divider = np.where(work.in_bits == 16, 2, _TAPS)
    by_depth = _depth_first_step(work, cut, machine, step, decoder, plane) * taps * deep
    by_kernel = step * up(taps, divider) * deep * groups
    bytes_each = work.in_bits // 8
    halved = _sparse(work, machine)
    depthwise = np.maximum(decoder, _STEP * plane * bytes_each) * up(taps, _TAPS) * deep
    pool = np.maximum(_STEP, taps) * plane * deep * _pool_steps(work, machine)
    by_kernel_now = (work.engine == Engine.CONV) & cut.part_kernel
    cycles = np.select(
        [work.engine == Engine.POOL, work.engine == Engine.DEPTHWISE, by_kernel_now],
        [pool, depthwise, by_kernel // halved],
        by_depth // halved,
    )
    steps = np.select(
        [work.engine == Engine.POOL, work.engine == Engine.DEPTHWISE, by_kernel_now],
        [1, up(taps, _TAPS), up(taps, divider)],
        taps,
    )
    delay = _delay(steps, plane, deep, machine.npu.restart_delay_cycles)
    return np.asarray(cycles + np.where(by_kernel_now, delay * groups, delay))


def _depth_first_step(  # noqa: PLR0913, PLR0917  # what a step depends on
    work: NpuWork, cut: Blocks, machine: MicroNpu, step: Ints, decoder: Ints, plane: Ints
) -> Ints:
    if isinstance(machine.buffers, SharedBanks):
        return step
    return np.asarray(np.maximum(decoder, cut.in_channels // _GROUP * plane) * (work.in_bits // 8))


def _sparse(work: NpuWork, machine: MicroNpu) -> Ints:
    """2 where a U85 skips half of the products: padding makes every second weight of two channels or fewer zero."""
    if isinstance(machine.buffers, SharedBanks):
        return np.ones(len(work), np.int64)
    return np.where((work.engine == Engine.CONV) & (work.in_channels <= _PADDED_CHANNELS), 2, 1)


def _decoders(machine: MicroNpu) -> int:
    """Weight decoders that share a block; a U65's two engines take a block each."""
    return 1 if isinstance(machine.buffers, SharedBanks) else machine.npu.engines


def _pool_steps(work: NpuWork, machine: MicroNpu) -> Ints:
    """Return the steps of a pool per tap: one on the smallest, else half the bits of an element."""
    if machine.npu.pool_cycles_per_tap == 1:
        return np.ones(len(work), np.int64)
    return work.in_bits * machine.npu.pool_cycles_per_tap // 8


def _delay(steps: Ints, plane: Ints, deep: Ints, delay: int) -> Ints:
    """Cycles that a lone micro-block waits for its own sums between kernel steps."""
    lone = np.where(deep == 1, delay * steps, delay * (steps - 1) * deep)
    return np.asarray(np.where(plane == 1, lone, 0))
