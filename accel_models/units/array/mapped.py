"""How ops lie on an array: where their operands are, and the tiles that were chosen with all they come to.

Sizes, times of array and bus, bytes of bus and buffers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.cost import MOST_COST
from accel_models.units.array.job import Job, Tiles
from accel_models.units.array.ports import array_bytes
from accel_models.units.array.tile_cost import demand_of, output_tile_cycles
from accel_models.units.array.tile_plan import TilePlan, tiles_of
from accel_models.units.array.transfers import (
    Demand,
    bus_cycles,
    load_cycles,
    total_cycles,
    turn_cycles,
    weights_moved,
)
from accel_models.work.rows import arrays_of
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
