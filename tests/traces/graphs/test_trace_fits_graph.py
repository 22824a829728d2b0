"""A trace must fit the graph that it is of: shapes, scores, exits, bits of its gates."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from traces.base.errors import GraphError
from traces.graphs.files import parse_graph
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.trace import Trace, open_trace


def exit_graph() -> NetworkGraph:
    data = json.loads(cifar_resnet(8).model_dump_json(exclude_defaults=True))
    guards = {"reads": "stem", "guards": ["block1.conv1"]}
    data["gates"] = [
        {"name": "c", "kind": "channel", "size": 16, **guards},
        {"name": "s", "kind": "spatial", "size": 3, "tile_rows": 3, **guards},
        {"name": "w", "kind": "width", "size": 2, "widths": [8, 16], **guards},
        {"name": "l", "kind": "layer", **guards},
    ]
    return parse_graph(json.dumps(data))


@pytest.mark.parametrize(
    ("gate_name", "values", "message"),
    [
        ("c", np.zeros((2, 3), np.uint8), "gate 'c' (channel) holds uint8 (2, 3), needs uint8 (2, 2)"),
        ("c", np.zeros((3, 2), np.uint8), "gate 'c' (channel) holds uint8 (3, 2), needs uint8 (2, 2)"),
        ("l", np.zeros(2, np.uint8), "gate 'l' (layer) holds uint8 (2,), needs bool (2,)"),
        ("w", np.array([0, 2], np.uint8), "gate 'w' holds index 2, needs less than 2"),
        ("s", np.array([[7], [8]], np.uint8), "gate 's' has a bit set beyond its 3"),
        ("l", None, "gate 'l' of the graph has no recorded decisions"),
    ],
)
def test_a_trace_must_fit_its_graph(gate_name: str, values: NDArray[np.uint8] | None, message: str) -> None:
    trace = open_trace(exit_graph(), 2)
    decisions = {name: bits for name, bits in trace.decisions.items() if name != gate_name}
    if values is not None:
        decisions[gate_name] = values
    with pytest.raises(GraphError, match=re.escape(message)):
        Trace(trace.graph, trace.info, trace.labels, trace.predictions, decisions)


def test_a_trace_needs_a_prediction_for_every_label() -> None:
    trace = open_trace(exit_graph(), 2)
    with pytest.raises(GraphError, match=r"1 predictions for 2 labels"):
        Trace(trace.graph, trace.info, trace.labels, trace.predictions[:1], trace.decisions)


@pytest.mark.parametrize(
    ("field", "gate_name", "shape", "message"),
    [
        ("scores", "c", (2, 15), "gate 'c': scores have shape (2, 15), need (2, 16)"),
        ("scores", "l", (1,), "gate 'l': scores have shape (1,), need (2,)"),
        ("exit_predictions", "w", (2, 3), "gate 'w': exit predictions have shape (2, 3), need (2, 2)"),
    ],
)
def test_scores_and_exits_must_fit_too(
    field: str, gate_name: str, shape: tuple[int, ...], message: str
) -> None:
    trace = open_trace(exit_graph(), 2)
    extra: dict[str, Any] = {field: {gate_name: np.zeros(shape)}}
    with pytest.raises(GraphError, match=re.escape(message)):
        Trace(trace.graph, trace.info, trace.labels, trace.predictions, trace.decisions, **extra)


def test_a_gate_of_more_bits_than_can_be_looked_at_is_refused() -> None:
    with pytest.raises(GraphError, match="size = 16,777,217; needs at most 16,777,216 bits"):
        Gate(name="g", kind="channel", size=(1 << 24) + 1, reads="input", guards=("a",))
