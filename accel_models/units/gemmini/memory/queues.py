"""Gemmini's load and store queues, command by command: bounded requests and commands in flight.

For a command of q requests, d cycles of data on the port and a round trip of T cycles, behind commands that
end at c[-1] and c[-2] (Q = 16 requests and two commands in flight, the queue awake since t):

    r = max(r[-1], c[-1] - T, t) + q T / Q               the window of requests
    c = max(t + first + d, c[-1] + d, r, c[-2] + trip)    first data, port, window, commands

A queue is an array of times that only move forward, by the places below.

Source: the sizes are those of Gemmini's default configuration; checked against Verilator runs of trains of
loads and stores (:mod:`analysis.validation.arrays.gemmini`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from accel_models.units.gemmini.memory.dma import (
    GemminiMemory,
    command_trip,
    data_cycles,
    load_trip,
)
from accel_models.units.gemmini.memory.traffic import (
    BEAT_BYTES,
    LINE_BYTES,
    Block,
    block_lines,
    block_traffic,
    block_width,
)
from traces import Floats, compiled

Queue = Floats
AWAKE, WINDOW, END, END_BEFORE = range(4)
BUSY, BEATS = 4, 5  # cycles in which it served commands, and their beats on the port
STORES_QUEUED = 4  # depth of the reservation station's queue, Gemmini's default configuration
WIDE_STORE_TRIPS = 18 / 16  # round trips a row's request takes if it is wider than 16 bytes; measured


@compiled
def idle_queue() -> Queue:
    """Return a queue that has served nothing."""
    return np.array([0.0, -np.inf, -np.inf, -np.inf, 0.0, 0.0])


@compiled
def end_of(queue: Queue) -> float:
    """When the last command is done."""
    return float(max(queue[END], queue[AWAKE]))


@compiled
def wait_until(queue: Queue, cycle: float) -> None:
    """Let no later command start before ``cycle``."""
    queue[AWAKE] = max(queue[AWAKE], cycle)


@compiled
def load(queue: Queue, memory: GemminiMemory, block: Block, line_cycles: float) -> None:
    """Load one block, each line of which costs ``line_cycles`` beyond the nearest cache."""
    data = max(data_cycles(memory, block), block_lines(block) * line_cycles)
    requests, beats, _, _ = block_traffic(block)
    queue[BEATS] += beats
    _serve_load(queue, memory, data, load_trip(memory, block), requests)


@compiled
def load_bias(queue: Queue, memory: GemminiMemory) -> None:
    """Load 16 sums, one request, and write them to 16 rows of the accumulator."""
    queue[BEATS] += LINE_BYTES // BEAT_BYTES
    _serve_load(queue, memory, memory.command_rows, memory.latency_cycles + memory.request_overhead_cycles, 1)


@compiled
def _serve_load(queue: Queue, memory: GemminiMemory, data: float, trip: float, requests: int) -> None:
    first = memory.latency_cycles + memory.start_cycles
    _serve(queue, memory, first, data, trip, requests, command_trip(memory, data))


@compiled
def store(queue: Queue, memory: GemminiMemory, block: Block, line_cycles: float) -> None:
    """Store one block: read its rows, gather each into one request, send it beat by beat."""
    requests, beats, _, _ = block_traffic(block)
    width = block_width(block)
    read = block.rows * width + memory.store_overhead_cycles
    sent = float(block.rows * (width - 1) + beats + 1)
    trip = memory.latency_cycles + memory.request_overhead_cycles + width - 1
    if width > 1:
        trip *= WIDE_STORE_TRIPS
    queue[BEATS] += beats
    data = max(read, sent, block_lines(block) * line_cycles)
    _serve(queue, memory, first_store_cycles(memory), data, trip, requests, 0.0)


@compiled
def first_store_cycles(memory: GemminiMemory) -> float:
    """From the start of a store to its first acknowledgement."""
    return memory.latency_cycles + memory.store_overhead_cycles


@compiled
def _serve(  # noqa: PLR0913, PLR0917  # the terms of one equation
    queue: Queue,
    memory: GemminiMemory,
    first: float,
    data: float,
    trip: float,
    requests: int,
    trip_of_commands: float,
) -> None:
    before = end_of(queue)
    earliest = max(queue[WINDOW], queue[END] - trip, queue[AWAKE])
    queue[WINDOW] = earliest + requests * trip / memory.requests_in_flight
    end = max(queue[AWAKE] + first + data, queue[END] + data, queue[WINDOW])
    end = max(end, queue[END_BEFORE] + trip_of_commands)
    queue[END_BEFORE], queue[END] = queue[END], end
    queue[BUSY] += end - before


def loads_alone(memory: GemminiMemory, blocks: Iterable[Block]) -> float:
    """Return when the last of a train of loads is done, with nothing else under way [cycles]."""
    queue = idle_queue()
    for block in blocks:
        load(queue, memory, block, 0.0)
    return end_of(queue)


def stores_alone(memory: GemminiMemory, blocks: Iterable[Block]) -> float:
    """Return when the last of a train of stores is done, with nothing else under way [cycles]."""
    queue = idle_queue()
    for block in blocks:
        store(queue, memory, block, 0.0)
    return end_of(queue)
