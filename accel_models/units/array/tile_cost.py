"""What one way of tiling demands: room in the buffers, bytes over bus and ports, time on the array."""

from __future__ import annotations

from typing import Final

import numpy as np

from accel_models.design.unit_sections import streaming_of
from accel_models.units.array.job import Job, Tiles, gemms_of
from accel_models.units.array.machine import ArrayBytes, Demand, bus_cycles, narrow, port_cycles
from accel_models.units.array.systolic import buffer_accesses
from accel_models.units.array.tiling import row_folds
from traces import Bools, Floats, Ints

KEPT: Final = ("inputs", "weights", "outputs")  # what stays while a loop order goes through the rest
INPUTS, WEIGHTS, OUTPUTS = range(len(KEPT))
_Worked = tuple[Floats, Floats]  # cycles of the array, over all tiles and of the last one


def footprints(job: Job, tiles: Tiles) -> tuple[Floats, Floats, Floats]:
    """Bytes held in the activation, weight and accumulator buffer; twice where another tile is to come."""
    memory, pixels, channels, reduction = job.machine.memory, tiles.pixels, tiles.channels, tiles.reduction
    copies = 2.0 if memory.double_buffered else 1.0
    copies_out = 2.0 if memory.double_buffered_accumulator else 1.0
    inputs = pixels.tile_in_pixels * (_tile_in_channels(job, tiles) * job.input_element_bytes)
    inputs = inputs * np.minimum(pixels.tiles * (reduction.tiles * channels.input_tiles), copies)
    weights = _tile_weights(job, tiles) * (memory.weight_bits / 8)
    weights = weights * np.minimum(channels.tiles * reduction.tiles, copies)
    weights = np.where(job.bands > 1, job.transfers.fetched_weight_bytes, weights)
    outputs = pixels.tile_pixels * (channels.tile_out * (memory.accumulator_bits / 8))
    outputs = outputs * np.minimum(pixels.tiles * channels.tiles, copies_out)
    inputs = inputs + job.reserved_bytes
    weights = weights + job.pinned_bytes
    if memory.shared_buffer:
        inputs, weights = inputs + weights, np.zeros_like(weights)
    if memory.shared_sums:
        inputs, outputs = inputs + outputs, np.zeros_like(outputs)
    return inputs, weights, outputs


def _tile_in_channels(job: Job, tiles: Tiles) -> Floats:
    """Input channels of a full tile, over its groups."""
    channels = tiles.reduction.tile_channels * tiles.channels.tile_groups
    return np.minimum(channels, job.op.in_channels)


def _tile_weights(job: Job, tiles: Tiles) -> Floats:
    """Weights of a full tile [elements]; nothing is stored between the blocks of packed groups."""
    op, tile_k, tile_out = job.op, tiles.reduction.tile_k, tiles.channels.tile_out
    across = tile_k * np.minimum(tile_out, op.stored_n * tiles.channels.tile_groups)
    return np.minimum(across, op.stored_k * tile_out)


def fits(job: Job, tiles: Tiles) -> Bools:
    """Whether every buffer holds its tiles, of which there are as many as bands where the op shares some."""
    memory = job.machine.memory
    inputs, weights, outputs = footprints(job, tiles)
    held = (inputs <= memory.activation_buffer) & (outputs <= memory.accumulator_buffer)
    held &= weights <= memory.weight_buffer
    if job.has_bands:
        held &= (job.bands <= 1) | (tiles.pixels.tiles >= job.bands * job.op.batch)
    return held


def demand_of(job: Job, tiles: Tiles, kept: Ints) -> Demand:
    """Return what loop orders (index into KEPT) demand; see the table of :mod:`accel_models.units.array.mapping`.

    An array takes no less than the busiest port of its buffers (:mod:`accel_models.units.array.machine`), all tiles
    alike.
    """
    array, last_tile = _at_full_width(job, tiles)
    if narrow(job.machine.memory):
        waits = _port_waits(job, tiles, array)
        array, last_tile = array * waits, last_tile * waits
    return _demand(job, tiles, kept, (array, last_tile))


def least_demand(job: Job, tiles: Tiles, kept: Ints) -> Demand:
    """Return :func:`demand_of` as if every port were wide enough."""
    return _demand(job, tiles, kept, _at_full_width(job, tiles))


def _demand(job: Job, tiles: Tiles, kept: Ints, worked: _Worked) -> Demand:
    memory, pixels, channels, reduction = job.machine.memory, tiles.pixels, tiles.channels, tiles.reduction
    stored = job.store_output * (memory.activation_bits / 8) * channels.tile_out
    inputs, weight_passes = _fetched(job, tiles, kept)
    packing = job.op.k / job.op.stored_k  # groups side by side: words of the buffer are read once for each
    return Demand(
        array=worked[0],
        last_tile=worked[1],
        first_input_bytes=job.input_element_bytes * _tile_in_channels(job, tiles) * pixels.tile_in_pixels,
        first_weight_bytes=job.fetch_weights * (memory.weight_bits / 8) * _tile_weights(job, tiles),
        last_output_bytes=stored * pixels.tile_pixels,
        input_bytes=inputs,
        weight_passes=weight_passes,
        output_bytes=job.store_output * _output_bytes(job, tiles),
        turns=pixels.tiles * channels.tiles * reduction.tiles - 1,
        weight_reads=weight_loads(job, tiles) * packing,
    )


def _fetched(job: Job, tiles: Tiles, kept: Ints) -> tuple[Floats, Floats]:
    """Return bytes of inputs over the bus, and how often all weights pass it."""
    pixels, channels, reduction = tiles.pixels, tiles.channels, tiles.reduction
    input_tiles = channels.tiles / channels.input_tiles  # tiles that read the same input
    again = np.where(kept == OUTPUTS, input_tiles, 1.0)
    again = np.where(kept == WEIGHTS, 1 + (input_tiles - 1) * pixels.several, again)
    more = np.minimum(input_tiles * reduction.tiles - 1, 1)  # weights of a group that do not stay
    more = np.where((kept == WEIGHTS) | (job.bands > 1), 0.0, more)
    return job.fetch_input * _input_pass(job, tiles) * again, 1 + (pixels.tiles - 1) * more


def _input_pass(job: Job, tiles: Tiles) -> Floats:
    """Bytes to fetch every input tile once; a pixel whose channels are cut breaks into more bursts."""
    whole = tiles.pixels.in_bytes
    split = np.maximum(tiles.channels.in_pixel_bytes, tiles.reduction.in_pixel_bytes)
    if not split.any():
        return whole
    pixel_bytes = np.maximum(split, job.op.input_pixel_bytes)
    pixels = np.where(
        tiles.reduction.in_pixel_bytes > 0, tiles.pixels.in_pixels_alone, tiles.pixels.in_pixels
    )
    return np.where(split > 0, pixel_bytes * pixels, whole)


def _output_bytes(job: Job, tiles: Tiles) -> Floats:
    split = tiles.channels.out_pixel_bytes
    if not split.any():
        return tiles.pixels.out_bytes
    return np.where(split > 0, split * job.op.m, tiles.pixels.out_bytes)


def output_tile_cycles(job: Job, tiles: Tiles) -> Floats:
    """Cycles of one tile of results, over its whole reduction."""
    pixels, channels, reduction = tiles.pixels, tiles.channels, tiles.reduction
    folds = pixels.tile_folds * channels.tile_folds * reduction.folds
    control = job.machine.memory.tile_overhead_cycles * reduction.tiles
    taken = np.maximum(folds + job.untiled_extra, 0) + control
    if narrow(job.machine.memory):
        taken = taken * _port_waits(job, tiles, _at_full_width(job, tiles)[0])
    return np.asarray(taken, np.float64)


def _port_waits(job: Job, tiles: Tiles, array: Floats) -> Floats:
    """How many times as long the array takes as if every port were wide enough."""
    busiest = port_cycles(job.machine.memory, array_bytes(job, tiles))
    return np.maximum(busiest / np.maximum(array, 1), 1.0)


def _at_full_width(job: Job, tiles: Tiles) -> _Worked:
    """Return the array's cycles as if every port were wide enough; they are the same in every loop order.

    Tiles add folds and preloads to the cycles of the op in one piece, which are exact.
    Choice: a tile of an array that trims its folds is priced with whole folds, an upper bound.
    """
    memory, pixels, channels, reduction = job.machine.memory, tiles.pixels, tiles.channels, tiles.reduction
    control = memory.tile_overhead_cycles
    array = pixels.folds * channels.folds * reduction.folds
    array += job.untiled_extra
    if not memory.double_buffered_accumulator:
        array += _drain_waits(job, tiles)
    last_tile = pixels.tile_folds * channels.tile_folds * reduction.tile_folds
    last_tile += job.untiled_extra
    np.maximum(last_tile, 0, out=last_tile)
    if np.any(control):
        array += control * (pixels.tiles * (channels.tiles * reduction.tiles))
        last_tile += control
    return array, last_tile


def _drain_waits(job: Job, tiles: Tiles) -> Floats:
    """Cycles that the array waits for a lone accumulator to be emptied, after every tile of results but the last.

    A tile of results leaves a row of the array's width a cycle, or as fast as the bus takes it where it leaves the
    chip.  Stores that take turns with the array anyway (``double_buffered: false``) are not waited for twice.
    """
    memory, drained = job.machine.memory, tiles.pixels.tile_pixels * tiles.channels.tile_out
    each = np.ceil(drained / job.machine.array.cols)
    if memory.double_buffered:
        stored = job.store_output * (memory.activation_bits / 8) * drained
        each = np.maximum(each, bus_cycles(job.transfers.output_bus, stored))
    return np.asarray((tiles.pixels.tiles * tiles.channels.tiles - 1) * each, np.float64)


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
