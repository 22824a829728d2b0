"""An op cut into tiles of given sizes, axis by axis: what a tile holds, and what a pass over all tiles moves.

An op has three axes: output pixels, output channels and the reduction.  Every cut of an axis is a row of arrays of
shape ``(n,)``, one entry per op, in float64: counts stay exact below 2**53, and division is fast.  Tiles may be larger
than what is left of an op; then they are cut short, so in tiles of the same size less work never takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array, streaming_of
from accel_models.units.array.job import ChannelCut, OpSizes, PixelCut, ReductionCut, bursts
from accel_models.units.array.systolic import interval
from accel_models.units.array.tile_sizes import ChannelSizes, PixelSizes, ReductionSizes
from traces import Floats


def pixel_cut(op: OpSizes, array: Array, memory: Memory, sizes: PixelSizes) -> PixelCut:
    """Cut output pixels, at one level or at several: arrays as the sizes are."""
    grid = _grid(op, sizes)
    # Neighbours share a halo of (span - stride) rows or columns; rows can stay on chip for the next tile.
    halo_rows = (grid.row_tiles - 1) * np.maximum(op.span_height - op.stride_height, 0)
    halo_cols = (grid.col_tiles - 1) * np.maximum(op.span_width - op.stride_width, 0)
    once_rows = _touched_rows(op, op.out_height)
    pass_rows = once_rows + (0.0 if memory.halo_kept else halo_rows)
    pass_cols = _touched_cols(op, op.out_width) + halo_cols
    in_runs = op.batch * pass_rows * grid.col_tiles
    out_runs = op.batch * op.out_height * grid.col_tiles
    out_pixel_bytes = op.out_channels * (memory.activation_bits / 8)
    tiles, tile_pixels = grid.tiles, grid.images * grid.rows * grid.cols
    folds, tile_folds = _pixel_folds(op, array, tiles, tile_pixels)
    return PixelCut(
        tiles=tiles,
        folds=folds,
        tile_folds=tile_folds,
        tile_pixels=tile_pixels,
        tile_in_pixels=grid.images * _touched_rows(op, grid.rows) * _touched_cols(op, grid.cols),
        in_pixels=op.batch * pass_rows * pass_cols,
        in_pixels_alone=op.batch * (once_rows + halo_rows) * pass_cols,
        in_bytes=in_runs * bursts(pass_cols / grid.col_tiles * op.input_pixel_bytes, memory),
        out_bytes=out_runs * bursts(op.out_width / grid.col_tiles * out_pixel_bytes, memory),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Tiles of ``images`` x ``rows`` x ``cols`` output pixels, and how many of them along rows and columns."""

    images: Floats
    rows: Floats
    cols: Floats
    row_tiles: Floats
    col_tiles: Floats
    tiles: Floats


def _grid(op: OpSizes, sizes: PixelSizes) -> _Grid:
    images, rows = np.minimum(sizes.images, op.batch), np.minimum(sizes.rows, op.out_height)
    cols = np.minimum(sizes.cols, op.out_width)
    row_tiles, col_tiles = np.ceil(op.out_height / rows), np.ceil(op.out_width / cols)
    return _Grid(images, rows, cols, row_tiles, col_tiles, np.ceil(op.batch / images) * row_tiles * col_tiles)


def _pixel_folds(op: OpSizes, array: Array, tiles: Floats, tile_pixels: Floats) -> tuple[Floats, Floats]:
    """Folds, or streamed cycles, that pixels take over all tiles and in a full one."""
    flow = streaming_of(array.dataflow)
    if flow.weights_stay:
        together = np.ceil(op.m / array.pixels)
        return tiles * streamed(array, together / tiles), streamed(array, np.ceil(tile_pixels / array.pixels))
    tile_folds = np.ceil(tile_pixels / (array.rows if flow.rows == "m" else array.cols))
    return tiles * tile_folds, tile_folds


def _touched_rows(op: OpSizes, out: Floats) -> Floats:
    """Input rows under ``out`` output rows; rows that no kernel row falls on are not read."""
    return np.minimum(
        np.minimum((out - 1) * op.stride_height + op.span_height, out * op.span_height), op.in_height
    )


def _touched_cols(op: OpSizes, out: Floats) -> Floats:
    """Input columns under ``out`` output columns; those between are read with their row."""
    return np.minimum((out - 1) * op.stride_width + op.span_width, op.in_width)


def channel_cut(op: OpSizes, array: Array, memory: Memory, sizes: ChannelSizes) -> ChannelCut:
    """Cut groups and output channels."""
    tile_groups, tile_n = np.minimum(sizes.groups, op.groups), np.minimum(sizes.outputs, op.n)
    act_bytes = np.full_like(op.n, memory.activation_bits / 8)
    parts = np.ceil(op.n / tile_n)
    group_tiles = np.ceil(op.groups / tile_groups)
    if streaming_of(array.dataflow).inputs_stay:
        folds, tile_folds = parts * streamed(array, op.n / parts), streamed(array, tile_n)
    else:
        folds, tile_folds = np.maximum(np.ceil(op.n / array.cols), parts), np.ceil(tile_n / array.cols)
    tile_out = np.minimum(tile_n * tile_groups, op.out_channels)
    return ChannelCut(
        tiles=group_tiles * parts,
        folds=folds * op.groups,
        tile_folds=tile_folds * tile_groups,
        tile_out=tile_out,
        tile_groups=tile_groups,
        input_tiles=group_tiles,
        in_pixel_bytes=_split_bytes(op.in_channels, op.channels * tile_groups, act_bytes, memory),
        out_pixel_bytes=np.where(
            parts > 1,
            op.groups * _split_bytes(op.n, tile_n, act_bytes, memory),
            _split_bytes(op.out_channels, tile_out, act_bytes, memory),
        ),
    )


def reduction_cut(op: OpSizes, array: Array, memory: Memory, sizes: ReductionSizes) -> ReductionCut:
    """Cut input channels and the kernel.

    Where rows hold channels of any kernel position, what is left of one position shares a tile with the next.
    """
    tile_channels = np.minimum(sizes.channels, op.channels)
    if array.reduction == "per_tap":
        tiles = np.ceil(op.channels / tile_channels) * (op.kernel_area / sizes.kernel)
        tile_k = tile_channels * sizes.kernel
    else:
        tile_k = np.minimum(op.k, sizes.channels * sizes.kernel)
        tiles = np.ceil(op.k / tile_k)
    if streaming_of(array.dataflow).sums_stay:
        folds, tile_folds = tiles * streamed(array, op.k / tiles), streamed(array, tile_k)
    else:  # tiles are whole folds of channels, or end in one that is filled in part
        taps = sizes.kernel if array.reduction == "per_tap" else np.ones_like(sizes.kernel)
        tile_folds = taps * np.ceil(tile_k / taps / array.rows)
        parts = (tile_channels % array.rows > 0) & (tiles > 1)
        folds = np.maximum(row_folds(array, op), np.where(parts, tiles * tile_folds, tiles))
    each = np.full_like(op.k, memory.activation_bits / 8)
    return ReductionCut(
        tiles=tiles,
        folds=folds,
        tile_folds=tile_folds,
        tile_k=tile_k,
        tile_channels=tile_channels,
        in_pixel_bytes=op.groups * _split_bytes(op.channels, tile_channels, each, memory),
    )


def row_folds(array: Array, op: OpSizes) -> Floats:
    """Folds of the whole reduction of one group, where rows hold it."""
    if array.reduction == "per_tap":
        return op.kernel_area * np.ceil(op.channels / array.rows)
    return np.ceil(op.k / array.rows)


def streamed(array: Array, size: Floats) -> Floats:
    """Cycles between folds that stream ``size``, in commands of at most ``stream_block``; ``os`` pads them."""
    block = array.stream_block
    if block == 0:
        return interval(array, array.rows, array.cols, size)
    commands = np.ceil(size / block)
    if streaming_of(array.dataflow).sums_stay:
        return interval(array, array.rows, array.cols, commands * block)
    whole = interval(array, array.rows, array.cols, block)
    return (commands - 1) * whole + interval(array, array.rows, array.cols, size - (commands - 1) * block)


def _split_bytes(size: Floats, tile: Floats, each: Floats, memory: Memory) -> Floats:
    """Bytes per pixel if ``size`` channels of ``each`` bytes move ``tile`` at a time; 0 if all at once."""
    tiles = np.ceil(size / tile)
    last = size - (tiles - 1) * tile
    moved = (tiles - 1) * bursts(tile * each, memory) + bursts(last * each, memory)
    return np.where(tiles > 1, moved, 0.0)
