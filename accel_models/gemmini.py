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

from collections.abc import Iterator
from dataclasses import dataclass

from accel_models.gemmini_dma import (
    GemminiMemory,
    bias_cycles,
    conflict_cycles,
    lines_of,
    missed_pages,
    new_lines_of,
    store_cycles,
    train_cycles,
)
from accel_models.gemmini_reuse import Place, Reuse
from accel_models.gemmini_tiling import SIDE, ConvLayer, ConvTiling
from accel_models.gemmini_traffic import LINE_BYTES, ROWS_PER_COMMAND, Block

Box = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemmini:
    """A 16 x 16 weight-stationary Gemmini and its memory."""

    memory: GemminiMemory
    scratchpad_rows: int = 16384  # of 16 bytes: 256 KiB
    accumulator_rows: int = 1024  # of 16 x 32 bits: 64 KiB
    packs_taps: bool = False  # taps of a kernel row share the array's rows while their channels fit
    skips_strided_rows: bool = False  # a 1x1 kernel of stride 2 loads only the pixels it uses
    min_block_cycles: int = 4  # a block of pixels takes at least as long
    command_interval_cycles: float = (
        7.0  # between blocks' pairs of commands; read off FireSim's narrowest tiles
    )
    tile_issue_cycles: float = 40.0  # of the host, per tile; assumption
    overlap: float = 1.0  # of the time that the queues could hide in each other, what they do hide


@dataclass(frozen=True, slots=True)
class TileTimes:
    """Cycles of one tile in each queue."""

    load: float
    execute: float
    store: float


def conv_cycles(layer: ConvLayer, tiling: ConvTiling, machine: Gemmini, *, bias: bool = False) -> int:
    """Cycles of one convolution from the first command to the last result in memory.

    Parameters
    ----------
    layer, tiling
        The convolution and how it is cut.
    machine
        Gemmini and its memory.
    bias
        A bias is loaded into the accumulator; zeros are written there otherwise.
    """
    times = _tile_times(layer, tiling, machine, bias)
    overlapped = _pipeline(times, machine.tile_issue_cycles)
    serial = sum(t.load + t.execute + t.store for t in times)
    return round(overlapped + (1 - machine.overlap) * (serial - overlapped))


def _pipeline(times: list[TileTimes], issue_cycles: float) -> float:
    """End of the last tile, each queue serving tiles in order and two tiles under way."""
    issued = load_end = execute_end = store_end = 0.0
    done_before = done = 0.0  # of the tile before last, and of the last
    for tile in times:
        issued += issue_cycles
        start = max(load_end, done_before, issued)
        issued = max(issued, done_before)
        load_end = start + tile.load
        execute_end = max(load_end, execute_end) + tile.execute
        if tile.store:
            store_end = max(execute_end, store_end) + tile.store
        done_before, done = done, store_end if tile.store else execute_end
    return max(execute_end, store_end)


def _tile_times(layer: ConvLayer, tiling: ConvTiling, machine: Gemmini, bias: bool) -> list[TileTimes]:
    reuse = Reuse.of(layer, tiling, machine.memory)
    known: dict[tuple[int, ...], TileTimes] = {}
    times = []
    for box in tiling.boxes(layer):
        key = _likeness(layer, box)
        if key not in known:
            known[key] = TileTimes(
                load=_load(layer, box, machine, reuse, bias),
                execute=_execute(box, machine),
                store=_store(layer, box, machine, reuse),
            )
        times.append(known[key])
    return times


def _likeness(layer: ConvLayer, box: Box) -> tuple[int, ...]:
    """Return what two tiles of one layer must share to take equal time."""
    alignment = (box["C"][0] % LINE_BYTES, box["K"][0] % LINE_BYTES)
    turns = tuple(start > 0 for start, _ in box.values())
    ends = (_is_first(box), _is_last(layer, box))
    return (*(length for _, length in box.values()), *_input_window(layer, box), *alignment, *turns, *ends)


def _is_first(box: Box) -> bool:
    """Whether the tile begins its outputs' sums."""
    return all(box[dim][0] == 0 for dim in "SRC")


def _is_last(layer: ConvLayer, box: Box) -> bool:
    """Whether the tile ends its outputs' sums, so that they can be stored."""
    return all(sum(box[dim]) >= layer.sizes[dim] for dim in "SRC")


def _input_window(layer: ConvLayer, box: Box) -> tuple[int, int, int, int]:
    """Input rows and columns under a tile: (rows, columns) in the image, (rows, columns) of padding."""
    rows, row_pad = _span(layer, box["Q"], box["S"], layer.in_height)
    cols, col_pad = _span(layer, box["P"], box["R"], layer.in_width)
    return rows, cols, row_pad, col_pad


def _span(layer: ConvLayer, out: tuple[int, int], taps: tuple[int, int], size: int) -> tuple[int, int]:
    start = out[0] * layer.stride + taps[0] - layer.padding
    length = out[1] * layer.stride + taps[1] - 1
    padding = max(0, -start) + max(0, start + length - size)
    return max(length - padding, 0), padding


def _load(layer: ConvLayer, box: Box, machine: Gemmini, reuse: Reuse, bias: bool) -> float:
    """Cycles to load a tile's inputs, weights and bias."""
    total = _load_input(layer, box, machine, reuse) + _load_weights(layer, box, machine, reuse)
    if not _is_first(box):
        return total
    out_rows, out_cols, filters = box["Q"][1], box["P"][1], -(-box["K"][1] // SIDE)
    if not bias:
        return total + out_rows * out_cols * filters  # a row of zeros a cycle
    blocks = out_rows * -(-out_cols // SIDE) * filters  # one row of 16 biases of 4 bytes, written 16 times
    return total + blocks * bias_cycles(machine.memory)


def _load_input(layer: ConvLayer, box: Box, machine: Gemmini, reuse: Reuse) -> float:
    memory, pitch = machine.memory, layer.channels
    rows, cols, pad_rows, pad_cols = _input_window(layer, box)
    if machine.skips_strided_rows and layer.stride == 2 and layer.kernel_height == layer.kernel_width == 1:
        rows, cols = -(-rows // 2), -(-cols // 2)
    start, channels = box["C"]
    visits = -(-channels // LINE_BYTES)  # a block of pixels is loaded 64 channels at a time
    asked = pages = 0.0
    for _, count in _pieces(cols, ROWS_PER_COMMAND):
        pages += rows * missed_pages(memory, count, pitch, visits)
        for offset, size in _pieces(channels, LINE_BYTES):
            block = Block(start + offset, pitch, count, size)
            time = train_cycles(memory, block)
            if pitch < LINE_BYTES:  # neighbouring pixels share a line
                time = max(time, block.traffic.requests * memory.same_line_load_cycles)
            asked += rows * time
    asked = max(asked, float(rows * cols * _packed_taps(box, machine)))  # a scratchpad row written a cycle
    fetched = _fetched(memory, reuse.place("input", box), rows * cols, box["C"], pitch)
    zeros = (pad_rows * (cols + pad_cols) + rows * pad_cols) * -(-channels // LINE_BYTES)
    return max(asked, fetched) + pages * memory.page_cycles + zeros


def _load_weights(layer: ConvLayer, box: Box, machine: Gemmini, reuse: Reuse) -> float:
    memory, pitch = machine.memory, layer.filters
    taps, (first_channel, channels) = box["S"][1] * box["R"][1], box["C"]
    start, filters = box["K"]
    asked = 0.0
    for offset, size in _pieces(filters, LINE_BYTES):
        for row, count in _pieces(channels, ROWS_PER_COMMAND):
            block = Block((first_channel + row) * pitch + start + offset, pitch, count, size)
            asked += taps * train_cycles(memory, block)
    fetched = _fetched(memory, reuse.place("weights", box), taps * channels, box["K"], pitch)
    pages = missed_pages(memory, taps * channels, pitch, visits=-(-filters // LINE_BYTES))
    return max(asked, fetched) + pages * memory.page_cycles


def _fetched(memory: GemminiMemory, place: Place, rows: int, span: tuple[int, int], pitch: int) -> float:
    """Cycles to bring the lines under ``rows`` spans of bytes, ``pitch`` apart, into L2."""
    if place == "l2":
        return 0.0
    shared = min(1.0, pitch / LINE_BYTES)  # by neighbouring rows
    lines = rows * lines_of(*span, pitch) * shared
    conflict = conflict_cycles(memory, pitch)
    if place == "llc":
        return lines * conflict
    new = min(lines, rows * new_lines_of(*span, pitch))
    return new * max(memory.line_cycles, conflict) + (lines - new) * conflict


def _execute(box: Box, machine: Gemmini) -> float:
    """Cycles on the array: every 16 x 16 block of weights meets all pixels of the tile, in blocks of one row.

    The next weights are preloaded behind the last block of pixels, which takes 16 cycles for it.
    """
    channels = box["C"][1]
    taps = box["S"][1] * -(-box["R"][1] // _packed_taps(box, machine))
    weight_blocks = taps * -(-channels // SIDE) * -(-box["K"][1] // SIDE)
    rows = box["Q"][1]
    blocks = [max(size, machine.min_block_cycles) for _, size in _pieces(box["P"][1], SIDE)]
    streamed = rows * sum(blocks) + max(SIDE - blocks[-1], 0)
    issued = rows * len(blocks) * machine.command_interval_cycles
    return weight_blocks * max(float(streamed), issued)


def _packed_taps(box: Box, machine: Gemmini) -> int:
    """Kernel columns that share the array's rows; each needs its own copy of the pixels."""
    channels = box["C"][1]
    return min(SIDE // channels, box["R"][1]) if machine.packs_taps and channels < SIDE else 1


def _store(layer: ConvLayer, box: Box, machine: Gemmini, reuse: Reuse) -> float:
    """Cycles to store a tile's outputs, if it ends their sums."""
    if not _is_last(layer, box):
        return 0.0
    memory, pitch = machine.memory, layer.filters
    rows, cols, filters = box["Q"][1], box["P"][1], box["K"][1]
    commands = rows * -(-filters // SIDE)
    asked = sum(store_cycles(memory, commands, size, pitch < LINE_BYTES) for _, size in _pieces(cols, SIDE))
    lines = rows * cols * max(1.0, filters / LINE_BYTES) * min(1.0, pitch / LINE_BYTES)
    return asked if reuse.place("output", box) == "l2" else max(asked, lines * memory.line_cycles)


def _pieces(size: int, piece: int) -> Iterator[tuple[int, int]]:
    """Yield (start, length) of pieces, the last one cut short."""
    for start in range(0, size, piece):
        yield start, min(piece, size - start)
