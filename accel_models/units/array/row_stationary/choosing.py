"""The pass of every op: the fastest, and of those the one that moves the least over the DRAM bus."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.units.array.machine import ArrayMachine, bus_cycles
from accel_models.units.array.mapping import Mapping, Operands
from accel_models.units.array.row_stationary.coding import coding_of
from accel_models.units.array.row_stationary.passes import (
    FILTERS,
    Ops,
    Passes,
    PassSettings,
    passes_of,
    scratchpads,
    taps,
)
from accel_models.work.shapes import Shapes
from traces import RECURRENT, Bools, Floats, Ints

FEW = 4  # filters; Choice: a PE that sums up fewer reads its inputs again for each
LARGEST = 1 << 14  # (ops, ways) looked at together: working arrays stay in cache


def map_row_stationary(shapes: Shapes, machine: ArrayMachine, operands: Operands) -> Mapping:
    """Choose a pass for every op; arguments and result as :func:`accel_models.units.array.mapping.map_ops`."""
    array = machine.array
    ops, work = _ops(shapes, array, operands), np.asarray(shapes.macs > 0)
    chosen = PassSettings.ones(len(shapes))
    geometry = np.hstack([ops.images, ops.rows, ops.kernel_rows, ops.kernel_cols])
    kinds, kind = np.unique(geometry, axis=0, return_inverse=True)
    for i, (images, rows, height, width) in enumerate(kinds.astype(np.int64).tolist()):
        ways = _ways(images, rows, height, width, array)
        members = np.flatnonzero(kind.ravel() == i)
        blocks = min(-(-len(members) * len(ways.n) // LARGEST), len(members))
        for block in np.array_split(members, blocks):
            chosen.put(block, _best(ops.take(block).alike(), ways, machine))
    return _mapping(ops, chosen, work, machine)


def _ops(shapes: Shapes, array: Array, operands: Operands) -> Ops:
    whole = shapes.kind in RECURRENT or shapes.kind == "conv_transpose"  # no kernel: one long product
    one = np.ones_like(shapes.k)
    height, width = (one, one) if whole else (shapes.kernel_height, shapes.kernel_width)
    tall, wide = (
        -(-np.maximum(size, 1) // most)
        for size, most in ((height, array.rows), (width, scratchpads(array).inputs))
    )
    span_rows = (height - 1) * shapes.dilation_height + 1
    span_cols = (width - 1) * shapes.dilation_width + 1
    padded_rows = np.maximum((shapes.out_height - 1) * shapes.stride_height + span_rows, shapes.in_height)
    padded_cols = np.maximum((shapes.out_width - 1) * shapes.stride_width + span_cols, shapes.in_width)
    values = (
        shapes.batch,
        shapes.k // np.maximum(height * width, 1),
        shapes.n,
        shapes.groups,
        shapes.out_height,
        shapes.out_width,
        shapes.in_height if whole else padded_rows,
        shapes.in_width if whole else padded_cols,
        shapes.in_height,
        shapes.in_width,
        -(-height // tall),
        -(-width // wide),
        tall * wide,
        span_rows,
        shapes.stride_height,
    )

    def given(value: object) -> Floats:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), len(shapes)))[:, None]

    sizes = (np.maximum(value, 1).astype(np.float64)[:, None] for value in values)
    flags = (operands.input_on_chip, operands.weights_on_chip, operands.output_on_chip)
    held = (operands.reserved_bytes, operands.pinned_bytes)
    return Ops(*sizes, *(1.0 - given(flag) for flag in flags), *(given(size) for size in held))


def _powers(most: int) -> list[int]:
    return [1 << i for i in range(max(1, most).bit_length())]


def _ways(images: int, rows: int, kernel_rows: int, kernel_cols: int, array: Array) -> PassSettings:
    """Return every setting that can be of use to ops of these sizes; what finds no room is refused later."""
    pads = scratchpads(array)
    together = sorted({-(-images // parts) for parts in range(1, images + 1)})
    in_pe = [0, *(filters for filters in _powers(FILTERS // 2)[2:] if filters < pads.sums)]
    every = [
        (n, e, p, q, r, t)
        for n, e, p, q in product(
            together,
            sorted(_widths(rows, kernel_rows, array)),
            in_pe,
            range(1, pads.inputs // kernel_cols + 1),
        )
        if p * q * kernel_cols <= pads.weights
        for r, t in _side_by_side(
            _room(e, kernel_rows, array), folded=_wide(rows, array.rows // kernel_rows, array)
        )
    ]
    return PassSettings(*np.array(every, np.float64).T)


def _room(width: int, kernel_rows: int, array: Array) -> int:
    """Return how many sets of this width find room on the array, folded if they are wider."""
    return array.rows // kernel_rows // -(-width // array.cols) * max(array.cols // width, 1)


def _wide(rows: int, segments: int, array: Array) -> bool:
    """Whether sets for a plane of so many rows are wider than the array, and can be folded."""
    return rows > array.cols and segments > 1


def _widths(rows: int, kernel_rows: int, array: Array) -> set[int]:
    """Return the widths of a set for so many output rows: folded so often, or the least for each number of strips."""
    segments = array.rows // kernel_rows
    if _wide(rows, segments, array):
        return {min(rows, array.cols * folds) for folds in range(1, segments + 1)}
    return {width for strips in range(1, rows + 1) if (width := -(-rows // strips)) <= array.cols}


def _side_by_side(sets: int, *, folded: bool) -> list[tuple[int, int]]:
    """Return (r, t) with as many groups of filters as find room beside the groups of channels."""
    channels = [1] if folded else _powers(sets)
    return [(r, 1 << ((sets // r).bit_length() - 1)) for r in channels if sets >= r]


def _best(ops: Ops, ways: PassSettings, machine: ArrayMachine) -> PassSettings:
    """Return for each op the fastest way, then the one with the least DRAM traffic; the first where none fits.

    A set is folded as often as leaves room for the sums of a few filters.

    Returns
    -------
    One way per op; one for all where they are the same.
    """
    passes = passes_of(ops, ways, machine)
    moved = _moved(ops, ways, passes, machine)
    keys = (_narrow(ops, ways, passes, machine.array), passes.held.odd, moved.total_cycles, moved.loaded)
    good = np.broadcast_to(passes.held.fits, np.broadcast_shapes(*(key.shape for key in keys)))
    for key in keys:
        kept = np.where(good, key, np.inf)
        good = good & (kept == kept.min(axis=1, keepdims=True))
    first = good.argmax(axis=1)
    return ways.take(first)


def _narrow(ops: Ops, ways: PassSettings, passes: Passes, array: Array) -> Floats:
    """Return by how much a folded set is narrower than the whole plane [rows]; all that leave no room are last."""
    wide = _wide(int(ops.rows.max()), int(array.rows // ops.kernel_rows.max()), array)
    roomy = passes.held.fits & (passes.held.in_pe >= np.minimum(FEW, ops.filters))
    return np.where(roomy, ops.rows - ways.e, ops.rows) if wide else np.zeros(roomy.shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """What ways move over the DRAM bus [B], and the cycles of array and bus together."""

    inputs: Floats
    weights: Floats
    stored: Floats
    first_inputs: Floats
    first_weights: Floats
    last: Floats
    total_cycles: Floats

    @property
    def loaded(self) -> Floats:
        return self.inputs + self.weights


def _moved(ops: Ops, ways: PassSettings, passes: Passes, machine: ArrayMachine) -> _Moved:
    memory, bus, coded = machine.memory, machine.bus, coding_of(machine.array)
    act, weight = memory.activation_bits / 8, memory.weight_bits / 8
    fetched, left = act * coded.inputs * ops.fetch_input, act * coded.outputs * ops.store_output
    inputs = passes.dram_inputs * fetched
    weights = passes.dram_weights * ops.fetch_weights * weight
    stored = ops.images * ops.groups * ops.filters * ops.rows * ops.cols * left
    first_inputs = np.minimum(passes.held.inputs * fetched, inputs)
    first_weights = np.minimum(passes.first_weights * ops.fetch_weights * weight, weights)
    last = passes.held.filters * ways.n * ways.e * ops.cols * left
    all_moved = bus_cycles(bus, inputs + weights + stored)
    total = passes.cycles + all_moved
    if memory.double_buffered:
        ends = bus_cycles(bus, first_inputs + first_weights) + bus_cycles(bus, last)
        total = np.maximum(passes.cycles + ends, all_moved + passes.pass_cycles)
    return _Moved(inputs, weights, stored, first_inputs, first_weights, last, total)


def _mapping(ops: Ops, way: PassSettings, work: Bools, machine: ArrayMachine) -> Mapping:
    """Return the chosen passes as a mapping of tiles; a tile of results is a strip of the filters held."""
    memory, bus, passes = machine.memory, machine.bus, passes_of(ops, way, machine)
    moved = _moved(ops, way, passes, machine)
    held = np.ceil(ops.filters / passes.held.filters)
    last_tile, results_tile = _last_tiles(passes, held * ops.groups, memory)
    fits = passes.held.fits[:, 0]
    runs = (work & fits)[:, None]

    def whole(value: Floats | float) -> Ints:
        return np.where(runs, np.ceil(value), 0)[:, 0].astype(np.int64)

    demand = np.ceil(passes.held.buffer_bytes[:, 0])
    free = memory.activation_buffer - ops.reserved[:, 0]
    compute, total = whole(passes.compute), whole(moved.total_cycles)
    return Mapping(
        feasible=fits | ~work,
        short_buffer=np.zeros(len(work), np.int64),
        demand_bytes=np.where(work & ~fits, demand, 0).astype(np.int64),
        bound_bytes=np.where(work & ~fits, free, 0).astype(np.int64),
        stall_cycles=total - compute,
        compute_cycles=compute,
        total_cycles=total,
        kept=whole(1.0),
        tile_m=whole(way.n * way.e * ops.cols),
        tile_k=whole(way.q * way.r * taps(ops) / ops.folds),
        tile_n=whole(passes.held.filters),
        tile_groups=whole(1.0),
        packed_groups=whole(1.0),
        pixel_tiles=whole(passes.strips),
        channel_tiles=whole(held * ops.groups),
        reduction_tiles=whole(np.ceil(ops.channels / (way.q * way.r)) * ops.folds),
        array_cycles=whole(passes.cycles),
        load_cycles=whole(bus_cycles(bus, moved.loaded)),
        store_cycles=whole(bus_cycles(bus, moved.stored)),
        turn_cycles=whole(0.0),
        last_tile_cycles=whole(last_tile),
        output_tile_cycles=whole(results_tile),
        first_input_bytes=whole(moved.first_inputs),
        first_weight_bytes=whole(moved.first_weights),
        last_output_bytes=whole(moved.last),
        dram_input_bytes=whole(moved.inputs),
        dram_weight_bytes=whole(moved.weights),
        dram_output_bytes=whole(moved.stored),
        activation_read_bytes=whole(passes.inside.activation_reads),
        activation_write_bytes=whole(_written(ops, passes, memory)),
        weight_read_bytes=whole(passes.inside.weight_reads),
        weight_write_bytes=whole(moved.weights),
        accumulator_read_bytes=whole(passes.inside.accumulator_reads),
        accumulator_write_bytes=whole(passes.inside.accumulator_writes),
    )


def _last_tiles(passes: Passes, tiles: Floats, memory: Memory) -> tuple[Floats, Floats]:
    """Return the cycles of the last pass, and of the last tile of results, of which a strip has so many.

    With one buffer the array waits for the last load, and stores for the array.
    """
    if not memory.double_buffered:
        return passes.cycles, passes.cycles
    return passes.pass_cycles, passes.cycles / (passes.strips * tiles)


def _written(ops: Ops, passes: Passes, memory: Memory) -> Floats:
    """Return what is written into the activation buffer [B]: inputs from DRAM, as values, not codes, and what stays."""
    act = memory.activation_bits / 8
    results = ops.images * ops.groups * ops.filters * ops.rows * ops.cols * act
    return passes.dram_inputs * ops.fetch_input * act + results * (1.0 - ops.store_output)
