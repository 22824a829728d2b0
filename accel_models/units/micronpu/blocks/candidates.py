"""The blocks that one geometry may take, and whether they fit the block buffers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models.units.micronpu.blocks.traversal import micro_sizes
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.settings import SeparateRams, SharedBanks
from accel_models.units.micronpu.work import LARGEST_WINDOW, Engine, NpuWork, rounded, up
from traces import Bools, ConfigError, Floats, Ints

SPLIT_DEPTH = 16  # channels that blocks and slices of weights are cut at
_BANK = 1024  # bytes
_SUM_BYTES = 4
_DEPTH_WEIGHT = 0.1  # of the depth that a block leaves out, against the area
_SMALL = 4  # pixels a side of a block that breaks ties


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Planes (p,) and depths of one geometry's blocks."""

    heights: Ints  # (p,) in scan order: rows first
    widths: Ints
    in_heights: Ints
    in_widths: Ints
    fits: Bools  # (depth // unit, p)
    unit: int  # channels of a micro-block
    deepest: int
    by_volume: bool  # the largest block wins
    by_area: bool  # the block that covers most of the plane, then of the depth, wins

    @property
    def size(self) -> int:
        """Blocks in all, for any one count of channels."""
        return len(self.heights) * (-(-self.deepest // SPLIT_DEPTH) + 1)

    @property
    def in_plane(self) -> Ints:
        """Pixels of the input block, (p,)."""
        return self.in_heights * self.in_widths

    @property
    def small(self) -> Bools:
        """Whether a block may break a tie, (p,)."""
        return (self.heights <= _SMALL) & (self.widths <= _SMALL)

    def covered(self, same: NpuWork) -> Ints:
        """Pixels of the input that the input block covers, (p,)."""
        return np.minimum(self.in_heights, same.in_height) * np.minimum(self.in_widths, same.in_width)

    def depths_for(self, channels: Ints) -> tuple[Ints, Bools]:
        """Return the depths to try for each count of channels, (r, j), and what fits, (r, j, p).

        Multiples of 16 below the count, then the count in whole micro-blocks.
        """
        steps = np.arange(1, -(-self.deepest // SPLIT_DEPTH) + 1) * SPLIT_DEPTH
        most = rounded(np.minimum(channels, self.deepest), self.unit)
        depths = np.where(steps < channels[:, None], steps, most[:, None])
        repeated = np.concatenate(
            [np.zeros((len(channels), 1), np.bool_), depths[:, 1:] == depths[:, :-1]], axis=1
        )
        valid = ~repeated & (depths <= most[:, None])
        return depths, self.fits[depths // self.unit] & valid[:, :, None]

    def cost(self, same: NpuWork, depths: Ints, channels: Ints) -> Floats | NDArray[np.float32]:
        """Return the bytes a block moves per input channel, up to a factor of the op's own, (r, j, p)."""
        height, width = int(same.out_height[0]), int(same.out_width[0])
        if self.by_volume:
            return 1.0 / (self.heights * self.widths * depths[:, :, None])
        if self.by_area:
            return self._area_cost(same, depths, channels)
        if same.keeps_depth[0]:
            return self._plane_cost(same)[None, None, :] + np.zeros((*depths.shape, 1), np.float32)
        tall = np.minimum(self.heights, height) if _is_line(same) else self.heights
        blocks = (height / tall) * (width / self.widths)
        fetched = self.in_plane * _repeats(same) * blocks
        taps = int(same.taps[0]) if same.has_weights[0] else 0
        planes = up(np.array(height), tall) * up(np.array(width), self.widths)
        return fetched * up(channels[:, None], depths)[:, :, None] + taps * planes * channels[:, None, None]

    def _plane_cost(self, same: NpuWork) -> NDArray[np.float32]:
        """Return the cost where a channel needs its own input alone, (p,).

        Blocks often tie; Vela's single-precision rounding then decides, so it is followed step by step.
        """
        single = np.float32
        channels, size = int(same.in_channels[0]), same.out_height * same.out_width * same.out_channels
        tall = single(int(same.out_height[0])) / self.heights.astype(single)
        wide = single(int(same.out_width[0])) / self.widths.astype(single)
        fetched = (self.in_plane * channels * _repeats(same)).astype(single) * tall * wide
        planes = up(same.out_height, self.heights) * up(same.out_width, self.widths)
        taps = int(same.taps[0]) if same.has_weights[0] else 0
        return np.asarray(
            (fetched + (taps * channels * planes).astype(single)) / single(int(size[0])), single
        )

    def _area_cost(self, same: NpuWork, depths: Ints, channels: Ints) -> Floats:
        """Return how little a block covers, (r, j, p): of the plane; of a row and its depth with a 1x1 kernel."""
        height, width = int(same.out_height[0]), int(same.out_width[0])
        flat = is_flat(same)
        high = rounded(np.array(height), int(self.heights[0]))
        wide = rounded(np.array(width), int(self.widths[0]))
        whole = wide * (rounded(channels, SPLIT_DEPTH)[:, None, None] if flat else high)
        other = depths[:, :, None] if flat else self.heights
        uncovered = 1.0 + np.abs(1.0 - whole / (self.widths * other))
        limit = np.minimum(rounded(channels, SPLIT_DEPTH), self.deepest)
        shallow = 1.0 + np.abs(1.0 - limit[:, None] / depths) * _DEPTH_WEIGHT
        return uncovered * shallow[:, :, None]


def is_flat(same: NpuWork) -> bool:
    """Whether an op reads one pixel per output."""
    return bool(same.reach_height[0] * same.reach_width[0] == 1)


def _is_line(same: NpuWork) -> bool:
    return bool(same.out_height[0] == 1 and same.kernel_height[0] == 1)


def _repeats(same: NpuWork) -> int:
    """Return the passes over the input that a large dilated kernel needs."""
    return int((up(same.reach_height, LARGEST_WINDOW) * up(same.reach_width, LARGEST_WINDOW))[0])


def candidates_of(same: NpuWork, depth: int, micro: int, machine: MicroNpu, channels: int) -> Candidates:
    """Return the blocks of one geometry; ``depth`` is that of its input block, 0 where it is the output's."""
    unit_h, unit_w, unit_c = (int(size[0]) for size in micro_sizes(same, np.array([micro]), machine))
    limit_h, limit_w, limit_c = machine.npu.largest_block
    tall = np.arange(unit_h, rounded(np.minimum(same.out_height, limit_h), unit_h)[0] + 1, unit_h)
    wide = np.arange(unit_w, rounded(np.minimum(same.out_width, limit_w), unit_w)[0] + 1, unit_w)
    heights, widths = np.repeat(tall, len(wide)), np.tile(wide, len(tall))
    step_h, step_w = _input_steps(machine, depth, unit_h, unit_w)
    in_heights = rounded(
        (heights - 1) * same.stride_height + np.minimum(same.reach_height, LARGEST_WINDOW), step_h
    )
    in_widths = rounded(
        (widths - 1) * same.stride_width + np.minimum(same.reach_width, LARGEST_WINDOW), step_w
    )
    deepest = min(limit_c, int(rounded(np.array([channels]), unit_c)[0]))
    depths = np.arange(0, deepest + max(unit_c, SPLIT_DEPTH) + 1, unit_c)
    fits = _fits(same, heights, widths, in_heights * in_widths, depths, depth, machine)
    kept = fits[1:].any(axis=0)
    if not kept.any():
        raise ConfigError(
            f"micronpu: no block fits its buffers, not even {unit_h} x {unit_w} x {unit_c}; "
            f"enlarge micronpu.banks.count or micronpu.rams"
        )
    elementwise = bool(same.engine[0] == Engine.ELEMENTWISE)
    return Candidates(
        heights=heights[kept],
        widths=widths[kept],
        in_heights=in_heights[kept],
        in_widths=in_widths[kept],
        fits=fits[:, kept],
        unit=unit_c,
        deepest=deepest,
        by_area=isinstance(machine.buffers, SeparateRams) and not elementwise and bool(same.keeps_depth[0]),
        by_volume=elementwise or (isinstance(machine.buffers, SeparateRams) and _whole_window(same)),
    )


def _whole_window(same: NpuWork) -> bool:
    window = (same.reach_height == same.in_height) & (same.reach_width == same.in_width)
    return bool((window & (same.engine == Engine.CONV) & (same.out_height * same.out_width == 1))[0])


def _input_steps(machine: MicroNpu, depth: int, unit_h: int, unit_w: int) -> tuple[int, int]:
    """Return what input blocks are rounded up to: the micro-block, or on a U85 what a read brings by its depth."""
    if isinstance(machine.buffers, SharedBanks) or depth <= SPLIT_DEPTH:
        return unit_h, unit_w
    return (1, 2) if depth <= 2 * SPLIT_DEPTH else (1, 1)


def _fits(  # noqa: PLR0913, PLR0917  # a block's sizes
    same: NpuWork, heights: Ints, widths: Ints, in_plane: Ints, depths: Ints, depth: int, machine: MicroNpu
) -> Bools:
    """Whether input blocks and sums fit, double-buffered, (depths, p)."""
    size = int(same.in_bits[0]) // 8
    channels = np.where(same.keeps_depth[0], depths, depth)[:, None] * size
    plane = heights * widths
    if isinstance(machine.buffers, SeparateRams):
        return _fits_rams(
            same,
            (heights, widths),
            in_plane,
            rounded(depths[:, None], SPLIT_DEPTH),
            channels,
            machine.buffers,
        )
    banks = machine.buffers
    granule = banks.wide_input_granule if size == _SUM_BYTES else banks.input_granule
    inputs = rounded(up(in_plane * rounded(channels, 8), _BANK) * 2, granule)
    if same.engine[0] == Engine.ELEMENTWISE:
        tensors = 2 if same.second[0] != 1 else 1  # Vela keeps room for two even where there is one
        return np.asarray(inputs * tensors <= banks.usable)
    sums = rounded(up(plane * rounded(depths[:, None], 8) * _SUM_BYTES, _BANK) * 2, banks.sum_granule)
    return np.asarray(inputs + sums <= banks.usable)


def _fits_rams(  # noqa: PLR0913, PLR0917  # a block's sizes
    same: NpuWork, plane: tuple[Ints, Ints], in_plane: Ints, depths: Ints, channels: Ints, rams: SeparateRams
) -> Bools:
    """Whether blocks fit separate buffers: twice, or, where channels stay apart, once and a row of the next."""
    inputs = in_plane * rounded(channels, SPLIT_DEPTH)
    sums = plane[0] * plane[1] * depths * _SUM_BYTES
    if same.keeps_depth[0] and same.engine[0] != Engine.ELEMENTWISE:
        row = np.where(plane[0] == plane[0].min(), in_plane, 0)
        first_rows = np.array([row[plane[1] == width].max() for width in plane[1]])
        whole = (plane[0] >= same.out_height[0]) & (plane[1] >= same.out_width[0])
        whole = whole & (depths >= same.out_channels[0])
        more = np.where(whole, 0, first_rows * rounded(channels, SPLIT_DEPTH))
        return np.asarray((inputs + more <= rams.inputs) & (sums <= rams.sums))
    twice = (2 * inputs <= rams.inputs) & (2 * sums <= rams.sums)
    return np.asarray(twice if twice[1:].any() else (inputs <= rams.inputs) & (sums <= rams.sums))
