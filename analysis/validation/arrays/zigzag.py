"""ZigZag's arrays of four dimensions beside its latency of single convolutions; nothing was fitted on them."""

from __future__ import annotations

import numpy as np

from accel_models import load_design
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import number
from simulator import estimate
from traces import GraphBuilder, Window

_BOUNDS = {"edge_tpu_like": (0.08, 0.3), "ascend_like": (0.09, 0.25)}


def zigzag_arrays() -> tuple[Comparison, ...]:
    """Return a comparison per array."""
    return tuple(_comparison(design, *bounds) for design, bounds in _BOUNDS.items())


def _comparison(design: str, mean: float, worst: float) -> Comparison:
    rows = [row for row in reference_rows("zigzag_arrays") if row["design"] == design]
    pairs = [convolution(row) for row in rows]
    return Comparison(
        name=f"ZigZag on {design}, cycles of a convolution",
        truth="ZigZag 3.9.1 (PyPI zigzag-dse), an estimate: its own hardware and mapping files, latency, lpf_limit 6",
        labels=tuple(
            "{channels} to {filters}, {kernel}x{kernel}, {size}x{size}".format_map(row) for row in rows
        ),
        measured=np.array([measured for measured, _ in pairs]),
        predicted=np.array([predicted for _, predicted in pairs]),
        unit="cycles",
        bound_mean=mean,
        bound_worst=worst,
    )


def convolution(row: Row) -> tuple[float, float]:
    """Return a convolution's cycles: without padding, from DRAM and back."""
    channels, filters, kernel, size = (
        int(number(row, name)) for name in ("channels", "filters", "kernel", "size")
    )
    builder = GraphBuilder("conv", channels, size + kernel - 1, size + kernel - 1)
    builder.conv("conv", builder.input, filters, Window(kernel=(kernel, kernel), out=(size, size)))
    found = estimate(builder.finish(), load_design(row["design"])).rows
    return number(row, "cycles"), float(sum(op.total_cycles for op in found))
