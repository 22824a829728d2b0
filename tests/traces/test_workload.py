"""Lowering, against hand-worked cases and a slow reference that handles one input at a time with sets."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traces.trace_strategies import SAME, add_gate, random_trace, traces
from traces.base.errors import GraphError
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.kinds import MAC_KINDS
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, Gate, Op
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import Trace, TraceInfo, pack_mask
from traces.work.mean import mean_workload
from traces.work.workload import dense_workload, lower, open_trace


def kept_by(gate: Gate, value: Any) -> set[int]:
    """Channels (or tiles) that one recorded value of a gate keeps."""
    if gate.kind == "width":
        return set(range(gate.widths[int(value)]))
    bits = np.unpackbits(np.atleast_1d(value), bitorder="little")[: gate.size]
    return set(np.flatnonzero(bits).tolist())


def lower_one(trace: Trace, i: int) -> list[tuple[bool, set[int], set[int], int]]:
    """The rules of traces.work.workload for input ``i``: runs, input channels, output channels, tiles per op."""
    graph = trace.graph
    seen: dict[str, set[int]] = {}
    result = []
    for op in graph.ops:
        is_open, keep, tiles = True, set(range(op.out_channels)), {0}
        for gate in graph.guards_of(op.name):
            value = trace.decisions[gate.name][i]
            match gate.kind:
                case "layer":
                    is_open &= bool(value)
                case "exit":
                    is_open &= int(value) > gate.levels[gate.guards.index(op.name)]
                case "channel" | "width":
                    keep &= kept_by(gate, value)
        spatial = [gate for gate in graph.guards_of(op.name) if gate.kind == "spatial"]
        if spatial:
            tiles = set.intersection(*(kept_by(g, trace.decisions[g.name][i]) for g in spatial))
        inputs = [set(range(op.in_channels)) if name == INPUT else seen[name] for name in op.inputs]
        work_in, work_out = work_of(op, inputs, keep, graph)
        runs = is_open and bool(work_in) and bool(work_out) and bool(tiles)
        if op.kind == "add":
            runs = runs and sum(bool(channels) for channels in inputs) >= 2
        seen[op.name] = work_out if runs else set()
        if op.kind == "add" and not runs:
            seen[op.name] = set().union(*inputs)
        result.append(
            (runs, work_in if runs else set(), work_out if runs else set(), len(tiles) if runs else 0)
        )
    return result


def work_of(op: Op, inputs: list[set[int]], keep: set[int], graph: NetworkGraph) -> tuple[set[int], set[int]]:
    """Channels that the op reads and puts out if nothing else stops it."""
    if op.kind == "linear":
        producer = graph.op(op.inputs[0]) if op.inputs[0] != INPUT else None
        pixels = op.in_channels // producer.out_channels if producer else 1
        return {c * pixels + p for c in inputs[0] for p in range(pixels)}, keep
    if op.is_depthwise:
        times = op.out_channels // op.groups
        groups = {g for g in inputs[0] if any(g * times + k in keep for k in range(times))}
        return groups, {g * times + k for g in groups for k in range(times)}
    if op.kind == "conv":
        return inputs[0], keep
    if op.kind == "concat":
        out, offset = set(), 0
        for name, channels in zip(op.inputs, inputs, strict=True):
            out |= {offset + c for c in channels}
            offset += graph.op(name).out_channels
    elif op.kind == "add":
        out = set().union(*inputs)
    elif op.kind == "mul":
        sizes = [graph.op(name).out_channels for name in op.inputs]
        out = set(range(op.in_channels))
        for size, channels in zip(sizes, inputs, strict=True):
            out &= channels if size == op.in_channels else (out if channels else set())
    else:
        out = inputs[0]
    return out & keep, out & keep


def macs_of(op: Op, cin: int, cout: int, tiles: int, total: int) -> int:
    pixels = -(-op.out_pixels * tiles // total)
    if op.kind not in MAC_KINDS:
        return 0
    per_output = 1 if op.is_depthwise else cin
    return op.kernel_height * op.kernel_width * per_output * cout * pixels


@settings(deadline=None, max_examples=300)
@given(trace=traces())
def test_agrees_with_one_input_at_a_time(trace: Trace) -> None:
    workload = lower(trace)
    ops = trace.graph.ops
    masks = [(workload.in_mask(op.name), workload.out_mask(op.name)) for op in ops]
    for i in range(len(trace)):
        for j, (runs, cin, cout, tiles) in enumerate(lower_one(trace, i)):
            assert workload.runs[i, j] == runs, ops[j].name
            assert set(np.flatnonzero(masks[j][0][i])) == cin, ops[j].name
            assert set(np.flatnonzero(masks[j][1][i])) == cout, ops[j].name
            assert workload.in_channels[i, j] == len(cin)
            assert workload.out_channels[i, j] == len(cout)
            assert workload.tiles[i, j] == tiles
            macs = macs_of(ops[j], len(cin), len(cout), tiles, workload.tile_totals[j])
            assert workload.op_macs[i, j] == macs


@settings(deadline=None, max_examples=60)
@given(trace=traces())
def test_states_are_distinct_and_tell_the_same_as_the_arrays(trace: Trace) -> None:
    workload = lower(trace)
    assert workload.state_index.shape == (len(trace), len(trace.graph.ops))
    for j, states in enumerate(workload.states):
        rows = list(zip(states.runs, states.in_channels, states.out_channels, states.tiles, strict=True))
        assert len(set(rows)) == len(rows)
        assert not states.runs[1:].size or states.runs[1:].all()
        index = workload.state_index[:, j]
        assert (states.runs[index] == workload.runs[:, j]).all()
        assert (states.out_channels[index] == workload.out_channels[:, j]).all()
        assert workload.state_counts[j].sum() == len(trace)
    assert (workload.macs == workload.op_macs.sum(axis=1)).all()


@settings(deadline=None, max_examples=60)
@given(trace=traces())
def test_closing_gates_never_adds_work(trace: Trace) -> None:
    """Law: no input has more MACs than the network with every gate open."""
    workload = lower(trace)
    assert (workload.macs <= trace.graph.macs).all()
    assert (workload.op_macs <= dense_workload(trace.graph).op_macs).all()


@settings(deadline=None, max_examples=60)
@given(trace=traces(), cut=st.integers(0, 6))
def test_lowering_in_parts_changes_nothing(trace: Trace, cut: int) -> None:
    whole = lower(trace)
    cut = min(cut, len(trace))
    parts = [lower(trace.rows(0, cut)), lower(trace.rows(cut, len(trace)))]
    assert (np.concatenate([part.op_macs for part in parts]) == whole.op_macs).all()
    assert (np.concatenate([part.in_channels for part in parts]) == whole.in_channels).all()


@settings(deadline=None, max_examples=60)
@given(trace=traces())
def test_all_gates_open_is_the_dense_network_plus_the_gates(trace: Trace) -> None:
    graph = trace.graph
    workload = dense_workload(graph)
    assert workload.runs.all()
    assert workload.macs.tolist() == [graph.macs]
    static = graph.without_gates()
    assert dense_workload(static).macs.tolist() == [static.macs]
    exits = {name for gate in graph.gates for name in gate.exits[:-1]}
    side_exits = sum(graph.op(name).macs for name in exits)
    gates = [op.name in graph.gate_ops for op in graph.ops]
    assert graph.macs == static.macs + int(workload.op_macs[0, gates].sum()) + side_exits


def test_an_lcnet_block_by_hand() -> None:
    """ResNet-8: block1 skipped for input 0; for input 1 its first convolution keeps channels 0 and 9."""
    graph = cifar_resnet(8, "both")
    trace = open_trace(graph, 2)
    mask = np.zeros((2, 16), np.bool_)
    mask[1, [0, 9]] = True
    decisions = dict(trace.decisions)
    decisions["block1.lnet"] = np.array([False, True])
    decisions["block1.cnet"] = pack_mask(mask)
    trace = Trace(graph, trace.info, trace.labels, trace.predictions, decisions)
    workload = lower(trace)

    def column(name: str) -> list[tuple[bool, int, int]]:
        j = graph.index[name]
        parts = (workload.runs, workload.in_channels, workload.out_channels)
        return list(zip(*(part[:, j].tolist() for part in parts), strict=True))

    assert column("block1.lnet.fc") == [(True, 16, 1), (True, 16, 1)]
    assert column("block1.cnet.fc") == [(False, 0, 0), (True, 16, 16)]
    assert column("block1.conv1") == [(False, 0, 0), (True, 16, 2)]
    assert column("block1.scale_channels") == [(False, 0, 0), (True, 2, 2)]
    assert column("block1.conv2") == [(False, 0, 0), (True, 2, 16)]
    assert column("block1.add") == [(False, 0, 0), (True, 16, 16)]
    assert column("block2.conv1") == [(True, 16, 32), (True, 16, 32)]
    assert np.flatnonzero(workload.in_mask("block1.conv2")[1]).tolist() == [0, 9]
    conv1, conv2 = graph.op("block1.conv1").macs, graph.op("block1.conv2").macs
    saved = np.array([conv1 + conv2 + 16 * 16, (conv1 + conv2) * 14 // 16])
    assert (graph.macs - workload.macs == saved).all()


def test_a_projection_runs_when_its_block_is_skipped() -> None:
    graph = cifar_resnet(8, "layer")
    trace = open_trace(graph, 1)
    decisions = {name: np.zeros_like(values) for name, values in trace.decisions.items()}
    workload = lower(Trace(graph, trace.info, trace.labels, trace.predictions, decisions))
    ran = {op.name for op, runs in zip(graph.ops, workload.runs[0], strict=True) if runs}
    assert {"stem", "block2.shortcut", "block3.shortcut", "pool", "classifier"} <= ran
    assert not any(name.endswith((".conv1", ".conv2", ".add")) for name in ran)


def test_a_skipped_dense_layer_leaves_a_gap_in_the_concatenation() -> None:
    """DenseNet: 4 + 3 channels; without the 3 the next convolution reads the first 4."""
    builder = GraphBuilder("densenet", 1, 4, 4)
    x = builder.conv("stem", builder.input, 4, SAME)
    y = builder.conv("layer", x, 3, SAME)
    add_gate(builder, "g", "layer", x, ("layer",))
    z = builder.concat("concat", (y, x))
    builder.conv("next", z, 2, SAME)
    graph = builder.finish()
    decisions = {"g": np.array([True, False])}
    zeros = np.zeros(2, np.int32)
    workload = lower(Trace(graph, TraceInfo(model_name="d"), zeros, zeros, decisions))
    assert workload.in_channels[:, graph.index["next"]].tolist() == [7, 4]
    assert np.flatnonzero(workload.in_mask("next")[1]).tolist() == [3, 4, 5, 6]


def test_flattening_keeps_the_pixels_of_kept_channels() -> None:
    """Channels 0 and 2 of three, 2x2 pixels: features 0-3 and 8-11 of the fully connected layer."""
    builder = GraphBuilder("flat", 1, 2, 2)
    x = builder.conv("conv", builder.input, 3, Window.square(1))
    add_gate(builder, "g", "channel", builder.input, ("conv",), size=3)
    builder.linear("fc", x, 5)
    graph = builder.finish()
    decisions = {"g": pack_mask(np.array([[True, False, True]]))}
    zeros = np.zeros(1, np.int32)
    workload = lower(Trace(graph, TraceInfo(model_name="f"), zeros, zeros, decisions))
    assert workload.in_channels[0].tolist() == [1, 8]
    assert np.flatnonzero(workload.in_mask("fc")[0]).tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert workload.op_macs[0].tolist() == [1 * 2 * 4, 8 * 5]


def test_an_lstm_cell_works_on_its_own_state() -> None:
    """SkipNet's gate: 4 * hidden * (input + hidden) MACs."""
    builder = GraphBuilder("rnn", 10, 1, 1)
    builder.ops.append(Op(name="cell", kind="lstm_cell", inputs=(INPUT,), in_channels=10, out_channels=7))
    workload = dense_workload(builder.finish())
    assert workload.macs.tolist() == [4 * 7 * 17]


def test_mean_workload_rounds_half_up_and_keeps_rates() -> None:
    """Kept channels 1, 2, skipped, skipped: mean 1.5 of what runs becomes 2, rate 0.5."""
    builder = GraphBuilder("mean", 1, 4, 4)
    builder.conv("conv", builder.input, 3, SAME)
    add_gate(builder, "c", "channel", builder.input, ("conv",), size=3)
    add_gate(builder, "l", "layer", builder.input, ("conv",))
    graph = builder.finish()
    bits = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1], [1, 1, 1]], np.bool_)
    decisions = {"c": pack_mask(bits), "l": np.array([True, True, False, False])}
    zeros = np.zeros(4, np.int32)
    mean = mean_workload(lower(Trace(graph, TraceInfo(model_name="m"), zeros, zeros, decisions)))
    assert mean.rate.tolist() == [0.5]
    assert mean.out_channels.tolist() == [1.5]
    assert mean.workload.out_channels.tolist() == [[2]]
    assert mean.workload.runs.tolist() == [[True]]
    assert mean.workload.macs.tolist() == [9 * 2 * 16]
    assert mean.workload.out_mask("conv").tolist() == [[True, True, False]]


def test_mean_workload_of_what_never_runs_is_empty() -> None:
    graph = cifar_resnet(8, "layer")
    trace = synthetic_trace(graph, 10, SyntheticSettings(rates=0.0))
    mean = mean_workload(lower(trace))
    skipped = graph.index["block1.conv1"]
    assert mean.rate[skipped] == 0
    assert not mean.workload.runs[0, skipped]


def test_an_empty_trace_lowers_to_nothing() -> None:
    workload = lower(open_trace(cifar_resnet(8, "both"), 0))
    assert len(workload) == 0
    assert workload.macs.shape == (0,)
    assert mean_workload(workload).rate.sum() == 0


def test_fewer_gates_may_be_lowered_but_not_others() -> None:
    graph = cifar_resnet(8, "both")
    trace = random_trace(graph, 5, 1, 0.0)
    assert (lower(trace, graph.without_gates()).macs == graph.without_gates().macs).all()
    renamed = graph.model_copy(
        update={"gates": (graph.gates[0].model_copy(update={"name": "block1.lnett"}),)}
    )
    with pytest.raises(GraphError, match=r"no gate 'block1.lnett'; did you mean 'block1.lnet'"):
        lower(trace, renamed)


def test_an_unknown_op_is_named() -> None:
    with pytest.raises(GraphError, match=r"no op 'clasifier'; did you mean 'classifier'"):
        dense_workload(cifar_resnet(8)).in_mask("clasifier")


def test_no_call_is_made_per_input() -> None:
    """What makes lowering fast, not how long this machine takes; `benchmarks/engines.py` says that."""
    few, many = (calls_of_lowering(inputs) for inputs in (100, 10_000))
    assert many <= 1.01 * few


def calls_of_lowering(inputs: int) -> int:
    """Count the calls, of Python and of NumPy, that lowering a ResNet-110 makes."""
    trace = synthetic_trace(cifar_resnet(110, "both"), inputs)
    seen = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal seen
        seen += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        lower(trace)
    finally:
        sys.setprofile(None)
    return seen


def test_a_product_with_a_score_that_was_not_computed_is_skipped() -> None:
    """A score of one channel has no mask to intersect with, but it must be there."""
    builder = GraphBuilder("scored", 1, 4, 4)
    x = builder.conv("conv", builder.input, 3, SAME)
    score = builder.linear("score", builder.global_pool("pool", x), 1)
    add_gate(builder, "g", "layer", x, ("score",))
    builder.conv("next", builder.elementwise("mul", "scale", (x, score)), 2, SAME)
    zeros = np.zeros(2, np.int32)
    decisions = {"g": np.array([True, False])}
    workload = lower(Trace(builder.finish(), TraceInfo(model_name="s"), zeros, zeros, decisions))
    assert workload.runs.tolist() == [[True] * 5, [True, True, False, False, False]]


@pytest.mark.parametrize(("tiles", "pixels"), [(0, 0), (1, 7), (2, 13), (3, 19), (4, 25)])
def test_tiles_compute_their_share_of_the_pixels_rounded_up(tiles: int, pixels: int) -> None:
    """A 2x2 grid over 5x5 pixels: a tile is 6.25 pixels."""
    builder = GraphBuilder("tiles", 1, 5, 5)
    builder.conv("conv", builder.input, 2, SAME)
    add_gate(builder, "s", "spatial", builder.input, ("conv",), size=4, tile_rows=2, tile_cols=2)
    zeros = np.zeros(1, np.int32)
    decisions = {"s": pack_mask(np.arange(4)[None, :] < tiles)}
    workload = lower(Trace(builder.finish(), TraceInfo(model_name="t"), zeros, zeros, decisions))
    assert workload.tiles.tolist() == [[tiles]]
    assert workload.macs.tolist() == [9 * 2 * pixels]
    assert workload.runs.tolist() == [[tiles > 0]]
