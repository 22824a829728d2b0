"""Whole convolutions on Gemmini: load, execute and store queues that overlap in part.

The hardware loop takes a tile at a time and knows two of them: while one computes, the next may load, but
the one after that waits until the first has been stored.

::

    load     | tile 0 | tile 1 |        | tile 2 |        | tile 3 |
    execute           | tile 0 | tile 1 |        | tile 2 |
    store                      | tile 0 | tile 1 |        | tile 2 |

Filters and channels lie on the 16 x 16 array, one kernel tap at a time; output pixels stream in blocks of
up to 16 of one output row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accel_models.units.gemmini.conv_loads import (
    Asked,
    TileWindow,
    begin_sums,
    load_inputs,
    load_weights,
    nothing_asked,
    packed_taps,
    window_of,
)
from accel_models.units.gemmini.machine import GemminiMachine, Run
from accel_models.units.gemmini.memory.dma import store_cycles, stored_line_cost
from accel_models.units.gemmini.memory.queues import STORES_QUEUED
from accel_models.units.gemmini.memory.reuse import (
    INPUT,
    OUTPUT,
    WEIGHTS,
    C,
    K,
    N,
    P,
    Q,
    R,
    Reuse,
    S,
    Shares,
    lines_under,
    missing,
    reuse_of,
)
from accel_models.units.gemmini.memory.traffic import LINE_BYTES, Block
from accel_models.units.gemmini.tiling import ConvLayer, sizes_of
from traces import Floats, Ints, compiled

# The queues' clock: when the host may issue a tile, when each queue is free, and when the tile before last and
# the last were done.
ISSUED, LOADED, EXECUTED, STORED, DONE_BEFORE, DONE = range(6)


class Tile(NamedTuple):
    """What tiles of the same sizes take alike."""

    begin: float  # to fill the accumulator [cycles]
    execute: float  # on the array [cycles]
    queued: float  # share of its stores that wait when the last is issued
    weights: float  # [elements]
    input_reads: float  # into the array [elements]
    sums: float  # written into the accumulator [elements]


@compiled
def conv_run(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    layer: ConvLayer,
    tile: Ints,
    order: Ints,
    machine: GemminiMachine,
    found: Shares,
    weight_spread: float,
    bias: bool,
) -> Run:
    """Return what one convolution takes from the first command to the last result in memory.

    Parameters
    ----------
    layer
        The convolution, none of its sizes zero.
    tile, order
        How it is cut, by the places of ``gemmini_tiling.DIMS``.
    machine
        Gemmini and its memory.
    found
        Shares of inputs, weights and outputs that lie in each cache before the first command.
    weight_spread
        Lines of weights fetched for each that holds the kept ones packed; at least 1.
    bias
        A bias is loaded into the accumulator; zeros are written there otherwise.
    """
    size = sizes_of(layer)
    counts = -(-size // tile)
    reuse = reuse_of(layer, tile, order, machine, found)
    asked = nothing_asked(counts)
    at, start, length = np.zeros(7, np.int64), np.zeros(7, np.int64), np.minimum(tile, size)
    clock, worked, lines, moved = np.zeros(6), np.zeros(3), np.zeros(3), np.zeros(5)
    first_load, one, resized = 0.0, _tile_of(length, machine, bias), False
    for step in range(counts.prod()):
        if resized:
            one = _tile_of(length, machine, bias)
        window = window_of(layer, start, length, machine)
        load = load_inputs(layer, at, start, length, machine, window, reuse, asked, lines)
        load += load_weights(layer, at, start, length, machine, reuse, asked, lines, weight_spread)
        if start[S] == start[R] == start[C] == 0:
            load += one.begin
        store = 0.0
        if _reduced(start, length, size):
            store = _store(layer, at, start, length, machine, reuse, asked, lines)
        _advance(clock, load, one.execute, store, store * one.queued, machine.tile_issue_cycles)
        worked[0] += load
        worked[1] += one.execute
        worked[2] += store
        _count(moved, length, machine, window, one)
        if step == 0:
            first_load = machine.tile_issue_cycles + load
        resized = _next(at, start, length, tile, size, order)
    total = max(clock[EXECUTED], clock[STORED]) if machine.double_buffered else worked.sum()
    return _run_of(total, worked, first_load, one.execute, lines, moved)


@compiled
def _reduced(start: Ints, length: Ints, size: Ints) -> bool:
    """Whether the tile is the last along every loop that adds to its sums."""
    last = start + length == size
    return bool(last[S] and last[R] and last[C])


@compiled
def _run_of(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    total: float, worked: Floats, first_load: float, last_execute: float, lines: Floats, moved: Floats
) -> Run:
    """Return what all tiles took: what each queue worked, lines that no cache held, and what was moved on chip."""
    return Run(
        total,
        worked[0],
        worked[1],
        worked[2],
        first_load,
        last_execute,
        lines[INPUT] * LINE_BYTES,
        lines[WEIGHTS] * LINE_BYTES,
        lines[OUTPUT] * LINE_BYTES,
        moved[0],
        moved[1],
        moved[2],
        moved[3],
        moved[4],
    )


@compiled
def _next(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    at: Ints, start: Ints, length: Ints, tile: Ints, size: Ints, order: Ints
) -> bool:
    """Move on to the next tile, the innermost loop first, or back to the first; return whether its size is another."""
    resized = False
    for place in range(len(order) - 1, -1, -1):
        d = order[place]
        begin = start[d] + tile[d]
        done = begin >= size[d]
        at[d] = 0 if done else at[d] + 1
        start[d] = 0 if done else begin
        reach = min(tile[d], size[d] - start[d])
        resized |= reach != length[d]
        length[d] = reach
        if not done:
            break
    return resized


@compiled
def _advance(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    clock: Floats, load: float, execute: float, store: float, queued: float, issue_cycles: float
) -> None:
    """Serve one tile: each queue serves tiles in order, two of them under way.

    A tile makes room for the one after next when its last store is queued, which the ``queued`` ones still take.
    """
    clock[ISSUED] += issue_cycles
    begin = max(clock[LOADED], clock[DONE_BEFORE], clock[ISSUED])
    clock[ISSUED] = max(clock[ISSUED], clock[DONE_BEFORE])
    clock[LOADED] = begin + load
    clock[EXECUTED] = max(clock[LOADED], clock[EXECUTED]) + execute
    if store > 0:
        clock[STORED] = max(clock[EXECUTED], clock[STORED]) + store
    clock[DONE_BEFORE] = clock[DONE]
    clock[DONE] = clock[STORED] - queued if store > 0 else clock[EXECUTED]


@compiled
def _count(moved: Floats, length: Ints, machine: GemminiMachine, window: TileWindow, one: Tile) -> None:
    """Count one tile: bytes loaded of inputs and weights, elements of both read by the array, sums written."""
    moved[0] += length[N] * window.rows * window.cols * length[C] * machine.input_bytes
    moved[1] += one.weights * machine.weight_bytes
    moved[2] += one.input_reads
    moved[3] += one.weights
    moved[4] += one.sums


@compiled
def _tile_of(length: Ints, machine: GemminiMachine, bias: bool) -> Tile:
    """Return what tiles of these sizes take wherever they lie."""
    taps, pixels = length[S] * length[R], length[N] * length[Q] * length[P]
    columns = -(-length[K] // machine.cols)
    stores = length[N] * length[Q] * -(-length[P] // machine.block_pixels) * columns
    return Tile(
        begin_sums(length, machine, bias),
        _execute(length, machine),
        min(STORES_QUEUED / stores, 1.0),
        float(taps * length[C] * length[K]),
        float(columns * taps * length[C] * pixels),
        float(taps * -(-length[C] // machine.rows) * pixels * length[K]),
    )


@compiled
def _execute(length: Ints, machine: GemminiMachine) -> float:
    """Cycles on the array: every 16 x 16 block of weights meets all pixels of the tile, in blocks of one row.

    The next weights are preloaded behind the last block of pixels, which takes 16 cycles for it.
    """
    taps = length[S] * -(-length[R] // packed_taps(length, machine))
    weight_blocks = taps * -(-length[C] // machine.rows) * -(-length[K] // machine.cols)
    rows, block = length[N] * length[Q], machine.block_pixels
    blocks = -(-length[P] // block)
    last = max(length[P] - (blocks - 1) * block, machine.min_block_cycles)
    streamed = rows * ((blocks - 1) * max(block, machine.min_block_cycles) + last) + max(
        machine.rows - last, 0
    )
    return float(weight_blocks * max(float(streamed), rows * blocks * machine.command_interval_cycles))


@compiled
def _store(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer,
    at: Ints,
    start: Ints,
    length: Ints,
    machine: GemminiMachine,
    reuse: Reuse,
    asked: Asked,
    lines: Floats,
) -> float:
    """Cycles to store a tile's outputs."""
    rows, key = length[N] * length[Q], (at[P], at[K])
    if asked.outputs[key] < 0:
        asked.outputs[key] = _row_of_stores(layer, start, length, machine)
    beyond = missing(reuse, OUTPUT, start)
    size = length[K] * machine.input_bytes
    written = lines_under(rows * length[P], start[K] * machine.input_bytes, size, layer.output_pitch)
    lines[OUTPUT] += written * beyond[1]
    cost = stored_line_cost(machine.memory, beyond, reuse.crowding[OUTPUT])
    return float(max(rows * asked.outputs[key], written * cost))


@compiled
def _row_of_stores(layer: ConvLayer, start: Ints, length: Ints, machine: GemminiMachine) -> float:
    """Cycles of the commands that store a row of a tile's outputs."""
    pitch, block, asked = layer.output_pitch, machine.block_pixels, 0.0
    for filter_ in range(0, length[K], machine.cols):
        width = min(machine.cols, length[K] - filter_) * machine.input_bytes
        for col in range(0, length[P], block):
            first = (start[P] + col) * pitch + (start[K] + filter_) * machine.input_bytes
            one = Block(first, pitch, min(block, length[P] - col), min(width, LINE_BYTES))
            asked += store_cycles(machine.memory, 1, one)
    return asked
