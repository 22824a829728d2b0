"""The typical input that rates promise, gate by gate."""

from __future__ import annotations

import numpy as np

from traces import Gate, NetworkGraph, cifar_resnet, execution_rates, synthetic_trace, typical_trace
from traces.graphs.build import GraphBuilder


def one_gate(**gate: object) -> NetworkGraph:
    builder = GraphBuilder("one", 4, 1, 1)
    builder.linear("fc", builder.input, 8)
    settings: dict[str, object] = {"name": "g", "reads": "input", "guards": ("fc",), **gate}
    builder.gate(Gate.model_validate(settings))
    return builder.finish()


def test_as_many_channels_are_kept_as_on_average_those_that_are_kept_most() -> None:
    """0.9 + 0.1 + 0.8 + 0.7 = 2.5 channels: three, half rounded up; of rare ones one at least, of dead ones none."""
    graph = one_gate(kind="channel", size=8)
    for rates, kept in (
        ((0.9, 0.1, 0.8, 0.0, 0.7, 0.0, 0.0, 0.0), [0, 2, 4]),
        ((0.0, 0.1, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0), [3]),
        ((0.0,) * 8, []),
    ):
        assert np.flatnonzero(typical_trace(graph, {"g": rates}).mask("g")[0]).tolist() == kept


def test_a_layer_runs_if_it_ever_does_and_a_gate_without_rates_is_open() -> None:
    graph = one_gate(kind="layer", size=1)
    for rates, runs in (({"g": (0.01,)}, True), ({"g": (0.0,)}, False), ({}, True)):
        assert typical_trace(graph, rates).decisions["g"].tolist() == [runs]


def test_a_width_is_the_nearest_to_the_average() -> None:
    """Widths of 2, 4 and 8 a third each: 4 2/3 on average."""
    graph = one_gate(kind="width", size=3, widths=(2, 4, 8))
    assert typical_trace(graph, {"g": (1 / 3, 1 / 3, 1 / 3)}).decisions["g"].tolist() == [1]


def test_inputs_that_all_decide_alike_are_the_typical_one() -> None:
    trace = synthetic_trace(cifar_resnet(8, "both"), 1, seed=4)
    typical = typical_trace(trace.graph, execution_rates(trace))
    for name, decided in trace.decisions.items():
        np.testing.assert_array_equal(typical.decisions[name], decided)
