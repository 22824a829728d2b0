"""Loads of one tile of a convolution on Gemmini: inputs, weights and what its sums begin with.

Commands ask for bytes as fast as the DMA's requests allow; the lines under them come from where they lie, meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accel_models.units.gemmini.machine import GemminiMachine
from accel_models.units.gemmini.memory.dma import (
    bias_cycles,
    line_cost,
    tail_cycles,
    train_cycles,
)
from accel_models.units.gemmini.memory.reuse import (
    INPUT,
    WEIGHTS,
    C,
    K,
    N,
    P,
    Q,
    R,
    Reuse,
    S,
    lines_under,
    missing,
)
from accel_models.units.gemmini.memory.traffic import LINE_BYTES, Block
from accel_models.units.gemmini.tiling import ConvLayer
from traces import Floats, Ints, compiled


class TileWindow(NamedTuple):
    """Input rows and columns under a tile: those in the image, and those of padding."""

    rows: int
    cols: int
    pad_rows: int
    pad_cols: int


class Asked(NamedTuple):
    """Cycles of commands that a tile shares with others, -1 where not known yet, by its place in the loops."""

    inputs: Floats  # (P, R, C), of one row of pixels
    weights: Floats  # (K, C), of one tap
    outputs: Floats  # (P, K), of one row of pixels


@compiled
def nothing_asked(counts: Ints) -> Asked:
    """Return that nothing is known of a layer cut into so many tiles, by ``DIMS``."""
    return Asked(
        np.full((counts[P], counts[R], counts[C]), -1.0),
        np.full((counts[K], counts[C]), -1.0),
        np.full((counts[P], counts[K]), -1.0),
    )


@compiled
def window_of(layer: ConvLayer, start: Ints, length: Ints, machine: GemminiMachine) -> TileWindow:
    """Return the input under a tile: the library counts a whole stride behind the last pixel."""
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
    return TileWindow(rows, cols, pad_rows, pad_cols)


@compiled
def _span(start: int, length: int, size: int) -> tuple[int, int]:
    """Return what of a span lies within ``size``, and what is padding."""
    padding = max(0, -start) + max(0, start + length - size)
    return max(length - padding, 0), padding


@compiled
def load_inputs(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer,
    at: Ints,
    start: Ints,
    length: Ints,
    machine: GemminiMachine,
    window: TileWindow,
    reuse: Reuse,
    asked: Asked,
    lines: Floats,
) -> float:
    """Cycles to load a tile's inputs: commands ask for them while caches have them, or fetch them."""
    key = (at[P], at[R], at[C])
    if asked.inputs[key] < 0:
        asked.inputs[key] = _input_commands(layer, start, length, machine, window)
    commands = length[N] * window.rows * asked.inputs[key]
    beyond = missing(reuse, INPUT, start)
    pixels = length[N] * window.rows * window.cols
    touched = lines_under(
        pixels, start[C] * machine.input_bytes, length[C] * machine.input_bytes, layer.input_pitch
    )
    lines[INPUT] += touched * beyond[1]
    fetched = touched * line_cost(machine.memory, beyond, reuse.crowding[INPUT])
    return float(max(commands, fetched) + _zeros(length, machine, window))


@compiled
def load_weights(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer,
    at: Ints,
    start: Ints,
    length: Ints,
    machine: GemminiMachine,
    reuse: Reuse,
    asked: Asked,
    lines: Floats,
    spread: float,
) -> float:
    """Cycles to load a tile's weights, ``spread`` lines for each that would hold the kept ones packed."""
    key = (at[K], at[C])
    if asked.weights[key] < 0:
        asked.weights[key] = _weight_commands(layer, start, length, machine)
    commands = length[S] * length[R] * asked.weights[key]
    beyond = missing(reuse, WEIGHTS, start)
    rows = length[S] * length[R] * length[C]
    touched = lines_under(
        rows, start[K] * machine.weight_bytes, length[K] * machine.weight_bytes, layer.weight_pitch
    )
    lines[WEIGHTS] += spread * touched * beyond[1]
    fetched = touched * line_cost(machine.memory, beyond, reuse.crowding[WEIGHTS])
    return float(max(commands, spread * fetched))


@compiled
def _input_commands(
    layer: ConvLayer, start: Ints, length: Ints, machine: GemminiMachine, window: TileWindow
) -> float:
    """Cycles of the commands that load a row of a tile's inputs: up to 16 pixels, a line of channels at a time."""
    memory, pitch, command = machine.memory, layer.input_pitch, int(machine.memory.command_rows)
    first, size = start[C] * machine.input_bytes, length[C] * machine.input_bytes
    copies, asked = float(packed_taps(length, machine)), 0.0
    for col in range(0, window.cols, command):
        count = min(command, window.cols - col)
        for offset in range(0, size, LINE_BYTES):
            block = Block(first + offset, pitch, count, min(LINE_BYTES, size - offset))
            time = max(train_cycles(memory, block), count * copies)  # a scratchpad row a cycle
            asked += time
    return asked


@compiled
def _zeros(length: Ints, machine: GemminiMachine, window: TileWindow) -> float:
    """Cycles to write the zeros of padding, a copy for each of the taps that share the array's rows."""
    visits = -(-length[C] * machine.input_bytes // LINE_BYTES) * packed_taps(length, machine)
    zeros = window.pad_rows * (window.cols + window.pad_cols) + window.rows * window.pad_cols
    return float(length[N] * zeros * visits)


@compiled
def _weight_commands(layer: ConvLayer, start: Ints, length: Ints, machine: GemminiMachine) -> float:
    """Cycles of the commands that load one tap of a tile's weights: up to 16 channels, a line of filters at a time."""
    memory, pitch, command = machine.memory, layer.weight_pitch, int(machine.memory.command_rows)
    begin, size = start[K] * machine.weight_bytes, length[K] * machine.weight_bytes
    asked = 0.0
    for offset in range(0, size, LINE_BYTES):
        for row in range(0, length[C], command):
            first = (start[C] + row) * pitch + begin + offset
            block = Block(first, pitch, min(command, length[C] - row), min(LINE_BYTES, size - offset))
            behind = row > 0 and block.rows < command
            before = Block(first - command * pitch, pitch, command, block.size)
            asked += tail_cycles(memory, before, block) if behind else train_cycles(memory, block)
    return asked


@compiled
def begin_sums(length: Ints, machine: GemminiMachine, bias: bool) -> float:
    """Cycles to fill the accumulator: one row of 16 biases of 4 bytes, written 16 times, or a row of zeros each."""
    rows, filters = length[N] * length[Q], -(-length[K] // machine.cols)
    if not bias:
        return float(rows * length[P] * filters)
    return float(rows * -(-length[P] // machine.rows) * filters * bias_cycles(machine.memory))


@compiled
def packed_taps(length: Ints, machine: GemminiMachine) -> int:
    """Kernel columns that share the array's rows; each needs its own copy of the pixels."""
    if machine.packs_taps and length[C] < machine.rows:
        return int(min(machine.rows // length[C], length[R]))
    return 1
