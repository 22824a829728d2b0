"""Gemmini's loads and stores: how long its DMA engine takes through the memory behind it.

A command moves up to 16 rows of up to 64 bytes; every row is one request (two, if it crosses a 64-byte
line).
"""

from __future__ import annotations

from dataclasses import dataclass

from accel_models.gemmini_traffic import LINE_BYTES

PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class GemminiMemory:
    """What Gemmini's DMA engine sees; the line costs are zero for a memory that answers every request alike."""

    latency_cycles: float  # from a request to its first beat
    beat_cycles: float = 1.0  # per 16 bytes
    requests_in_flight: int = 16
    request_overhead_cycles: int = 8
    commands_in_flight: int = 2  # loads
    command_overhead_cycles: int = 14
    start_cycles: int = 20  # of the first command, beyond its latency
    store_overhead_cycles: int = 10  # per command: reading and scaling the accumulator
    l2_bytes: int = 1 << 62  # what is touched again within so many bytes costs no line
    line_cycles: float = 0.0  # per line that L2 lacks
    stride_factor: float = 1.0  # of line_cycles, where lines lie 1 KiB or more apart, a power of two
    page_cycles: float = 0.0  # per page that the translation buffer lacks
    pages_held: int = 4  # entries of that buffer; source: tlb_size of Gemmini's default configuration
    store_line_cycles: float = 0.0  # per line written that L2 lacks
    first_input_cycles: float = 0.0  # per line of input that no earlier run has touched
    first_weight_cycles: float = 0.0
    same_line_load_cycles: float = 0.0  # per request to the line of the request before
    same_line_store_cycles: float = 0.0


def train_cycles(
    memory: GemminiMemory, commands: float, rows: int, beats: float, requests_per_row: float = 1.0
) -> float:
    """Time of ``commands`` loads in a longer train, each of ``rows`` rows of ``beats`` 16-byte beats.

    With n requests of b beats at w cycles, latency L, Q = 16 requests and 2 commands in flight:

        max(n b w, n (L + b w + 8) / Q, commands (L + rows b w + 14) / 2)
    """
    requests = commands * rows * requests_per_row
    data = beats / requests_per_row * memory.beat_cycles
    trip = memory.latency_cycles + data + memory.request_overhead_cycles
    return max(
        requests * data,
        requests * trip / memory.requests_in_flight,
        commands * _command_trip(memory, rows, beats) / memory.commands_in_flight,
    )


def _command_trip(memory: GemminiMemory, rows: int, beats: float) -> float:
    """From the issue of one load command to its last data."""
    return memory.latency_cycles + rows * beats * memory.beat_cycles + memory.command_overhead_cycles


def store_cycles(memory: GemminiMemory, commands: float, rows: int, same_line: bool) -> float:
    """Time of ``commands`` stores of ``rows`` rows of 16 results each, out of the accumulator.

    max(rows + 10, rows (L + 8) / 16) a command, if no line is written twice in a row.
    """
    row = (memory.latency_cycles + memory.request_overhead_cycles) / memory.requests_in_flight
    if same_line:
        row = max(row, memory.same_line_store_cycles)
    return commands * max(rows + memory.store_overhead_cycles, rows * row)


def lines_of(start: int, size: int, pitch: int) -> float:
    """64-byte lines that ``size`` bytes touch; their average where rows lie ``pitch`` bytes apart, unaligned."""
    if pitch % LINE_BYTES == 0:
        return float(-(-(start % LINE_BYTES + size) // LINE_BYTES))
    return 1 + (size - 1) / LINE_BYTES


def missed_pages(memory: GemminiMemory, rows: int, pitch: int, visits: int = 1) -> float:
    """Pages to translate for ``rows`` rows ``pitch`` bytes apart, visited in order so many times over.

    Rows that follow on others share pages with them.  If one visit spans more pages than the buffer holds,
    each visit translates all of them again.
    """
    spanned = 1 + (rows - 1) * pitch / PAGE_BYTES
    if visits > 1 and spanned > memory.pages_held:
        return visits * spanned
    return rows * pitch / PAGE_BYTES


def line_cycles(memory: GemminiMemory, pitch: int) -> float:
    """Cost of one line that L2 lacks: strides of a power of two meet the same banks and sets."""
    if pitch < LINE_BYTES or pitch & (pitch - 1):
        return memory.line_cycles
    return memory.line_cycles * (1 + (memory.stride_factor - 1) * min(pitch, 1024) / 1024)
