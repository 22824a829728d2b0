"""Lowering, against hand-worked cases and a slow reference that handles one input at a time with sets."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traces.trace_strategies import random_trace, traces
from traces.base.errors import GraphError
from traces.graphs.kinds import MAC_KINDS
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, Gate, Op
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace
from traces.trace import Trace, open_trace
from traces.work.lowering import dense_workload, lower
from traces.work.mean import mean_workload


def kept_by(gate: Gate, value: Any) -> set[int]:
    """Channels (or tiles) that one recorded value of a gate keeps."""
    if gate.kind == "width":
        return set(range(gate.widths[int(value)]))
    bits = np.unpackbits(np.atleast_1d(value), bitorder="little")[: gate.size]
    return set(np.flatnonzero(bits).tolist())


def lower_one(trace: Trace, i: int) -> list[tuple[bool, set[int], set[int], int]]:
    """The rules of traces.work.lowering for input ``i``: runs, input channels, output channels, tiles per op."""
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
