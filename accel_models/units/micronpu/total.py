"""Cycles of ops in a row: the slowest of NPU and memories, a first slice of weights hidden by the op before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.units.micronpu.cycles import OpCycles, op_cycles
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.memory.staging import Staging, stage_weights
from accel_models.units.micronpu.memory.transfers import (
    COPY,
    INPUTS,
    SCALES,
    STREAM,
    WEIGHTS,
    channel_rate,
    copy_cycles,
)
from accel_models.units.micronpu.work import Engine, NpuWork
from traces import Bools, Floats, Ints

TABLE_BYTES = 256  # of a table of activations
_ROUNDS = 4  # decisions depend on the op before alone, so a few rounds settle nearly all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunCycles:
    """What ``n`` ops take one behind the other, shape (n,)."""

    cycles: OpCycles
    staging: Staging
    npu: Floats  # engine, and copies of weights that nothing hides [cycles]
    sram: Floats  # cycles in which the memory moves bytes
    offchip: Floats

    @property
    def op(self) -> Floats:
        """The op's own: the slowest rules [cycles]."""
        return np.maximum(self.npu, np.maximum(self.sram, self.offchip))


def run_in_order(work: NpuWork, machine: MicroNpu, first: Bools, follows: Bools | None = None) -> RunCycles:
    """Return what ops take in the order of the rows.

    Parameters
    ----------
    work
        The ops, network behind network.
    machine
        The NPU.
    first
        Whether the op is the first of its network: nothing hides its weights, shape (n,).
    follows
        Whether the op runs right behind that of the row before, shape (n,); where one neither does nor is the first,
        the op before it is taken to be as long as itself.
    """
    cycles = op_cycles(work, machine)
    behind = ~first if follows is None else follows
    before = cycles.engine
    staging = stage_weights(work, cycles, machine, _slack(before, cycles, first, behind), first)
    for _ in range(_ROUNDS):
        before = staging.last_slice_cycles
        staging = stage_weights(work, cycles, machine, _slack(before, cycles, first, behind), first)
    slack = _slack(before, cycles, first, behind)
    ahead = np.floor(staging.first_bytes) * ~first
    copied = np.where(staging.staged, np.maximum(cycles.weights - ahead, 0), 0.0)
    sram, offchip = memory_cycles(work, cycles, staging, machine, copied)
    return RunCycles(
        cycles=cycles,
        staging=staging,
        npu=_npu_cycles(work, staging, machine, slack),
        sram=sram,
        offchip=offchip,
    )


def _slack(values: Floats, cycles: OpCycles, first: Bools, behind: Bools) -> Floats:
    """Cycles that hide each op's first slice: those of the op before where it is known."""
    before = np.concatenate([[0.0], values[:-1]])
    return np.where(first, 0.0, np.where(behind, before, cycles.engine))


def _npu_cycles(work: NpuWork, staging: Staging, machine: MicroNpu, slack: Floats) -> Floats:
    """Add to the engine's cycles the copies that nothing hides."""
    waited = np.maximum(copy_cycles(np.floor(staging.first_bytes), machine) - slack, 0)
    bound = staging.full_cycles - slack + staging.last_slice_cycles
    npu = np.where(staging.staged, np.maximum(bound, staging.engine + waited), staging.engine)
    hidden = np.where(staging.staged, 0.0, slack)
    return npu + np.where(work.looks_up, np.maximum(table_cycles(machine) - hidden, 0), 0)


def table_cycles(machine: MicroNpu) -> float:
    """Cycles to bring a table of activations."""
    return float(copy_cycles(np.array([float(TABLE_BYTES)]), machine)[0])


def memory_cycles(
    work: NpuWork, cycles: OpCycles, staging: Staging, machine: MicroNpu, copied: Floats
) -> tuple[Floats, Floats]:
    """Return the cycles in which SRAM and off-chip memory move the op's bytes, shape (n,) each.

    ``copied`` are the bytes of weights that the DMA brings while the op works.
    """
    again = cycles.weights * cycles.plane_blocks
    inside = _Channels(
        copied_in=copied,
        copied_out=np.zeros(len(work)),
        weights=np.where(staging.staged, again, 0),
        scales=np.zeros(len(work)),
    )
    outside = _Channels(
        copied_in=np.zeros(len(work)),
        copied_out=copied,
        weights=np.where(staging.staged, 0, again),
        scales=cycles.scales * cycles.plane_blocks,
    )
    return (
        _port_cycles(work, cycles, inside, machine, offchip=False),
        _port_cycles(work, cycles, outside, machine, offchip=True),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Channels:
    """Bytes beside feature maps on one memory, shape (n,)."""

    copied_in: Floats
    copied_out: Floats
    weights: Floats | Ints
    scales: Floats | Ints


def _port_cycles(
    work: NpuWork, cycles: OpCycles, other: _Channels, machine: MicroNpu, *, offchip: bool
) -> Floats:
    """Cycles of one memory: all bytes at its bandwidth, and no channel faster than it can be."""
    port = machine.offchip if offchip else machine.sram
    moved = cycles.moved
    read = moved.read * (work.in_offchip == offchip)
    second = moved.second * (work.second_offchip == offchip)
    written = moved.written * (work.out_offchip == offchip)
    streamed = work.engine == Engine.ELEMENTWISE
    by_channel: tuple[tuple[int | None, Floats | Ints], ...] = (
        (None, written + other.copied_in),
        (INPUTS, np.where(streamed, 0, read)),
        (STREAM, np.where(streamed, read + second, 0)),
        (WEIGHTS, other.weights),
        (COPY, other.copied_out),
        (SCALES, other.scales),
    )
    total = sum((part for _, part in by_channel), np.zeros(len(work)))
    slowest = np.floor(total / port.bytes_per_cycle)
    for channel, part in by_channel if machine.npu.channel_slots else ():
        slowest = np.maximum(slowest, np.floor(part / channel_rate(port, machine, channel)))
    return slowest
