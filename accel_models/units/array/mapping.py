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
(:mod:`accel_models.units.array.tiling`).  Partial sums never leave the chip.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.design.unit_sections import Array, ProductSize, streaming_of
from accel_models.units.array.job import ArrayMachine, Job, OpSizes, gemms_of, sizes_of
from accel_models.units.array.mapped import Mapping, Operands, mapping_of
from accel_models.units.array.systolic import compute_cycles
from accel_models.units.array.tile_search import BYTES, Cuts, Prices, search
from accel_models.units.array.tiling import pack, packings, row_folds, streamed
from accel_models.work.rows import joined, rows_of, together
from accel_models.work.shapes import Shapes
from traces import Bools, Floats

CHUNK = 2048  # ops searched at a time, so that working arrays stay in cache


def map_ops(
    shapes: Shapes,
    machine: ArrayMachine,
    *,
    prices: Prices | None = None,
    operands: Operands | None = None,
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
    """
    job, work = _job(shapes, machine, operands or Operands())
    if np.max(job.op.groups, initial=1) <= 1:
        return _map_all(job, work, prices)
    first, place = _alike(job, work)  # counts are whole channels per group, so many gated ops are one
    found = _map_all(job.take(first), work[first], prices)
    return rows_of(found, place)


def _map_all(job: Job, work: Bools, prices: Prices | None) -> Mapping:
    if not len(work):
        return Mapping.of_nothing()
    chunks = (slice(at, at + CHUNK) for at in range(0, len(work), CHUNK))
    return joined([_map_chunk(job.take(rows), work[rows], prices) for rows in chunks])


def _alike(job: Job, work: Bools) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first of each kind of op, and each op's place among them."""
    code = work.astype(np.int64)
    for column in job.columns():
        if np.any(column != column[0]):
            values, place = np.unique(column, return_inverse=True)
            _, code = np.unique(code * len(values) + place, return_inverse=True)
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    return first, place


def _job(shapes: Shapes, machine: ArrayMachine, operands: Operands) -> tuple[Job, Bools]:
    def full(value: ArrayLike) -> Floats:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), len(shapes)))

    given = (operands.input_pixel_bytes, operands.weight_bytes)
    pixel_bytes, weight_bytes = (None if value is None else full(value) for value in given)
    op = sizes_of(shapes, machine.memory, pixel_bytes, weight_bytes)
    untiled = _untiled_cycles(machine.array, op)
    fetch_input = 1.0 - full(operands.input_on_chip)
    job = Job(
        machine=machine,
        op=op,
        untiled_cycles=untiled,
        untiled_extra=untiled - _whole_folds(machine.array, op),
        input_element_bytes=fetch_input * (machine.memory.activation_bits / 8),
        fetch_input=fetch_input,
        fetch_weights=1.0 - full(operands.weights_on_chip),
        store_output=1.0 - full(operands.output_on_chip),
        reserved_bytes=full(operands.reserved_bytes),
        pinned_bytes=full(operands.pinned_bytes),
        aim=full(operands.aim),
        bands=full(operands.bands),
        inputs_behind=full(operands.inputs_behind) > 0,
        weights_behind=full(operands.weights_behind) > 0,
        output_behind=full(operands.output_behind) > 0,
        weights_first=operands.weights_first,
    )
    return job, np.asarray(shapes.macs > 0)


def _untiled_cycles(array: Array, op: OpSizes) -> Floats:
    return compute_cycles(array, gemms_of(op)).astype(np.float64)


def _whole_folds(array: Array, op: OpSizes) -> Floats:
    """Cycles between the folds of ops in one piece, the same sum as over tiles."""
    flow = streaming_of(array.dataflow)
    sizes: dict[ProductSize, Floats] = {"m": np.ceil(op.m / array.pixels), "k": op.k, "n": op.n}
    rows = row_folds(array, op) if flow.rows == "k" else np.ceil(sizes[flow.rows] / array.rows)
    return rows * np.ceil(sizes[flow.cols] / array.cols) * op.groups * streamed(array, sizes[flow.streams])


def _map_chunk(job: Job, work: Bools, prices: Prices | None) -> Mapping:
    """Search at the packing of groups that computes fastest, then at the others that could still be better."""
    counts = packings(job.machine.array, job.op)
    if len(counts) == 1:
        return _map_packed(job, work, prices, counts[0])[0]
    least = np.stack([_untiled_cycles(job.machine.array, pack(job.op, count)) for count in counts])
    fastest = least.argmin(axis=0)
    first = np.stack(counts)[fastest, np.arange(len(fastest))]
    best, keys = _map_packed(_packed(job, first), work, prices, first)
    # Tiles take no less than the op in one piece; fewer bytes can take any time.
    bounded = prices is None and job.machine.array.stream_block == 0 and not (job.aim == BYTES).any()
    for level, count in enumerate(counts):
        other = (level == 0) | (count > 1)
        rows = np.flatnonzero(other & (fastest != level) & ~(bounded & (least[level] > keys[0])))
        if not len(rows):
            continue
        found, found_keys = _map_packed(_packed(job.take(rows), count[rows]), work[rows], prices, count[rows])
        mine = keys[:, rows]
        better = (found_keys[0] < mine[0]) | ((found_keys[0] == mine[0]) & (found_keys[1] < mine[1]))
        keys[:, rows[better]] = found_keys[:, better]
        best = _put(best, rows[better], found, better)
    return best


def _packed(job: Job, count: Floats) -> Job:
    op = pack(job.op, count)
    untiled = _untiled_cycles(job.machine.array, op)
    return replace(
        job, op=op, untiled_cycles=untiled, untiled_extra=untiled - _whole_folds(job.machine.array, op)
    )


def _put(mapping: Mapping, rows: NDArray[np.intp], other: Mapping, picked: Bools) -> Mapping:
    """Return the mapping with what is ``picked`` of another one at ``rows``."""

    def put(columns: list[NDArray[Any]]) -> NDArray[Any]:
        mine, found = columns[0].copy(), columns[1]
        mine[rows] = found[picked]
        return mine

    return together([mapping, other], put)


def _map_packed(job: Job, work: Bools, prices: Prices | None, packed: Floats) -> tuple[Mapping, Floats]:
    """Return the best tiles at one packing of groups, and the keys they were chosen by, shape ``(2, n)``."""
    ways = Cuts.of(job)
    chosen = search(job, ways, prices)
    return mapping_of(job, ways, chosen, work, packed), chosen.keys
