"""Bytes that a microNPU moves, bursts broken by the layout of tensors counted whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.units.micronpu.blocks.choice import Blocks
from accel_models.units.micronpu.machine import MicroNpu, Port
from accel_models.units.micronpu.settings import SeparateRams, SharedBanks
from accel_models.units.micronpu.work import Engine, NpuWork, rounded, up
from traces import Bools, Floats, Ints

BRICK = 16  # channels of a brick
_WRITE_RUN = 64  # bytes that one write of a pixel-by-pixel tensor brings together at most
SCALE_BYTES = 10  # of one output channel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemorySides:
    """The memory that each of ``n`` ops reads or writes, shape (n,)."""

    bytes_per_cycle: Floats
    read_latency_cycles: Floats
    write_latency_cycles: Floats
    burst_bytes: Ints


def ends(offchip: Bools, machine: MicroNpu) -> MemorySides:
    """Return the memory of each op's tensor."""
    off, sram = machine.offchip, machine.sram
    return MemorySides(
        bytes_per_cycle=np.where(offchip, off.bytes_per_cycle, sram.bytes_per_cycle),
        read_latency_cycles=np.where(offchip, off.read_latency_cycles, sram.read_latency_cycles),
        write_latency_cycles=np.where(offchip, off.write_latency_cycles, sram.write_latency_cycles),
        burst_bytes=np.where(offchip, off.burst_bytes, sram.burst_bytes),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapBytes:
    """Bytes of the feature maps of ``n`` ops, broken bursts counted whole, shape (n,)."""

    read: Ints  # the first operand
    second: Ints
    written: Ints


def moved_bytes(work: NpuWork, blocks: Blocks, cut: Blocks, machine: MicroNpu) -> MapBytes:
    """Return the bytes of the feature maps: what overlaps between blocks is read again.

    Each part of a concatenated tensor counts as all of it (Vela on a U85, rows whose ``ofm_full_c`` is more).
    """
    elements, second = _elements_read(work, cut, machine)
    size = work.in_bits // 8
    stored = np.where(work.out_bricks, rounded(work.out_whole, BRICK), work.out_whole)
    written = work.out_height * work.out_width * stored * (work.out_bits // 8)
    return MapBytes(
        read=in_bursts(
            elements * size, read_run(work, blocks, work.in_bricks), ends(work.in_offchip, machine)
        ),
        second=in_bursts(
            second * size, read_run(work, blocks, work.second_bricks), ends(work.second_offchip, machine)
        ),
        written=in_bursts(
            written, write_run(work, blocks, machine.npu.engines), ends(work.out_offchip, machine)
        ),
    )


def _elements_read(work: NpuWork, cut: Blocks, machine: MicroNpu) -> tuple[Ints, Ints]:
    """Elements of both operands; on a U55 one that is broadcast counts like one that is not."""
    channels = np.where(work.in_bricks, rounded(work.in_channels, BRICK), work.in_channels)
    planes = up(work.out_height, cut.out_height) * up(work.out_width, cut.out_width)
    deep = np.where(work.keeps_depth, 1, up(work.out_channels, cut.out_channels))
    blockwise = cut.in_height * cut.in_width * channels * work.passes * planes * deep
    out_channels = np.where(work.in_bricks, rounded(work.out_channels, BRICK), work.out_channels)
    whole = work.out_height * work.out_width * out_channels
    in_command = (work.in_bits <= 8) | isinstance(machine.buffers, SeparateRams)  # a scalar that is not read
    scalar = np.where(in_command, 0, np.where(work.in_bricks, BRICK, 1))
    alone = work.in_height * work.in_width * work.in_channels == 1
    first = np.where(alone, scalar, whole)
    broadcast = (
        whole if isinstance(machine.buffers, SharedBanks) else np.minimum(rounded(work.second, BRICK), whole)
    )
    second = np.select(
        [(work.second == 0) | (alone & (scalar > 0)), work.second == 1], [0, scalar], broadcast
    )
    elementwise = work.engine == Engine.ELEMENTWISE
    return np.where(elementwise, first, blockwise), np.where(elementwise, second, 0)


def in_bursts(moved: Ints, run: Ints, memory: MemorySides) -> Ints:
    """Return the bytes on the bus where only runs of so many lie together: each takes a whole burst."""
    return np.asarray(moved * memory.burst_bytes // np.clip(run, 1, memory.burst_bytes))


def read_run(work: NpuWork, blocks: Blocks, bricks: Bools) -> Ints:
    """Bytes that lie together in a block that is read."""
    size = work.in_bits // 8
    whole = work.in_channels * size == blocks.in_channels
    pixels = np.where(whole, blocks.in_width, 1) * blocks.in_channels
    return np.where(bricks, BRICK * blocks.in_width, pixels) * size


def write_run(work: NpuWork, blocks: Blocks, cores: int) -> Ints:
    """Bytes that lie together in a block that is written; engines write bricks side by side."""
    size = work.out_bits // 8
    whole = (blocks.out_channels <= BRICK) & (work.out_whole * size == blocks.out_channels)
    part = work.out_whole > work.out_channels
    depth = np.where(part, rounded(blocks.out_channels, BRICK), blocks.out_channels)
    split = np.minimum(np.minimum(_WRITE_RUN, BRICK * size * cores), depth * size)
    pixels = np.where(whole, blocks.out_width * blocks.out_channels * size, split)
    return np.where(work.out_bricks, BRICK * blocks.out_width * size * cores, pixels)


def block_cycles(work: NpuWork, blocks: Blocks, cut: Blocks, machine: MicroNpu) -> tuple[Floats, Floats]:
    """Return the cycles to read one input block and to write one output block: latency, and its bytes in bursts."""
    source, target = ends(work.in_offchip, machine), ends(work.out_offchip, machine)
    held = cut.in_height * cut.in_width * cut.in_channels * (work.in_bits // 8)
    read = np.floor(in_bursts(held, read_run(work, blocks, work.in_bricks), source) / source.bytes_per_cycle)
    made = cut.out_height * cut.out_width * cut.out_channels * (work.out_bits // 8)
    write = np.floor(
        in_bursts(made, write_run(work, blocks, machine.npu.engines), target) / target.bytes_per_cycle
    )
    reading = np.maximum(source.read_latency_cycles + read, _second_cycles(work, blocks, cut, machine))
    return reading, target.write_latency_cycles + write


def _second_cycles(work: NpuWork, blocks: Blocks, cut: Blocks, machine: MicroNpu) -> Floats:
    """Cycles to read a block of the second operand, 0 where there is none."""
    source = ends(work.second_offchip, machine)
    held = np.minimum(work.second, cut.in_height * cut.in_width * cut.in_channels) * (work.in_bits // 8)
    moved = in_bursts(held, read_run(work, blocks, work.second_bricks), source)
    cycles = source.read_latency_cycles + np.floor(moved / source.bytes_per_cycle)
    return np.where(work.second > 0, cycles, 0.0)


COPY, STREAM, WEIGHTS, INPUTS, SCALES = 0, 1, 2, 4, 5  # places in `micronpu.channel_slots`
_WORD = 16  # bytes of a slot
_EFFICIENCY = 0.8  # of a channel, and of requests kept in flight


def channel_rate(port: Port, machine: MicroNpu, channel: int | None) -> float:
    """Bytes per cycle of one channel to a memory; ``None`` is the one that writes.

    Where a machine states its channels' buffers (U85), requests in flight and the latency bound the rate below
    the memory's own.
    """
    if not machine.npu.channel_slots:
        return port.bytes_per_cycle
    if channel is None:
        most, latency = port.writes_in_flight * port.ports * _EFFICIENCY, port.write_latency_cycles
    else:
        slots = machine.npu.channel_slots[channel] / max(port.burst_bytes // _WORD, 1)
        most, latency = min(slots, port.reads_in_flight * port.ports * _EFFICIENCY), port.read_latency_cycles
    if not latency:
        return port.bytes_per_cycle
    return min(port.bytes_per_cycle, port.burst_bytes * most / latency * _EFFICIENCY)


def copy_cycles(moved: Floats | Ints, machine: MicroNpu) -> Floats:
    """Cycles to copy weights from off the chip into the SRAM, the slower end's."""
    off, sram = machine.offchip, machine.sram
    read = np.floor(moved / channel_rate(off, machine, COPY)) + off.read_latency_cycles
    write = np.floor(moved / channel_rate(sram, machine, None)) + sram.write_latency_cycles
    return np.maximum(read, write)


def weight_read_cycles(moved: Floats | Ints, port: Port, machine: MicroNpu) -> Floats:
    """Cycles to read weights from a memory once."""
    return np.floor(moved / channel_rate(port, machine, WEIGHTS)) + port.read_latency_cycles
