"""Where a tile of Gemmini's finds its lines, from the order of the loops alone.

Walk the loops over tiles from the innermost out and keep count of the distinct bytes that one turn touches.
A loop whose index an operand does not depend on touches the same lines again each turn; they are still in a
cache if all that one turn touches fits it.  So do tiles that share a line, one behind the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accel_models.units.gemmini.compiled import compiled
from accel_models.units.gemmini.machine import Gemmini
from accel_models.units.gemmini.tiling import ConvLayer, Ints, sizes_of
from accel_models.units.gemmini.traffic import LINE_BYTES

INPUT, WEIGHTS, OUTPUT = range(3)
L2, LLC, DRAM = range(3)  # where lines are found
N, Q, P, K, S, R, C = range(7)
DEPENDS = np.array([[1, 1, 1, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]], np.bool_)
CONTIGUOUS = np.array([C, K, K])  # the dimension along which an operand's bytes lie together


class Reuse(NamedTuple):
    """For one layer and tiling: the loops whose turns find an operand's lines in each cache."""

    kept_in_l2: NDArray[np.bool_]  # (operands, dimensions)
    kept_in_llc: NDArray[np.bool_]
    found_in: int  # where inputs and weights lie that the layer has not touched yet
    element_bytes: tuple[int, int, int]  # by operand


@compiled
def reuse_of(layer: ConvLayer, tile: Ints, order: Ints, machine: Gemmini, found_in: int) -> Reuse:
    """Walk the loops once for each cache."""
    element = (machine.input_bytes, machine.weight_bytes, machine.input_bytes)
    in_l2 = _kept(layer, tile, order, machine.memory.l2_bytes, element)
    in_llc = _kept(layer, tile, order, machine.memory.llc_bytes, element)
    return Reuse(in_l2, in_llc, found_in, element)


@compiled
def place(reuse: Reuse, operand: int, start: Ints) -> int:
    """Where the lines under the tile that begins at ``start`` lie when it needs them."""
    element = reuse.element_bytes[operand]
    if _returns(reuse.kept_in_l2[operand], operand, start, element):
        return L2
    if _returns(reuse.kept_in_llc[operand], operand, start, element):
        return LLC
    for dim in range(7):
        if start[dim] > 0 and not DEPENDS[operand, dim]:
            return DRAM  # touched before, and gone
    return reuse.found_in


@compiled
def _returns(loops: NDArray[np.bool_], operand: int, start: Ints, element: int) -> bool:
    """Whether a tile is a later turn of one of these loops, or begins inside a line of an earlier one."""
    for dim in range(7):
        if loops[dim]:
            at = start[dim] * element % LINE_BYTES if DEPENDS[operand, dim] else start[dim]
            if at > 0:
                return True
    return False


@compiled
def _kept(
    layer: ConvLayer, tile: Ints, order: Ints, cache_bytes: float, element: tuple[int, int, int]
) -> NDArray[np.bool_]:
    size = sizes_of(layer)
    kept = np.zeros((3, 7), np.bool_)
    touched = np.zeros(3)
    for operand in range(3):
        touched[operand] = _tile_bytes(layer, tile, operand, element[operand])
    for dim in order[::-1]:
        fits = touched.sum() <= cache_bytes
        for operand in range(3):
            depends = DEPENDS[operand, dim]
            shares_line = dim == CONTIGUOUS[operand] and tile[dim] * element[operand] < LINE_BYTES
            if fits and (not depends or shares_line):
                kept[operand, dim] = True
            if depends:
                touched[operand] *= -(-size[dim] // tile[dim])
    if _conflicts(layer, tile, cache_bytes):
        kept[WEIGHTS] = False
    return kept


@compiled
def _tile_bytes(layer: ConvLayer, tile: Ints, operand: int, element: int) -> float:
    """Bytes of whole lines under one tile of an operand."""
    if operand == WEIGHTS:
        filters = max(tile[K] * element, min(LINE_BYTES, layer.weight_pitch))
        return float(tile[S] * tile[R] * tile[C] * filters)
    if operand == OUTPUT:
        filters = max(tile[K] * element, min(LINE_BYTES, layer.output_pitch))
        return float(tile[N] * tile[Q] * tile[P] * filters)
    rows = tile[Q] * layer.stride_height + (tile[S] - 1) * layer.dilation_height
    cols = tile[P] * layer.stride_width + (tile[R] - 1) * layer.dilation_width
    return float(tile[N] * rows * cols * max(tile[C] * element, min(LINE_BYTES, layer.input_pitch)))


@compiled
def _conflicts(layer: ConvLayer, tile: Ints, cache_bytes: float) -> bool:
    """Whether a tile's weights, rows a power of two apart, fall into too few sets to stay."""
    pitch = layer.weight_pitch
    if pitch <= LINE_BYTES or pitch & (pitch - 1):
        return False
    reachable = cache_bytes // pitch  # lines in the sets they fall into, over all ways
    return bool(reachable < tile[C] * tile[S] * tile[R])
