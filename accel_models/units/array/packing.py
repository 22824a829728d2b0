"""Groups of a convolution side by side on the array, as one denser product, where that pays.

A group of K x N weights that fills only a corner of an R x C array wastes the rest of it.  With ``p`` groups packed,
the array holds their weights as blocks along a diagonal, and nothing between them: a product of p K x p N, run
ceil(groups / p) times.
Depthwise convolutions gain most (N = 1), and with all groups packed the op is the dense convolution of the same
channels, so a grouped convolution never costs more than that.  The blocks are stored as they are; what lies between
them is masked off on the way from the weight buffer to the array, whose words are read in full (Choice).  Compilers do
the same in software by storing the zeros: XLA's ``ConvolutionGroupConverter`` expands grouped filters to dense ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel_models.design.unit_sections import Array, ProductSize, streaming_of
from accel_models.units.array.job import Job, OpSizes, gemms_of
from accel_models.units.array.systolic import compute_cycles, interval
from accel_models.units.array.tiling import row_folds, streamed
from traces import Floats


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


def packed_sizes(op: OpSizes, count: Floats) -> OpSizes:
    """Return ops whose groups are packs of ``count`` groups; the last pack may have fewer, and is priced full."""
    return replace(
        op, k=op.k * count, n=op.n * count, channels=op.channels * count, groups=np.ceil(op.groups / count)
    )


def packed(job: Job, count: Floats) -> Job:
    """Return the job with packs of ``count`` groups, of all where an op has fewer."""
    count = np.minimum(count, job.op.groups)
    op = packed_sizes(job.op, count)
    untiled = untiled_cycles(job.machine.array, op)
    extra = untiled - whole_folds(job.machine.array, op)
    return replace(job, op=op, packed=count, untiled_cycles=untiled, untiled_extra=extra)


def untiled_cycles(array: Array, op: OpSizes) -> Floats:
    """Cycles of the array for ops in one piece."""
    return compute_cycles(array, gemms_of(op)).astype(np.float64)


def whole_folds(array: Array, op: OpSizes) -> Floats:
    """Cycles between the folds of ops in one piece, the same sum as over tiles."""
    flow = streaming_of(array.dataflow)
    sizes: dict[ProductSize, Floats] = {"m": np.ceil(op.m / array.pixels), "k": op.k, "n": op.n}
    rows = row_folds(array, op) if flow.rows == "k" else np.ceil(sizes[flow.rows] / array.rows)
    return rows * np.ceil(sizes[flow.cols] / array.cols) * op.groups * streamed(array, sizes[flow.streams])
