"""What chosen tiles come to: their sizes, times, and bytes on the bus and in the buffers."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from accel_models.units.array.job import Job, Tiles
from accel_models.units.array.ports import array_bytes
from accel_models.units.array.tile_cost import (
    TileTraffic,
    bus_cycles,
    ends,
    total_cycles,
    traffic,
    turn_cycles,
)
from accel_models.units.array.tile_search import KEPT
from traces import Floats, Ints


def counts_of(job: Job, tiles: Tiles, kept: Ints) -> dict[str, Floats]:
    """Return every quantity of :class:`accel_models.units.array.mapping.Mapping` that tiles decide, by its name there.

    Parameters
    ----------
    job
        ``n`` ops.
    tiles
        One cut of every axis for each of them.
    kept
        Loop order of each, index into ``KEPT``.
    """
    moved = _moved(job, tiles, kept)
    sizes = _tile_counts(tiles) | _times(job, tiles, moved)
    return sizes | _bus_bytes(job, tiles, moved) | _buffer_bytes(job, tiles, moved)


def _moved(job: Job, tiles: Tiles, kept: Ints) -> TileTraffic:
    each = [traffic(job, tiles, name) for name in KEPT]
    return TileTraffic(*(np.choose(kept, [getattr(t, f.name) for t in each]) for f in fields(TileTraffic)))


def _tile_counts(tiles: Tiles) -> dict[str, Floats]:
    return {
        "tile_m": tiles.pixels.tile_pixels,
        "tile_k": tiles.reduction.tile_k,
        "tile_n": tiles.channels.tile_out / tiles.channels.tile_groups,
        "tile_groups": tiles.channels.tile_groups,
        "pixel_tiles": tiles.pixels.tiles,
        "channel_tiles": tiles.channels.tiles,
        "reduction_tiles": tiles.reduction.tiles,
    }


def _times(job: Job, tiles: Tiles, moved: TileTraffic) -> dict[str, Floats]:
    """Return times of the array and the bus.

    With one buffer for all tiles loads, array and stores take turns, so all of the array's work is still to be done
    behind the last load, and nothing is stored before its end: as if the op were one tile.
    """
    end = ends(job, tiles)
    alone = not job.machine.memory.double_buffered
    return {
        "compute_cycles": job.untiled_cycles,
        "array_cycles": end.array,
        "total_cycles": total_cycles(job, tiles, end, moved),
        "load_cycles": bus_cycles(job.machine.bus, moved.input_bytes + moved.weight_bytes),
        "store_cycles": bus_cycles(job.output_bus, moved.output_bytes),
        "turn_cycles": turn_cycles(job, tiles, moved),
        "last_tile_cycles": end.array if alone else end.last_tile,
        "output_tile_cycles": end.array if alone else end.output_tile,
    }


def _bus_bytes(job: Job, tiles: Tiles, moved: TileTraffic) -> dict[str, Floats]:
    end = ends(job, tiles)
    return {
        "dram_input_bytes": moved.input_bytes,
        "dram_weight_bytes": moved.weight_bytes,
        "dram_output_bytes": moved.output_bytes,
        "first_input_bytes": end.first_input_bytes,
        "first_weight_bytes": end.first_weight_bytes,
        "last_output_bytes": end.last_output_bytes,
    }


def _buffer_bytes(job: Job, tiles: Tiles, moved: TileTraffic) -> dict[str, Floats]:
    """Bytes read and written in the buffers: by the array, and filled from DRAM."""
    inside = array_bytes(job, tiles)
    results = job.op.m * job.op.out_channels * (job.machine.memory.activation_bits / 8)
    return {
        "activation_read_bytes": inside.activation_reads,
        "activation_write_bytes": moved.input_bytes + results * (1 - job.store_output),
        "weight_read_bytes": inside.weight_reads,
        "weight_write_bytes": moved.weight_bytes,
        "accumulator_read_bytes": inside.accumulator_reads,
        "accumulator_write_bytes": inside.accumulator_writes,
    }
