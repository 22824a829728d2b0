"""The verdict: skipping against a static network that is compiled alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from accel_models import STEPS, load_design
from analysis import Verdict, verdict
from simulator import Policy, replay
from traces import Trace, UnsupportedError, load_trace

NAMES = [
    "as written",
    "scores folded",
    "ops fused",
    "channels sorted",
    "gates placed",
    "weights pinned",
    "tiles in context",
    "layers fused depth-first",
    "oracle",
]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return load_trace("lcnet_resnet20_50_cifar10", 120)


@pytest.fixture(scope="module")
def found(trace: Trace) -> Verdict:
    return verdict(trace, load_design("edge_npu_32x32"))


def test_every_step_adds_one_of_the_compilers(found: Verdict) -> None:
    assert [saving.name for saving in found.savings] == NAMES
    assert [len(saving.steps) for saving in found.savings] == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert found.compiled.steps == STEPS
    assert found.naive.steps == ()


def test_a_row_is_what_a_replay_says(found: Verdict, trace: Trace) -> None:
    """No path of its own: the same figures as `lacuna replay --without ...`."""
    as_written: dict[str, Any] = dict.fromkeys(STEPS, False)
    figures = replay(trace, load_design("edge_npu_32x32"), policy=Policy(**as_written)).replayed
    assert found.naive.latency_us == figures.latency_us.mean
    assert found.naive.dense_latency_us == figures.dense.latency_us
    assert found.naive.latency_saved == 1 - figures.latency_us.mean / figures.dense.latency_us


def test_lc_net_on_the_larger_npu_is_slower_as_written_and_faster_compiled(found: Verdict) -> None:
    """The whole test set says -5.0 % as written and +19 % compiled; 120 inputs say the same sign."""
    assert -0.09 < found.naive.latency_saved < -0.02
    assert 0.15 < found.compiled.latency_saved < 0.25
    assert found.savings[-1].latency_saved >= found.compiled.latency_saved  # the oracle bounds it
    changes = {turning.change: turning for turning in found.turnings}
    assert changes["handing a decision over takes 10 us"].latency_saved is not None
    assert changes["without scores folded"].latency_saved is not None
    assert all(
        saved is None or saved <= 0 for t in found.turnings for saved in (t.latency_saved, t.energy_saved)
    )


def test_the_static_network_is_compiled_too(found: Verdict) -> None:
    """Fused adds and pinned weights make it faster as well, so the comparison stays fair."""
    dense = [saving.dense_latency_us for saving in found.savings]
    assert dense[2] < dense[1] == dense[0]  # it has adds to fuse, but no scores to fold
    assert dense[5] < dense[4]
    assert dense[6] <= dense[5]  # tiles of the network together
    assert dense[7] == dense[6]  # the oracle compiles alike


def test_a_trace_without_rates_says_that_nothing_was_sorted(trace: Trace) -> None:
    bare = replace(trace.rows(0, 20), info=trace.info.model_copy(update={"rates": {}}))
    found = verdict(bare, load_design("cortex_m4"))
    assert "sorted by nothing" in found.notes[0]
    assert found.savings[3].latency_us == found.savings[2].latency_us


def test_a_network_that_does_not_fit_is_refused_with_the_reason(trace: Trace) -> None:
    small = load_design("edge_npu_32x32", {"memory.weight_buffer": "256 B", "memory.banks": "1"})
    with pytest.raises(UnsupportedError, match="weight buffer"):
        verdict(trace, small, limit=5)
