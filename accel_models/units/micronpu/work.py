"""Work as the engines of a microNPU take it: arrays of sizes, one row an op."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from accel_models.work.rows import rows_of
from traces import Bools, Floats, Ints

LARGEST_WINDOW = 8  # taps a side that one pass covers


class Engine(IntEnum):
    """What works on an op."""

    CONV = 0  # fully connected too
    DEPTHWISE = 1
    POOL = 2  # copies and activations of their own too
    REDUCE = 3  # sums over channels
    ELEMENTWISE = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NpuWork:
    """``n`` ops; heights and widths in pixels, every array of shape (n,)."""

    engine: Ints  # of :class:`Engine`
    in_height: Ints
    in_width: Ints
    in_channels: Ints
    out_height: Ints
    out_width: Ints
    out_channels: Ints
    kernel_height: Ints
    kernel_width: Ints
    stride_height: Ints
    stride_width: Ints
    reach_height: Ints  # of the dilated kernel
    reach_width: Ints
    in_bits: Ints
    out_bits: Ints
    element_cycles: Floats  # of the output stage, fused ops included
    in_bricks: Bools  # stored as bricks of 16 channels (NHCWB16), not pixel by pixel (NHWC)
    out_bricks: Bools
    out_whole: Ints  # channels of the tensor that the results are a part of
    second_bricks: Bools
    second: Ints  # elements of the second operand; 0: there is none
    in_offchip: Bools  # the first operand lies off the chip, not in the SRAM
    second_offchip: Bools
    out_offchip: Bools
    looks_up: Bools  # a table is loaded before (sigmoid, tanh as ops of their own)
    weight_sigma: Floats  # of Gaussian weights [integer steps]
    weight_zeros: Floats  # share of weights that is zero, 0 to 1

    def __len__(self) -> int:
        return len(self.engine)

    def take(self, rows: NDArray[np.intp] | Bools | slice) -> NpuWork:
        """Return the ops at ``rows``."""
        return rows_of(self, rows)

    @property
    def taps(self) -> Ints:
        """Taps of the kernel."""
        return self.kernel_height * self.kernel_width

    @property
    def passes(self) -> Ints:
        """Windows of 8 x 8 taps that the kernel is cut into, each of which reads the input again."""
        return up(self.kernel_height, LARGEST_WINDOW) * up(self.kernel_width, LARGEST_WINDOW)

    @property
    def keeps_depth(self) -> Bools:
        """Whether an output channel needs only its own input channel."""
        return np.asarray((self.engine != Engine.CONV) & (self.engine != Engine.REDUCE))

    @property
    def has_weights(self) -> Bools:
        """Whether the op reads weights and scales."""
        return np.asarray((self.engine == Engine.CONV) | (self.engine == Engine.DEPTHWISE))


def up(values: Ints, step: Ints | int) -> Ints:
    """Return how many steps cover the values."""
    return np.asarray(-(-values // step))


def rounded(values: Ints, step: Ints | int) -> Ints:
    """Return the values rounded up to whole steps."""
    return up(values, step) * step
