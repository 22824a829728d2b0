"""Gated convolutions on Gemmini: the comparisons with its RTL, the order of inputs, and that no gate costs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from accel_models import load_design, place, price, skip
from analysis.validation.arrays.systolic import reference
from analysis.validation.comparison import Comparison
from analysis.validation.rows.gemmini_dynamic import dynamic_comparisons, input_cycles
from traces import GraphBuilder, Window, dense_workload


@pytest.mark.parametrize("comparison", dynamic_comparisons(), ids=lambda c: c.name)
def test_agrees_with_rtl(comparison: Comparison) -> None:
    assert comparison.mean_error <= comparison.bound_mean
    assert comparison.worst_error <= comparison.bound_worst


def test_inputs_are_ordered_as_on_the_rtl() -> None:
    table = reference("gemmini_dynamic_inputs")
    cycles, _ = input_cycles(table)
    measured = table["cycles"].astype(float)
    for trace in np.unique(table["trace"]):
        for latency in np.unique(table["mem_latency"]):
            at = (table["trace"] == trace) & (table["mem_latency"] == latency)
            assert spearmanr(measured[at], cycles[at]).statistic > 0.95


@pytest.mark.parametrize("name", ["gemmini_16x16", "gemmini_16x16_rtl"])
@pytest.mark.parametrize("side", ["in_channels", "out_channels"])
def test_no_gate_costs_more_than_all_channels(name: str, side: str) -> None:
    """Kept channels lie 16 bytes apart: 49 to 63 of 64, dearer than all of them when packed, cost no more."""
    builder = GraphBuilder("one", 64, 8, 8)
    builder.conv("conv", builder.input, 64, Window.square(3))
    graph, design = builder.finish(), load_design(name, {"gemmini.row_align": "16 B"})
    (work,), (placement,) = skip(dense_workload(graph), design).states, place(graph, design)
    kept = np.arange(1, 65)
    fields: dict[str, Any] = {
        f: np.repeat(getattr(work, f)[-1:], 64) for f in work.__dataclass_fields__ if f != "op"
    }
    fields[side], fields["weight_fetch_bytes"] = kept, np.zeros(64, np.int64)
    cycles = price(replace(work, **fields), placement, design).alone_cycles
    assert (cycles <= cycles[-1]).all()
