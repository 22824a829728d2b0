"""PEs that hold sums beside weights: which order an op takes, and ZigZag's latencies of such arrays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models import Design, altered, load_design
from analysis.validation.arrays.zigzag import zigzag_arrays
from simulator import estimate
from tests.shared import ComparisonsOf
from traces import ConfigError, GraphBuilder, Window

EDGE = load_design("edge_tpu_like")
APART = altered(EDGE, {"array.sum_registers": False})


def compute_cycles(design: Design, channels: int, filters: int, size: int, kernel: int) -> int:
    builder = GraphBuilder("one", channels, size, size)
    builder.conv("conv", builder.input, filters, Window.square(kernel))
    return estimate(builder.finish(), design).rows[0].compute_cycles


def test_sums_stay_where_folds_are_many() -> None:
    """9 x 8 x 8 folds of 16 steps; apart, each step moves 128 B of inputs and 2 x 512 B of sums, the port 512 B."""
    folds, steps = 9 * 8 * 8, 16
    assert compute_cycles(EDGE, 64, 64, 16, 3) == pytest.approx(folds * steps, rel=0.02)
    assert compute_cycles(APART, 64, 64, 16, 3) == pytest.approx(
        folds * steps * (128 + 2 * 512) / 512, rel=0.02
    )


@settings(max_examples=20, deadline=None)
@given(
    channels=st.integers(1, 80),
    filters=st.integers(1, 80),
    size=st.integers(1, 20),
    kernel=st.sampled_from([1, 3]),
)
def test_a_choice_makes_nothing_slower(channels: int, filters: int, size: int, kernel: int) -> None:
    asked = channels, filters, size, kernel
    assert compute_cycles(EDGE, *asked) <= compute_cycles(APART, *asked)


def test_only_weights_that_stay_leave_a_choice() -> None:
    with pytest.raises(ConfigError, match="sum_registers"):
        load_design("systolic_array_os", {"array.sum_registers": True})


def test_zigzag_s_latencies_are_kept(comparisons_of: ComparisonsOf) -> None:
    assert [c.name for c in comparisons_of(zigzag_arrays) if not c.holds] == []
