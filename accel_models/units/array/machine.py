"""An array and its memory at a clock, and how long what tiles demand takes there: over the bus, through its ports.

Ops that are tiled alike, by designs whose buses differ or with weights that take other bytes, demand alike; what that
comes to in cycles, and how much of it the array hides, is each one's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import TILE_AIMS
from accel_models.design.design import Design, part_rows
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.dram import Bus, bus_behind, either_bus
from accel_models.work.rows import each_array, rows_of
from traces import Bools, Floats

UNLIMITED = Memory.model_validate(  # everything on chip, nothing ever waited for: the pure compute cycles
    {
        "activation_buffer": "1024 GiB",
        "weight_buffer": "1024 GiB",
        "accumulator_buffer": "1024 GiB",
        "dram": {
            "bandwidth": "1000 TB/s",
            "latency": "0 ns",
            "burst": "1 B",
            "requests_in_flight": 1,
            "price": "none",
        },
    }
)


@dataclass(frozen=True)
class ArrayMachine:
    """An array and its memory at a clock."""

    array: Array
    memory: Memory
    clock_hz: float

    @cached_property
    def bus(self) -> Bus:
        """The DRAM behind the buffers."""
        return Bus(self.memory.dram, self.clock_hz)

    @cached_property
    def near(self) -> Bus | None:
        """The second level behind the buffers, if there is one."""
        return bus_behind(self.memory, self.clock_hz)

    def take(self, rows: slice | NDArray[np.intp]) -> ArrayMachine:
        """Return the machine of the states at ``rows``, where designs stand side by side."""
        array, memory = part_rows(self.array, rows), part_rows(self.memory, rows)
        same = array is self.array and memory is self.memory
        return self if same else ArrayMachine(array, memory, self.clock_hz)


def array_machine(design: Design) -> ArrayMachine:
    """Return the design's array, beside unlimited memory where the design states none."""
    return ArrayMachine(design.section(Array), design.memory or UNLIMITED, design.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Energy per byte moved, for choosing tiles by energy."""

    dram_pj_per_byte: float
    buffer_pj_per_byte: float
    near_pj_per_byte: float = 0.0  # of the second level on the chip, read or written


@dataclass(frozen=True, slots=True, eq=False)
class ArrayBytes:
    """Bytes between the array and its buffers; arrays of shape ``(n,)``, or ``(levels, n)`` for levels of cuts."""

    activation_reads: Floats
    weight_reads: Floats
    accumulator_reads: Floats  # partial sums to add to, and results leaving
    accumulator_writes: Floats


def narrow(memory: Memory) -> bool:
    """Whether some port is stated; one that is not never makes an array wait."""
    ports = memory.ports
    return any(bits is not None for bits in (ports.activation, ports.weight, ports.accumulator))


def port_cycles(memory: Memory, moved: ArrayBytes) -> Floats:
    """Cycles of the busiest port: bytes that pass it over its width, zero where no width is stated."""
    activation, weight = moved.activation_reads, moved.weight_reads
    sums = moved.accumulator_reads + moved.accumulator_writes
    if memory.shared_buffer:
        activation, weight = activation + weight, 0.0 * weight
    if memory.shared_sums:
        activation, sums = activation + sums, 0.0 * sums
    ports = (
        (activation, memory.ports.activation),
        (weight, memory.ports.weight),
        (sums, memory.ports.accumulator),
    )
    took = [passing * (8.0 / bits) if bits else 0.0 * passing for passing, bits in ports]
    return np.asarray(np.maximum(np.maximum(took[0], took[1]), took[2]), np.float64)


PREFETCHED = TILE_AIMS.index("prefetched")


@dataclass(frozen=True, eq=False)  # no slots: its buses are worked out once
class Transfers:
    """Over which buses ops move how many bytes of weights, and what their tiles are chosen for; arrays ``(n,)``."""

    machine: ArrayMachine
    weight_bytes: Floats  # fetched in one pass over the weights, whole bursts
    fetched_weight_bytes: Floats  # the same, nothing where weights are on chip
    aim: Floats  # index into accel_models.cost.TILE_AIMS
    inputs_behind: Bools  # what is fetched comes from the second level on the chip, not from DRAM
    weights_behind: Bools
    output_behind: Bools
    weights_first: bool  # all weights come before the first input, not tile by tile

    def __len__(self) -> int:
        return len(self.aim)

    def take(self, rows: slice | NDArray[np.intp], machine: ArrayMachine | None = None) -> Transfers:
        """Return those at ``rows``; ``machine`` is theirs, if it is at hand."""
        return replace(rows_of(self, rows), machine=machine or self.machine.take(rows))

    @cached_property
    def input_bus(self) -> Bus:
        """The way inputs come."""
        return either_bus(self.machine.bus, self.machine.near, self.inputs_behind)

    @cached_property
    def weight_bus(self) -> Bus:
        """The way weights come."""
        return either_bus(self.machine.bus, self.machine.near, self.weights_behind)

    @cached_property
    def output_bus(self) -> Bus:
        """The way results go."""
        return either_bus(self.machine.bus, self.machine.near, self.output_behind)

    @cached_property
    def _aims(self) -> frozenset[float]:
        return frozenset(np.unique(self.aim).tolist())

    def aims_at(self, aim: int) -> bool:
        """Return whether the tiles of some op are chosen for this, an index into TILE_AIMS."""
        return aim in self._aims


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """What one way of tiling demands of array and bus for all of an op; ops are the last axis of every array."""

    array: Floats  # cycles over all tiles
    last_tile: Floats  # cycles of the last tile
    first_input_bytes: Floats  # loaded before the array can start
    first_weight_bytes: Floats
    last_output_bytes: Floats  # stored after the array has finished
    input_bytes: Floats  # over the bus
    weight_passes: Floats  # over the bus, of all weights
    output_bytes: Floats
    turns: Floats  # tiles but the first
    weight_reads: Floats  # how often the array reads every byte of the weights from their buffer

    def take(self, ops: NDArray[np.intp]) -> Demand:
        """Return what these ops demand."""
        return each_array(self, lambda array: array.take(ops, axis=-1))


def weights_moved(transfers: Transfers, demand: Demand) -> Floats:
    """Bytes of weights over the bus."""
    return transfers.fetched_weight_bytes * demand.weight_passes


def total_cycles(transfers: Transfers, demand: Demand) -> Floats:
    """Cycles of ops from the first byte asked for to the last byte stored.

    Double buffered, the bus and the array each work through the tiles, and wait only at the ends:

        total = max(first load + array + last store, bus + last tile on the array)

    The first load is the first tile's; with ``weights_first`` all weights come before the first input, or one
    pass over them during the op before, where they are prefetched.
    Single buffered they take turns, and every tile's load waits for its own latency:

        total = array + bus + (tiles - 1) x latency
    """
    if transfers.machine.memory.double_buffered:
        loads = _in_turn if transfers.weights_first else _interleaved
        first_load, bus = loads(transfers, demand)
        last_store = bus_cycles(transfers.output_bus, demand.last_output_bytes)
        return np.asarray(np.maximum(first_load + demand.array + last_store, bus + demand.last_tile))
    if transfers.weights_first:
        loaded = bus_cycles(transfers.weight_bus, weights_moved(transfers, demand))
        loaded = loaded + bus_cycles(transfers.input_bus, demand.input_bytes)
    else:
        loaded = load_cycles(transfers, demand)
    stored = bus_cycles(transfers.output_bus, demand.output_bytes)
    return demand.array + loaded + stored + turn_cycles(transfers, demand)


def load_cycles(transfers: Transfers, demand: Demand) -> Floats:
    """Cycles of all that is loaded, in one transfer."""
    return bus_cycles(transfers.machine.bus, demand.input_bytes + weights_moved(transfers, demand))


def turn_cycles(transfers: Transfers, demand: Demand) -> Floats:
    """Cycles that loads wait for the first byte of every tile but the first, where one buffer serves all tiles."""
    if transfers.machine.memory.double_buffered:
        return np.zeros_like(demand.input_bytes)
    loaded = demand.input_bytes + weights_moved(transfers, demand)
    return demand.turns * transfers.input_bus.start_cycles * np.minimum(loaded, 1)


def _interleaved(transfers: Transfers, demand: Demand) -> tuple[Floats, Floats]:
    """Cycles of the first load and of the bus, weights and inputs tile by tile."""
    bus = transfers.machine.bus
    first = bus_cycles(bus, demand.first_input_bytes + demand.first_weight_bytes)
    moved = demand.input_bytes + weights_moved(transfers, demand) + demand.output_bytes
    return first, bus_cycles(bus, moved)


def _in_turn(transfers: Transfers, demand: Demand) -> tuple[Floats, Floats]:
    """Cycles of the first load and of the bus, all weights, then inputs, then outputs, a transfer each."""
    late, first_late = weights_moved(transfers, demand), demand.first_weight_bytes
    if transfers.aims_at(PREFETCHED):
        there = transfers.aim == PREFETCHED
        late = late - there * transfers.fetched_weight_bytes
        first_late = first_late * ~there
    weights, fetched = bus_cycles(transfers.weight_bus, late), demand.input_bytes > 0
    first = weights
    if not fetched.all():
        first = np.where(fetched, weights, bus_cycles(transfers.weight_bus, first_late))
    inputs = bus_cycles(transfers.input_bus, demand.input_bytes)
    rest = inputs + bus_cycles(transfers.output_bus, demand.output_bytes)
    return first + bus_cycles(transfers.input_bus, demand.first_input_bytes), weights + rest


def bus_cycles(bus: Bus, moved_bytes: Floats) -> Floats:
    """Time of :func:`accel_models.dram.transfer_cycles`, of bytes rather than whole bursts, not rounded."""
    burst = bus.dram.burst
    alone = np.minimum(moved_bytes, 1)
    alone = np.asarray(np.multiply(alone, bus.start_cycles, out=alone))
    alone += moved_bytes * (bus.burst_cycles / burst)
    if bus.waits_for_requests:
        np.maximum(alone, moved_bytes * (bus.window_cycles / burst), out=alone)
    return alone
