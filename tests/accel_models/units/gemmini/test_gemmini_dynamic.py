"""Gated convolutions on Gemmini: the comparisons with its RTL, the order of inputs, and that no gate costs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accel_models import load_design, place, price, skip
from analysis.validation.rows.gemmini_dynamic import dynamic_comparisons
from tests.shared import ComparisonsOf
from traces import GraphBuilder, Window, dense_workload


def test_agrees_with_rtl(comparisons_of: ComparisonsOf) -> None:
    assert [c.name for c in comparisons_of(dynamic_comparisons) if not c.holds] == []


def test_inputs_are_ordered_as_on_the_rtl(comparisons_of: ComparisonsOf) -> None:
    """Within a trace and a memory; the dense network that all are over is then the same."""
    from scipy.stats import spearmanr  # noqa: PLC0415  (a second to import, in every worker that collects this)

    inputs = comparisons_of(dynamic_comparisons)[-1]
    groups = np.array([" ".join(label.split()[::2]) for label in inputs.labels])
    assert len(np.unique(groups)) >= 6
    for group in np.unique(groups):
        at = groups == group
        assert spearmanr(inputs.measured[at], inputs.predicted[at]).statistic > 0.95


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
