"""Compute cycles of matrix products on a systolic array, with no stall from memory, and what passes its buffers.

An R x C array runs ``(M, K) x (K, N)`` in *folds*: pieces of two of the three sizes are held on the rows
and columns while the third streams through; :mod:`accel_models.design.unit_sections` says which.

The options of :class:`accel_models.design.design.Array` say what a given array overlaps.  Each comes from a piece
of RTL or a simulator that is reproduced to the cycle; the shipped design of that name holds the set.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.design.unit_sections import Array, Drain, ProductSize, streaming_of
from accel_models.work.rows import arrays_of
from accel_models.work.shapes import Shapes
from traces import Floats, Ints

Numbers = NDArray[Any]  # counts: int64, or float64, which is exact below 2**53 and divides faster


@dataclass(frozen=True, slots=True, eq=False)
class Gemms:
    """``n`` products ``(M, K) x (K, N)``, each run once per group; int64 arrays of shape ``(n,)``."""

    m: Ints  # output pixels
    k: Ints  # reduction of one group, over all taps
    n: Ints  # output channels of one group
    groups: Ints
    taps: Ints  # positions of the kernel, 1 for a plain product

    @classmethod
    def of(
        cls, m: ArrayLike, k: ArrayLike, n: ArrayLike, groups: ArrayLike = 1, taps: ArrayLike = 1
    ) -> Gemms:
        """Broadcast the sizes against each other."""
        sizes = (np.atleast_1d(np.asarray(size, np.int64)) for size in (m, k, n, groups, taps))
        return cls(*np.broadcast_arrays(*sizes))

    @classmethod
    def of_shapes(cls, shapes: Shapes) -> Gemms:
        """Return the products that ops come to."""
        kernel = shapes.kernel_height * shapes.kernel_width
        taps = kernel if shapes.kind == "conv" else np.ones_like(kernel)
        return cls.of(shapes.m // shapes.steps, shapes.k, shapes.n, shapes.groups * shapes.steps, taps)

    @property
    def macs(self) -> Ints:
        """Multiply-accumulates, over all groups [MAC]."""
        return self.m * self.k * self.n * self.groups


@dataclass(frozen=True, slots=True)
class AxisFolds:
    """One size cut into ``pieces`` along the array or in time: all ``full`` long but the ``last``."""

    pieces: Numbers
    full: Numbers | int
    last: Numbers

    def classes(self, trim: bool) -> tuple[tuple[Numbers | int, Numbers | int], ...]:
        """Return (how many, how long) per length; one if part-filled pieces cost as full ones."""
        if not trim:
            return ((self.pieces, self.full),)
        return ((self.pieces - 1, self.full), (1, self.last))


@dataclass(frozen=True, slots=True)
class Folds:
    """A product laid over an array: what rows and columns hold, what streams, and how often (groups)."""

    rows: AxisFolds
    cols: AxisFolds
    stream: AxisFolds
    groups: Numbers | int


def ceil_div(a: ArrayLike, b: ArrayLike) -> Ints:
    """Return ceil(a / b) for whole numbers, elementwise."""
    return np.asarray(-(-np.asarray(a, np.int64) // np.asarray(b, np.int64)), np.int64)


def cut(size: ArrayLike, piece: ArrayLike) -> AxisFolds:
    """Cut ``size`` into pieces of at most ``piece``; zero counts as one, zero work is masked later."""
    whole = np.maximum(np.asarray(size, np.int64), 1)
    length = np.asarray(piece, np.int64)
    pieces = ceil_div(whole, length)
    return AxisFolds(pieces, np.minimum(length, whole), whole - (pieces - 1) * length)


def lay_out(params: Array, gemms: Gemms) -> Folds:
    """Lay products over the array; see the table of :mod:`accel_models.design.unit_sections`."""
    flow = streaming_of(params.dataflow)
    sizes: dict[ProductSize, Ints] = {"m": ceil_div(gemms.m, params.pixels), "k": gemms.k, "n": gemms.n}
    rows, cols = cut(sizes[flow.rows], params.rows), cut(sizes[flow.cols], params.cols)
    if flow.rows == "k" and params.reduction == "per_tap":
        tap = cut(ceil_div(gemms.k, np.maximum(gemms.taps, 1)), params.rows)
        rows = AxisFolds(tap.pieces * gemms.taps, tap.full, tap.last)
    return Folds(
        AxisFolds(rows.pieces, rows.full if params.trim_folds else params.rows, rows.last),
        AxisFolds(cols.pieces, cols.full if params.trim_folds else params.cols, cols.last),
        stream_axis(params, sizes[flow.streams]),
        gemms.groups,
    )


def stream_axis(params: Array, size: ArrayLike) -> AxisFolds:
    """Cut the streamed size into commands; an array whose sums stay pads its last one to a whole block."""
    if params.stream_block == 0:
        return cut(size, np.maximum(np.asarray(size, np.int64), 1))
    if streaming_of(params.dataflow).sums_stay:
        padded = ceil_div(size, params.stream_block) * params.stream_block
        return cut(padded, np.maximum(padded, 1))
    return cut(size, params.stream_block)


def compute_cycles(params: Array, gemms: Gemms) -> Ints:
    """Cycles of products, operands at hand; zero work costs zero.

    Parameters
    ----------
    params
        The array.
    gemms
        ``n`` products.

    Returns
    -------
    Ints
        Busy time of the array, shape ``(n,)`` [cycles].

    Notes
    -----
    F folds, hop h, streamed length s, skew = h(R - 1) + (C - 1), overhead f per fold and g per product:

    ===============================  =====================================================================
    ws, is; serial, every_fold       F (R + s + skew + f) + g
    ws, is; serial, overlapped       F (R + s + f) + skew + g
    ws, is; overlapped, every_fold   R + (F - 1) max(s + skew + f, R + gap) + s + skew + f + g
    ws, is; overlapped, overlapped   R + (F - 1) max(s + f, R + gap) + s + f + skew + g
    os; every_fold                   F (s + skew + D + f) + g, D = R (down) or C (across)
    os; none                         F (s + skew + f) + g
    os; overlapped                   (F - 1) (max(s, D) + f) + s + f + skew + D + g
    ===============================  =====================================================================

    ``stream_block`` cuts s into commands, each of which preloads anew; ``trim_folds`` puts the occupied
    rows and columns in place of R and C; ``first_preload = hidden`` drops the leading R;
    ``reduction = per_tap`` folds the channels under each kernel tap apart; ``pixels`` of M stream at a time.

    Source: serial ws and is with h = 1, and os without drain, are the runtimes of Samajdar et al., "A
    Systematic Methodology for Characterizing Scalability of DNN Accelerators using SCALE-Sim", ISPASS 2020;
    the rest are the equations that public RTL follows (``sources`` of the shipped designs name the RTL).  Checked
    against 378 runs of SCALE-Sim v3 @1d62b68 and 686 RTL simulations with operands at hand, exact.
    """
    cycles = folded_cycles(params, lay_out(params, gemms))
    return np.where(gemms.macs > 0, cycles, 0).astype(np.int64)


def folded_cycles(params: Array, folds: Folds) -> Numbers:
    """Cycles of work already laid over the array; see :func:`compute_cycles` for the equations."""
    spaced: Numbers = np.zeros((), np.int64)
    for rows, cols, stream in product(
        folds.rows.classes(params.trim_folds),
        folds.cols.classes(params.trim_folds),
        folds.stream.classes(trim=True),
    ):
        spaced = spaced + rows[0] * cols[0] * stream[0] * interval(params, rows[1], cols[1], stream[1])
    return spaced * folds.groups + _ends(params, folds)


def drains_of(params: Array) -> Drain:
    """Return how results leave: sums that stay can be read in parallel, others leave through the rows."""
    flow = streaming_of(params.dataflow)
    return "every_fold" if params.drain == "none" and not flow.sums_stay else params.drain


def interval(params: Array, rows: Numbers | int, cols: Numbers | int, stream: Numbers | int) -> Numbers:
    """Cycles from the start of one fold to the start of the next."""
    busy, drains = stream + params.fold_overhead_cycles, drains_of(params)
    skew = params.hop_cycles * (rows - 1) + (cols - 1)
    if streaming_of(params.dataflow).sums_stay:
        drain = rows if params.drain_path == "down" else cols
        match drains:
            case "every_fold":
                return np.asarray(busy + skew + drain)
            case "none":
                return np.asarray(busy + skew)
            case "overlapped":
                return np.maximum(stream, drain) + params.fold_overhead_cycles
            case _:
                assert_never(drains)
    if drains == "every_fold":
        busy = busy + skew
    if params.weight_preload == "serial":
        return np.asarray(rows + busy)
    crossing = cols if params.preload_crosses_columns else 0
    return np.maximum(busy, rows + params.preload_gap_cycles + crossing)


def _ends(params: Array, folds: Folds) -> Numbers:
    """Cycles seen once per product, before its first fold and after its last, beyond the interval."""
    trim, drains = params.trim_folds, drains_of(params)
    rows = folds.rows.last if trim else params.rows
    cols = folds.cols.last if trim else params.cols
    skew = params.hop_cycles * (rows - 1) + (cols - 1)
    drain = rows if params.drain_path == "down" else cols
    stream = np.maximum(folds.stream.last, params.min_stream_cycles)
    ends: Numbers = params.product_overhead_cycles * folds.groups + 0 * folds.stream.pieces
    if streaming_of(params.dataflow).sums_stay:
        if drains == "overlapped":
            last = stream + params.fold_overhead_cycles + skew + drain
            ends = ends + last - interval(params, rows, cols, folds.stream.last)
        return ends
    if drains == "overlapped":
        ends = ends + skew
    if params.weight_preload == "overlapped":
        first = folds.rows.full if trim else params.rows
        busy = stream + params.fold_overhead_cycles + (skew if drains == "every_fold" else 0)
        ends = ends + busy - interval(params, rows, cols, folds.stream.last)
        ends = ends + (first if params.first_preload == "counted" else 0)
    return ends


def utilization(params: Array, macs: ArrayLike, cycles: ArrayLike) -> Floats:
    """Return useful MACs over what the array could have done in ``cycles``; zero where nothing ran."""
    could = params.peak_macs_per_cycle * np.asarray(cycles, np.float64)
    return np.divide(np.asarray(macs, np.float64), could, out=np.zeros(could.shape), where=could > 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accesses:
    """Elements that pass between the array and its buffers; arrays of shape ``(n,)``."""

    input_reads: Ints
    weight_reads: Ints
    partial_reads: Ints  # sums of earlier reduction folds, read back to be added to
    output_writes: Ints  # results and partial sums

    def __post_init__(self) -> None:
        for array in arrays_of(self).values():
            array.setflags(write=False)


def buffer_accesses(params: Array, gemms: Gemms) -> Accesses:
    """Elements read from and written to the buffers beside the array.

    With n_r, n_c folds along rows and columns, and b commands per streamed size (1 without
    ``stream_block``):

    ========  ==============  ==============  =================  =============
    dataflow  inputs          weights         partial sums read  outputs
    ========  ==============  ==============  =================  =============
    ``ws``    n_c M K         b K N           (n_r - 1) M N      n_r M N
    ``is``    b M K           n_c K N         (n_r - 1) M N      n_r M N
    ``os``    n_c M K         n_r K N         0                  M N
    ========  ==============  ==============  =================  =============

    Source: demand matrices of SCALE-Sim v3 @1d62b68, equal on 378 runs, but for two things it does
    otherwise: its ``os`` output writes carry an extra n_r n_c (R + C) (its issue #166), and it leaves the
    reading back of partial sums out.
    """
    flow, folds = streaming_of(params.dataflow), lay_out(params, gemms)
    pieces: dict[ProductSize, Numbers] = {  # an operand is read once for each piece of the size it lacks
        flow.rows: folds.rows.pieces,
        flow.cols: folds.cols.pieces,
        flow.streams: folds.stream.pieces,
    }
    m, k, n = (np.where(gemms.macs > 0, size, 0) for size in (gemms.m, gemms.k, gemms.n))
    inputs, weights, outputs = (elements * gemms.groups for elements in (m * k, k * n, m * n))
    written = 1 if flow.sums_stay else pieces["k"]
    counts = (pieces["n"] * inputs, pieces["m"] * weights, (written - 1) * outputs, written * outputs)
    reads_in, reads_weight, reads_partial, writes = (np.asarray(x, np.int64) for x in counts)
    return Accesses(
        input_reads=reads_in, weight_reads=reads_weight, partial_reads=reads_partial, output_writes=writes
    )
