"""Decisions that cross units: an interrupt, a host's read, a restart."""

from __future__ import annotations

import numpy as np
import pytest

from accel_models import Design, load_design
from simulator import Policy, replay
from simulator.policy import Prefetch
from traces import Trace, load_trace

TEN_US = {"gate_handover": "10 us"}


@pytest.fixture(scope="module")
def trace() -> Trace:
    return load_trace("lnet_resnet20_50_cifar10", 60)


def latency(trace: Trace, design: Design, **settings: object) -> np.ndarray:
    return replay(trace, design, explain=False, **settings).columns["latency_cycles"]  # type: ignore[arg-type]


def test_every_decision_that_crosses_units_costs_its_handover(trace: Trace) -> None:
    """Nine blocks decide on the vector unit what the array obeys: nine times 5,000 cycles, less what hides them.

    A block's gate waits for its input, so nothing but a transfer can hide a handover.
    """
    plain = latency(trace, load_design("edge_npu_16x16"))
    handed = latency(trace, load_design("edge_npu_16x16", TEN_US))
    extra = handed - plain
    assert (extra <= 9 * 5000).all()
    assert (extra > 8 * 5000).all()


def test_decisions_made_where_they_are_obeyed_cost_none(trace: Trace) -> None:
    """The same gates on the array itself, and on a core that does everything."""
    on_array = {"gate_unit": "array"}
    crossing = latency(trace, load_design("edge_npu_16x16", {**on_array, **TEN_US}))
    inside = latency(trace, load_design("edge_npu_16x16", on_array))
    thresholds = crossing - inside  # the comparison itself still runs on the vector unit
    assert (thresholds >= 0).all()
    core = load_design("cortex_m4")
    assert (latency(trace, load_design("cortex_m4", TEN_US)) == latency(trace, core)).all()


def test_an_oracle_waits_for_no_handover(trace: Trace) -> None:
    plain = latency(trace, load_design("edge_npu_16x16"), policy=Policy(prefetch="oracle"))
    handed = latency(trace, load_design("edge_npu_16x16", TEN_US), policy=Policy(prefetch="oracle"))
    assert (handed == plain).all()


@pytest.mark.parametrize("prefetch", ["wait", "speculate"])
def test_both_engines_hand_over_alike(trace: Trace, prefetch: Prefetch) -> None:
    design = load_design("edge_npu_32x32", TEN_US)
    policy = Policy(prefetch=prefetch)
    fast, events = (latency(trace, design, policy=policy, engine=engine) for engine in ("fast", "events"))
    assert (fast == events).all()
