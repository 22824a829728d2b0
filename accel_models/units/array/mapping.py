"""The mapper: for every op the tiles and the operand that stays, chosen for latency or energy.

Three loop orders are tried over every combination of cuts (:mod:`accel_models.units.array.tiling`):

===========  ============================================  =================  =================
kept         loops, outer to inner                         inputs fetched     weights fetched
===========  ============================================  =================  =================
``inputs``   pixels, output channels                       once               per pixel tile
``weights``  output channels, pixels                       per channel tile   once
``outputs``  pixels, output channels, reduction (cut)      per channel tile   per pixel tile
===========  ============================================  =================  =================

An operand with a single tile is fetched once in any order.  Groups of a convolution are the outermost loop of
all orders, so the table holds for each tile of groups: alone, or several packed side by side on the array
(:mod:`accel_models.units.array.tile_plan`).  Partial sums never leave the chip.  States of an op, less of it than there
is, run in the tiles of the whole op, cut short (:mod:`accel_models.units.array.tile_plan`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.cost import MOST_COST, Whole
from accel_models.units.array.job import Job, Tiles, bursts, sizes_of
from accel_models.units.array.machine import (
    ArrayMachine,
    Demand,
    Prices,
    Transfers,
    bus_cycles,
    load_cycles,
    total_cycles,
    turn_cycles,
    weights_moved,
)
from accel_models.units.array.tile_cost import array_bytes, demand_of, output_tile_cycles
from accel_models.units.array.tile_plan import CHUNK, TilePlan, planned, tiles_of, untiled_cycles, whole_folds
from accel_models.work.rows import arrays_of, joined, rows_of
from accel_models.work.shapes import Shapes
from traces import Bools, Floats, Ints

BUFFERS = ("activation", "weight", "accumulator")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operands:
    """Where ops find their operands; scalars or arrays of shape ``(n,)``.

    The fetch sizes are for channels gathered from a stored layout, whose broken bursts depend on positions;
    whole tensors if left out.
    """

    input_on_chip: ArrayLike = False
    weights_on_chip: ArrayLike = False
    output_on_chip: ArrayLike = False
    reserved_bytes: ArrayLike = 0  # of the activation buffer, held by tensors that stay
    pinned_bytes: ArrayLike = 0  # of the weight buffer, held by weights of other ops that stay
    inputs_behind: ArrayLike = False  # what is not on chip comes from the second level there, not from DRAM
    weights_behind: ArrayLike = False
    output_behind: ArrayLike = False
    input_pixel_bytes: ArrayLike | None = None  # on the bus per input pixel, whole bursts
    weight_bytes: ArrayLike | None = None  # on the bus for all weights, whole bursts
    # All weights of an op come before its first input, as the tasks of a schedule do, instead of both tile by
    # tile: fetching weights again for every tile of pixels then delays what it would delay there.
    weights_first: bool = False
    aim: ArrayLike = 0  # what tiles are chosen for where no prices are given, index into TILE_AIMS
    bands: ArrayLike = 1  # of rows, that an op shares with others; then all its weights are there at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mapping:
    """The chosen tiles of ``n`` ops and what they cost; read-only arrays of shape ``(n,)``.

    Skipped work (a zero size) costs zero and is feasible.  An op that fits no way has ``feasible`` false,
    the buffer (index into ``BUFFERS``) that its smallest tile overflows, that demand and its bound, and
    zero costs.
    """

    feasible: Bools
    short_buffer: Ints
    demand_bytes: Ints
    bound_bytes: Ints
    kept: Ints  # index into KEPT
    tile_m: Ints
    tile_k: Ints
    tile_n: Ints
    tile_groups: Ints
    packed_groups: Ints  # side by side on the array; a group of a tile is then a pack
    pixel_tiles: Ints
    channel_tiles: Ints
    reduction_tiles: Ints
    compute_cycles: Ints  # of the array, the op in one piece and operands at hand
    array_cycles: Ints  # of the array, in tiles
    stall_cycles: Ints  # total less compute
    total_cycles: Ints
    load_cycles: Ints
    store_cycles: Ints
    turn_cycles: Ints  # of loads, for the first bytes of tiles that take turns in one buffer
    last_tile_cycles: Ints  # of the array, after the last load
    output_tile_cycles: Ints  # of the array, for one tile of results over its whole reduction
    first_input_bytes: Ints  # on the bus before the array can start
    first_weight_bytes: Ints
    last_output_bytes: Ints  # on the bus after the array has finished
    dram_input_bytes: Ints
    dram_weight_bytes: Ints
    dram_output_bytes: Ints
    activation_read_bytes: Ints  # by the array
    activation_write_bytes: Ints  # filled from DRAM, and results that stay on chip
    weight_read_bytes: Ints  # by the array
    weight_write_bytes: Ints  # filled from DRAM
    accumulator_read_bytes: Ints  # partial sums to add to, and results leaving
    accumulator_write_bytes: Ints

    @classmethod
    def of_nothing(cls) -> Mapping:
        """Return the mapping of no ops."""
        columns: dict[str, NDArray[Any]] = {field.name: np.zeros(0, np.int64) for field in fields(cls)}
        columns["feasible"] = np.zeros(0, np.bool_)
        return cls(**columns)

    def __post_init__(self) -> None:
        for array in arrays_of(self).values():
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.feasible)


def map_ops(
    shapes: Shapes,
    machine: ArrayMachine,
    *,
    prices: Prices | None = None,
    operands: Operands | None = None,
    whole: Whole | None = None,
) -> Mapping:
    """Choose tiles and the operand that stays for every op.

    Parameters
    ----------
    shapes
        ``n`` ops that run on the array.
    machine
        The array and its memory.
    prices
        Minimise energy at these prices; what each op aims at, which is latency, if left out.  The other one
        breaks ties, then fewer bytes.
    operands
        What is on chip, and in what order the rest comes; nothing, and tile by tile, if left out.
    whole
        The ops that these are states of; each is all of its op if left out.
    """
    if not len(shapes):
        return Mapping.of_nothing()
    operands = operands or Operands()
    job = _job(shapes, machine, operands)
    if whole is None:
        plan = planned(job, prices)
    else:
        there = replace(rows_of(operands, whole.first), weight_bytes=whole.weight_fetch_bytes)
        plan = rows_of(planned(_job(whole.shapes, machine.take(whole.first), there), prices), whole.of)
    chunks = [slice(at, at + CHUNK) for at in range(0, len(shapes), CHUNK)]
    if len(chunks) == 1:
        return mapping_of(job, plan)
    return joined([mapping_of(job.take(rows), rows_of(plan, rows)) for rows in chunks])


def _job(shapes: Shapes, machine: ArrayMachine, operands: Operands) -> Job:
    def full(value: ArrayLike) -> Floats:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), len(shapes)))

    memory, pixel_bytes, weight_bytes = machine.memory, operands.input_pixel_bytes, operands.weight_bytes
    op = sizes_of(shapes, memory, None if pixel_bytes is None else full(pixel_bytes))
    if weight_bytes is None:
        weight_bytes = bursts(np.asarray(shapes.weights * (memory.weight_bits / 8), np.float64), memory)
    fetch_input, fetch_weights = 1.0 - full(operands.input_on_chip), 1.0 - full(operands.weights_on_chip)
    transfers = Transfers(
        machine=machine,
        weight_bytes=full(weight_bytes),
        fetched_weight_bytes=fetch_weights * full(weight_bytes),
        aim=full(operands.aim),
        inputs_behind=full(operands.inputs_behind) > 0,
        weights_behind=full(operands.weights_behind) > 0,
        output_behind=full(operands.output_behind) > 0,
        weights_first=operands.weights_first,
    )
    untiled = untiled_cycles(machine.array, op)
    return Job(
        machine=machine,
        op=op,
        works=np.asarray(shapes.macs > 0),
        packed=np.ones_like(op.m),
        untiled_cycles=untiled,
        untiled_extra=untiled - whole_folds(machine.array, op),
        input_element_bytes=fetch_input * (memory.activation_bits / 8),
        fetch_input=fetch_input,
        fetch_weights=fetch_weights,
        store_output=1.0 - full(operands.output_on_chip),
        reserved_bytes=full(operands.reserved_bytes),
        pinned_bytes=full(operands.pinned_bytes),
        bands=full(operands.bands),
        transfers=transfers,
    )


def mapping_of(job: Job, plan: TilePlan) -> Mapping:
    """Return the mapping of ``n`` ops in the tiles of a plan, all zero but its misfits where they do not run or fit.

    With one buffer for all tiles loads, array and stores take turns, so all of the array's work is still to be done
    behind the last load, and nothing is stored before its end: as if the op were one tile.
    """
    job, tiles = tiles_of(job, plan)
    demand, transfers, works = demand_of(job, tiles, plan.kept), job.transfers, job.works
    runs, misfit = works & plan.feasible, works & ~plan.feasible
    found = {name: whole(value, runs) for name, value in _counts(job, tiles, demand).items()}
    weights = whole(weights_moved(transfers, demand), runs)
    total = whole(total_cycles(transfers, demand), runs)
    return Mapping(
        **found,
        feasible=plan.feasible | ~works,
        kept=plan.kept,
        short_buffer=plan.short_buffer * misfit,
        demand_bytes=plan.demand_bytes * misfit,
        bound_bytes=plan.bound_bytes * misfit,
        stall_cycles=total - found["compute_cycles"],
        total_cycles=total,
        load_cycles=whole(load_cycles(transfers, demand), runs),
        store_cycles=whole(bus_cycles(transfers.output_bus, demand.output_bytes), runs),
        turn_cycles=whole(turn_cycles(transfers, demand), runs),
        dram_weight_bytes=weights,
        weight_write_bytes=weights,
    )


def whole(value: Floats, runs: Bools) -> Ints:
    """Return counts as whole numbers, nothing where an op does not run."""
    return np.where(runs, np.minimum(np.ceil(value), MOST_COST), 0).astype(np.int64)


def _counts(job: Job, tiles: Tiles, demand: Demand) -> dict[str, Floats]:
    """Return what of a mapping follows from its tiles."""
    inside, alone = array_bytes(job, tiles), not job.machine.memory.double_buffered
    results = job.op.m * job.op.out_channels * (job.machine.memory.activation_bits / 8)
    return {
        "tile_m": tiles.pixels.tile_pixels,
        "tile_k": tiles.reduction.tile_k,
        "tile_n": tiles.channels.tile_out / tiles.channels.tile_groups,
        "tile_groups": tiles.channels.tile_groups,
        "packed_groups": job.packed,
        "pixel_tiles": tiles.pixels.tiles,
        "channel_tiles": tiles.channels.tiles,
        "reduction_tiles": tiles.reduction.tiles,
        "compute_cycles": job.untiled_cycles,
        "array_cycles": demand.array,
        "last_tile_cycles": demand.array if alone else demand.last_tile,
        "output_tile_cycles": demand.array if alone else output_tile_cycles(job, tiles),
        "first_input_bytes": demand.first_input_bytes,
        "first_weight_bytes": demand.first_weight_bytes,
        "last_output_bytes": demand.last_output_bytes,
        "dram_input_bytes": demand.input_bytes,
        "dram_output_bytes": demand.output_bytes,
        "activation_read_bytes": inside.activation_reads,
        "activation_write_bytes": demand.input_bytes + results * (1 - job.store_output),
        "weight_read_bytes": inside.weight_reads,
        "accumulator_read_bytes": inside.accumulator_reads,
        "accumulator_write_bytes": inside.accumulator_writes,
    }
