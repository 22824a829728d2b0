"""Price an op's states on an array whose tiles, loads and stores are those of Gemmini's library.

Nothing stays in the scratchpad from one op to the next: the library loads every operand tile by tile and stores
every result.  So weights come with the inputs they are multiplied with, and no policy fetches them ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.cost import BusTimes, Busy, Misfit, States, Traffic, UnitCost, WorkStates
from accel_models.design.design import Design
from accel_models.design.unit_sections import Array
from accel_models.dram import whole_bursts
from accel_models.energy.actions import Actions
from accel_models.units.array.systolic import Gemms, compute_cycles
from accel_models.units.array.unit import gather_cycles, inside_array
from accel_models.units.gemmini.loops import check_walk
from accel_models.units.gemmini.machine import gemmini_of
from accel_models.units.gemmini.memory.reuse import NOTHING_CACHED
from accel_models.units.gemmini.ops import LibraryRuns, is_product, run_op
from accel_models.units.gemmini.settings import Gemmini
from accel_models.units.kinds import element_bytes
from accel_models.work.shapes import Shapes
from traces import Floats, Ints


def gemmini_cost(states: States, design: Design) -> UnitCost:
    """Return the cost of states that the library runs."""
    work, shapes = states.work, states.shapes
    _check_walk(work, shapes, design.section(Array))
    cached = np.array(states.where.cached or NOTHING_CACHED)
    found = run_op(work.op, shapes, gemmini_of(design), _weight_spread(work, shapes, design), cached)
    execute = _execute_cycles(work, shapes, found, design)
    parts = parts_of(_queue_times(found, execute, design))
    gather = gather_cycles(work, design)
    fits = found.fits | (shapes.macs == 0)
    busy = Busy(
        cycles=execute + gather,
        gather_cycles=gather,
        first_tile_cycles=parts.first_tile + gather,
        last_tile_cycles=parts.last_tile,
        actions=inside_array(work, shapes, execute + gather, design) + _buffer_actions(work, found, design),
        feasible=fits,
        misfit=None if fits.all() else _misfit(work, found),
    )
    nothing = np.zeros(len(work), np.int64)
    traffic = Traffic(
        weights=found.whole("dram_weight_bytes"),
        inputs=found.whole("dram_input_bytes"),
        outputs=found.whole("dram_output_bytes"),
        first_weights=nothing,
        first_inputs=nothing,
    )
    times = BusTimes(
        weights=nothing,  # they come with the inputs
        inputs=parts.loads,
        outputs=parts.stores,
        first_weights=nothing,
        first_inputs=parts.first_load,
    )
    return UnitCost(busy=busy, traffic=traffic, times=times)


def _check_walk(work: WorkStates, shapes: Shapes, array: Array) -> None:
    sides = (-(-shapes.m // array.rows), -(-shapes.k // array.rows), -(-shapes.n // array.cols))
    blocks = (sides[0] * sides[1] * sides[2] * shapes.groups).max(initial=0)
    check_walk(f"op {work.op.name!r}", int(blocks), "blocks of Gemmini's array")


def _weight_spread(work: WorkStates, shapes: Shapes, design: Design) -> Floats:
    """Bytes of weights that the positions of kept channels make the DMA fetch, over those of them packed."""
    burst = design.memory.dram.burst if design.memory else 1
    packed = np.maximum(whole_bursts(shapes.weights * element_bytes(design)[1], burst), 1)
    return np.maximum(work.weight_fetch_bytes / packed, 1.0)


def _execute_cycles(work: WorkStates, shapes: Shapes, found: LibraryRuns, design: Design) -> Ints:
    """Cycles of the array, operands at hand; of a product, those of its RTL."""
    if is_product(work.op):
        return np.where(
            found.whole("execute") > 0, compute_cycles(design.section(Array), Gemms.of_shapes(shapes)), 0
        )
    return found.whole("execute")


def _queue_times(found: LibraryRuns, execute: Ints, design: Design) -> QueueTimes:
    """Return what the queues take behind the host's search, during which nothing loads."""
    search = found.candidates * design.section(Gemmini).search_cycles
    load = np.ceil(found.column("load") + search).astype(np.int64)
    total = np.ceil(found.column("total") + search).astype(np.int64)
    return QueueTimes(
        total=np.maximum(total, np.maximum(load, execute)),
        load=load,
        execute=execute,
        store=found.whole("store"),
        first_load=np.ceil(found.column("first_load") + search).astype(np.int64),
        last_execute=found.whole("last_execute"),
    )


def _buffer_actions(work: WorkStates, found: LibraryRuns, design: Design) -> Actions:
    """Count bytes into and out of scratchpad and accumulator, lines that caches held included.

    Choice: reads and writes of the caches themselves have no price.
    """
    cached_weights = found.whole("loaded_weight_bytes") - found.whole("dram_weight_bytes")
    act, wgt, acc = element_bytes(design)
    sums = found.whole("array_sums") * acc
    return Actions(
        activation_sram_read_bytes=(found.whole("array_input_reads") + work.gathered_elements) * act,
        activation_sram_write_bytes=found.whole("loaded_input_bytes"),
        weight_sram_read_bytes=found.whole("array_weight_reads") * wgt,
        weight_sram_write_bytes=np.maximum(cached_weights, 0),
        accumulator_read_bytes=sums,  # before all but the first of them, and to store the result
        accumulator_write_bytes=sums,
    )


def _misfit(work: WorkStates, found: LibraryRuns) -> Misfit:
    scratchpad = found.need.scratchpad > found.bound.scratchpad
    return Misfit(
        op=work.op.name,
        buffer="activation" if scratchpad else "accumulator",
        demand_bytes=found.need.scratchpad if scratchpad else found.need.accumulator,
        bound_bytes=found.bound.scratchpad if scratchpad else found.bound.accumulator,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueueTimes:
    """What the queues of ``n`` ops take, in whole cycles; arrays of shape (n,)."""

    total: Ints  # no less than ``load`` and ``execute``
    load: Ints
    execute: Ints
    store: Ints
    first_load: Ints  # until the array can begin
    last_execute: Ints  # left for the array when the last tile has landed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """What a schedule is told; arrays of shape (n,) [cycles]."""

    loads: Ints
    first_load: Ints
    first_tile: Ints  # of the array, from its start until stores begin
    last_tile: Ints
    stores: Ints


def parts_of(times: QueueTimes) -> Parts:
    """Return parts that take ``times.total`` together.

    A schedule overlaps the parts of an op by one rule (:attr:`accel_models.cost.Cost.alone_cycles`): one bus, loads
    before stores, compute between its first and its last tile.  Queues that hide less, or that load and store at the
    same time, are described to it by when the array can begin, when the first result is ready and what the last
    tile leaves to do, such that the op alone takes exactly what the queues take::

        bus      | loads                       |        | stores    |
        array         | compute                         |           |
                      ^ first input            ^        ^ first tile

    Choice: what none of the queues works at is waited for by the loads; stores that go on beside loads take no
    time of their own on the schedule's one bus.
    """
    total, execute = times.total, times.execute
    loads = times.load + np.maximum(total - times.load - execute - times.store, 0)
    stores = np.minimum(times.store, total - loads)
    work = np.maximum(execute, 1)
    behind_loads = (total - loads) * work // (work + stores)  # so that load, last tile and last store fit
    behind_array = (total - execute) * work // np.maximum(stores, 1)  # so that compute and last store fit
    last_tile = np.minimum(np.minimum(times.last_execute, execute), np.minimum(behind_loads, behind_array))
    last_store = -(-stores * last_tile // work)
    earliest = np.maximum(total - stores - execute, 0)
    begin = np.clip(times.first_load, earliest, np.minimum(loads, total - execute - last_store))
    return Parts(
        loads=loads, first_load=begin, first_tile=total - stores - begin, last_tile=last_tile, stores=stores
    )
