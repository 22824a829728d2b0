"""How a block of bytes in memory becomes requests of Gemmini's DMA engine, and rows of its scratchpad.

A command moves up to 16 rows.  Every 64-byte line that a row touches is one request of 16, 32 or 64 aligned
bytes, the least that covers the row's part of the line.  Its 16-byte beats arrive one after the other and are
merged into rows of the scratchpad, one written a cycle::

    row of 20 bytes at 52:   line ...|48      64      80|
    requests                         [  12 ] [ 8  ]           two beats, but three cycles: the second beat
    rows of the scratchpad           [16 .......][4]          ends one row and begins another

Source: Verilator runs of Gemmini's loads (reference/gemmini_dma_rtl.csv), exact on its unaligned ones.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np

from traces import compiled

LINE_BYTES = 64
BEAT_BYTES = 16


@dataclass(frozen=True, slots=True)
class LineTraffic:
    """What one row or one command moves."""

    requests: int
    beats: int  # of 16 bytes, on the bus
    merge_cycles: int  # to make rows of the scratchpad of them
    written: int  # rows of the scratchpad

    def plus(self, other: LineTraffic) -> LineTraffic:
        """Return both, one behind the other."""
        return LineTraffic(
            self.requests + other.requests,
            self.beats + other.beats,
            self.merge_cycles + other.merge_cycles,
            self.written + other.written,
        )


class Block(NamedTuple):
    """Bytes that one command moves: rows of ``size`` bytes, ``pitch`` bytes apart, the first at ``start``."""

    start: int
    pitch: int
    rows: int
    size: int


def row_traffic(offset: int, size: int) -> LineTraffic:
    """Return what one row of ``size`` bytes moves that starts ``offset`` bytes into a line."""
    total, done = LineTraffic(0, 0, 0, 0), 0
    while done < size:
        length = min(size - done, LINE_BYTES - offset)
        total = total.plus(_request(offset, length, done))
        done, offset = done + length, 0
    return LineTraffic(total.requests, total.beats, total.merge_cycles, -(-size // BEAT_BYTES))


def _request(offset: int, length: int, done: int) -> LineTraffic:
    """One request for ``length`` bytes of a line, behind ``done`` bytes of the same row."""
    end = offset + length
    asked = next(size for size in (16, 32, 64) if offset // size == (end - 1) // size)
    beats = asked // BEAT_BYTES
    first = offset // asked * asked
    row, cycle = done // BEAT_BYTES, -1
    for beat in range(beats):
        arrived = done + max(0, min(end, first + (beat + 1) * BEAT_BYTES) - offset)
        if row * BEAT_BYTES < done + length and arrived >= min((row + 1) * BEAT_BYTES, done + length):
            row, cycle = row + 1, beat
    behind = max(0, -(-(done + length) // BEAT_BYTES) - row)  # rows still to write after the last beat
    spare = 1 if behind == 0 and cycle < beats - 1 else 0  # a last beat that nobody wants
    return LineTraffic(1, beats, max(beats, cycle + 1 + behind) + spare, 0)


_ROWS = np.zeros((LINE_BYTES, LINE_BYTES + 1, 4), np.int64)  # by offset in a line and size
for _offset in range(LINE_BYTES):
    for _size in range(1, LINE_BYTES + 1):
        _ROWS[_offset, _size] = astuple(row_traffic(_offset, _size))


@compiled
def block_traffic(block: Block) -> tuple[int, int, int, int]:
    """Return requests, beats, cycles to merge and rows written of all rows of a block."""
    requests, beats, merge, written = 0, 0, 0, 0
    for row in range(block.rows):
        one = _ROWS[(block.start + row * block.pitch) % LINE_BYTES, block.size]
        requests += one[0]
        beats += one[1]
        merge += one[2]
        written += one[3]
    return requests, beats, merge, written


@compiled
def block_width(block: Block) -> int:
    """Rows of the scratchpad in one row: 1 to 4."""
    return -(-block.size // BEAT_BYTES)


@compiled
def block_lines(block: Block) -> float:
    """Lines a block touches that its neighbours in a row do not, for rows of at most a line."""
    return block.rows * min(1.0, block.pitch / LINE_BYTES)
