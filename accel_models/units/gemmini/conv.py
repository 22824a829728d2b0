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

import numpy as np

from accel_models.units.gemmini.compiled import compiled
from accel_models.units.gemmini.conv_loads import (
    Asked,
    TileWindow,
    begin_sums,
    load_inputs,
    load_weights,
    packed_taps,
    window_of,
)
from accel_models.units.gemmini.machine import GemminiMachine, Run
from accel_models.units.gemmini.memory.dma import store_cycles, stored_line_cost
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
from traces import Floats, Ints

# The queues' clock: when the host may issue a tile, when each queue is free, and when the tile before last and
# the last were done.
ISSUED, LOADED, EXECUTED, STORED, DONE_BEFORE, DONE = range(6)


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
    asked = Asked(
        np.full((counts[N], counts[Q], counts[P], counts[S], counts[R], counts[C]), -1.0),
        np.full((counts[K], counts[S], counts[R], counts[C]), -1.0),
    )
    at, start, length = np.zeros(7, np.int64), np.zeros(7, np.int64), np.zeros(7, np.int64)
    clock, worked, lines, moved = np.zeros(6), np.zeros(3), np.zeros(3), np.zeros(5)
    first_load = execute = 0.0
    for step in range(counts.prod()):
        rest = step
        for d in order[::-1]:
            at[d] = rest % counts[d]
            rest //= counts[d]
            start[d] = at[d] * tile[d]
            length[d] = min(tile[d], size[d] - start[d])
        window = window_of(layer, start, length, machine)
        load = load_inputs(layer, at, start, length, machine, window, reuse, asked, lines)
        load += load_weights(layer, at, start, length, machine, reuse, asked, lines, weight_spread)
        if start[S] == start[R] == start[C] == 0:
            load += begin_sums(length, machine, bias)
        execute = _execute(length, machine)
        store = 0.0
        if (
            start[S] + length[S] == size[S]
            and start[R] + length[R] == size[R]
            and start[C] + length[C] == size[C]
        ):
            store = _store(layer, start, length, machine, reuse, lines)
        _advance(clock, load, execute, store, machine.tile_issue_cycles)
        worked[0] += load
        worked[1] += execute
        worked[2] += store
        _count(moved, length, machine, window)
        if step == 0:
            first_load = machine.tile_issue_cycles + load
    total = max(clock[EXECUTED], clock[STORED]) if machine.double_buffered else worked.sum()
    return Run(
        total,
        worked[0],
        worked[1],
        worked[2],
        first_load,
        execute,
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
def _advance(clock: Floats, load: float, execute: float, store: float, issue_cycles: float) -> None:
    """Serve one tile: each queue serves tiles in order, two of them under way."""
    clock[ISSUED] += issue_cycles
    begin = max(clock[LOADED], clock[DONE_BEFORE], clock[ISSUED])
    clock[ISSUED] = max(clock[ISSUED], clock[DONE_BEFORE])
    clock[LOADED] = begin + load
    clock[EXECUTED] = max(clock[LOADED], clock[EXECUTED]) + execute
    if store > 0:
        clock[STORED] = max(clock[EXECUTED], clock[STORED]) + store
    clock[DONE_BEFORE] = clock[DONE]
    clock[DONE] = clock[STORED] if store > 0 else clock[EXECUTED]


@compiled
def _count(moved: Floats, length: Ints, machine: GemminiMachine, window: TileWindow) -> None:
    """Count one tile: bytes loaded of inputs and weights, elements of both read by the array, sums written."""
    taps, pixels = length[S] * length[R], length[N] * length[Q] * length[P]
    moved[0] += length[N] * window.rows * window.cols * length[C] * machine.input_bytes
    moved[1] += taps * length[C] * length[K] * machine.weight_bytes
    moved[2] += -(-length[K] // machine.cols) * taps * length[C] * pixels
    moved[3] += taps * length[C] * length[K]
    moved[4] += taps * -(-length[C] // machine.rows) * pixels * length[K]


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
    layer: ConvLayer, start: Ints, length: Ints, machine: GemminiMachine, reuse: Reuse, lines: Floats
) -> float:
    """Cycles to store a tile's outputs."""
    memory, pitch, block = machine.memory, layer.output_pitch, machine.block_pixels
    rows, size = length[N] * length[Q], length[K] * machine.input_bytes
    asked = 0.0
    for filter_ in range(0, length[K], machine.cols):
        width = min(machine.cols, length[K] - filter_) * machine.input_bytes
        for col in range(0, length[P], block):
            first = (start[P] + col) * pitch + (start[K] + filter_) * machine.input_bytes
            one = Block(first, pitch, min(block, length[P] - col), min(width, LINE_BYTES))
            asked += store_cycles(memory, rows, one)
    beyond = missing(reuse, OUTPUT, start)
    written = lines_under(rows * length[P], start[K] * machine.input_bytes, size, pitch)
    lines[OUTPUT] += written * beyond[1]
    return float(max(asked, written * stored_line_cost(memory, beyond, reuse.crowding[OUTPUT])))
