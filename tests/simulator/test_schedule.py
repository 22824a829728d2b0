"""Is every task in its place, and does it wait for what it must and nothing else?"""

from __future__ import annotations

from itertools import pairwise

import pytest

from accel_models import deciding_ops
from accel_models.design.design import Design
from accel_models.design.load import load_design
from simulator import Policy, replay
from simulator.replays.prepare import Setting, prepare
from simulator.schedules.schedule import Schedule
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.work.lowering import dense_workload

SAME = Window.square(3)


def npu(**changes: object) -> Design:
    """A small NPU whose network does not fit its weight buffer, so that weights are fetched."""
    return load_design("edge_npu_16x16", {"memory.weight_buffer": "8 KiB", "memory.banks": 1, **changes})


def schedule(graph: NetworkGraph, design: Design) -> Schedule:
    return prepare(Setting(dense_workload(graph), design), Policy()).schedule


def waits(plan: Schedule, name: str) -> tuple[set[str], set[str], set[str]]:
    (task,) = (task for task in plan.tasks if task.name == name)
    after, decisions, streams = (
        {plan.tasks[p].name for p in links} for links in (task.after, task.decisions, task.streams)
    )
    return after, decisions, streams


def chain(*channels: int) -> NetworkGraph:
    builder = GraphBuilder("chain", channels[0], 8, 8)
    x = builder.input
    for k, width in enumerate(channels[1:]):
        x = builder.conv(f"conv{k}", x, width, SAME)
    return builder.finish()


def test_tasks_of_a_chain_in_order() -> None:
    """Weights are queued before the op in front of theirs, or behind it if its space is what they wait for."""
    plan = schedule(chain(16, 32, 32, 16), npu(**{"memory.weight_buffer": "16 KiB"}))
    assert [task.name for task in plan.tasks] == [
        "conv0 weights",
        "conv0 inputs",
        "conv1 weights",
        "conv0",
        "conv2 weights",
        "conv1",
        "conv2",
    ]
    tight = schedule(chain(16, 32, 32, 16), npu())
    assert [task.name for task in tight.tasks][2:] == [
        "conv0",
        "conv1 weights",
        "conv1",
        "conv2 weights",
        "conv2",
    ]
    assert waits(plan, "conv0") == (set(), set(), {"conv0 weights", "conv0 inputs"})


def test_weights_wait_for_the_space_they_need() -> None:
    """4.5, 9 and 4.5 KiB of weights in 8 KiB: the second fills the buffer, so it and the third wait."""
    plan = schedule(chain(16, 32, 32, 16), npu())
    assert waits(plan, "conv1 weights")[0] == {"conv0"}
    assert waits(plan, "conv2 weights")[0] == {"conv1"}
    roomy = schedule(chain(16, 32, 32, 16), npu(**{"memory.weight_buffer": "16 KiB"}))
    assert waits(roomy, "conv1 weights")[0] == set()
    assert waits(roomy, "conv2 weights")[0] == {"conv0"}


def test_resident_weights_are_never_fetched() -> None:
    plan = schedule(chain(16, 32, 32, 16), load_design("edge_npu_16x16"))
    assert [task.name for task in plan.tasks] == ["conv0 inputs", "conv0", "conv1", "conv2"]


def test_activations_that_do_not_fit_go_out_and_come_back() -> None:
    design = load_design("edge_npu_16x16", {"memory.activation_buffer": "1 KiB", "memory.banks": 1})
    plan = schedule(chain(16, 32, 32, 16), design)
    assert [task.name for task in plan.tasks if task.op == 1] == ["conv1 inputs", "conv1", "conv1 outputs"]
    assert waits(plan, "conv1 inputs")[0] == {"conv0"}
    assert waits(plan, "conv1 outputs") == (set(), set(), {"conv1"})


def test_equal_arrays_take_ops_in_turn() -> None:
    plan = schedule(chain(16, 32, 32, 16), npu(**{"array.count": 2}))
    assert plan.units == ("array0", "array1", "simd", "dma")
    assert [plan.units[task.unit] for task in plan.tasks if task.kind == "compute"] == [
        "array0",
        "array1",
        "array0",
    ]


def test_a_core_alone_has_one_unit() -> None:
    plan = schedule(cifar_resnet(8, "both"), load_design("cortex_m4"))
    assert plan.units == ("simd",)
    assert all(task.kind == "compute" for task in plan.tasks)


def gate_ops(builder: GraphBuilder, reads: Tensor) -> tuple[str, ...]:
    mark = len(builder.ops)
    score = builder.linear("gate.fc", builder.global_pool("gate.pool", reads), 1, "relu1")
    builder.elementwise("threshold", "gate.threshold", (score,))
    return builder.names_since(mark)


def gated(slack: int) -> NetworkGraph:
    """Four convolutions with a residual round the last, which a gate guards that reads 0, 1 or 3 ops before."""
    builder = GraphBuilder("slack", 16, 16, 16)
    tensors = [builder.input]
    for k in range(3):
        if len(tensors) == 4 - slack:
            steps, reads = gate_ops(builder, tensors[-1]), tensors[-1].name
        tensors.append(builder.conv(f"conv{k}", tensors[-1], 32, SAME))
    if not slack:
        steps, reads = gate_ops(builder, tensors[-1]), tensors[-1].name
    y = builder.conv("guarded", tensors[-1], 32, SAME)
    builder.elementwise("add", "add", (y, tensors[-1]))
    builder.gate(Gate(name="gate", kind="layer", reads=reads, computed_by=steps, guards=("guarded", "add")))
    return builder.finish()


def test_the_weights_of_a_guarded_op_wait_for_its_decision() -> None:
    plan = schedule(gated(0), npu())
    assert waits(plan, "guarded weights")[1] == {"gate.threshold"}
    assert waits(plan, "guarded")[1] == {"gate.threshold"}
    assert waits(plan, "conv2 weights")[1] == set()


def test_hardware_that_cannot_skip_waits_for_nothing() -> None:
    plan = schedule(gated(0), npu(**{"skip.layers": False}))
    assert not any(task.decisions for task in plan.tasks)


def test_the_earlier_a_gate_reads_the_less_is_waited_for() -> None:
    """No slack (LC-Net), one op early (SkipNet), all decided first (BlockDrop)."""
    mean_wait = []
    for slack in (0, 1, 3):
        trace = synthetic_trace(gated(slack), 20, SyntheticSettings(rates=0.8), seed=1)
        design = npu(**{"memory.dram.bandwidth": "0.5 GB/s"})
        mean_wait.append(replay(trace, design, explain=False).per_input.gate_wait_cycles.mean())
    assert mean_wait[0] > mean_wait[1] >= mean_wait[2]
    assert mean_wait[2] == 0


def test_deeper_ops_wait_for_the_exit_before_them() -> None:
    builder = GraphBuilder("exits", 16, 8, 8)
    x = builder.conv("conv0", builder.input, 16, SAME)
    head = builder.linear("exit0", builder.global_pool("pool0", x), 10)
    mark = len(builder.ops)
    y = builder.conv("conv1", x, 16, SAME)
    last = builder.linear("exit1", builder.global_pool("pool1", y), 10)
    guards = builder.names_since(mark)
    builder.gate(
        Gate(
            name="exits",
            kind="exit",
            size=2,
            reads="exit0",
            guards=guards,
            exits=(head.name, last.name),
            levels=(0, 0, 0),
        )
    )
    graph = builder.finish()
    deciders = deciding_ops(graph, load_design("edge_npu_16x16").skip)
    assert {
        op.name: [graph.ops[d].name for d in names] for op, names in zip(graph, deciders, strict=True)
    } == {
        "conv0": [],
        "pool0": [],
        "exit0": [],
        "conv1": ["exit0"],
        "pool1": ["exit0"],
        "exit1": ["exit0"],
    }


@pytest.mark.parametrize("design", ["edge_npu_16x16", "eyeriss", "gemmini_16x16", "cortex_m7"])
def test_every_task_follows_what_it_waits_for(design: str) -> None:
    plan = schedule(cifar_resnet(20, "both"), load_design(design))
    for t, task in enumerate(plan.tasks):
        assert all(p < t for p in (*task.after, *task.decisions, *task.streams))
        assert all(plan.tasks[p].op == task.op for p in task.streams)
    for one, two in pairwise(task for task in plan.tasks if task.kind == "compute"):
        assert one.op < two.op
