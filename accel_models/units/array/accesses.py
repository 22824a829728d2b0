"""Elements that pass between a systolic array and the buffers beside it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from accel_models.design.sections import Array
from accel_models.units.array.dataflows import ProductSize, streaming_of
from accel_models.units.array.systolic import Gemms, Numbers, lay_out
from traces import Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accesses:
    """Elements that pass between the array and its buffers; arrays of shape ``(n,)``."""

    input_reads: Ints
    weight_reads: Ints
    partial_reads: Ints  # sums of earlier reduction folds, read back to be added to
    output_writes: Ints  # results and partial sums

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)


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
