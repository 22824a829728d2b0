"""Ops as Gemmini's library runs them: which of its functions, on what sizes, cut into what tiles.

Tiles are those of the whole op: a host that learns what is left of it keeps them and cuts them short (Choice).
So a gated op never takes more of the array than the whole one, which the library's rule does not promise: for
fewer channels it can find tiles that fill the array worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.units.gemmini.loops import Fetches, product_tile, run_layers, run_products
from accel_models.units.gemmini.machine import GemminiMachine, Run
from accel_models.units.gemmini.memory.reuse import NOTHING_CACHED, Shares
from accel_models.units.gemmini.memory.traffic import LINE_BYTES
from accel_models.units.gemmini.tiling import DIMS, ConvLayer, ConvTiling, Footprint, Product, search_tiling
from accel_models.work.shapes import Shapes, shapes_of
from traces import Floats, Ints, Op


@dataclass(frozen=True, slots=True, eq=False)
class LibraryRuns:
    """What an op's states take of the library; arrays of shape (s,), zero where nothing runs."""

    runs: Floats  # (s, fields of Run)
    candidates: Ints  # that the host weighs before the first command
    need: Footprint  # of the tile, or of the smallest one
    bound: Footprint

    @property
    def fits(self) -> bool:
        """Whether the library finds a tile."""
        return self.bound.holds(self.need)

    def column(self, name: str) -> Floats:
        """Return a field of :class:`Run`."""
        return self.runs[:, Run._fields.index(name)]

    def whole(self, name: str) -> Ints:
        """Return a field of :class:`Run`, rounded up."""
        return np.ceil(self.column(name)).astype(np.int64)


def is_product(op: Op) -> bool:
    """Whether ``tiled_matmul_auto`` runs the op, as DOSA's program does: one row of pixels under one tap."""
    if op.kind != "conv":
        return True
    one_tap = op.kernel_height == op.kernel_width == op.stride_height == op.stride_width == 1
    return one_tap and op.groups == 1 and min(op.out_height, op.out_width) == 1


def run_op(
    op: Op, shapes: Shapes, machine: GemminiMachine, weight_spread: Floats, found: Shares = NOTHING_CACHED
) -> LibraryRuns:
    """Return what states of an op take.

    Parameters
    ----------
    op
        The whole op.
    shapes
        What is left of it in each state.
    machine
        Gemmini and its memory.
    weight_spread
        Lines of weights fetched for each that holds the kept ones packed, at least 1, shape (s,).
    found
        Shares of its input, weights and output that lie in each cache before, shape (2, 3).
    """
    runs = np.zeros((len(shapes), len(Run._fields)))
    candidates = np.zeros(len(shapes), np.int64)
    need, bound = _smallest(machine), Footprint(machine.tile_scratchpad_bytes, machine.tile_accumulator_bytes)
    for batch in np.unique(shapes.batch[shapes.macs > 0]):
        of_batch = np.flatnonzero((shapes.macs > 0) & (shapes.batch == batch))
        part, fetches = shapes.take(of_batch), Fetches(found, weight_spread[of_batch], machine.loads_bias)
        whole = shapes_of(op, batch=batch)
        if not is_product(op):
            search = search_tiling(ConvLayer(*_layer_rows(op, whole, machine)[0].tolist()), machine)
            need, candidates[of_batch] = search.need, search.candidates
            if search.fits:
                runs[of_batch] = _run_layers(op, part, search.tiling, machine, fetches)
        elif bound.holds(need):
            product = Product(int(whole.m[0] // whole.steps[0]), int(whole.k[0]), int(whole.n[0]))
            tiles = np.broadcast_to(product_tile(product, "ws", machine), (len(part), 3))
            rows = np.stack([part.m // part.steps, part.k, part.n], axis=1)
            times = (part.groups * part.steps)[:, None]  # one product after the other
            runs[of_batch] = run_products(rows, tiles, "ws", machine, fetches) * times
    return LibraryRuns(runs, candidates, need, bound)


def _smallest(machine: GemminiMachine) -> Footprint:
    """Return what the smallest tile of a product needs: a block of each operand."""
    rows, cols = machine.rows, machine.cols
    loaded = rows * rows * machine.input_bytes + rows * cols * machine.weight_bytes
    return Footprint(loaded, rows * cols * machine.sum_bytes)


def _run_layers(
    op: Op, shapes: Shapes, tiling: ConvTiling, machine: GemminiMachine, fetches: Fetches
) -> Floats:
    """Run the groups of each state one behind the other.

    Choice: groups whose channels lie in a line that an earlier group has touched find what a group's lines
    leave of it; all groups are aligned like the first.
    """
    rows = _layer_rows(op, shapes, machine)
    tiles = np.broadcast_to(tiling.sizes, (len(rows), len(DIMS)))
    first = run_layers(rows, tiles, tiling.loops, machine, fetches)
    if op.groups == 1:
        return first
    found, _ = fetches.of(len(rows))
    behind = fetches._replace(found=np.maximum(found, _found_by_later_groups(rows, machine)))
    later = run_layers(rows, tiles, tiling.loops, machine, behind)
    pitch = np.maximum(shapes.in_channels, shapes.out_channels) * machine.input_bytes
    in_new_lines = np.minimum(-(-pitch // LINE_BYTES), shapes.groups)[:, None]
    runs: Floats = first * in_new_lines + later * (shapes.groups[:, None] - in_new_lines)
    ends = [Run._fields.index("first_load"), Run._fields.index("last_execute")]
    runs[:, ends] = first[:, ends]
    return runs


def _layer_rows(op: Op, shapes: Shapes, machine: GemminiMachine) -> Ints:
    """Return the fields of :class:`ConvLayer` for one group of each state.

    Choice: of an odd number of rows or columns of padding, the larger half lies before the image.
    """
    one = np.ones(len(shapes), np.int64)
    reach = (
        (op.kernel_height - 1) * op.dilation_height + (op.out_height - 1) * op.stride_height + 1,
        (op.kernel_width - 1) * op.dilation_width + (op.out_width - 1) * op.stride_width + 1,
    )
    padding = (max(0, reach[0] - op.in_height + 1) // 2, max(0, reach[1] - op.in_width + 1) // 2)
    groups = np.maximum(shapes.groups, 1)
    columns = (
        shapes.in_height,
        shapes.in_width,
        shapes.in_channels // groups,
        shapes.out_channels // groups,
        shapes.kernel_height,
        shapes.kernel_width,
        shapes.stride_height,
        shapes.stride_width,
        padding[0] * one,
        padding[1] * one,
        shapes.dilation_height,
        shapes.dilation_width,
        shapes.out_height,
        shapes.out_width,
        shapes.batch,
        _pitch(shapes.in_channels, op.in_channels, machine.input_bytes, machine.row_align),
        _pitch(shapes.out_channels, op.out_channels, machine.weight_bytes, machine.row_align),
        _pitch(shapes.out_channels, op.out_channels, machine.input_bytes, machine.row_align),
    )
    return np.stack(columns, axis=1)


def _pitch(kept: Ints, whole: int, element: int, align: int) -> Ints:
    """Bytes from one pixel to the next: packed and aligned, but never further apart than with all channels."""
    return np.minimum(-(-kept * element // align) * align, whole * element)


def _found_by_later_groups(rows: Ints, machine: GemminiMachine) -> Shares:
    """Return the shares of lines that are still in each cache when a group's lines have come in, (s, 2, 1)."""
    column = dict(zip(ConvLayer._fields, rows.T, strict=True))
    inputs = column["batch"] * column["in_height"] * column["in_width"]
    outputs = column["batch"] * column["out_height"] * column["out_width"]
    weights = column["kernel_height"] * column["kernel_width"] * column["channels"]
    touched = inputs * _in_lines(column["channels"] * machine.input_bytes, column["input_pitch"])
    touched += weights * _in_lines(column["filters"] * machine.weight_bytes, column["weight_pitch"])
    touched += outputs * _in_lines(column["filters"] * machine.input_bytes, column["output_pitch"])
    caches = np.array([machine.memory.l2_bytes, machine.memory.llc_bytes])
    return np.asarray(np.exp(-touched[:, None] / caches)[:, :, None], np.float64)


def _in_lines(size: Ints, pitch: Ints) -> Ints:
    """Bytes of the lines under ``size`` bytes of each pitch."""
    return np.maximum(size, np.minimum(LINE_BYTES, pitch))
