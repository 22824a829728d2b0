"""What `predict` knows: rates of other inputs than those replayed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel_models import known_rates, load_design
from simulator import Policy, replay
from simulator.replays.rates import held_out_rates
from traces import cifar_resnet, load_trace, lower, synthetic_trace

PREDICT = Policy(prefetch="predict", theta=0.5)


def test_a_shipped_trace_says_how_often_ops_run_on_validation_images() -> None:
    """Close to the rates of its test images, and not the same."""
    trace = load_trace("ddi_resnet20_50_cifar10")
    known, own = held_out_rates(trace), lower(trace).rate
    np.testing.assert_allclose(known, own, atol=0.02)
    assert (known != own).any()


def test_ops_behind_an_exit_run_as_often_as_it_did_not_answer() -> None:
    trace = load_trace("exits_resnet20_cifar10")
    (gate,) = trace.graph.gates
    rates = known_rates(trace.graph, {gate.name: (0.5, 0.25, 0.125, 0.125)})
    assert rates is not None
    assert {float(rate) for rate in rates} == {1.0, 0.5, 0.25, 0.125}


def test_a_trace_without_rates_is_known_by_its_first_half() -> None:
    """The second half may change as it likes: what is fetched ahead stays, and so do the first inputs' times."""
    trace = synthetic_trace(cifar_resnet(8, "layer"), 40, seed=2)
    np.testing.assert_array_equal(held_out_rates(trace), lower(trace.rows(0, 20)).rate)
    shut = {name: np.concatenate([bits[:20], ~bits[:20]]) for name, bits in trace.decisions.items()}
    other = replace(trace, decisions=shut)
    design = load_design("edge_npu_16x16")
    one, two = (replay(t, design, policy=PREDICT, explain=False).per_input for t in (trace, other))
    assert one.latency_cycles[:20].equals(two.latency_cycles[:20])
    assert one.wasted_bytes[:20].equals(two.wasted_bytes[:20])
