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
from numpy.typing import NDArray

from accel_models.compiled import compiled
from accel_models.gemmini_dma import (
    GemminiMemory,
    bias_cycles,
    conflict_cycles,
    lines_of,
    missed_pages,
    new_lines_of,
    same_line_share,
    store_cycles,
    train_cycles,
)
from accel_models.gemmini_machine import Gemmini
from accel_models.gemmini_reuse import (
    INPUT,
    L2,
    LLC,
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
    place,
    reuse_of,
)
from accel_models.gemmini_run import Run
from accel_models.gemmini_tiling import ConvLayer, Ints, sizes_of
from accel_models.gemmini_traffic import LINE_BYTES, Block, block_traffic

Floats = NDArray[np.float64]


class Window(NamedTuple):
    """Input rows and columns under a tile: those in the image, and those of padding."""

    rows: int
    cols: int
    pad_rows: int
    pad_cols: int


class Asked(NamedTuple):
    """Cycles of the commands that load a tile's operands, -1 where not known yet, by its place in the loops."""

    inputs: NDArray[np.float64]  # (N, Q, P, S, R, C)
    weights: NDArray[np.float64]  # (K, S, R, C)


# The queues' clock: when the host may issue a tile, when each queue is free, and when the tile before last and
# the last were done.
ISSUED, LOADED, EXECUTED, STORED, DONE_BEFORE, DONE = range(6)


@compiled
def conv_run(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    layer: ConvLayer,
    tile: Ints,
    order: Ints,
    machine: Gemmini,
    found_in: int,
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
    found_in
        Where inputs and weights lie before the first command.
    weight_spread
        Lines of weights fetched for each that holds the kept ones packed; at least 1.
    bias
        A bias is loaded into the accumulator; zeros are written there otherwise.
    """
    size = sizes_of(layer)
    counts = -(-size // tile)
    reuse = reuse_of(layer, tile, order, machine, found_in)
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
        window = _window(layer, start, length, machine)
        load = _load_inputs(layer, at, start, length, machine, window, reuse, asked, lines)
        load += _load_weights(layer, at, start, length, machine, reuse, asked, lines, weight_spread)
        if start[S] == start[R] == start[C] == 0:
            load += _begin_sums(length, machine, bias)
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
    serial = worked.sum()
    total = max(clock[EXECUTED], clock[STORED]) if machine.double_buffered else serial
    total += (1 - machine.overlap) * max(serial - total, 0.0)
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
def _count(moved: Floats, length: Ints, machine: Gemmini, window: Window) -> None:
    """Count one tile: bytes loaded of inputs and weights, elements of both read by the array, sums written."""
    taps, pixels = length[S] * length[R], length[N] * length[Q] * length[P]
    moved[0] += length[N] * window.rows * window.cols * length[C] * machine.input_bytes
    moved[1] += taps * length[C] * length[K] * machine.weight_bytes
    moved[2] += -(-length[K] // machine.cols) * taps * length[C] * pixels
    moved[3] += taps * length[C] * length[K]
    moved[4] += taps * -(-length[C] // machine.rows) * pixels * length[K]


@compiled
def _load_inputs(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer,
    at: Ints,
    start: Ints,
    length: Ints,
    machine: Gemmini,
    window: Window,
    reuse: Reuse,
    asked: Asked,
    lines: Floats,
) -> float:
    """Cycles to load a tile's inputs: commands ask for them while caches have them, or fetch them."""
    key = (at[N], at[Q], at[P], at[S], at[R], at[C])
    if asked.inputs[key] < 0:
        asked.inputs[key] = _input_commands(layer, start, length, machine, window)
    pitch, element, pixels = layer.input_pitch, machine.input_bytes, length[N] * window.rows * window.cols
    found_in, whole = place(reuse, INPUT, start), layer.channels * element
    found = _lines(found_in, pixels, start[C] * element, length[C] * element, whole, pitch)
    lines[INPUT] += found[1]
    fetched = _fetch_cycles(machine.memory, found, pitch)
    return float(max(asked.inputs[key], fetched) + _input_overhead(layer, length, machine, window))


@compiled
def _load_weights(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer,
    at: Ints,
    start: Ints,
    length: Ints,
    machine: Gemmini,
    reuse: Reuse,
    asked: Asked,
    lines: Floats,
    spread: float,
) -> float:
    """Cycles to load a tile's weights, ``spread`` lines for each that would hold the kept ones packed."""
    key = (at[K], at[S], at[R], at[C])
    if asked.weights[key] < 0:
        asked.weights[key] = _weight_commands(layer, start, length, machine)
    pitch, element, rows = layer.weight_pitch, machine.weight_bytes, length[S] * length[R] * length[C]
    found_in, whole = place(reuse, WEIGHTS, start), layer.filters * element
    found = _lines(found_in, rows, start[K] * element, length[K] * element, whole, pitch)
    lines[WEIGHTS] += spread * found[1]
    fetched = spread * _fetch_cycles(machine.memory, found, pitch)
    pages = missed_pages(machine.memory, rows, pitch, -(-length[K] * element // LINE_BYTES))
    return float(max(asked.weights[key], fetched) + pages * machine.memory.page_cycles)


@compiled
def _window(layer: ConvLayer, start: Ints, length: Ints, machine: Gemmini) -> Window:
    rows, pad_rows = _span(
        start[Q] * layer.stride_height + start[S] * layer.dilation_height - layer.padding_top,
        length[Q] * layer.stride_height + (length[S] - 1) * layer.dilation_height,
        layer.in_height,
    )
    cols, pad_cols = _span(
        start[P] * layer.stride_width + start[R] * layer.dilation_width - layer.padding_left,
        length[P] * layer.stride_width + (length[R] - 1) * layer.dilation_width,
        layer.in_width,
    )
    if machine.skips_strided_rows and layer.kernel_height == layer.kernel_width == 1:
        if layer.stride_height == 2:
            rows = -(-rows // 2)
        if layer.stride_width == 2:
            cols = -(-cols // 2)
    return Window(rows, cols, pad_rows, pad_cols)


@compiled
def _span(start: int, length: int, size: int) -> tuple[int, int]:
    padding = max(0, -start) + max(0, start + length - size)
    return max(length - padding, 0), padding


@compiled
def _input_commands(layer: ConvLayer, start: Ints, length: Ints, machine: Gemmini, window: Window) -> float:
    """Cycles of the commands that load a tile's inputs: up to 16 pixels of one row, a line of channels at a time."""
    memory, pitch, command = machine.memory, layer.input_pitch, int(machine.memory.command_rows)
    first, size = start[C] * machine.input_bytes, length[C] * machine.input_bytes
    in_turn = same_line_share(memory, pitch) * memory.same_line_load_cycles
    asked = 0.0
    for col in range(0, window.cols, command):
        count = min(command, window.cols - col)
        for offset in range(0, size, LINE_BYTES):
            block = Block(first + offset, pitch, count, min(LINE_BYTES, size - offset))
            time = max(train_cycles(memory, block), block_traffic(block)[0] * in_turn)
            asked += window.rows * time
    written = window.rows * window.cols * _packed_taps(length, machine)  # a scratchpad row a cycle
    return float(length[N] * max(asked, float(written)))


@compiled
def _input_overhead(layer: ConvLayer, length: Ints, machine: Gemmini, window: Window) -> float:
    """Cycles to translate pages and to write the zeros of padding."""
    memory, command = machine.memory, int(machine.memory.command_rows)
    visits = -(-length[C] * machine.input_bytes // LINE_BYTES)
    pages = 0.0
    for col in range(0, window.cols, command):
        count = min(command, window.cols - col)
        pages += window.rows * missed_pages(memory, count, layer.input_pitch, visits)
    zeros = (window.pad_rows * (window.cols + window.pad_cols) + window.rows * window.pad_cols) * visits
    return float(length[N] * (pages * memory.page_cycles + zeros))


@compiled
def _weight_commands(layer: ConvLayer, start: Ints, length: Ints, machine: Gemmini) -> float:
    """Cycles of the commands that load a tile's weights: up to 16 channels of one tap, a line of filters at a time."""
    memory, pitch, command = machine.memory, layer.weight_pitch, int(machine.memory.command_rows)
    begin, size = start[K] * machine.weight_bytes, length[K] * machine.weight_bytes
    asked = 0.0
    for offset in range(0, size, LINE_BYTES):
        for row in range(0, length[C], command):
            first = (start[C] + row) * pitch + begin + offset
            count = min(command, length[C] - row)
            asked += train_cycles(memory, Block(first, pitch, count, min(LINE_BYTES, size - offset)))
    return float(length[S] * length[R] * asked)


@compiled
def _begin_sums(length: Ints, machine: Gemmini, bias: bool) -> float:
    """Cycles to fill the accumulator: one row of 16 biases of 4 bytes, written 16 times, or a row of zeros each."""
    rows, filters = length[N] * length[Q], -(-length[K] // machine.cols)
    if not bias:
        return float(rows * length[P] * filters)
    return float(rows * -(-length[P] // machine.rows) * filters * bias_cycles(machine.memory))


@compiled
def _lines(  # noqa: PLR0913, PLR0917  # as above
    found: int, rows: int, start: int, size: int, whole: int, pitch: int
) -> tuple[float, float]:
    """Lines under ``rows`` spans of bytes, ``pitch`` apart, that come from the last-level cache, and from DRAM.

    A span is ``size`` of the ``whole`` bytes that the layer uses of each pitch; fewer than all in one group of
    several, whose first tile shares no line with a tile before it.
    """
    if found == L2:
        return 0.0, 0.0
    lines = rows * lines_of(start, size, pitch) * min(1.0, pitch / LINE_BYTES)  # neighbours share some
    if found == LLC:
        return lines, 0.0
    if start == 0 and whole < pitch:
        return 0.0, lines
    new = min(lines, rows * new_lines_of(start, size, pitch))
    return lines - new, new


@compiled
def _fetch_cycles(memory: GemminiMemory, lines: tuple[float, float], pitch: int) -> float:
    """Cycles to bring lines into L2."""
    conflict = conflict_cycles(memory, pitch)
    return lines[1] * max(memory.line_cycles, conflict) + lines[0] * conflict


@compiled
def _execute(length: Ints, machine: Gemmini) -> float:
    """Cycles on the array: every 16 x 16 block of weights meets all pixels of the tile, in blocks of one row.

    The next weights are preloaded behind the last block of pixels, which takes 16 cycles for it.
    """
    taps = length[S] * -(-length[R] // _packed_taps(length, machine))
    weight_blocks = taps * -(-length[C] // machine.rows) * -(-length[K] // machine.cols)
    rows, block = length[N] * length[Q], machine.block_pixels
    blocks = -(-length[P] // block)
    last = max(length[P] - (blocks - 1) * block, machine.min_block_cycles)
    streamed = rows * ((blocks - 1) * max(block, machine.min_block_cycles) + last) + max(
        machine.rows - last, 0
    )
    return float(weight_blocks * max(float(streamed), rows * blocks * machine.command_interval_cycles))


@compiled
def _packed_taps(length: Ints, machine: Gemmini) -> int:
    """Kernel columns that share the array's rows; each needs its own copy of the pixels."""
    if machine.packs_taps and length[C] < machine.rows:
        return int(min(machine.rows // length[C], length[R]))
    return 1


@compiled
def _store(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer, start: Ints, length: Ints, machine: Gemmini, reuse: Reuse, lines: Floats
) -> float:
    """Cycles to store a tile's outputs."""
    memory, pitch, block = machine.memory, layer.output_pitch, machine.block_pixels
    rows, size = length[N] * length[Q], length[K] * machine.input_bytes
    commands, asked = rows * -(-length[K] // machine.cols), 0.0
    for col in range(0, length[P], block):
        asked += store_cycles(memory, commands, min(block, length[P] - col), pitch)
    if place(reuse, OUTPUT, start) == L2:
        return asked
    written = rows * length[P] * max(1.0, size / LINE_BYTES) * min(1.0, pitch / LINE_BYTES)
    lines[OUTPUT] += written
    return float(max(asked, written * memory.line_cycles))
