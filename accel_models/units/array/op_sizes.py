"""The sizes of ops that a tiling works with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.design.sections import Memory
from accel_models.units.array.systolic import Gemms
from accel_models.work.shapes import Shapes
from traces import RECURRENT, Floats


@dataclass(frozen=True, slots=True, eq=False)
class OpSizes:
    """What a tiling needs to know of ``n`` ops, as float64 arrays of shape ``(n,)``.

    ``k``, ``n``, ``groups`` and ``channels`` are those of packs where groups are packed
    (:mod:`accel_models.units.array.group_packing`); what is stored stays as it was.
    """

    m: Floats
    k: Floats
    n: Floats
    groups: Floats
    batch: Floats
    channels: Floats  # input channels per group
    stored_k: Floats  # weights of one output channel
    stored_n: Floats  # output channels that read the same input channel
    in_channels: Floats  # over all groups
    out_channels: Floats  # over all groups
    in_height: Floats
    in_width: Floats
    out_height: Floats
    out_width: Floats
    kernel_area: Floats
    span_height: Floats  # of the kernel, with dilation [pixels]
    span_width: Floats
    stride_height: Floats
    stride_width: Floats
    input_pixel_bytes: Floats  # fetched per input pixel, whole bursts if its channels are gathered
    weight_bytes: Floats  # fetched in one pass over the weights, whole bursts


def sizes_of(
    shapes: Shapes, memory: Memory, pixel_bytes: Floats | None, weight_bytes: Floats | None
) -> OpSizes:
    """Convert shapes; sizes of skipped work become 1, the caller masks it."""
    whole = shapes.kind in RECURRENT  # its K is two vectors, no kernel
    area = np.ones_like(shapes.k) if whole else shapes.kernel_height * shapes.kernel_width
    channels = shapes.k // np.maximum(area, 1)
    dense_pixel = np.asarray(channels * shapes.groups * (memory.activation_bits / 8), np.float64)
    dense_weights = bursts(np.asarray(shapes.weights * (memory.weight_bits / 8), np.float64), memory)
    counts = (
        shapes.m,
        shapes.k,
        shapes.n,
        shapes.groups,
        shapes.batch,
        channels,
        shapes.k,
        shapes.n,
        channels * shapes.groups,
        shapes.n * shapes.groups,
        shapes.in_height,
        shapes.in_width,
        shapes.out_height,
        shapes.out_width,
        area,
        (shapes.kernel_height - 1) * shapes.dilation_height + 1,
        (shapes.kernel_width - 1) * shapes.dilation_width + 1,
        shapes.stride_height,
        shapes.stride_width,
    )
    fetched = (
        dense_pixel if pixel_bytes is None else pixel_bytes,
        dense_weights if weight_bytes is None else weight_bytes,
    )
    values = [np.maximum(value, 1).astype(np.float64) for value in counts]
    return OpSizes(*[*values, *fetched])


def bursts(run_bytes: Floats, memory: Memory) -> Floats:
    """Bytes on the bus for contiguous runs, as :func:`accel_models.dram.whole_bursts` in floats."""
    return np.ceil(run_bytes / memory.dram.burst) * memory.dram.burst


def gemms_of(op: OpSizes) -> Gemms:
    """Return the products that ops come to, packs of groups as one."""
    return Gemms.of(op.m, op.k, op.n, op.groups, op.kernel_area)
