"""Layers fused depth-first: bytes saved by hand, what gates forbid, and that it never costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models import (
    Compiler,
    Copies,
    Design,
    Group,
    Placement,
    deciding_ops,
    fused,
    load_design,
    place,
    plan,
    price_all,
    skip,
    ways_to_fuse,
)
from simulator import Policy, replay
from simulator.engines import events, fast
from simulator.engines.fast import simulate, simulate_tasks
from simulator.replays.accounting import dense_answer, spent
from simulator.replays.prepare import Prepared, Setting, prepare
from tests.shared import there
from traces import Gate, NetworkGraph, Trace, cifar_resnet, dense_workload, lower
from traces.graphs.build import GraphBuilder, Window
from traces.synthetic import SyntheticSettings, synthetic_trace

APART = Policy(depth_first=False)
PLANE = 32 * 32 * 16  # a tensor of the two convolutions [B]
WEIGHTS = 2 * 9 * 16 * 16


def two_convolutions() -> NetworkGraph:
    builder = GraphBuilder("two", 16, 32, 32)
    first = builder.conv("first", builder.input, 16, Window.square(3))
    builder.conv("second", first, 16, Window.square(3))
    return builder.finish()


def gated(reads: str) -> NetworkGraph:
    """Return a block of two convolutions whose second has a channel gate that reads "before" or "first"."""
    builder = GraphBuilder("gated", 16, 32, 32)
    before = builder.conv("before", builder.input, 16, Window.square(3))
    if reads == "before":
        score = builder.linear("gate.fc", builder.global_pool("gate.pool", before), 16, "relu1")
        builder.elementwise("threshold", "gate.threshold", (score,))
    first = builder.conv("first", before, 16, Window.square(3))
    if reads == "first":
        score = builder.linear("gate.fc", builder.global_pool("gate.pool", first), 16, "relu1")
        builder.elementwise("threshold", "gate.threshold", (score,))
    builder.conv("second", first, 16, Window.square(3))
    builder.gate(
        Gate(
            name="gate", kind="channel", size=16, reads=reads, guards=("second",),
            computed_by=("gate.pool", "gate.fc", "gate.threshold"),
        )
    )  # fmt: skip
    return builder.finish()


def npu(**memory: str) -> Design:
    return load_design("edge_npu_16x16", {f"memory.{name}": value for name, value in memory.items()})


def dense(graph: NetworkGraph, design: Design, policy: Policy | None = None, batch: int = 1) -> Prepared:
    return prepare(Setting(dense_workload(graph.without_gates()), design, Copies(batch)), policy or Policy())


def dram_bytes(prepared: Prepared) -> int:
    times = simulate(prepared.tables, prepared.work.state_index)
    return int(spent(prepared, times).dram_bytes[0])


def able(graph: NetworkGraph, design: Design) -> tuple[tuple[Group, ...], tuple[Placement, ...]]:
    """Return what can be fused, and the placements with all of it fused, better or not."""
    choices = plan(graph, design, Compiler())
    placements = place(graph, design, choices)
    ways = ways_to_fuse(graph, design, choices, placements, deciding_ops(graph, design.skip))
    groups = ways[0] if ways else ()
    return groups, fused(graph, design, choices, placements, groups)


def bands_of(prepared: Prepared) -> dict[str, int]:
    pairs = zip(prepared.graph.ops, prepared.placements, strict=True)
    return {op.name: where.bands.count for op, where in pairs if where.bands is not None}


def test_what_lies_between_two_layers_never_leaves_the_chip() -> None:
    """Input, output and weights cross the bus once; without, the tensor between is stored and loaded too."""
    graph, design = two_convolutions(), npu(activation_buffer="8 KiB", weight_buffer="8 KiB")
    apart, together = dense(graph, design, APART), dense(graph, design)
    assert bands_of(apart) == {}
    assert dram_bytes(apart) == 4 * PLANE  # weights of this small network stay on chip
    assert dram_bytes(together) == 2 * PLANE


@pytest.mark.parametrize(("size", "bands"), [(7168, 16), (7167, 32), (5632, 32), (5631, None)])
def test_both_sides_of_the_activation_buffer_edge(size: int, bands: int | None) -> None:
    """Bands of 2 rows hold 4 of 512 B, and make 3 from 5 of the input, twice: 2,048 + 5,120 = 7,168 B.

    Of 1 row: 3 of them, and 2 made from 4: 1,536 + 4,096 = 5,632 B; with less nothing can be fused.
    """
    groups, _ = able(two_convolutions(), npu(activation_buffer=f"{size} B", weight_buffer="8 KiB"))
    assert groups == (() if bands is None else (Group(("first", "second"), bands),))


def test_a_halo_that_is_not_kept_is_computed_and_read_again() -> None:
    """In 16 bands of 2 rows the second reads 4 of the first's, 3 at the edges: 62 rows instead of 32."""
    graph, costs = two_convolutions(), []
    for halo_kept, rows in (("true", 32), ("false", 62)):
        design = npu(activation_buffer="8 KiB", weight_buffer="8 KiB", halo_kept=halo_kept)
        groups, placements = able(graph, design)
        assert groups == (Group(("first", "second"), 16),)
        assert there(placements[0].bands).rows == rows
        work = skip(dense_workload(graph), design)
        costs.append(price_all(work.states, placements, design))
    kept, again = costs
    assert int(again[0].macs[-1]) * 32 == int(kept[0].macs[-1]) * 62
    assert again[0].useful_macs[-1] == kept[0].useful_macs[-1]
    assert again[0].input_bytes[-1] > kept[0].input_bytes[-1] == PLANE
    assert again[1].macs[-1] == kept[1].macs[-1]


def test_weights_of_a_group_are_there_together() -> None:
    """Each layer has 2,304 B: 4,608 B hold both; a byte less and nothing is fused."""
    graph = two_convolutions()
    for size, fits in (("4608 B", True), ("4607 B", False)):
        assert bool(able(graph, npu(activation_buffer="8 KiB", weight_buffer=size))[0]) == fits


def test_the_first_band_waits_for_all_weights_of_its_group() -> None:
    builder = GraphBuilder("three", 16, 32, 32)
    x = builder.conv("first", builder.input, 16, Window.square(3))
    x = builder.conv("second", x, 16, Window.square(3))
    builder.linear("answer", builder.global_pool("pool", x), 4096)  # so that weights do not all stay
    graph = builder.finish()
    prepared = dense(graph, npu(activation_buffer="8 KiB", weight_buffer="8 KiB"), Policy(pin=False))
    assert set(bands_of(prepared)) == {"first", "second"}
    tasks = prepared.schedule.tasks
    at = {(graph.ops[task.op].name, task.kind): i for i, task in enumerate(tasks)}
    assert at["second", "weights"] < at["first", "compute"]
    times = simulate_tasks(prepared.tables, prepared.work.state_index)
    assert times.starts[0, at["first", "compute"]] >= times.ends[0, at["second", "weights"]]


@pytest.mark.parametrize(
    ("reads", "chain"), [("before", ("first", "second")), ("first", ("before", "first"))]
)
def test_a_gate_that_pools_a_tensor_keeps_its_reader_from_joining(reads: str, chain: tuple[str, ...]) -> None:
    """The gate needs all of what it reads before "second" knows its channels; decided a layer early it does not.

    Without the gate all three layers run band by band.
    """
    graph, design = gated(reads), npu(activation_buffer="8 KiB", weight_buffer="16 KiB")
    assert [group.ops for group in able(graph, design)[0]] == [chain]
    assert [group.ops for group in able(graph.without_gates(), design)[0]] == [("before", "first", "second")]


def prepare_inputs(trace: Trace, design: Design, policy: Policy | None = None) -> Prepared:
    return prepare(Setting(lower(trace), design), policy or Policy())


def test_a_skipped_block_skips_its_group() -> None:
    """Where a block is skipped neither of its layers, nor their bands, take time, bytes or energy."""
    graph, design = cifar_resnet(8, "layer"), npu(activation_buffer="8 KiB", weight_buffer="16 KiB")
    trace = synthetic_trace(graph, 50, SyntheticSettings(rates=0.5), seed=2)
    prepared = prepare_inputs(trace, design)
    found = bands_of(prepared)
    assert found
    guarded = [i for i, op in enumerate(graph.ops) if op.name in found and graph.guards_of(op.name)]
    assert guarded
    for i in guarded:
        cost, runs = prepared.costs[i], prepared.work.states[i].runs
        assert (~runs).any()
        assert not cost.compute_cycles[~runs].any()
        assert not cost.dram_bytes[~runs].any()
        assert not np.asarray(cost.energy.total_pj)[~runs].any()


KIBS = st.sampled_from([4, 8, 16, 32, 64])
NETWORKS = (cifar_resnet(8, "both"), two_convolutions(), gated("first"))


@given(
    graph=st.sampled_from(NETWORKS),
    kibs=st.tuples(KIBS, KIBS),
    halo=st.booleans(),
    mapping=st.sampled_from(["latency", "energy"]),
    tile=st.booleans(),
    batch=st.sampled_from([1, 3]),
)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_network_is_never_slower_nor_dearer_than_without(  # one per setting
    graph: NetworkGraph, kibs: tuple[int, int], halo: bool, mapping: str, tile: bool, batch: int
) -> None:
    design = load_design(
        "edge_npu_16x16",
        {
            "memory.activation_buffer": f"{kibs[0]} KiB",
            "memory.weight_buffer": f"{kibs[1]} KiB",
            "memory.halo_kept": str(halo).lower(),
            "mapping": mapping,
        },
    )
    with_it, apart = (
        dense(graph, design, Policy(depth_first=flag, tile=tile, batch=batch), batch)
        for flag in (True, False)
    )
    assert (with_it.misfit is None) == (apart.misfit is None)
    if with_it.misfit is None:
        after, before = dense_answer(with_it), dense_answer(apart)
        assert after[0] <= before[0]
        assert after[1] <= before[1] * (1 + 1e-12)


@pytest.mark.parametrize("dma", ["in_order", "out_of_order"])
@pytest.mark.parametrize("prefetch", ["wait", "speculate", "oracle"])
def test_both_engines_agree_on_groups_with_gates(dma: str, prefetch: str) -> None:
    graph, design = gated("before"), npu(activation_buffer="8 KiB", weight_buffer="5 KiB", dma=dma)
    trace = synthetic_trace(graph, 6, seed=3)
    prepared = prepare_inputs(trace, design, Policy.of({"prefetch": prefetch}))
    assert set(bands_of(prepared)) == {"first", "second"}
    times = [engine.simulate_tasks(prepared.tables, prepared.work.state_index) for engine in (fast, events)]
    assert np.array_equal(times[0].latency, times[1].latency)
    assert np.array_equal(times[0].ends, times[1].ends)


def test_an_oracle_waits_as_well_where_transfers_pass_others() -> None:
    """Passing a transfer that waits can pass the wrong one: known decisions alone once took longer than waiting."""
    design = npu(activation_buffer="8 KiB", weight_buffer="16 KiB", dma="out_of_order")
    trace = synthetic_trace(cifar_resnet(8, "both"), 12, seed=3)
    found = replay(trace, design, policy=Policy(depth_first=False, tile=False), explain=False)
    assert (found.per_input.gate_wait_cycles >= 0).all()
