"""Statistics by hand, and synthetic traces that have the statistics asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import bdtr, bdtrc

from tests.traces.graphs.test_graph_dense import side_exit_graph
from tests.traces.trace_strategies import graphs, traces
from traces.base.errors import ConfigError
from traces.files.columns import flatten
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.statistics import correlation, trace_statistics
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import Trace, TraceInfo, pack_mask
from traces.work.lowering import lower

N = 20_000
SIGMA = 4.5  # one of a hundred thousand correct draws lies outside
RARE = 1e-9  # probability of a count so far out, where a mean of few events is no normal variable


def test_statistics_by_hand() -> None:
    """Four inputs of ResNet-8: an L-Net that runs three times, a C-Net asked only then."""
    graph = cifar_resnet(8, "both")
    mask = np.zeros((4, 16), np.bool_)
    mask[0, :4] = mask[1, :8] = mask[3, :4] = True  # input 2 is skipped, its bits do not count
    open_bits = {gate.name: np.ones((4, gate.size), np.bool_) for gate in graph.gates}
    decisions = {
        gate.name: open_bits[gate.name][:, 0] if gate.kind == "layer" else pack_mask(open_bits[gate.name])
        for gate in graph.gates
    }
    decisions["block1.lnet"] = np.array([True, True, False, True])
    decisions["block1.cnet"] = pack_mask(mask)
    labels, predictions = np.array([0, 0, 2, 2], np.int32), np.array([0, 1, 2, 2], np.int32)
    trace = Trace(graph, TraceInfo(model_name="t"), labels, predictions, decisions)

    found = trace_statistics(trace)

    assert (found.inputs, found.accuracy) == (4, 0.75)
    assert (found.distinct_decisions, found.distinct_layer_decisions) == (3, 2)
    lnet, cnet = found.gates[0], found.gates[1]
    assert (lnet.name, lnet.asked, lnet.execution_rate, lnet.mean_kept) == ("block1.lnet", 4, 0.75, 0.75)
    assert lnet.entropy_bits == pytest.approx(2 - 0.75 * math.log2(3))
    assert lnet.rate_by_class[[0, 2]].tolist() == [1.0, 0.5]
    assert math.isnan(lnet.rate_by_class[1])
    assert lnet.rate_if_correct == pytest.approx(2 / 3)
    assert lnet.rate_if_wrong == 1.0
    assert lnet.autocorrelation == pytest.approx(-0.5)
    assert (lnet.always_open, lnet.dead) == (0, 0)
    assert (cnet.asked, cnet.mean_kept, cnet.always_open, cnet.dead) == (3, pytest.approx(16 / 3), 4, 8)
    assert cnet.entropy_bits == pytest.approx(4 * (math.log2(3) - 2 / 3))
    assert found.gates[2].always_open == 1
    assert math.isnan(found.gates[2].autocorrelation)
    assert math.isnan(found.correlation[0, 1])  # wherever C-Net is asked, L-Net says the same
    macs = lower(trace).macs.mean() / graph.without_gates().macs
    assert found.macs_kept == pytest.approx(macs)


@settings(deadline=None, max_examples=40)
@given(trace=traces())
def test_statistics_of_any_trace_are_in_range(trace: Trace) -> None:
    found = trace_statistics(trace)
    assert found.distinct_layer_decisions <= found.distinct_decisions <= max(len(trace), 0)
    assert found.correlation.shape == (len(trace.graph.gates),) * 2
    for gate in found.gates:
        assert not gate.asked or 0 <= gate.execution_rate <= 1
        assert 0 <= gate.entropy_bits <= gate.size
        assert gate.always_open + gate.dead <= gate.size


def test_correlation_of_what_never_changes_is_unknown() -> None:
    assert math.isnan(correlation(np.ones(5), np.arange(5.0)))
    assert correlation(np.arange(5.0), -np.arange(5.0)) == pytest.approx(-1)


@settings(deadline=None, max_examples=20)
@given(rate=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_independent_gates_have_the_rate_asked_for(rate: float, seed: int) -> None:
    graph = cifar_resnet(8, "both")
    trace = synthetic_trace(graph, 4000, SyntheticSettings(rates=rate), seed=seed)
    for gate in graph.gates:
        bits = trace.decisions[gate.name] if gate.kind == "layer" else trace.mask(gate.name)
        kept = int(bits.sum())
        at_most, at_least = bdtr(kept, bits.size, rate), bdtrc(kept - 1, bits.size, rate)  # of the binomial
        assert min(at_most, at_least) > RARE


@pytest.mark.parametrize("batch", [2, 4, 8])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_a_batch_of_independent_inputs_needs_a_block_as_the_closed_form_says(batch: int, rate: float) -> None:
    """P(any of B inputs keeps the block) = 1 - (1 - p)^B."""
    trace = synthetic_trace(cifar_resnet(8, "layer"), N, SyntheticSettings(rates=rate))
    for gate in trace.graph.gates:
        needed = np.any(trace.decisions[gate.name].reshape(-1, batch), axis=1)
        expected = 1 - (1 - rate) ** batch
        margin = SIGMA * math.sqrt(expected * (1 - expected) / len(needed))
        assert abs(needed.mean() - expected) <= margin


def orthant(rho: float) -> float:
    """Correlation of the signs of two normals that correlate by rho (Sheppard 1899)."""
    return 2 / math.pi * math.asin(rho)


def test_correlations_between_layers_and_inputs_are_those_asked_for() -> None:
    """At rate 1/2 the bits' correlation is known in closed form from the latents'."""
    chosen = SyntheticSettings(rates=0.5, layer_correlation=0.4, input_correlation=0.6)
    trace = synthetic_trace(cifar_resnet(8, "layer"), N, chosen)
    found = trace_statistics(trace)
    for i, gate in enumerate(found.gates):
        assert gate.autocorrelation == pytest.approx(orthant(0.6), abs=0.05)
        for other in found.correlation[i, i + 1 :]:
            assert other == pytest.approx(orthant(0.4), abs=0.05)


def test_correlated_inputs_keep_the_rate_asked_for() -> None:
    """With neighbours that correlate by 0.9 the mean is about as sure as that of N / 19 independent inputs."""
    trace = synthetic_trace(cifar_resnet(8, "layer"), N, SyntheticSettings(rates=0.8, input_correlation=0.9))
    for gate in trace.graph.gates:
        assert trace.decisions[gate.name].mean() == pytest.approx(0.8, abs=SIGMA * 0.4 / math.sqrt(N / 19))


def test_hard_inputs_open_more_and_are_answered_wrongly() -> None:
    chosen = SyntheticSettings(rates=0.5, layer_correlation=0.5, difficulty=0.8, accuracy=0.7)
    trace = synthetic_trace(cifar_resnet(8, "layer"), N, chosen)
    assert trace.accuracy == pytest.approx(0.7, abs=0.02)
    for gate in trace_statistics(trace).gates:
        assert gate.rate_if_wrong > gate.rate_if_correct + 0.2
    neutral = synthetic_trace(cifar_resnet(8, "layer"), N, SyntheticSettings(layer_correlation=0.5))
    for gate in trace_statistics(neutral).gates:
        assert gate.rate_if_wrong == pytest.approx(gate.rate_if_correct, abs=0.06)


def test_deeper_exits_answer_better_and_the_trace_gives_the_answer_of_its_exit() -> None:
    trace = synthetic_trace(side_exit_graph(), N, SyntheticSettings(rates={"exit": 0.3}, accuracy=0.9))
    answers = trace.exit_predictions["exit"]
    right = (answers == trace.labels[:, None]).mean(axis=0)
    assert right.tolist() == [pytest.approx(0.63, abs=0.02), pytest.approx(0.9, abs=0.02)]
    taken = trace.decisions["exit"]
    assert (trace.predictions == answers[np.arange(N), taken]).all()
    assert taken.mean() == pytest.approx(0.3, abs=0.02)
    confidence = trace.exit_confidences["exit"][:, 0].astype(np.float64)
    correct = answers[:, 0] == trace.labels
    assert confidence[correct].mean() > confidence[~correct].mean() + 0.2


def test_widths_have_the_mean_index_asked_for() -> None:
    builder = GraphBuilder("widths", 3, 8, 8)
    builder.conv("conv", builder.input, 16, Window.square(3))
    gate = Gate(name="w", kind="width", size=4, widths=(4, 8, 12, 16), reads="input", guards=("conv",))
    builder.gate(gate)
    trace = synthetic_trace(builder.finish(), N, SyntheticSettings(rates=0.25))
    assert np.bincount(trace.decisions["w"], minlength=4) / N == pytest.approx(
        [0.75**3, 3 * 0.25 * 0.75**2, 3 * 0.25**2 * 0.75, 0.25**3], abs=0.02
    )


@settings(deadline=None, max_examples=20)
@given(graph=graphs(), seed=st.integers(0, 1000), rate=st.sampled_from([0.0, 0.5, 1.0]))
def test_same_seed_same_trace_for_any_graph(graph: NetworkGraph, seed: int, rate: float) -> None:
    chosen = SyntheticSettings(rates=rate, layer_correlation=0.3, input_correlation=0.5)
    first, second = (flatten(synthetic_trace(graph, 9, chosen, seed=seed)) for _ in range(2))
    assert list(first) == list(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_another_seed_is_another_trace_and_more_gates_change_no_earlier_one() -> None:
    short, long = cifar_resnet(8, "layer"), cifar_resnet(14, "layer")
    a, b = synthetic_trace(short, 100, seed=1), synthetic_trace(short, 100, seed=2)
    assert not np.array_equal(a.decisions["block1.lnet"], b.decisions["block1.lnet"])
    c = synthetic_trace(long, 100, seed=1)
    assert np.array_equal(a.decisions["block2.lnet"], c.decisions["block2.lnet"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rates": 1.5}, "rate 1.5 = 1.5: must be from 0 to 1"),
        ({"rates": {"a": -1}}, "rate -1 = -1"),
        ({"layer_correlation": -0.1}, "layer_correlation = -0.1: must be from 0 to 1"),
        ({"accuracy": float("nan")}, "accuracy = nan"),
        ({"classes": 1}, "classes = 1: must be at least 2"),
    ],
)
def test_impossible_statistics_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SyntheticSettings(**fields)


def test_a_gate_without_a_rate_and_a_negative_count_are_refused() -> None:
    graph = cifar_resnet(8, "layer")
    with pytest.raises(ConfigError, match=r"no rate for gate 'block1.lnet'; did you mean 'block1.lent'"):
        synthetic_trace(graph, 5, SyntheticSettings(rates={"block1.lent": 0.5}))
    with pytest.raises(ConfigError, match=r"inputs = -1"):
        synthetic_trace(graph, -1)
