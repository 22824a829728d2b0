"""What chosen tiles come to: sizes, times of array and bus, bytes of bus and buffers."""

from __future__ import annotations

import numpy as np

from accel_models.units.array.job import Job, Tiles
from accel_models.units.array.mapped import Mapping
from accel_models.units.array.ports import array_bytes
from accel_models.units.array.tile_cost import (
    TileTraffic,
    bus_cycles,
    ends,
    output_tile_cycles,
    total_cycles,
    traffic,
    turn_cycles,
)
from accel_models.units.array.tile_search import KEPT, Chosen, Cuts, shortfall
from traces import Bools, Floats, Ints


def mapping_of(job: Job, ways: Cuts, chosen: Chosen, work: Bools, packed: Floats) -> Mapping:
    """Return the mapping of ``n`` ops in chosen tiles, all zero but its misfits where they do not run or fit.

    With one buffer for all tiles loads, array and stores take turns, so all of the array's work is still to be done
    behind the last load, and nothing is stored before its end: as if the op were one tile.

    Parameters
    ----------
    job
        ``n`` ops.
    ways, chosen
        The cuts of every axis, and which of them and which loop order each op takes.
    work
        Whether each does anything, shape (n,).
    packed
        Groups side by side on the array, shape (n,).
    """
    runs, tiles = work & chosen.feasible, ways.at(chosen.levels)

    def whole(value: Floats) -> Ints:
        return np.where(runs, np.ceil(value), 0).astype(np.int64)

    def misfit(value: Ints) -> Ints:
        return np.where(work & ~chosen.feasible, value, 0)

    moved, end, inside = _moved(job, tiles, chosen.kept), ends(job, tiles), array_bytes(job, tiles)
    alone = not job.machine.memory.double_buffered
    results = job.op.m * job.op.out_channels * (job.machine.memory.activation_bits / 8)
    short_buffer, demand, bound = (misfit(value) for value in shortfall(job, ways))
    compute, total = whole(job.untiled_cycles), whole(total_cycles(job, tiles, end, moved))
    return Mapping(
        feasible=chosen.feasible | ~work,
        short_buffer=short_buffer,
        demand_bytes=demand,
        bound_bytes=bound,
        kept=chosen.kept,
        tile_m=whole(tiles.pixels.tile_pixels),
        tile_k=whole(tiles.reduction.tile_k),
        tile_n=whole(tiles.channels.tile_out / tiles.channels.tile_groups),
        tile_groups=whole(tiles.channels.tile_groups),
        packed_groups=whole(packed),
        pixel_tiles=whole(tiles.pixels.tiles),
        channel_tiles=whole(tiles.channels.tiles),
        reduction_tiles=whole(tiles.reduction.tiles),
        compute_cycles=compute,
        array_cycles=whole(end.array),
        stall_cycles=total - compute,
        total_cycles=total,
        load_cycles=whole(bus_cycles(job.machine.bus, moved.input_bytes + moved.weight_bytes)),
        store_cycles=whole(bus_cycles(job.output_bus, moved.output_bytes)),
        turn_cycles=whole(turn_cycles(job, tiles, moved)),
        last_tile_cycles=whole(end.array if alone else end.last_tile),
        output_tile_cycles=whole(end.array if alone else output_tile_cycles(job, tiles)),
        first_input_bytes=whole(end.first_input_bytes),
        first_weight_bytes=whole(end.first_weight_bytes),
        last_output_bytes=whole(end.last_output_bytes),
        dram_input_bytes=whole(moved.input_bytes),
        dram_weight_bytes=whole(moved.weight_bytes),
        dram_output_bytes=whole(moved.output_bytes),
        activation_read_bytes=whole(inside.activation_reads),
        activation_write_bytes=whole(moved.input_bytes + results * (1 - job.store_output)),
        weight_read_bytes=whole(inside.weight_reads),
        weight_write_bytes=whole(moved.weight_bytes),
        accumulator_read_bytes=whole(inside.accumulator_reads),
        accumulator_write_bytes=whole(inside.accumulator_writes),
    )


def _moved(job: Job, tiles: Tiles, kept: Ints) -> TileTraffic:
    """Return the traffic of the loop order that each op takes."""
    orders = [traffic(job, tiles, name) for name in KEPT]
    return TileTraffic(
        np.choose(kept, [order.input_bytes for order in orders]),
        np.choose(kept, [order.weight_bytes for order in orders]),
        np.choose(kept, [order.output_bytes for order in orders]),
    )
