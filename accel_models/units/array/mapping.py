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

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from accel_models.cost import Whole
from accel_models.units.array.job import Job, bursts, sizes_of
from accel_models.units.array.machine import ArrayMachine
from accel_models.units.array.mapped import Mapping, Operands, mapping_of
from accel_models.units.array.tile_plan import CHUNK, planned, untiled_cycles, whole_folds
from accel_models.units.array.tile_search import Prices
from accel_models.units.array.transfers import Transfers
from accel_models.work.rows import joined, rows_of
from accel_models.work.shapes import Shapes
from traces import Floats


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
