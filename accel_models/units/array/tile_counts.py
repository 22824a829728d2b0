"""What chosen tiles come to: their sizes, times, and bytes on the bus and in the buffers."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from accel_models.units.array.accesses import buffer_accesses
from accel_models.units.array.op_sizes import Floats, gemms_of
from accel_models.units.array.tile_cost import Job, Tiles, Traffic, bus_cycles, ends, total_cycles, traffic
from accel_models.units.array.tile_search import KEPT, weight_loads
from accel_models.units.array.tiling import row_folds
from accel_models.work.shapes import Ints


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


def _moved(job: Job, tiles: Tiles, kept: Ints) -> Traffic:
    each = [traffic(job, tiles, name) for name in KEPT]
    return Traffic(*(np.choose(kept, [getattr(t, f.name) for t in each]) for f in fields(Traffic)))


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


def _times(job: Job, tiles: Tiles, moved: Traffic) -> dict[str, Floats]:
    end = ends(job, tiles)
    return {
        "compute_cycles": job.untiled_cycles,
        "array_cycles": end.array,
        "total_cycles": total_cycles(job, tiles, end, moved),
        "load_cycles": bus_cycles(job.memory, moved.input_bytes + moved.weight_bytes),
        "store_cycles": bus_cycles(job.memory, moved.output_bytes),
        "last_tile_cycles": end.last_tile,
        "output_tile_cycles": end.output_tile,
    }


def _bus_bytes(job: Job, tiles: Tiles, moved: Traffic) -> dict[str, Floats]:
    end = ends(job, tiles)
    return {
        "dram_input_bytes": moved.input_bytes,
        "dram_weight_bytes": moved.weight_bytes,
        "dram_output_bytes": moved.output_bytes,
        "first_input_bytes": end.first_input_bytes,
        "first_weight_bytes": end.first_weight_bytes,
        "last_output_bytes": end.last_output_bytes,
    }


def _buffer_bytes(job: Job, tiles: Tiles, moved: Traffic) -> dict[str, Floats]:
    """Bytes read and written in the buffers: those of the op in one piece, and what tiles add."""
    op, array, memory = job.op, job.array, job.memory
    counts = buffer_accesses(array, gemms_of(op))
    real = op.out_channels / (op.n * op.groups)  # share of the packs that are groups, not filling
    results = op.m * op.out_channels
    again = tiles.reduction.folds - row_folds(array, op)  # partial sums read back and rewritten
    if array.dataflow == "os":
        again = tiles.reduction.tiles - 1
    act_bytes, acc_bytes = memory.activation_bits / 8, memory.accumulator_bits / 8
    input_loads = tiles.channels.tiles / tiles.channels.input_tiles if array.dataflow == "is" else 1.0
    return {
        "activation_read_bytes": np.asarray(
            counts.input_reads * (real * input_loads * act_bytes), np.float64
        ),
        "activation_write_bytes": moved.input_bytes + results * act_bytes * (1 - job.store_output),
        "weight_read_bytes": counts.weight_reads * weight_loads(job, tiles) * (memory.weight_bits / 8),
        "weight_write_bytes": moved.weight_bytes,
        "accumulator_read_bytes": (counts.partial_reads * real + again * results + results) * acc_bytes,
        "accumulator_write_bytes": (counts.output_writes * real + again * results) * acc_bytes,
    }
