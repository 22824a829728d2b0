"""The best static estimate: expected task times, decisions waited for."""

from __future__ import annotations

import numpy as np
import pytest

from accel_models import load_design
from simulator.engines.fast import simulate
from simulator.policy import Policy, Prefetch
from simulator.replays.accounting import spent
from simulator.replays.estimates import expected_answer
from simulator.replays.prepare import Prepared, Setting, prepare
from traces import Trace, load_trace, lower

DESIGNS = ("edge_npu_16x16", "edge_npu_32x32", "cortex_m4")


@pytest.fixture(scope="module")
def trace() -> Trace:
    return load_trace("lcnet_resnet20_50_cifar10", 400)


def ready(trace: Trace, design: str, policy: Policy) -> Prepared:
    return prepare(Setting(lower(trace), load_design(design)), policy)


@pytest.mark.parametrize("prefetch", ["wait", "speculate", "oracle"])
@pytest.mark.parametrize("design", DESIGNS)
def test_it_is_a_lower_bound_close_to_the_mean(trace: Trace, design: str, prefetch: Prefetch) -> None:
    """A maximum of sums is convex, so its value at the mean is at most the mean of its values (Jensen)."""
    prepared = ready(trace, design, Policy(prefetch=prefetch))
    latency = simulate(prepared.tables, prepared.work.state_index).latency.mean()
    cycles, _ = expected_answer(prepared)
    assert 0.98 * latency <= cycles <= latency + 1


@pytest.mark.parametrize("design", DESIGNS)
def test_inputs_that_are_all_alike_are_told_exactly(trace: Trace, design: str) -> None:
    """With one input there is nothing to average."""
    prepared = ready(trace.rows(7, 8), design, Policy())
    times = simulate(prepared.tables, prepared.work.state_index)
    cycles, energy = expected_answer(prepared)
    assert cycles == pytest.approx(float(times.latency[0]), rel=1e-9)
    assert energy == pytest.approx(float(spent(prepared, times).energy.total_pj[0]), rel=1e-9)


def test_on_a_single_core_nothing_overlaps_so_the_mean_is_exact(trace: Trace) -> None:
    prepared = ready(trace, "cortex_m4", Policy())
    times = simulate(prepared.tables, prepared.work.state_index)
    cycles, energy = expected_answer(prepared)
    assert cycles == pytest.approx(times.latency.mean(), rel=1e-5)
    assert energy == pytest.approx(np.mean(spent(prepared, times).energy.total_pj), rel=1e-5)
