"""Bytes that a microNPU moves, bursts broken by the layout of tensors counted whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.units.micronpu.blocks import Blocks
from accel_models.units.micronpu.machine import MicroNpu, Port
from accel_models.units.micronpu.work import Bools, Engine, Floats, Ints, NpuWork, rounded, up

BRICK = 16  # channels of a brick
_WRITE_RUN = 64  # bytes that one write of a pixel-by-pixel tensor brings together at most
SCALE_BYTES = 10  # of one output channel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved:
    """Bytes of the feature maps of ``n`` ops, as the memory sees them, shape (n,)."""

    read: Ints
    read_second: Ints
    written: Ints


def moved_bytes(work: NpuWork, blocks: Blocks, cut: Blocks, port: Port) -> Moved:
    """Return the bytes of the feature maps: what overlaps between blocks is read again."""
    elements, second = _elements_read(work, cut)
    bytes_in, bytes_out = work.in_bits // 8, work.out_bits // 8
    stored = np.where(work.out_bricks, rounded(work.out_channels, BRICK), work.out_channels)
    written = work.out_height * work.out_width * stored * bytes_out
    return Moved(
        read=in_bursts(elements * bytes_in, read_run(work, blocks), port),
        read_second=in_bursts(second * bytes_in, read_run(work, blocks), port),
        written=in_bursts(written, write_run(work, blocks), port),
    )


def _elements_read(work: NpuWork, cut: Blocks) -> tuple[Ints, Ints]:
    channels = np.where(work.in_bricks, rounded(work.in_channels, BRICK), work.in_channels)
    planes = up(work.out_height, cut.out_height) * up(work.out_width, cut.out_width)
    deep = np.where(work.keeps_depth, 1, up(work.out_channels, cut.out_channels))
    blockwise = cut.in_height * cut.in_width * channels * work.passes * planes * deep
    out_channels = np.where(work.in_bricks, rounded(work.out_channels, BRICK), work.out_channels)
    whole = work.out_height * work.out_width * out_channels
    elementwise = work.engine == Engine.ELEMENTWISE
    second = np.where(elementwise & (work.second > 1), whole, 0)
    return np.where(elementwise, whole, blockwise), second


def in_bursts(moved: Ints, run: Ints, port: Port) -> Ints:
    """Return the bytes on the bus where only runs of so many lie together: each takes a whole burst."""
    return np.asarray(moved * port.burst_bytes // np.clip(run, 1, port.burst_bytes))


def read_run(work: NpuWork, blocks: Blocks) -> Ints:
    """Bytes that lie together in a block that is read."""
    size = work.in_bits // 8
    whole = work.in_channels * size == blocks.in_channels
    pixels = np.where(whole, blocks.in_width, 1) * blocks.in_channels
    return np.where(work.in_bricks, BRICK * blocks.in_width, pixels) * size


def write_run(work: NpuWork, blocks: Blocks) -> Ints:
    """Bytes that lie together in a block that is written."""
    size = work.out_bits // 8
    whole = (blocks.out_channels <= BRICK) & (work.out_channels * size == blocks.out_channels)
    split = np.minimum(np.minimum(_WRITE_RUN, BRICK * size), blocks.out_channels * size)
    pixels = np.where(whole, blocks.out_width * blocks.out_channels * size, split)
    return np.where(work.out_bricks, BRICK * blocks.out_width * size, pixels)


def block_read_cycles(work: NpuWork, blocks: Blocks, cut: Blocks, port: Port) -> Floats:
    """Cycles to read one block: latency, and its bytes in bursts."""
    held = cut.in_height * cut.in_width * cut.in_channels * (work.in_bits // 8)
    return port.read_latency_cycles + np.floor(
        in_bursts(held, read_run(work, blocks), port) / port.bytes_per_cycle
    )


def block_write_cycles(work: NpuWork, blocks: Blocks, cut: Blocks, port: Port) -> Floats:
    """Cycles to write one block."""
    held = cut.out_height * cut.out_width * cut.out_channels * (work.out_bits // 8)
    return port.write_latency_cycles + np.floor(
        in_bursts(held, write_run(work, blocks), port) / port.bytes_per_cycle
    )


def feature_map_port(machine: MicroNpu) -> Port:
    """Return the memory that feature maps live in."""
    return machine.offchip if machine.feature_maps_offchip else machine.sram


_COPY, _WEIGHTS = 0, 2  # channels in :attr:`MicroNpu.channel_slots`
_WORD = 16  # bytes of a slot
_EFFICIENCY = 0.8  # of a channel, and of requests kept in flight


def channel_rate(port: Port, machine: MicroNpu, channel: int | None) -> float:
    """Bytes per cycle of one channel to a memory; ``None`` is the one that writes.

    Where a machine states its channels' buffers (U85), requests in flight and the latency bound the rate below
    the memory's own.
    """
    if not machine.channel_slots:
        return port.bytes_per_cycle
    if channel is None:
        most, latency = port.writes_in_flight * port.ports * _EFFICIENCY, port.write_latency_cycles
    else:
        slots = machine.channel_slots[channel] / max(port.burst_bytes // _WORD, 1)
        most, latency = min(slots, port.reads_in_flight * port.ports * _EFFICIENCY), port.read_latency_cycles
    if not latency:
        return port.bytes_per_cycle
    return min(port.bytes_per_cycle, port.burst_bytes * most / latency * _EFFICIENCY)


def copy_cycles(moved: Floats | Ints, machine: MicroNpu) -> Floats:
    """Cycles to copy weights from off the chip into the SRAM, the slower end's."""
    off, sram = machine.offchip, machine.sram
    read = np.floor(moved / channel_rate(off, machine, _COPY)) + off.read_latency_cycles
    write = np.floor(moved / channel_rate(sram, machine, None)) + sram.write_latency_cycles
    return np.maximum(read, write)


def weight_read_cycles(moved: Floats | Ints, port: Port, machine: MicroNpu) -> Floats:
    """Cycles to read weights from a memory once."""
    return np.floor(moved / channel_rate(port, machine, _WEIGHTS)) + port.read_latency_cycles


__all__ = ["Bools", "Moved", "channel_rate", "moved_bytes"]
