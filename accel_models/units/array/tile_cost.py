"""What one way of tiling demands: room in the buffers, bytes over bus and ports, time on the array."""

from __future__ import annotations

from typing import Final

import numpy as np

from accel_models.units.array.job import Job, Tiles
from accel_models.units.array.ports import array_bytes, narrow, port_cycles, weight_loads
from accel_models.units.array.transfers import Demand, bus_cycles
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
    if has_bands(job):
        held &= (job.bands <= 1) | (tiles.pixels.tiles >= job.bands * job.op.batch)
    return held


def has_bands(job: Job) -> bool:
    """Whether some op shares bands of rows with others."""
    return bool((job.bands > 1).any())


def demand_of(job: Job, tiles: Tiles, kept: Ints) -> Demand:
    """Return what loop orders (index into KEPT) demand; see the table of :mod:`accel_models.units.array.mapping`.

    An array takes no less than the busiest port of its buffers (:mod:`accel_models.units.array.ports`), all tiles
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


def waits_for_bus(job: Job) -> bool:
    """Whether the array waits for the bus to empty a lone accumulator."""
    memory = job.machine.memory
    return memory.double_buffered and not memory.double_buffered_accumulator


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
