"""Cycles of an op on a microNPU: MACs, output stage and memories overlap, the slowest rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.units.micronpu.blocks.choice import Blocks, choose_blocks, clipped
from accel_models.units.micronpu.blocks.mac import mac_cycles, micro_counts
from accel_models.units.micronpu.blocks.traversal import flat_micro_sizes
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.memory.transfers import (
    BRICK,
    SCALE_BYTES,
    MapBytes,
    block_cycles,
    moved_bytes,
)
from accel_models.units.micronpu.memory.weights import encoded_bytes
from accel_models.units.micronpu.settings import SeparateRams, SharedBanks
from accel_models.units.micronpu.work import Engine, NpuWork, rounded, up
from traces import Bools, Floats, Ints

_ISSUE = 4  # blocks that a command keeps in flight
_SCALE_WORD = 256  # latencies that reading scales is spread over


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpCycles:
    """What ``n`` ops take on the NPU, weights at hand; arrays of shape (n,)."""

    blocks: Blocks
    engine: Floats  # MACs and output stage [cycles]
    moved: MapBytes  # feature maps
    weights: Ints  # encoded, once [B]
    scales: Ints  # once [B]
    plane_blocks: Ints  # times that weights and scales are read


def op_cycles(work: NpuWork, machine: MicroNpu, staged: Bools | bool = True) -> OpCycles:
    """Return the cycles and bytes of each op.

    Parameters
    ----------
    work
        The ops.
    machine
        The NPU.
    staged
        Whether weights are read from the SRAM that the DMA brought them to, not from off the chip.
    """
    blocks = choose_blocks(work, machine)
    cut = clipped(work, blocks)
    return OpCycles(
        blocks=blocks,
        engine=engine_cycles(work, blocks, cut, machine, staged),
        moved=moved_bytes(work, blocks, cut, machine),
        weights=encoded_bytes(work, blocks, machine),
        scales=_scale_bytes(work, machine),
        plane_blocks=up(work.out_height, cut.out_height) * up(work.out_width, cut.out_width),
    )


def _scale_bytes(work: NpuWork, machine: MicroNpu) -> Ints:
    """Bytes of each op's scales and biases; a U85 stores them for whole bricks."""
    channels = (
        work.out_channels if isinstance(machine.buffers, SharedBanks) else rounded(work.out_channels, BRICK)
    )
    return np.where(work.has_weights, SCALE_BYTES * channels, 0)


def engine_cycles(
    work: NpuWork, blocks: Blocks, cut: Blocks, machine: MicroNpu, staged: Bools | bool
) -> Floats:
    """Return the cycles of MACs, output stage and elementwise engine, shape (n,)."""
    read, write = block_cycles(work, blocks, cut, machine)
    summed = _summing_cycles(work, cut, machine, (read, write), staged)
    per_block = blocks.out_height * blocks.out_width * blocks.out_channels
    each = _elementwise_cycles(work, machine, per_block, np.maximum(read, write))
    return np.where(work.engine == Engine.ELEMENTWISE, each, summed)


def _summing_cycles(
    work: NpuWork, cut: Blocks, machine: MicroNpu, io: tuple[Floats, Floats], staged: Bools | bool
) -> Floats:
    """Cycles of convolutions and pools: the slower of MACs and output stage, the other once, the first and last block.

    Blocks are counted in micro-blocks, so one that is cut off costs its part.
    """
    read, write = io
    plane, deep = micro_counts(work, cut, machine)
    height, width, channels = flat_micro_sizes(work, cut.micro, machine)
    whole = up(work.out_height, height) * up(work.out_width, width) * up(work.out_channels, channels)
    count = whole / (plane * deep)
    macs = mac_cycles(work, cut, machine)
    out = output_cycles(work, cut, machine, staged)
    issue = (np.where(count > 1, np.abs(write - read), 0) + macs + out) / _ISSUE
    macs, out = np.maximum(macs, issue), np.maximum(out, issue)
    total = np.where(macs > out, np.floor(macs * count) + np.floor(out), np.floor(out * count + macs))
    return np.asarray(np.floor(total) + read + write)


def output_cycles(work: NpuWork, cut: Blocks, machine: MicroNpu, staged: Bools | bool) -> Floats:
    """Cycles of the output stage on one block, never less than reading its scales takes."""
    elements = np.ceil(work.element_cycles * cut.out_height * cut.out_width * cut.out_channels)
    latency = np.where(staged, machine.sram.read_latency_cycles, machine.offchip.read_latency_cycles)
    scales = SCALE_BYTES * cut.out_channels * latency / _SCALE_WORD
    return np.where(work.has_weights, np.maximum(elements, scales), elements)


def _elementwise_cycles(work: NpuWork, machine: MicroNpu, per_block: Ints, block_io: Floats) -> Floats:
    """Cycles of the elementwise engine: its output stage, or issuing blocks, which a U85 does not wait for."""
    channels = np.where(work.out_bricks, rounded(work.out_channels, BRICK), work.out_channels)
    elements = work.out_height * work.out_width * channels
    if isinstance(machine.buffers, SeparateRams):
        return np.ceil(work.element_cycles * elements)
    issue = np.ceil((block_io / per_block + work.element_cycles) / _ISSUE * elements)
    return np.maximum(np.ceil(work.element_cycles * elements), issue)
