"""Ways to cut an op into tiles, axis by axis: what a tile holds, and what a pass over all tiles moves.

An op has three axes.  Pixels (images, then rows, then columns of the output) are cut by halving; output and
input channels into tiles of 1, 2, 4, ... array folds.  A grouped op is cut into tiles of 1, 2, 4, ... whole
groups first, and a single group like any other op.  Every cut of an axis is a row of arrays of shape ``(n,)``,
one entry per op, in float64: counts stay exact below 2**53, and division is fast.

The sizes offered do not depend on the buffers, and channel tiles do not depend on how many channels are
active. So a larger buffer only adds choices, and a gated op can do whatever the dense one does: neither can
be slower.

Groups of a convolution lie side by side on the array as one denser product, where that pays.  A group of K x N weights
that fills only a corner of an R x C array wastes the rest of it.  With ``p`` groups packed, the array holds their
weights as blocks along a diagonal, and nothing between them: a product of p K x p N, run ceil(groups / p) times.
Depthwise convolutions gain most (N = 1), and with all groups packed the op is the dense convolution of the same
channels, so a grouped convolution never costs more than that.  The blocks are stored as they are; what lies between
them is masked off on the way from the weight buffer to the array, whose words are read in full (Choice).  Compilers do
the same in software by storing the zeros: XLA's ``ConvolutionGroupConverter`` expands grouped filters to dense ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array, streaming_of
from accel_models.units.array.job import ChannelCut, OpSizes, PixelCut, ReductionCut, bursts
from accel_models.units.array.systolic import interval
from traces import Floats

Fold = NDArray[np.float64] | float  # rows or columns of the array, of designs side by side a column


def pixel_cuts(op: OpSizes, array: Array, memory: Memory) -> PixelCut:
    """Cut output pixels in 1, 2, 4, ... parts: images first, then rows, then columns of single rows.

    All levels at once: arrays of shape ``(levels, n)``.
    """
    levels = int(np.ceil(np.log2(np.max(op.m)))) + 1
    parts = np.asarray(2.0 ** np.arange(levels)[:, None], np.float64)
    grid = _grid(op, parts)
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


def _grid(op: OpSizes, parts: Floats) -> _Grid:
    """Cut into about ``parts`` tiles: images first, then rows, then columns of single rows."""
    images = np.ceil(op.batch / parts)
    image_tiles = np.ceil(op.batch / images)
    rows = np.ceil(op.out_height / np.ceil(parts / image_tiles))
    row_tiles = np.ceil(op.out_height / rows)
    cols = np.ceil(op.out_width / np.ceil(parts / (image_tiles * row_tiles)))
    col_tiles = np.ceil(op.out_width / cols)
    return _Grid(images, rows, cols, row_tiles, col_tiles, image_tiles * row_tiles * col_tiles)


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


def channel_cuts(op: OpSizes, array: Array, memory: Memory) -> list[ChannelCut]:
    """Leave outputs whole (first), or cut them: tiles of ..., 4, 2, 1 groups, then one group's channels.

    Output channels of one group are cut into tiles of ..., 4, 2, 1 folds.
    """
    whole_groups = _tile_sizes(op.groups, 1)
    cuts = [_channel_cut(op, array, memory, groups, op.n) for groups in whole_groups]
    one = np.ones_like(op.groups)
    return [
        *cuts,
        *(_channel_cut(op, array, memory, one, tile) for tile in _tile_sizes(op.n, array.cols)[1:]),
    ]


def _channel_cut(
    op: OpSizes, array: Array, memory: Memory, tile_groups: Floats, tile_n: Floats
) -> ChannelCut:
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


def reduction_cuts(op: OpSizes, array: Array, memory: Memory) -> list[ReductionCut]:
    """Leave the reduction whole (first), or cut input channels into tiles of ..., 4, 2, 1 folds, and parts of one.

    The last ways also cut the kernel, position by position, for buffers that hold little.  Every group is
    cut alike.
    """
    cuts = [
        _reduction_cut(op, array, memory, tile, op.kernel_area)
        for tile in _tile_sizes(op.channels, array.rows)
    ]
    if bool((op.kernel_area > 1).any()):
        for size in (array.rows, *_parts_of_fold(array.rows)):
            tile = np.minimum(op.channels, np.asarray(size, np.float64))
            cuts.append(_reduction_cut(op, array, memory, tile, np.ones_like(op.k)))
    return cuts


def _reduction_cut(
    op: OpSizes, array: Array, memory: Memory, tile_channels: Floats, tile_kernel: Floats
) -> ReductionCut:
    tiles = np.ceil(op.channels / tile_channels) * (op.kernel_area / tile_kernel)
    tile_k = tile_channels * tile_kernel
    if streaming_of(array.dataflow).sums_stay:
        folds, tile_folds = tiles * streamed(array, op.k / tiles), streamed(array, tile_k)
    else:  # tiles are whole folds of channels, or end in one that is filled in part
        taps = tile_kernel if array.reduction == "per_tap" else np.ones_like(tile_kernel)
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


def _split_bytes(size: Floats, tile: Floats, each: Floats, memory: Memory) -> Floats:
    """Bytes per pixel if ``size`` channels of ``each`` bytes move ``tile`` at a time; 0 if all at once."""
    tiles = np.ceil(size / tile)
    last = size - (tiles - 1) * tile
    moved = (tiles - 1) * bursts(tile * each, memory) + bursts(last * each, memory)
    return np.where(tiles > 1, moved, 0.0)


def packings(array: Array, op: OpSizes) -> list[Floats]:
    """Return how many groups to pack, each shape ``(n,)``: 1, then 2, 4, 8 ... while it can pay, then all.

    More groups at a time save folds only while a pack leaves rows or columns free, and save the ends of folds
    only while what streams is shorter than those.  The counts offered do not depend on how many groups are
    active, so a gated op can do whatever the dense one does.  1 stands where a count is not offered.
    """
    one = np.ones_like(op.groups)
    counts = [one]
    if not array.pack_groups or np.max(op.groups, initial=1) <= 1:
        return counts
    ends = np.asarray(interval(array, array.rows, array.cols, 0), np.float64) / 2
    long, wide = np.maximum(array.rows, ends), np.maximum(array.cols, ends)
    count = 2.0
    while True:
        half = count / 2
        pays = (count < op.groups) & ((half * op.k <= long) | (half * op.n <= wide))
        if not pays.any():
            return [*counts, op.groups]
        counts.append(np.where(pays, count, 1.0))
        count *= 2


def pack(op: OpSizes, count: Floats) -> OpSizes:
    """Return ops whose groups are packs of ``count`` groups; the last pack may have fewer, and is priced full."""
    return replace(
        op, k=op.k * count, n=op.n * count, channels=op.channels * count, groups=np.ceil(op.groups / count)
    )
