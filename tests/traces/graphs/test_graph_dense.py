"""The static network inside a dynamic one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.traces.trace_strategies import SAME, add_gate, graphs
from traces.graphs.build import GraphBuilder
from traces.graphs.network import NetworkGraph, strip_gates
from traces.graphs.parts import Gate, Op
from traces.graphs.resnets import GateChoice, cifar_resnet


@pytest.mark.parametrize("depth", [8, 20])
@pytest.mark.parametrize("gates", ["layer", "channel", "both"])
def test_an_lcnet_without_gates_is_the_plain_resnet(depth: int, gates: GateChoice) -> None:
    assert strip_gates(cifar_resnet(depth, gates)).ops == cifar_resnet(depth).ops


def test_the_ops_of_gates_are_those_that_are_gone() -> None:
    graph = cifar_resnet(8, "layer")
    names = {f"block{i}.{part}" for i in (1, 2, 3) for part in ("pool", "lnet.fc", "lnet.threshold", "scale")}
    assert graph.dynamic_ops == names
    assert cifar_resnet(8).dynamic_ops == set()


@settings(deadline=None, max_examples=80)
@given(graph=graphs())
def test_stripping_is_final_and_only_removes(graph: NetworkGraph) -> None:
    static = strip_gates(graph)
    assert not static.gates
    assert strip_gates(static) == static
    assert graph.without_gates() == static
    kept = {op.name: op for op in graph.ops if op.name in static.index}
    assert [op.name for op in static.ops] == list(kept)
    for op in static.ops:
        assert op.model_copy(update={"inputs": ()}) == kept[op.name].model_copy(update={"inputs": ()})
    assert "classifier" in static.index
    assert "exit.fc" not in static.index
    assert "exit.pool" not in static.index


def side_exit_graph() -> NetworkGraph:
    builder = GraphBuilder("exits", 3, 8, 8)
    x = builder.conv("conv1", builder.input, 4, SAME)
    side = builder.conv("exit1.conv", x, 4, SAME)
    head = builder.linear("exit1.fc", builder.global_pool("exit1.pool", side), 10)
    builder.elementwise("softmax", "exit1.softmax", (head,))
    mark = len(builder.ops)
    y = builder.conv("conv2", x, 4, SAME)
    builder.elementwise("softmax", "softmax", (builder.linear("fc", builder.global_pool("pool", y), 10),))
    guards = builder.names_since(mark)
    builder.gate(
        Gate(
            name="exit",
            kind="exit",
            size=2,
            reads="conv1",
            computed_by=("exit1.softmax",),
            guards=guards,
            exits=("exit1.fc", "fc"),
            levels=(0,) * len(guards),
        )
    )
    return builder.finish()


def test_side_exits_go_and_the_last_one_stays() -> None:
    static = strip_gates(side_exit_graph())
    assert [op.name for op in static.ops] == ["conv1", "conv2", "pool", "fc", "softmax"]


def test_a_pool_that_the_network_reads_too_stays() -> None:
    builder = GraphBuilder("shared", 3, 8, 8)
    x = builder.conv("conv1", builder.input, 4, SAME)
    pool = builder.global_pool("pool", x)
    score = builder.linear("score", pool, 4, "relu1")
    y = builder.conv("conv2", x, 4, SAME)
    y = builder.elementwise("mul", "scale", (y, score), "relu")
    squeezed = builder.linear("squeeze", pool, 4)
    y = builder.elementwise("mul", "excite", (y, squeezed))
    builder.linear("fc", builder.global_pool("last", y), 2)
    add_gate(builder, "g", "channel", x, ("conv2",), size=4, computed_by=("pool", "score"))
    static = strip_gates(builder.finish())
    names = ["conv1", "pool", "conv2", "scale", "squeeze", "excite", "last", "fc"]
    assert [op.name for op in static.ops] == names
    scale: Op = static.op("scale")  # its fused activation still has work to do
    assert (scale.kind, scale.inputs, scale.activation) == ("activation", ("conv2",), "relu")
    assert static.op("excite").inputs == ("scale", "squeeze")
