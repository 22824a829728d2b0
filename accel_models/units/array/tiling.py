"""Ways to cut an op into tiles, axis by axis: what sizes are tried, what a tile holds, and what a pass over all moves.

An op has three axes: output pixels, output channels and the reduction.  Every cut of an axis is a row of arrays of
shape ``(n,)``, one entry per op, in float64: counts stay exact below 2**53, and division is fast.  Tiles may be larger
than what is left of an op; then they are cut short, so in tiles of the same size less work never takes longer.

Pixels (images, then rows, then columns of the output) are cut by halving; output and input channels into tiles of
1, 2, 4, ... array folds.  A grouped op is cut into tiles of 1, 2, 4, ... whole groups first, and a single group like
any other op.  The sizes offered do not depend on the buffers, so a larger buffer only adds choices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array, streaming_of
from accel_models.units.array.job import ChannelCut, OpSizes, PixelCut, ReductionCut, bursts
from accel_models.units.array.systolic import interval
from traces import Floats

Fold = NDArray[np.float64] | float  # rows or columns of the array, of designs side by side a column


@dataclass(frozen=True, slots=True, eq=False)
class PixelSizes:
    """Output pixels of a full tile: ``images`` x ``rows`` x ``cols``; arrays of shape ``(n,)`` or ``(levels, n)``."""

    images: Floats
    rows: Floats
    cols: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ChannelSizes:
    """Groups of a full tile, and output channels of each; arrays of shape ``(n,)``."""

    groups: Floats
    outputs: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ReductionSizes:
    """Input channels of a full tile in a group, and positions of the kernel; arrays of shape ``(n,)``."""

    channels: Floats
    kernel: Floats


def pixel_sizes(op: OpSizes) -> PixelSizes:
    """Return tiles of about 1, 1/2, 1/4 ... of the output pixels, all levels at once: shape ``(levels, n)``."""
    levels = int(np.ceil(np.log2(np.max(op.m)))) + 1
    parts = np.asarray(2.0 ** np.arange(levels)[:, None], np.float64)
    images = np.ceil(op.batch / parts)
    image_tiles = np.ceil(op.batch / images)
    rows = np.ceil(op.out_height / np.ceil(parts / image_tiles))
    row_tiles = np.ceil(op.out_height / rows)
    cols = np.ceil(op.out_width / np.ceil(parts / (image_tiles * row_tiles)))
    return PixelSizes(images, rows, cols)


def channel_sizes(op: OpSizes, array: Array) -> list[ChannelSizes]:
    """Return outputs whole (first), then tiles of ..., 4, 2, 1 groups, then one group's channels.

    Output channels of one group come in tiles of ..., 4, 2, 1 folds.
    """
    one = np.ones_like(op.groups)
    return [
        *(ChannelSizes(groups, op.n) for groups in _tile_sizes(op.groups, 1)),
        *(ChannelSizes(one, outputs) for outputs in _tile_sizes(op.n, array.cols)[1:]),
    ]


def reduction_sizes(op: OpSizes, array: Array) -> list[ReductionSizes]:
    """Return the reduction whole (first), then input channels in tiles of ..., 4, 2, 1 folds, and parts of one.

    The last sizes also cut the kernel, position by position, for buffers that hold little.  Every group is
    cut alike.
    """
    sizes = [ReductionSizes(tile, op.kernel_area) for tile in _tile_sizes(op.channels, array.rows)]
    if bool((op.kernel_area > 1).any()):
        for fold in (array.rows, *_parts_of_fold(array.rows)):
            tile = np.minimum(op.channels, np.asarray(fold, np.float64))
            sizes.append(ReductionSizes(tile, np.ones_like(op.k)))
    return sizes


def _tile_sizes(size: Floats, fold: Fold) -> list[Floats]:
    """Return the whole, then tiles of ..., 4, 2, 1 folds of elements and parts of one, none above its op's size."""
    tiles: list[Fold] = [*_parts_of_fold(fold)]
    tile = np.asarray(fold, np.float64)
    while np.any(tile < size):
        tiles.insert(0, tile)
        tile = tile * 2.0
    return [size, *(np.minimum(size, tile) for tile in tiles if np.any(tile < size))]


def part_levels(op: OpSizes, array: Array, channels: int) -> tuple[frozenset[int], frozenset[int]]:
    """Return which of so many channel cuts, and which reduction cuts, are parts of a fold.

    The cut before each holds twice as much.
    """
    of_channels = sum(bool(np.any(part < op.n)) for part in _parts_of_fold(array.cols))
    sizes, parts = len(_tile_sizes(op.channels, array.rows)), _parts_of_fold(array.rows)
    of_reduction = sum(bool(np.any(part < op.channels)) for part in parts)
    kernel = range(sizes + 1, sizes + 1 + len(parts)) if bool((op.kernel_area > 1).any()) else ()
    return (
        frozenset(range(channels - of_channels, channels)),
        frozenset([*range(sizes - of_reduction, sizes), *kernel]),
    )


def _parts_of_fold(fold: Fold) -> tuple[Fold, ...]:
    """Return the half, quarter ... of a fold: what half as large an array has as a fold, its array has too.

    Choice: none below 16, the smallest array of the shipped designs that choose tiles.  Where designs side by side
    have fewer of them, their least stands in again, which changes nothing.
    """
    parts: list[Fold] = []
    whole = np.asarray(fold, np.float64)
    while True:
        half = whole / 2
        part = np.where((half >= 16) & (half == np.floor(half)), half, whole)
        if np.array_equal(part, whole):
            return tuple(parts)
        parts.append(part)
        whole = part


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
