"""Compressed weights: bytes in memory of a stream of Gaussian weights, padding included."""

from __future__ import annotations

import numpy as np

from accel_models.units.micronpu.blocks.choice import Blocks
from accel_models.units.micronpu.blocks.traversal import micro_sizes
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.settings import SharedBanks
from accel_models.units.micronpu.work import Engine, NpuWork, rounded
from traces import Floats, Ints

# Bytes per weight of Vela 5.2's lossless code, int8 weights round(Gaussian, sigma), read off its encodings.
SIGMAS = (0.3, 5.0, 10.0, 20.0, 40.0, 70.0)  # [integer steps]
BYTES_BY_SIGMA = (0.13, 0.57, 0.72, 0.87, 0.94, 1.0)
# The same at sigma 20 as zeros lie between them, drawn or padded.
ZEROS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
BYTES_BY_ZEROS = (0.87, 0.77, 0.55, 0.32, 0.155, 0.06)
_TABLE_BYTES = 24  # of a slice: its table of values, rounding to 16 B
_ALIGN = 16


def bytes_per_weight(sigma: Floats, zeros: Floats) -> Floats:
    """Bytes of one weight in a stream with a share of ``zeros``."""
    width = np.interp(np.log(np.maximum(sigma, SIGMAS[0])), np.log(SIGMAS), BYTES_BY_SIGMA)
    return np.interp(zeros, ZEROS, BYTES_BY_ZEROS) * (width / BYTES_BY_ZEROS[0])


def stream_length(work: NpuWork, blocks: Blocks, machine: MicroNpu) -> Ints:
    """Weights in the stream as the decoder takes them, padded with zeros.

    Output channels fill micro-blocks; taken by kernel, taps fill groups of 4 and input channels groups of 8;
    depth first, input channels fill slices of 32.
    """
    _, _, unit = micro_sizes(work, blocks.micro, machine)
    outs = rounded(work.out_channels, unit)
    if isinstance(machine.buffers, SharedBanks):
        by_kernel = rounded(work.taps, 4) * rounded(work.in_channels, 8)
        by_depth = work.taps * rounded(work.in_channels, 32)
    else:
        by_kernel = rounded(work.taps, 4) * rounded(work.in_channels, 16)
        by_depth = work.taps * rounded(work.in_channels, 64)
    inner = np.where(blocks.part_kernel, by_kernel, by_depth)
    return np.where(work.engine == Engine.DEPTHWISE, rounded(work.taps, 4), inner) * outs


def weight_counts(work: NpuWork) -> Ints:
    """Weights of the op, not padded; a depthwise op has one input channel for each output."""
    inner = np.where(work.engine == Engine.DEPTHWISE, 1, work.in_channels)
    return np.where(work.has_weights, work.taps * inner * work.out_channels, 0)


def encoded_bytes(work: NpuWork, blocks: Blocks, machine: MicroNpu) -> Ints:
    """Bytes of each op's weights in memory, scales not counted, shape (n,)."""
    length = np.maximum(stream_length(work, blocks, machine), 1)
    kept = weight_counts(work) * (1 - work.weight_zeros)
    each = bytes_per_weight(work.weight_sigma, 1 - kept / length)
    size = rounded(np.ceil(length * each + _TABLE_BYTES).astype(np.int64), _ALIGN)
    return np.where(work.has_weights, size, 0)
