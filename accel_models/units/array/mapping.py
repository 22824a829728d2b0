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
from accel_models.units.array.alike import OpsByKind
from accel_models.units.array.job import Job, OpSizes, bursts, gemms_of, sizes_of
from accel_models.units.array.machine import ArrayMachine
from accel_models.units.array.mapped import Mapping, Operands, mapping_of
from accel_models.units.array.systolic import compute_cycles
from accel_models.units.array.tile_search import BYTES, Cuts, Prices, search
from accel_models.units.array.tiling import pack, packings, row_folds, streamed
from accel_models.units.array.transfers import Transfers
from accel_models.work.rows import joined, rows_of, together
from accel_models.work.shapes import Shapes
from traces import Bools, Floats

CHUNK = 8192  # ops searched at a time, so that working arrays stay in cache


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
    job = _job(shapes, machine, operands or Operands())
    if not len(shapes):
        return Mapping.of_nothing()
    ops, place = OpsByKind.of(job)
    chunks = [slice(at, at + CHUNK) for at in range(0, len(ops), CHUNK)]
    parts = [ops] if len(chunks) == 1 else [ops.take(rows) for rows in chunks]
    return rows_of(joined([_map_chunk(part, prices) for part in parts]), place)


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
    untiled = _untiled_cycles(machine.array, op)
    return Job(
        machine=machine,
        op=op,
        works=np.asarray(shapes.macs > 0),
        packed=np.ones_like(op.m),
        untiled_cycles=untiled,
        untiled_extra=untiled - _whole_folds(machine.array, op),
        input_element_bytes=fetch_input * (memory.activation_bits / 8),
        fetch_input=fetch_input,
        fetch_weights=fetch_weights,
        store_output=1.0 - full(operands.output_on_chip),
        reserved_bytes=full(operands.reserved_bytes),
        pinned_bytes=full(operands.pinned_bytes),
        bands=full(operands.bands),
        transfers=transfers,
    )


def _untiled_cycles(array: Array, op: OpSizes) -> Floats:
    return compute_cycles(array, gemms_of(op)).astype(np.float64)


def _whole_folds(array: Array, op: OpSizes) -> Floats:
    """Cycles between the folds of ops in one piece, the same sum as over tiles."""
    flow = streaming_of(array.dataflow)
    sizes: dict[ProductSize, Floats] = {"m": np.ceil(op.m / array.pixels), "k": op.k, "n": op.n}
    rows = row_folds(array, op) if flow.rows == "k" else np.ceil(sizes[flow.rows] / array.rows)
    return rows * np.ceil(sizes[flow.cols] / array.cols) * op.groups * streamed(array, sizes[flow.streams])


def _map_chunk(ops: OpsByKind, prices: Prices | None) -> Mapping:
    """Search at the packing of groups that computes fastest, then at the others that could still be better."""
    kinds, kind = ops.kinds, ops.kind
    counts = packings(kinds.machine.array, kinds.op)
    if len(counts) == 1:
        return _map_packed(ops, prices)[0]
    least = np.stack([_untiled_cycles(kinds.machine.array, pack(kinds.op, count)) for count in counts])
    fastest = least.argmin(axis=0)
    first = np.stack(counts)[fastest, np.arange(len(fastest))]
    best, keys = _map_packed(ops.packed(_packed(kinds, first)), prices)
    # Tiles take no less than the op in one piece; fewer bytes can take any time.
    bounded = prices is None and kinds.machine.array.stream_block == 0 and not ops.transfers.aims_at(BYTES)
    for level, count in enumerate(counts):
        other = ((level == 0) | (count > 1)) & (fastest != level)
        rows = np.flatnonzero(other[kind] & ~(bounded & (least[level][kind] > keys[0])))
        if not len(rows):
            continue
        found, found_keys = _map_packed(ops.packed(_packed(kinds, count)).take(rows), prices)
        mine = keys[:, rows]
        better = (found_keys[0] < mine[0]) | ((found_keys[0] == mine[0]) & (found_keys[1] < mine[1]))
        keys[:, rows[better]] = found_keys[:, better]
        best = _put(best, rows[better], found, better)
    return best


def _packed(job: Job, count: Floats) -> Job:
    op = pack(job.op, count)
    untiled = _untiled_cycles(job.machine.array, op)
    extra = untiled - _whole_folds(job.machine.array, op)
    return replace(job, op=op, packed=count, untiled_cycles=untiled, untiled_extra=extra)


def _put(mapping: Mapping, rows: NDArray[np.intp], other: Mapping, picked: Bools) -> Mapping:
    """Return the mapping with what is ``picked`` of another one at ``rows``."""

    def put(columns: list[NDArray[Any]]) -> NDArray[Any]:
        mine, found = columns[0].copy(), columns[1]
        mine[rows] = found[picked]
        return mine

    return together([mapping, other], put)


def _map_packed(ops: OpsByKind, prices: Prices | None) -> tuple[Mapping, Floats]:
    """Return the best tiles at one packing of groups, and the keys they were chosen by, shape ``(2, n)``."""
    ways = Cuts.of(ops.kinds)
    chosen = search(ops, ways, prices)
    return mapping_of(ops, ways, chosen), chosen.keys
