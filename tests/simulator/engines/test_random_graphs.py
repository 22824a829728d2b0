"""Do engines and laws hold on random graphs, traces and designs?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models import deciding_gates, deciding_ops
from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.design.sections import Skip
from simulator import Policy, replay
from tests.traces.trace_strategies import graphs, random_trace
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.trace import Trace
from traces.work.lowering import lower

SHAPES: list[dict[str, object]] = [
    {},
    {"memory.activation_buffer": "512 B", "memory.weight_buffer": "512 B", "memory.banks": 1},
    {"array.count": 2, "gate_unit": "array", "memory.weight_buffer": "512 B", "memory.banks": 1},
    {"array.dataflow": "os", "memory.dram.bandwidth": "0.1 GB/s", "gate_weights": "resident"},
]


@st.composite
def designs(draw: st.DrawFn) -> Design:
    channels = draw(st.sampled_from(["none", "compact", "tile", "prefix"]))
    skip = {
        "skip.channels": channels,
        "skip.group": 2,
        "skip.layers": draw(st.booleans()),
        "skip.spatial": draw(st.booleans()),
    }
    return load_design("edge_npu_16x16", {**draw(st.sampled_from(SHAPES)), **skip})


def policies() -> st.SearchStrategy[Policy]:
    return st.builds(
        Policy,
        prefetch=st.sampled_from(["wait", "speculate", "predict", "oracle"]),
        batch=st.integers(1, 3),
        compaction=st.sampled_from(["union", "per_input"]),
    )


@settings(deadline=None, max_examples=15)
@given(graph=graphs(), design=designs(), policy=policies(), seed=st.integers(0, 99))
def test_engines_agree_on_everything(graph: NetworkGraph, design: Design, policy: Policy, seed: int) -> None:
    if design.skip.channels in {"tile", "prefix"}:
        policy = policy.model_copy(update={"compaction": "union"})
    trace = random_trace(graph, 4, seed)
    fast, events = (
        replay(trace, design, policy=policy, engine=engine, explain=False) for engine in ("fast", "events")
    )
    assert fast.per_input.equals(events.per_input)
    assert fast.per_op.equals(events.per_op)


@settings(deadline=None, max_examples=15)
@given(graph=graphs(), design=designs(), batch=st.integers(1, 2), seed=st.integers(0, 99))
def test_laws_hold_on_everything(graph: NetworkGraph, design: Design, batch: int, seed: int) -> None:
    trace = random_trace(graph, 5, seed)
    latency = {}
    for prefetch in ("oracle", "wait", "speculate"):
        results = replay(trace, design, policy=Policy(prefetch=prefetch, batch=batch))
        rows, figures = results.per_input, results.explained
        for fall in (figures.waterfall.latency, figures.waterfall.energy):
            assert fall.ideal_saved - sum(loss.amount for loss in fall.losses) == fall.saved
        busy = rows[[name for name in rows if name.startswith("busy_")]].max(axis=1)
        assert (rows.latency_cycles >= busy).all()
        latency[prefetch] = rows.latency_cycles.to_numpy()
    assert (latency["oracle"] <= latency["wait"]).all()
    assert (latency["oracle"] <= latency["speculate"]).all()


def keeping_one(trace: Trace) -> Trace:
    """Return the trace with the first channel or tile of every mask kept."""
    decisions = {
        gate.name: trace.decisions[gate.name] | np.eye(1, trace.decisions[gate.name].shape[1], dtype=np.uint8)
        if gate.kind in {"channel", "spatial"}
        else trace.decisions[gate.name]
        for gate in trace.graph.gates
    }
    return replace(trace, decisions=decisions)


@settings(deadline=None, max_examples=40)
@given(graph=graphs(), seed=st.integers(0, 99))
def test_an_op_depends_on_no_gate_but_those_named(graph: NetworkGraph, seed: int) -> None:
    """Inputs whose named gates decide alike have the same work."""
    design = load_design("edge_npu_16x16", {"skip.spatial": True})
    trace = keeping_one(random_trace(graph, 40, seed))
    workload = lower(trace)
    for i, names in enumerate(deciding_gates(graph, design.skip)):
        bits = [trace.decisions[name].view(np.uint8).reshape(40, -1) for name in sorted(names)]
        rows = np.concatenate([np.zeros((40, 1), np.uint8), *bits], axis=1)
        _, policy = np.unique(rows, axis=0, return_inverse=True)
        for value in np.unique(policy):
            assert len(np.unique(workload.state_index[policy.ravel() == value, i])) == 1


def test_nothing_is_left_of_two_halves_that_a_gate_takes_away() -> None:
    """A closed block leaves nothing, nor does what reads it alone: both side by side are a gap, and so what follows."""
    builder = GraphBuilder("halves", 2, 4, 4)
    block = builder.conv("block", builder.input, 2, Window.square(3, same=True))
    beside = builder.conv("beside", block, 2, Window.square(1))
    both = builder.concat("both", (block, beside))
    builder.conv("after", both, 2, Window.square(1))
    builder.gate(Gate(name="gate", kind="layer", reads="input", guards=("block",), skipped_value="zero"))
    graph = builder.finish()
    assert [set(names) for names in deciding_gates(graph, Skip())] == [{"gate"}] * 4
    whole = graph.model_copy(update={"gates": ()})
    assert [set(names) for names in deciding_gates(whole, Skip())] == [set()] * 4


@settings(deadline=None, max_examples=60)
@given(graph=graphs())
def test_decisions_come_before_what_they_decide(graph: NetworkGraph) -> None:
    design = load_design("edge_npu_16x16", {"skip.spatial": True})
    for i, deciders in enumerate(deciding_ops(graph, design.skip)):
        assert all(decider < i for decider in deciders)
    nothing = load_design("edge_npu_16x16", {"skip.channels": "none", "skip.layers": False})
    assert not any(deciding_ops(graph, nothing.skip))
