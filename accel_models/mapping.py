"""The mapper: for every op the tiles and the operand that stays, chosen for latency or energy.

Three loop orders are tried over every combination of cuts (:mod:`accel_models.tiling`):

===========  ============================================  =================  =================
kept         loops, outer to inner                         inputs fetched     weights fetched
===========  ============================================  =================  =================
``inputs``   pixels, output channels                       once               per pixel tile
``weights``  output channels, pixels                       per channel tile   once
``outputs``  pixels, output channels, reduction (cut)      per channel tile   per pixel tile
===========  ============================================  =================  =================

An operand with a single tile is fetched once in any order, and a grouped op fetches each input once.
Partial sums never leave the chip.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from accel_models.array_accesses import buffer_accesses
from accel_models.dram import MemoryParams
from accel_models.op_sizes import Floats, OpSizes, sizes_of
from accel_models.shapes import Ints, Shapes
from accel_models.systolic import ArrayParams, Gemms, compute_cycles
from accel_models.tile_cost import Bools, Job, Tiles, Traffic, bus_cycles, ends, total_cycles, traffic
from accel_models.tile_search import KEPT, Prices, Ways, search, shortfall, weight_loads
from accel_models.tiling import row_folds, streamed

BUFFERS = ("activation", "weight", "accumulator")
CHUNK = 2048  # ops searched at a time, so that working arrays stay in cache


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
    input_pixel_bytes: ArrayLike | None = None  # on the bus per input pixel, whole bursts
    weight_bytes: ArrayLike | None = None  # on the bus for all weights, whole bursts


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
    pixel_tiles: Ints
    channel_tiles: Ints
    reduction_tiles: Ints
    compute_cycles: Ints  # of the array, the op in one piece and operands at hand
    array_cycles: Ints  # of the array, in tiles
    stall_cycles: Ints  # total less compute
    total_cycles: Ints
    load_cycles: Ints
    store_cycles: Ints
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

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.feasible)


def map_ops(
    shapes: Shapes,
    array: ArrayParams,
    memory: MemoryParams,
    *,
    prices: Prices | None = None,
    operands: Operands | None = None,
) -> Mapping:
    """Choose tiles and the operand that stays for every op.

    Parameters
    ----------
    shapes
        ``n`` ops that run on the array.
    array, memory
        The design.
    prices
        Minimise energy at these prices; latency if left out.  The other one breaks ties, then fewer bytes.
    operands
        What is on chip; nothing if left out.
    """
    job, work = _job(shapes, array, memory, operands or Operands())
    pieces = []
    for at in range(0, len(shapes), CHUNK):
        rows = slice(at, at + CHUNK)
        pieces.append(_map_chunk(job.take(rows), work[rows], prices))
    return _concatenate(pieces)


def _concatenate(pieces: list[Mapping]) -> Mapping:
    if not pieces:
        return Mapping(
            **{f.name: np.zeros(0, bool if f.name == "feasible" else np.int64) for f in fields(Mapping)}
        )
    return Mapping(**{f.name: np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Mapping)})


def _job(shapes: Shapes, array: ArrayParams, memory: MemoryParams, operands: Operands) -> tuple[Job, Bools]:
    def full(value: ArrayLike) -> Floats:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), len(shapes)))

    given = (operands.input_pixel_bytes, operands.weight_bytes)
    pixel_bytes, weight_bytes = (None if value is None else full(value) for value in given)
    op = sizes_of(shapes, memory, pixel_bytes, weight_bytes)
    untiled = compute_cycles(array, Gemms.of_shapes(shapes)).astype(np.float64)
    fetch_input = 1.0 - full(operands.input_on_chip)
    job = Job(
        array=array,
        memory=memory,
        op=op,
        untiled_cycles=untiled,
        untiled_extra=untiled - _whole_folds(array, op),
        input_element_bytes=fetch_input * (memory.activation_bits / 8),
        fetch_input=fetch_input,
        fetch_weights=1.0 - full(operands.weights_on_chip),
        store_output=1.0 - full(operands.output_on_chip),
        reserved_bytes=full(operands.reserved_bytes),
    )
    return job, np.asarray(shapes.macs > 0)


def _whole_folds(array: ArrayParams, op: OpSizes) -> Floats:
    """Cycles between the folds of ops in one piece, the same sum as over tiles."""
    match array.dataflow:
        case "ws":
            return row_folds(array, op) * np.ceil(op.n / array.cols) * op.groups * streamed(array, op.m)
        case "is":
            return row_folds(array, op) * np.ceil(op.m / array.cols) * op.groups * streamed(array, op.n)
        case "os":
            return np.ceil(op.m / array.rows) * np.ceil(op.n / array.cols) * op.groups * streamed(array, op.k)


def _map_chunk(job: Job, work: Bools, prices: Prices | None) -> Mapping:
    ways = Ways.of(job)
    chosen = search(job, ways, prices)
    tiles = ways.at(chosen.levels)
    moved = _moved(job, tiles, chosen.kept)
    counts = _tile_counts(tiles) | _times(job, tiles, moved) | _bus_bytes(job, tiles, moved)
    counts |= _buffer_bytes(job, tiles, moved)
    runs = work & chosen.feasible
    whole = {name: np.where(runs, np.ceil(value), 0).astype(np.int64) for name, value in counts.items()}
    short = (np.where(work & ~chosen.feasible, value, 0) for value in shortfall(job, ways))
    return Mapping(
        feasible=chosen.feasible | ~work,
        **dict(zip(("short_buffer", "demand_bytes", "bound_bytes"), short, strict=True)),
        kept=chosen.kept,
        stall_cycles=whole["total_cycles"] - whole["compute_cycles"],
        **whole,
    )


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
    counts = buffer_accesses(array, Gemms.of(op.m, op.k, op.n, op.groups, op.kernel_area))
    results = op.m * op.n * op.groups
    again = tiles.reduction.folds - row_folds(array, op)  # partial sums read back and rewritten
    if array.dataflow == "os":
        again = tiles.reduction.tiles - 1
    act_bytes, acc_bytes = memory.activation_bits / 8, memory.accumulator_bits / 8
    input_loads = tiles.channels.tiles / tiles.channels.input_tiles if array.dataflow == "is" else 1.0
    return {
        "activation_read_bytes": np.asarray(counts.input_reads * input_loads * act_bytes, np.float64),
        "activation_write_bytes": moved.input_bytes + results * act_bytes * (1 - job.store_output),
        "weight_read_bytes": counts.weight_reads * weight_loads(job, tiles) * (memory.weight_bits / 8),
        "weight_write_bytes": moved.weight_bytes,
        "accumulator_read_bytes": (counts.partial_reads + again * results + results) * acc_bytes,
        "accumulator_write_bytes": (counts.output_writes + again * results) * acc_bytes,
    }
