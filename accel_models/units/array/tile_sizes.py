"""What sizes of tiles the mapper tries.

Pixels (images, then rows, then columns of the output) are cut by halving; output and input channels into tiles of
1, 2, 4, ... array folds.  A grouped op is cut into tiles of 1, 2, 4, ... whole groups first, and a single group like
any other op.  The sizes offered do not depend on the buffers, so a larger buffer only adds choices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models.design.unit_sections import Array
from accel_models.units.array.job import OpSizes
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
