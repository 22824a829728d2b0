"""What one way of tiling costs: bytes over bus and buffer ports, time on the array, and how much of it overlaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from accel_models.cost import TILE_AIMS
from accel_models.dram import Bus
from accel_models.units.array.job import Job, Tiles
from accel_models.units.array.ports import array_bytes, narrow, port_cycles
from traces import Bools, Floats

Kept = Literal["inputs", "weights", "outputs"]
PREFETCHED = TILE_AIMS.index("prefetched")


@dataclass(frozen=True, slots=True, eq=False)
class TileTraffic:
    """Bytes over the bus for all of an op."""

    input_bytes: Floats
    weight_bytes: Floats
    output_bytes: Floats


@dataclass(frozen=True, slots=True, eq=False)
class OpEnds:
    """The array's cycles, and the bytes at the ends of an op: the same in every loop order."""

    array: Floats  # cycles over all tiles
    last_tile: Floats  # cycles of the last tile
    first_input_bytes: Floats  # loaded before the array can start
    first_weight_bytes: Floats
    last_output_bytes: Floats  # stored after the array has finished


def footprints(job: Job, tiles: Tiles) -> tuple[Floats, Floats, Floats]:
    """Bytes held in the activation, weight and accumulator buffer; twice where another tile is to come."""
    memory, pixels, channels, reduction = job.machine.memory, tiles.pixels, tiles.channels, tiles.reduction
    copies = 2.0 if memory.double_buffered else 1.0
    copies_out = 2.0 if memory.double_buffered_accumulator else 1.0
    inputs = pixels.tile_in_pixels * (_tile_in_channels(job, tiles) * job.input_element_bytes)
    inputs = inputs * np.minimum(pixels.tiles * (reduction.tiles * channels.input_tiles), copies)
    weights = _tile_weights(job, tiles) * (memory.weight_bits / 8)
    weights = weights * np.minimum(channels.tiles * reduction.tiles, copies)
    weights = np.where(job.bands > 1, job.fetch_weights * job.op.weight_bytes, weights)
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


def traffic(job: Job, tiles: Tiles, kept: Kept) -> TileTraffic:
    """Bytes over the bus in one loop order; see the table of :mod:`accel_models.units.array.mapping`."""
    pixels, channels, reduction = tiles.pixels, tiles.channels, tiles.reduction
    inputs = job.fetch_input * _input_pass(job, tiles)
    weights = job.fetch_weights * job.op.weight_bytes
    input_tiles = channels.tiles / channels.input_tiles  # tiles that read the same input
    if kept == "weights":
        if (input_tiles > 1).any():
            inputs = inputs * (1 + (input_tiles - 1) * pixels.several)
    else:
        more = np.minimum(input_tiles * reduction.tiles - 1, 1)  # weights of a group that do not stay
        more = np.where(job.bands > 1, 0.0, more)
        if more.any():
            weights = weights * (1 + (pixels.tiles - 1) * more)
        if kept == "outputs":
            inputs = inputs * input_tiles
    return TileTraffic(inputs, weights, job.store_output * _output_bytes(job, tiles))


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


def ends(job: Job, tiles: Tiles) -> OpEnds:
    """Return what does not depend on the loop order.

    Tiles add folds and preloads to the cycles of the op in one piece, which are exact.  An array takes no less than
    the busiest port of its buffers (:mod:`accel_models.units.array.ports`), all tiles alike.
    Choice: a tile of an array that trims its folds is priced with whole folds, an upper bound.
    """
    free = ends_at_full_width(job, tiles)
    if not narrow(job.machine.memory):
        return free
    waits = _port_waits(job, tiles, free)
    return replace(free, array=free.array * waits, last_tile=free.last_tile * waits)


def output_tile_cycles(job: Job, tiles: Tiles) -> Floats:
    """Cycles of one tile of results, over its whole reduction."""
    pixels, channels, reduction = tiles.pixels, tiles.channels, tiles.reduction
    folds = pixels.tile_folds * channels.tile_folds * reduction.folds
    control = job.machine.memory.tile_overhead_cycles * reduction.tiles
    taken = np.maximum(folds + job.untiled_extra, 0) + control
    if narrow(job.machine.memory):
        taken = taken * _port_waits(job, tiles, ends_at_full_width(job, tiles))
    return np.asarray(taken, np.float64)


def _port_waits(job: Job, tiles: Tiles, free: OpEnds) -> Floats:
    """How many times as long the array takes as if every port were wide enough."""
    busiest = port_cycles(job.machine.memory, array_bytes(job, tiles))
    return np.maximum(busiest / np.maximum(free.array, 1), 1.0)


def ends_at_full_width(job: Job, tiles: Tiles) -> OpEnds:
    """Return :func:`ends` as if every port were wide enough."""
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
    stored = job.store_output * (memory.activation_bits / 8) * channels.tile_out
    return OpEnds(
        array=array,
        last_tile=last_tile,
        first_input_bytes=job.input_element_bytes * _tile_in_channels(job, tiles) * pixels.tile_in_pixels,
        first_weight_bytes=job.fetch_weights * (memory.weight_bits / 8) * _tile_weights(job, tiles),
        last_output_bytes=stored * pixels.tile_pixels,
    )


def _drain_waits(job: Job, tiles: Tiles) -> Floats:
    """Cycles that the array waits for a lone accumulator to be emptied, after every tile of results but the last.

    A tile of results leaves a row of the array's width a cycle, or as fast as the bus takes it where it leaves the
    chip.  Stores that take turns with the array anyway (``double_buffered: false``) are not waited for twice.
    """
    memory, drained = job.machine.memory, tiles.pixels.tile_pixels * tiles.channels.tile_out
    each = np.ceil(drained / job.machine.array.cols)
    if memory.double_buffered:
        stored = job.store_output * (memory.activation_bits / 8) * drained
        each = np.maximum(each, bus_cycles(job.output_bus, stored))
    return np.asarray((tiles.pixels.tiles * tiles.channels.tiles - 1) * each, np.float64)


def total_cycles(job: Job, tiles: Tiles, end: OpEnds, moved: TileTraffic) -> Floats:
    """Cycles of ops from the first byte asked for to the last byte stored.

    Double buffered, the bus and the array each work through the tiles, and wait only at the ends:

        total = max(first load + array + last store, bus + last tile on the array)

    The first load is the first tile's; with ``weights_first`` all weights come before the first input, or one
    pass over them during the op before, where they are prefetched.
    Single buffered they take turns, and every tile's load waits for its own latency:

        total = array + bus + (tiles - 1) x latency
    """
    if job.machine.memory.double_buffered:
        first_load, bus = _in_turn(job, end, moved) if job.weights_first else _interleaved(job, end, moved)
        last_store = bus_cycles(job.output_bus, end.last_output_bytes)
        return np.asarray(np.maximum(first_load + end.array + last_store, bus + end.last_tile))
    loaded = _separate(job, moved) if job.weights_first else bus_cycles(job.machine.bus, _loaded(moved))
    return (
        end.array + loaded + bus_cycles(job.output_bus, moved.output_bytes) + turn_cycles(job, tiles, moved)
    )


def turn_cycles(job: Job, tiles: Tiles, moved: TileTraffic) -> Floats:
    """Cycles that loads wait for the first byte of every tile but the first, where one buffer serves all tiles."""
    if job.machine.memory.double_buffered:
        return np.zeros_like(moved.input_bytes)
    steps = tiles.pixels.tiles * tiles.channels.tiles * tiles.reduction.tiles
    return (steps - 1) * job.input_bus.start_cycles * np.minimum(_loaded(moved), 1)


def _loaded(moved: TileTraffic) -> Floats:
    return moved.input_bytes + moved.weight_bytes


def _separate(job: Job, moved: TileTraffic) -> Floats:
    """Cycles of all weights, then all inputs."""
    return bus_cycles(job.weight_bus, moved.weight_bytes) + bus_cycles(job.input_bus, moved.input_bytes)


def _interleaved(job: Job, end: OpEnds, moved: TileTraffic) -> tuple[Floats, Floats]:
    """Cycles of the first load and of the bus, weights and inputs tile by tile."""
    first = bus_cycles(job.machine.bus, end.first_input_bytes + end.first_weight_bytes)
    return first, bus_cycles(job.machine.bus, moved.input_bytes + moved.weight_bytes + moved.output_bytes)


def _in_turn(job: Job, end: OpEnds, moved: TileTraffic) -> tuple[Floats, Floats]:
    """Cycles of the first load and of the bus, all weights, then inputs, then outputs, a transfer each."""
    late, first_late = moved.weight_bytes, end.first_weight_bytes
    if job.aims_at(PREFETCHED):
        there = job.aim == PREFETCHED
        late = late - there * job.fetch_weights * job.op.weight_bytes
        first_late = first_late * ~there
    weights, fetched = bus_cycles(job.weight_bus, late), moved.input_bytes > 0
    first = weights
    if not fetched.all():
        first = np.where(fetched, weights, bus_cycles(job.weight_bus, first_late))
    rest = bus_cycles(job.input_bus, moved.input_bytes) + bus_cycles(job.output_bus, moved.output_bytes)
    return first + bus_cycles(job.input_bus, end.first_input_bytes), weights + rest


def bus_cycles(bus: Bus, moved_bytes: Floats) -> Floats:
    """Time of :func:`accel_models.dram.transfer_cycles`, of bytes rather than whole bursts, not rounded."""
    burst = bus.dram.burst
    alone = np.minimum(moved_bytes, 1)
    alone = np.asarray(np.multiply(alone, bus.start_cycles, out=alone))
    alone += moved_bytes * (bus.burst_cycles / burst)
    if bus.waits_for_requests:
        np.maximum(alone, moved_bytes * (bus.window_cycles / burst), out=alone)
    return alone
