"""Gemmini's load and store queues, command by command: bounded requests and commands in flight.

For a command of q requests, d cycles of data on the port and a round trip of T cycles, behind commands that
end at c[-1] and c[-2] (Q = 16 requests and two commands in flight, the queue awake since t):

    r = max(r[-1], c[-1] - T, t) + q T / Q               the window of requests
    c = max(t + first + d, c[-1] + d, r, c[-2] + trip)    first data, port, window, commands

Source: the sizes are those of Gemmini's default configuration; checked against Verilator runs of trains of
loads and stores (:mod:`accel_models.validation_gemmini`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from accel_models.gemmini_dma import (
    GemminiMemory,
    command_trip,
    data_cycles,
    load_trip,
    missed_pages,
)
from accel_models.gemmini_traffic import ROWS_PER_COMMAND, Block

WIDE_STORE_TRIPS = 18 / 16  # round trips a row's request takes if it is wider than 16 bytes; measured
_LONG_AGO = float("-inf")


@dataclass(slots=True)
class _Queue:
    """A queue that serves commands in order; it only moves forward."""

    memory: GemminiMemory
    first_cycles: float  # from waking up to the first data
    awake: float = 0.0
    window: float = _LONG_AGO
    ends: list[float] = field(default_factory=lambda: [_LONG_AGO, _LONG_AGO])  # of the last two commands

    @property
    def end(self) -> float:
        """When the last command is done."""
        return max(self.ends[-1], self.awake)

    def wait_until(self, cycle: float) -> None:
        """Let no later command start before ``cycle``."""
        self.awake = max(self.awake, cycle)

    def _serve(self, data: float, trip: float, requests: int, command_trip: float) -> None:
        earliest = max(self.window, self.ends[-1] - trip, self.awake)
        self.window = earliest + requests * trip / self.memory.requests_in_flight
        end = max(self.awake + self.first_cycles + data, self.ends[-1] + data, self.window)
        self.ends = [self.ends[-1], max(end, self.ends[-2] + command_trip)]


class LoadQueue(_Queue):
    """Loads: two commands in flight."""

    @classmethod
    def of(cls, memory: GemminiMemory) -> LoadQueue:
        """Return an idle queue."""
        return cls(memory, memory.latency_cycles + memory.start_cycles)

    def load(self, block: Block, line_cycles: float = 0.0) -> None:
        """Load one block, each line of which costs ``line_cycles`` beyond the nearest cache."""
        memory = self.memory
        data = max(data_cycles(memory, block), block.lines * line_cycles)
        data += missed_pages(memory, block.rows, block.pitch) * memory.page_cycles
        self._serve(data, load_trip(memory, block), block.traffic.requests, command_trip(memory, data))

    def load_bias(self) -> None:
        """Load 16 sums, one request, and write them to 16 rows of the accumulator."""
        memory, data = self.memory, float(ROWS_PER_COMMAND)
        trip = memory.latency_cycles + memory.request_overhead_cycles
        self._serve(data, trip, 1, command_trip(memory, data))


class StoreQueue(_Queue):
    """Stores of results, out of the accumulator and through the scaling unit."""

    @classmethod
    def of(cls, memory: GemminiMemory) -> StoreQueue:
        """Return an idle queue."""
        return cls(memory, memory.latency_cycles + memory.store_overhead_cycles)

    def store(self, block: Block, line_cycles: float = 0.0) -> None:
        """Store one block: read its rows, gather each into one request, send it beat by beat."""
        memory, traffic = self.memory, block.traffic
        read = block.rows * block.width + memory.store_overhead_cycles
        sent = block.rows * (block.width - 1) + traffic.beats + 1
        trip = memory.latency_cycles + memory.request_overhead_cycles + block.width - 1
        if block.width > 1:
            trip *= WIDE_STORE_TRIPS
        self._serve(max(float(read), float(sent), block.lines * line_cycles), trip, traffic.requests, 0.0)

    @property
    def last_sent(self) -> float:
        """When the last command's data have left, not yet acknowledged."""
        return self.end - self.first_cycles
