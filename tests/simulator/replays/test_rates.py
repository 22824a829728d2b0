"""What `predict` knows: rates of other inputs than those replayed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accel_models import known_rates, load_design
from simulator import Arrivals, Policy, StreamSettings, replay, stream
from simulator.policy import Prefetch, halves, held_out_rates
from tests.shared import there
from traces import ConfigError, Trace, Workload, cifar_resnet, load_trace, lower, synthetic_trace

PREDICT = Policy(prefetch="predict", theta=0.5)


def test_a_shipped_trace_says_how_often_ops_run_on_validation_images() -> None:
    """Close to the rates of its test images, and not the same."""
    trace = load_trace("ddi_resnet20_50_cifar10")
    known, seen = held_out_rates(trace, PREDICT)
    own = lower(trace).rate
    rates = there(known)
    assert seen == 0
    np.testing.assert_allclose(rates, own, atol=0.02)
    assert (rates != own).any()


def test_ops_behind_an_exit_run_as_often_as_it_did_not_answer() -> None:
    trace = load_trace("exits_resnet20_cifar10")
    (gate,) = trace.graph.gates
    rates = there(known_rates(trace.graph, {gate.name: (0.5, 0.25, 0.125, 0.125)}))
    assert {float(rate) for rate in rates} == {1.0, 0.5, 0.25, 0.125}


def test_each_half_of_a_trace_without_rates_is_told_those_of_the_other() -> None:
    """All inputs are replayed; an input's own decisions change no other of its half."""
    trace = synthetic_trace(cifar_resnet(8, "layer"), 41, seed=2)
    parts: list[Trace] = []

    def lowered(part: Trace) -> Workload:
        parts.append(part)
        return lower(part)

    earlier, later = halves(trace, PREDICT, lowered)
    np.testing.assert_array_equal(earlier.rates, lower(trace.rows(20, 41)).rate)
    np.testing.assert_array_equal(later.rates, lower(trace.rows(0, 20)).rate)
    assert [len(part) for part in parts] == [20, 21]  # each is lowered once
    assert parts == [earlier.trace, later.trace]
    design = load_design("edge_npu_16x16")
    shut = {name: np.concatenate([bits[:40], ~bits[40:]]) for name, bits in trace.decisions.items()}
    found = [replay(t, design, policy=PREDICT) for t in (trace, replace(trace, decisions=shut))]
    one, two = (each.per_input for each in found)
    assert one.input.tolist() == list(range(41))
    assert any("each half is told the other's rates" in note for note in found[0].replayed.notes)
    assert one.latency_cycles[20:40].equals(two.latency_cycles[20:40])
    assert one.wasted_bytes[20:40].equals(two.wasted_bytes[20:40])


@pytest.mark.parametrize(("theta", "as_if"), [(0.0, "speculate"), (1.0, "wait")])
def test_the_ends_of_prediction_need_no_rates(theta: float, as_if: Prefetch) -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 41, seed=2)
    design = load_design("edge_npu_16x16")
    found, ends = (
        replay(trace, design, policy=policy).per_input
        for policy in (Policy(prefetch="predict", theta=theta), Policy(prefetch=as_if))
    )
    assert found.latency_cycles.equals(ends.latency_cycles)
    assert found.energy_pj.equals(ends.energy_pj)


def test_streams_show_what_did_not_stand_in_for_others() -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 9, seed=2)
    asked = StreamSettings(arrivals=Arrivals(rate_hz=100))
    frames = stream(trace, load_design("edge_npu_16x16"), asked, PREDICT).per_frame
    assert frames.input.tolist() == [4, 5, 6, 7, 8]


@pytest.mark.parametrize(("inputs", "batch", "cut"), [(21, 4, 8), (9, 8, 8), (8, 8, 4), (41, 1, 20)])
def test_a_trace_is_cut_between_batches(inputs: int, batch: int, cut: int) -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), inputs, seed=2)
    policy = Policy(prefetch="predict", batch=batch)
    assert len(halves(trace, policy)[0].trace) == cut
    assert replay(trace, load_design("edge_npu_16x16"), policy=policy, explain=False).figures.inputs == inputs


def test_one_input_without_rates_is_refused() -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 1, seed=2)
    with pytest.raises(
        ConfigError, match=r"prefetch = 'predict': needs rates of other inputs .* trace has 1"
    ):
        replay(trace, load_design("edge_npu_16x16"), policy=PREDICT)
