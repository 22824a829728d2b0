"""Unit: exits chosen again from a trace, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from traces.base.errors import ConfigError, UnsupportedError
from traces.exit_choice import choose_exit, with_exit_threshold
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.trace import Trace, TraceInfo, open_trace
from traces.work.lowering import lower

SAME = Window.square(3)


def _trace() -> Trace:
    """Four inputs of a network with one side exit; the last exit answered them all."""
    builder = GraphBuilder("n", 3, 8, 8)
    x = builder.conv("stem", builder.input, 4, SAME)
    side = builder.linear("side", builder.global_pool("side.pool", x), 2)
    mark = len(builder.ops)
    last = builder.linear("last", builder.global_pool("pool", builder.conv("deep", x, 4, SAME)), 2)
    guards = builder.names_since(mark)
    exits = (side.name, last.name)
    builder.gate(
        Gate(
            name="exits",
            kind="exit",
            size=2,
            reads=side.name,
            guards=guards,
            exits=exits,
            levels=(0,) * len(guards),
        )
    )
    return Trace(
        graph=builder.finish(),
        info=TraceInfo(model_name="n"),
        labels=np.array([0, 1, 0, 1], np.int32),
        predictions=np.array([0, 1, 1, 1], np.int32),
        decisions={"exits": np.ones(4, np.uint8)},
        exit_predictions={"exits": np.array([[0, 0], [0, 1], [0, 1], [1, 1]], np.int32)},
        exit_confidences={"exits": np.array([[0.9, 1], [0.6, 1], [0.8, 1], [0.5, 1]], np.float16)},
    )


def test_the_first_sure_exit_answers_else_the_last() -> None:
    confidences = np.array([[0.5, 0.9, 0.6], [0.9, 0.2, 0.3], [0.1, 0.2, 0.3]], np.float16)
    assert choose_exit(confidences, 0.85).tolist() == [1, 0, 2]
    assert choose_exit(confidences, 1.01).tolist() == [2, 2, 2]
    assert choose_exit(confidences, 0.0).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("threshold", "exits", "predictions", "accuracy"),
    [
        (0.85, [0, 1, 1, 1], [0, 1, 1, 1], 0.75),
        (0.7, [0, 1, 0, 1], [0, 1, 0, 1], 1.0),
        (0.55, [0, 0, 0, 1], [0, 0, 0, 1], 0.75),
        (1.01, [1, 1, 1, 1], [0, 1, 1, 1], 0.75),
    ],
)
def test_a_threshold_by_hand(
    threshold: float, exits: list[int], predictions: list[int], accuracy: float
) -> None:
    trace = with_exit_threshold(_trace(), threshold)
    assert trace.decisions["exits"].tolist() == exits
    assert trace.predictions.tolist() == predictions
    assert trace.accuracy == accuracy


def test_what_lies_behind_the_answering_exit_does_not_run() -> None:
    trace = with_exit_threshold(_trace(), 0.7)
    deep = trace.graph.index["deep"]
    assert lower(trace).runs[:, deep].tolist() == [False, True, False, True]


def test_a_network_without_exits_and_a_trace_without_confidences_are_refused() -> None:
    trace = _trace()
    with pytest.raises(UnsupportedError, match="does not hold the confidences of exit gate 'exits'"):
        with_exit_threshold(replace(trace, exit_confidences={}), 0.5)
    with pytest.raises(UnsupportedError, match="does not hold the predictions of exit gate 'exits'"):
        with_exit_threshold(replace(trace, exit_predictions={}), 0.5)
    plain = open_trace(cifar_resnet(8, "both"), 2)
    with pytest.raises(UnsupportedError, match="network 'lcnet_resnet8' has 0 exit gates, needs one"):
        with_exit_threshold(plain, 0.5)
    with pytest.raises(ConfigError, match="exit threshold = nan: must be 0 or more"):
        with_exit_threshold(trace, float("nan"))
