"""Random gated graphs and traces for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from traces.files.columns import flatten
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.kinds import Decisions, GateKind
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.trace import Trace, TraceInfo, pack_mask

SAME = Window.square(3)


def add_gate(
    builder: GraphBuilder, name: str, kind: GateKind, reads: Tensor, guards: tuple[str, ...], **more: Any
) -> None:
    builder.gate(Gate(name=name, kind=kind, reads=reads.name, guards=guards, **more))


def lc_block(
    builder: GraphBuilder, name: str, x: Tensor, channels: int, layer: bool, channel: bool
) -> Tensor:
    pool = builder.global_pool(f"{name}.pool", x)
    lnet = builder.linear(f"{name}.lnet", pool, 1, "relu1")
    mark = len(builder.ops)
    cnet = builder.linear(f"{name}.cnet", pool, channels, "relu1")
    y = builder.conv(f"{name}.conv1", x, channels, SAME, activation="relu")
    y = builder.elementwise("mul", f"{name}.mul1", (y, cnet))
    y = builder.conv(f"{name}.conv2", y, x.channels, SAME)
    y = builder.elementwise("mul", f"{name}.mul2", (y, lnet))
    y = builder.elementwise("add", f"{name}.add", (y, x), "relu")
    if layer:
        guards = builder.names_since(mark)
        add_gate(builder, f"{name}.L", "layer", x, guards, computed_by=(pool.name, lnet.name))
    if channel:
        guards = (f"{name}.conv1",)
        add_gate(
            builder, f"{name}.C", "channel", x, guards, size=channels, computed_by=(pool.name, cnet.name)
        )
    return y


def fbs_block(
    builder: GraphBuilder, name: str, x: Tensor, channels: int, layer: bool, channel: bool
) -> Tensor:
    """Gate the outputs of both convolutions, so that an addition sees two masks."""
    y = builder.conv(f"{name}.conv1", x, x.channels, SAME)
    z = builder.conv(f"{name}.conv2", x, x.channels, SAME)
    add_gate(builder, f"{name}.A", "channel", x, (y.name,), size=x.channels)
    add_gate(builder, f"{name}.B", "channel", x, (z.name,), size=x.channels)
    if layer:
        add_gate(builder, f"{name}.L", "layer", x, (z.name,))
    operands = (y, z, x) if channel else (y, z)
    out = builder.elementwise("add", f"{name}.add", operands)
    if channel:
        add_gate(builder, f"{name}.W", "width", x, (out.name,), size=2, widths=(1, x.channels))
    return out


def dense_block(
    builder: GraphBuilder, name: str, x: Tensor, channels: int, layer: bool, channel: bool
) -> Tensor:
    y = builder.conv(f"{name}.conv", x, channels, SAME)
    if layer:
        add_gate(builder, f"{name}.L", "layer", x, (y.name,))
    if channel:
        add_gate(builder, f"{name}.C", "channel", x, (y.name,), size=channels)
    return builder.concat(f"{name}.concat", (x, y))


def depthwise_block(
    builder: GraphBuilder, name: str, x: Tensor, channels: int, layer: bool, channel: bool
) -> Tensor:
    outputs = x.channels * (2 if channels > 3 else 1)
    y = builder.conv(f"{name}.dw", x, outputs, SAME, groups=x.channels)
    if channel:
        add_gate(builder, f"{name}.C", "channel", x, (y.name,), size=outputs)
    if layer:
        add_gate(builder, f"{name}.L", "layer", x, (y.name,))
    return builder.pool("max_pool", f"{name}.pool", y, SAME)


def tiled_block(
    builder: GraphBuilder, name: str, x: Tensor, channels: int, layer: bool, channel: bool
) -> Tensor:
    y = builder.conv(f"{name}.conv", x, channels, SAME)
    grid = {"size": 4, "tile_rows": 2, "tile_cols": 2}
    add_gate(builder, f"{name}.S", "spatial", x, (y.name,), **grid)
    if layer:
        add_gate(builder, f"{name}.T", "spatial", x, (y.name,), **grid)
    if channel:
        add_gate(builder, f"{name}.W", "width", x, (y.name,), size=2, widths=(1, channels))
    return builder.elementwise("activation", f"{name}.act", (y,), "relu")


BLOCKS = (lc_block, fbs_block, dense_block, depthwise_block, tiled_block)


@st.composite
def graphs(draw: st.DrawFn) -> NetworkGraph:
    builder = GraphBuilder("random", draw(st.integers(1, 3)), 4, 4)
    x = builder.conv("stem", builder.input, draw(st.integers(2, 9)), SAME)
    if draw(st.booleans()):
        add_gate(builder, "stem.C", "channel", builder.input, ("stem",), size=x.channels)
    exits: list[tuple[str, int]] = []
    for i in range(draw(st.integers(1, 3))):
        block = draw(st.sampled_from(BLOCKS))
        x = block(builder, f"b{i}", x, draw(st.integers(2, 5)), draw(st.booleans()), draw(st.booleans()))
        if i == 0 and draw(st.booleans()):
            pooled = builder.global_pool("exit.pool", x)
            builder.linear("exit.fc", pooled, 3)
            exits.append(("exit.fc", len(builder.ops)))
    pooled = x if draw(st.booleans()) else builder.global_pool("pool", x)
    builder.linear("classifier", pooled, 3)
    for head, mark in exits:
        guards = builder.names_since(mark)
        builder.gate(
            Gate(
                name="exit",
                kind="exit",
                size=2,
                reads=head,
                guards=guards,
                exits=(head, "classifier"),
                levels=(0,) * len(guards),
            )
        )
    return builder.finish()


def random_trace(graph: NetworkGraph, inputs: int, seed: int, rate: float = 0.5) -> Trace:
    """Return a trace with every field filled."""
    rng = np.random.default_rng(seed)
    decisions: dict[str, Decisions] = {}
    scores, answers, confidences = {}, {}, {}
    for gate in graph.gates:
        if gate.kind == "layer":
            decisions[gate.name] = rng.random(inputs) < rate
            scores[gate.name] = rng.random(inputs).astype(np.float16)
        elif gate.kind in {"channel", "spatial"}:
            decisions[gate.name] = pack_mask(rng.random((inputs, gate.size)) < rate)
            scores[gate.name] = rng.random((inputs, gate.size)).astype(np.float16)
        else:
            decisions[gate.name] = rng.integers(0, gate.size, inputs).astype(np.uint8)
        if gate.kind == "exit":
            answers[gate.name] = rng.integers(0, 10, (inputs, gate.size)).astype(np.int32)
            confidences[gate.name] = rng.random((inputs, gate.size)).astype(np.float16)
    return Trace(
        graph=graph,
        info=TraceInfo(model_name=graph.name, seed=seed, test_accuracy=0.5),
        labels=rng.integers(0, 10, inputs).astype(np.int32),
        predictions=rng.integers(0, 10, inputs).astype(np.int32),
        decisions=decisions,
        scores=scores,
        exit_predictions=answers,
        exit_confidences=confidences,
    )


@st.composite
def traces(draw: st.DrawFn, max_inputs: int = 6) -> Trace:
    graph = draw(graphs())
    rate = draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))
    return random_trace(graph, draw(st.integers(0, max_inputs)), draw(st.integers(0, 2**16)), rate)


def assert_same(a: Trace, b: Trace) -> None:
    assert a.graph == b.graph
    assert a.info == b.info
    left, right = flatten(a), flatten(b)
    assert list(left) == list(right)
    for name, values in left.items():
        assert values.dtype == right[name].dtype, name
        assert np.array_equal(values, right[name]), name


def golden_trace() -> Trace:
    """The content of the golden file."""
    graph = cifar_resnet(8, "both", image=(1, 8, 8))
    trace = random_trace(graph, 5, 7)
    info = TraceInfo(model_name="golden", weights_hash="abc", dataset="digits", seed=7, test_accuracy=0.25)
    return Trace(graph, info, trace.labels, trace.predictions, trace.decisions, trace.scores)
