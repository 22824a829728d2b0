"""Loads of one tile of a product on Gemmini, command by command, in the order of each dataflow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accel_models.units.gemmini.machine import GemminiMachine
from accel_models.units.gemmini.memory import queues
from accel_models.units.gemmini.memory.dma import GemminiMemory, line_cost
from accel_models.units.gemmini.memory.queues import Queue, end_of
from accel_models.units.gemmini.memory.reuse import INPUT, WEIGHTS, C, K, P, Reuse, missing
from accel_models.units.gemmini.memory.traffic import LINE_BYTES, Block, block_lines, block_traffic
from accel_models.units.gemmini.tiling import Product
from traces import Ints, compiled

LOADS_QUEUED = 8  # depth of the reservation station's queue, Gemmini's default configuration

Stretch = tuple[int, int]  # start and length


class Matrix(NamedTuple):
    """An operand as it lies in memory, row after row."""

    operand: int  # INPUT or WEIGHTS
    cols: int  # of a row [elements]
    element: int  # [B]


class MovedSoFar(NamedTuple):
    """Where lines come from, and what the tiles have moved so far."""

    memory: GemminiMemory
    reuse: Reuse
    weight_spread: float
    lines: queues.Queue  # (operands,), from DRAM
    loaded: queues.Queue  # (operands,), bytes
    written: queues.Queue  # (1,), rows of the scratchpad, by the tile under way


@compiled
def blocks(size: int, side: int) -> int:
    return -(-size // side)


@compiled
def _load(loads: Queue, block: Block, moved: MovedSoFar, operand: int, start: Ints) -> None:
    spread = moved.weight_spread if operand == WEIGHTS else 1.0
    beyond = missing(moved.reuse, operand, start)
    each = spread * line_cost(moved.memory, beyond, moved.reuse.crowding[operand])
    queues.load(loads, moved.memory, block, each)
    moved.written[0] += block_traffic(block)[3]
    moved.loaded[operand] += block.rows * block.size
    moved.lines[operand] += spread * block_lines(block) * beyond[1]


@compiled
def load_ws(  # noqa: PLR0913, PLR0917  # as above
    product: Product,
    start: Ints,
    length: Ints,
    loads: Queue,
    moved: MovedSoFar,
    machine: GemminiMachine,
    new_input: bool,
    new_weights: bool,
) -> Queue:
    """Load four blocks of K after the other, inputs before weights; return when each block of K is there.

    The hardware loop does not trim the last rows of weights: it reads 16, past the end if need be.
    """
    inputs, weights = _operands(product, machine)
    ready = np.zeros(blocks(length[C], machine.rows))
    entry = 0
    side = machine.rows
    together = max(LINE_BYTES // machine.input_bytes // side, 1) * side
    for at in range(0, length[C], together):
        deep = min(together, length[C] - at)
        if new_input:
            for row in range(0, length[P], side):
                rows = (start[P] + row, min(side, length[P] - row))
                _load_rows(rows, (start[C] + at, deep), inputs, loads, moved, start)
        for row in range(0, deep, side):
            if new_weights:
                rows = (start[C] + at + row, side)
                _load_rows(rows, (start[K], length[K]), weights, loads, moved, start)
            ready[entry] = end_of(loads)
            entry += 1
    return ready


@compiled
def _operands(product: Product, machine: GemminiMachine) -> tuple[Matrix, Matrix]:
    """Return inputs and weights as they lie in memory."""
    return Matrix(INPUT, product.k, machine.input_bytes), Matrix(WEIGHTS, product.n, machine.weight_bytes)


@compiled
def _load_rows(  # noqa: PLR0913, PLR0917  # as above
    rows: Stretch, cols: Stretch, matrix: Matrix, loads: Queue, moved: MovedSoFar, start: Ints
) -> None:
    """Load rows of an operand, a line of each at a time."""
    pitch = matrix.cols * matrix.element
    first = rows[0] * pitch + cols[0] * matrix.element
    for offset in range(0, cols[1] * matrix.element, LINE_BYTES):
        size = min(LINE_BYTES, cols[1] * matrix.element - offset)
        _load(loads, Block(first + offset, pitch, rows[1], size), moved, matrix.operand, start)


@compiled
def load_os(  # noqa: PLR0913, PLR0917  # as above
    product: Product,
    start: Ints,
    length: Ints,
    loads: Queue,
    moved: MovedSoFar,
    machine: GemminiMachine,
    load_start: float,
) -> Queue:
    """Load all weights, then inputs; return when each row of blocks can compute.

    The host issues no block before all but the last loads are out of its way.
    """
    inputs, weights = _operands(product, machine)
    latest = np.full(LOADS_QUEUED + 1, load_start)  # ends of the last loads
    count = 0
    in_line = LINE_BYTES // machine.weight_bytes
    for col in range(0, length[K], in_line):
        cols = (start[K] + col, min(in_line, length[K] - col))
        for row in range(0, length[C], machine.rows):
            rows = (start[C] + row, min(machine.rows, length[C] - row))
            _load_rows(rows, cols, weights, loads, moved, start)
            count += 1
            latest[count % len(latest)] = end_of(loads)
    ready = np.zeros(blocks(length[P], machine.rows))
    in_line = LINE_BYTES // machine.input_bytes
    for i in range(len(ready)):
        row = i * machine.rows
        rows = (start[P] + row, min(machine.rows, length[P] - row))
        for at in range(0, length[C], in_line):
            depth = (start[C] + at, min(in_line, length[C] - at))
            _load_rows(rows, depth, inputs, loads, moved, start)
            count += 1
            latest[count % len(latest)] = end_of(loads)
        ready[i] = end_of(loads)
    issued = latest[(count + 1) % len(latest)] if count >= LOADS_QUEUED else load_start
    return np.maximum(ready, issued)
