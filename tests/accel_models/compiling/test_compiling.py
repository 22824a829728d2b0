"""What a compiler's steps take over and permute, worked out by hand on small networks."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models.compiling.plan import plan
from accel_models.compiling.rates import can_sort, channel_orders, permuted, sort_channels
from accel_models.compiling.steps import STEPS, Absorbed, Compiler, Stage, absorb, stage_hosts
from accel_models.design.load import load_design
from accel_models.design.sections import Memory
from accel_models.work.residency import Choices, Tensors
from simulator import Policy, replay
from traces.base.errors import ConfigError
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import pack_mask
from traces.work.lowering import lower

LC_NET = cifar_resnet(8, gates="both")
RATES = {"block1.cnet": [i / 16 for i in range(16)]}
STAGES: tuple[Stage, ...] = get_args(Stage)


def hosts_of(graph: NetworkGraph) -> frozenset[str]:
    return stage_hosts(graph, [op.name for op in graph.ops if op.name not in graph.gate_ops])


def gated(groups: int = 1, *, answer: bool = False, added: bool = False) -> NetworkGraph:
    """input 4x8x8 -> conv a (8 channels, gated) -> [add to the input's conv] -> conv b (8) -> linear."""
    builder = GraphBuilder("small", 4, 8, 8)
    beside = builder.conv("beside", builder.input, 8, Window.square(1))
    pooled = builder.global_pool("pool", builder.input)
    scores = builder.linear("gate.fc", pooled, 8, "relu1")
    builder.elementwise("threshold", "gate.threshold", (scores,))
    x = builder.conv("a", builder.input, 8, Window.square(3))
    if added:
        x = builder.elementwise("add", "sum", (x, beside))
    if not answer:
        x = builder.conv("b", x, 8, Window.square(3), groups=groups)
        builder.linear("head", builder.global_pool("last", x), 10)
    steps = ("pool", "gate.fc", "gate.threshold")
    builder.gate(Gate(name="gate", kind="channel", size=8, reads="input", computed_by=steps, guards=("a",)))
    return builder.finish()


def test_a_block_of_lc_net_leaves_nothing_beside_its_convolutions() -> None:
    """Scores, the add and the next gate's pool ride on the convolutions; the add reads the shortcut."""
    found = absorb(LC_NET, hosts_of(LC_NET), STAGES, Compiler())
    assert found["block1.scale_channels"] == Absorbed("block1.conv1")
    assert found["block1.scale"] == Absorbed("block1.conv2")
    assert found["block1.add"] == Absorbed("block1.conv2", operand="stem")
    assert found["block2.pool"] == Absorbed("block1.conv2")
    assert found["block2.add"] == Absorbed("block2.conv2", operand="block2.shortcut")
    left = {op.kind for op in LC_NET.ops if op.name not in found}
    assert left == {"conv", "linear", "threshold"}


@pytest.mark.parametrize(
    ("stage", "kinds"), [("scale", {"mul"}), ("global_pool", {"global_avg_pool"}), ("add", set())]
)
def test_only_what_the_stage_can_do_is_taken_over(stage: str, kinds: set[str]) -> None:
    """Without scaling the score's product stands between convolution and add, so the add has no host."""
    found = absorb(LC_NET, hosts_of(LC_NET), [stage], Compiler())  # type: ignore[list-item]
    taken = {LC_NET.op(name).kind for name in found}
    if stage == "global_pool":  # the stem's only: every other pool reads an add
        assert set(found) == {"block1.pool"}
    assert taken == kinds


def scaled_behind_a_pool(*, late: bool = False, forked: bool = False) -> NetworkGraph:
    """input 4x8x8 -> conv a (8 channels, gated) -> max pool -> scale by the gate's score -> conv b."""
    builder = GraphBuilder("pooled", 4, 8, 8)

    def gate_ops(reads: Tensor) -> Tensor:
        score = builder.linear("gate.fc", builder.global_pool("gate.pool", reads), 8, "relu1")
        builder.elementwise("threshold", "gate.threshold", (score,))
        return score

    early = None if late else gate_ops(builder.input)
    x = builder.conv("a", builder.input, 8, Window.square(3))
    score = early or gate_ops(x)
    pool = builder.pool("max_pool", "pool", x, Window.square(2, 2))
    x = builder.elementwise("mul", "scale", (pool, score))
    if forked:
        x = builder.elementwise("add", "sum", (x, pool))
    builder.conv("b", x, 8, Window.square(3))
    steps = ("gate.pool", "gate.fc", "gate.threshold")
    reads, guards = ("a", ("scale",)) if late else ("input", ("a",))
    builder.gate(Gate(name="gate", kind="channel", size=8, reads=reads, computed_by=steps, guards=guards))
    return builder.finish()


def test_a_score_behind_a_pool_joins_the_convolution_before_it() -> None:
    """max(s x) = s max(x) for s >= 0; what the pool stores is scaled already, so one tensor is stored, not two."""
    graph = scaled_behind_a_pool()
    found = absorb(graph, hosts_of(graph), ["scale"], Compiler())
    assert found == {"scale": Absorbed("pool")}
    design = load_design("edge_npu_16x16", {"memory.activation_buffer": "1 KiB"})
    pooled = Tensors.of(graph, design.section(Memory), Choices(taken=found))
    assert (pooled.sizes["pool"], pooled.sizes["scale"]) == (0, 8 * 5 * 5)
    assert pooled.lives["scale"] == range(graph.index["pool"], graph.index["b"] + 1)
    folded, kept = (
        replay(synthetic_trace(graph, 4), design, policy=policy).per_input
        for policy in (Policy(), Policy(fold=False))
    )
    assert (folded.latency_us < kept.latency_us).all()


@pytest.mark.parametrize("how", [{"late": True}, {"forked": True}])
def test_a_score_that_comes_late_or_a_pool_that_somebody_else_reads_keeps_its_scale(
    how: dict[str, bool],
) -> None:
    graph = scaled_behind_a_pool(**how)
    assert absorb(graph, hosts_of(graph), ["scale"], Compiler()) == {}


def test_switched_off_steps_take_nothing_over() -> None:
    assert absorb(LC_NET, hosts_of(LC_NET), STAGES, Compiler.naive()) == {}
    folded = absorb(LC_NET, hosts_of(LC_NET), STAGES, Compiler.without(["fuse"]))
    assert {LC_NET.op(name).kind for name in folded} == {"mul"}


def test_a_tensor_that_somebody_else_reads_keeps_its_add() -> None:
    """conv -> add, and conv -> head: the convolution's own result is needed too."""
    builder = GraphBuilder("forked", 4, 4, 4)
    first = builder.conv("first", builder.input, 4, Window.square(1))
    second = builder.conv("second", first, 4, Window.square(3))
    builder.elementwise("add", "sum", (first, second))
    assert absorb(builder.finish(), ["first", "second"], STAGES, Compiler()) == {
        "sum": Absorbed("second", operand="first")
    }
    builder.linear("head", builder.global_pool("pool", second), 2)
    forked = builder.finish()
    assert set(absorb(forked, ["first", "second"], STAGES, Compiler())) == {"pool"}


@pytest.mark.parametrize(
    ("name", "stage"), [("cortex_m4", "add"), ("cortex_m55", "global_pool"), ("gemmini_16x16", "global_pool")]
)
def test_a_stage_that_no_unit_can_schedule_is_refused_by_name(name: str, stage: str) -> None:
    """A core adds by instructions, and Gemmini's library pools windows alone: neither comes for nothing."""
    with pytest.raises(ConfigError, match=f"'{stage}' cannot be scheduled"):
        load_design(name, {"output_stage": f"[activation, {stage}]"})


def test_a_host_takes_over_what_its_own_unit_can() -> None:
    able = {name: ("scale",) for name in hosts_of(LC_NET)}
    found = absorb(LC_NET, hosts_of(LC_NET), STAGES, Compiler(), able)  # type: ignore[arg-type]
    assert {LC_NET.op(name).kind for name in found} == {"mul"}


def test_a_fusion_that_the_graph_cannot_use_is_silent() -> None:
    design = load_design("edge_npu_16x16", {"output_stage": "[activation, max_pool]"})
    assert not plan(LC_NET, design, Compiler()).taken


def test_an_operand_made_later_than_the_host_cannot_be_added_on_its_way_out() -> None:
    """The shortcut's own op runs on a unit without a stage, after the convolution."""
    builder = GraphBuilder("late", 4, 4, 4)
    early = builder.conv("early", builder.input, 4, Window.square(3))
    late = builder.pool("avg_pool", "late", builder.input, Window.square(3))
    builder.elementwise("add", "sum", (early, late))
    assert absorb(builder.finish(), ["early"], STAGES, Compiler()) == {}


def test_channels_are_sorted_most_often_kept_first() -> None:
    orders = channel_orders(LC_NET, RATES)
    assert list(orders) == ["block1.cnet"]
    assert orders["block1.cnet"].tolist() == list(range(15, -1, -1))


def test_a_sorted_trace_is_the_permuted_networks_own() -> None:
    """Kept counts stay, positions move: bit i of the sorted mask is bit order[i] of the recorded one."""
    trace = synthetic_trace(LC_NET, 20, seed=1, settings=SyntheticSettings(rates=0.4))
    orders = channel_orders(LC_NET, RATES)
    there = sort_channels(trace, orders)
    assert (there.mask("block1.cnet") == trace.mask("block1.cnet")[:, ::-1]).all()
    assert there.decisions["block2.cnet"] is trace.decisions["block2.cnet"]
    assert (lower(there).macs == lower(trace).macs).all()
    back = sort_channels(there, {"block1.cnet": np.argsort(orders["block1.cnet"])})
    assert (back.decisions["block1.cnet"] == trace.decisions["block1.cnet"]).all()


@pytest.mark.parametrize(
    ("graph", "free"),
    [
        (gated(), True),
        (gated(groups=2), False),  # the channels of a group belong together
        (gated(answer=True), False),  # the order of answers means something
        (gated(added=True), False),  # beside.conv's channels lie where they lie
    ],
)
def test_only_channels_that_end_in_products_can_be_sorted(graph: NetworkGraph, free: bool) -> None:
    assert can_sort(graph.gate("gate"), graph) is free
    assert bool(channel_orders(graph, {"gate": [0.5] * 8})) is free


def test_a_trace_without_rates_is_left_as_it_is() -> None:
    trace = synthetic_trace(LC_NET, 5, seed=1)
    assert sort_channels(trace, channel_orders(LC_NET, {})) is trace


@given(st.lists(st.floats(0, 1), min_size=16, max_size=16))
def test_sorting_groups_what_is_kept_together(rates: list[float]) -> None:
    """Channels that are always kept or never: sorted, they fill the fewest groups of four there are."""
    kept = np.array(rates) > 0.5
    order = channel_orders(LC_NET, {"block1.cnet": [float(k) for k in kept]})["block1.cnet"]
    filled = kept[order].reshape(4, 4).any(axis=1).sum()
    assert filled == -(-kept.sum() // 4)


def test_a_step_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'fusse': no such step; did you mean 'fuse'"):
        Compiler.without(["fusse"])
    assert Compiler.without(["pin"]) == replace(Compiler(), pin=False)
    assert Compiler.naive().steps == ()
    assert Compiler().steps == STEPS


@pytest.mark.parametrize("size", [1, 7, 8, 9, 63, 64, 65, 130, 700])
def test_bits_are_permuted_as_columns_are(size: int) -> None:
    rng = np.random.default_rng(size)
    mask, order = rng.random((20, size)) < 0.5, rng.permutation(size)
    np.testing.assert_array_equal(permuted(pack_mask(mask), order), pack_mask(mask[:, order]))
