"""Bytes between an array and its buffers, and the cycles that the busiest port takes for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import streaming_of
from accel_models.units.array.job import Job, Tiles, gemms_of
from accel_models.units.array.systolic import buffer_accesses
from accel_models.units.array.tiling import row_folds
from traces import Floats


@dataclass(frozen=True, slots=True, eq=False)
class ArrayBytes:
    """Bytes between the array and its buffers; arrays of shape ``(n,)``, or ``(levels, n)`` for levels of cuts."""

    activation_reads: Floats
    weight_reads: Floats
    accumulator_reads: Floats  # partial sums to add to, and results leaving
    accumulator_writes: Floats


def array_bytes(job: Job, tiles: Tiles) -> ArrayBytes:
    """Return what tiles move: the accesses of the op in one piece, and what cutting it adds.

    Where registers hold sums as well as weights, an op takes the order that keeps its ports busy for less time.
    """
    moved = _folds_apart(job, tiles)
    if not job.machine.array.sum_registers:
        return moved
    memory = job.machine.memory
    turned = _sums_stay(job, tiles, moved)
    better = port_cycles(memory, turned) < port_cycles(memory, moved)
    return ArrayBytes(
        activation_reads=moved.activation_reads,
        weight_reads=np.where(better, turned.weight_reads, moved.weight_reads),
        accumulator_reads=np.where(better, turned.accumulator_reads, moved.accumulator_reads),
        accumulator_writes=np.where(better, turned.accumulator_writes, moved.accumulator_writes),
    )


def _sums_stay(job: Job, tiles: Tiles, moved: ArrayBytes) -> ArrayBytes:
    """Return what tiles move if sums stay in registers: every fold's weights for each few pixels, each sum once."""
    op, array, memory = job.op, job.machine.array, job.machine.memory
    kept = buffer_accesses(array, gemms_of(op)).weight_reads * np.ceil(op.m / array.pixels)
    results = op.m * op.out_channels * (memory.accumulator_bits / 8)
    again = results * (tiles.reduction.tiles - 1)
    return ArrayBytes(
        activation_reads=moved.activation_reads,
        weight_reads=np.asarray(kept * (memory.weight_bits / 8), np.float64),
        accumulator_reads=np.asarray(again + results, np.float64),
        accumulator_writes=np.asarray(again + results, np.float64),
    )


def _folds_apart(job: Job, tiles: Tiles) -> ArrayBytes:
    op, array, memory = job.op, job.machine.array, job.machine.memory
    counts = buffer_accesses(array, gemms_of(op))
    real = op.out_channels / (op.n * op.groups)  # share of the packs that are groups, not filling
    results = op.m * op.out_channels
    again = tiles.reduction.folds - row_folds(array, op)  # partial sums read back and rewritten
    flow = streaming_of(array.dataflow)
    if flow.sums_stay:
        again = tiles.reduction.tiles - 1
    act_bytes, acc_bytes = memory.activation_bits / 8, memory.accumulator_bits / 8
    input_loads = tiles.channels.tiles / tiles.channels.input_tiles if flow.inputs_stay else 1.0
    return ArrayBytes(
        activation_reads=np.asarray(counts.input_reads * (real * input_loads * act_bytes), np.float64),
        weight_reads=counts.weight_reads * weight_loads(job, tiles) * (memory.weight_bits / 8),
        accumulator_reads=(counts.partial_reads * real + again * results + results) * acc_bytes,
        accumulator_writes=(counts.output_writes * real + again * results) * acc_bytes,
    )


def weight_loads(job: Job, tiles: Tiles) -> Floats:
    """Return how often tiles make the weights pass from their buffer into the array."""
    return (
        tiles.pixels.tiles
        if streaming_of(job.machine.array.dataflow).weights_stay
        else np.ones_like(job.op.m)
    )


def narrow(memory: Memory) -> bool:
    """Whether some port is stated; one that is not never makes an array wait."""
    ports = memory.ports
    return any(bits is not None for bits in (ports.activation, ports.weight, ports.accumulator))


def port_cycles(memory: Memory, moved: ArrayBytes) -> Floats:
    """Cycles of the busiest port: bytes that pass it over its width, zero where no width is stated."""
    activation, weight = moved.activation_reads, moved.weight_reads
    sums = moved.accumulator_reads + moved.accumulator_writes
    if memory.shared_buffer:
        activation, weight = activation + weight, 0.0 * weight
    if memory.shared_sums:
        activation, sums = activation + sums, 0.0 * sums
    ports = (
        (activation, memory.ports.activation),
        (weight, memory.ports.weight),
        (sums, memory.ports.accumulator),
    )
    took = [passing * (8.0 / bits) if bits else 0.0 * passing for passing, bits in ports]
    return np.asarray(np.maximum(np.maximum(took[0], took[1]), took[2]), np.float64)
