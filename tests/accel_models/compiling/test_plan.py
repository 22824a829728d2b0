"""What the compiler decides on a design: fused ops, placed gates, pinned weights; worked out by hand."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models import Choices, Compiler, load_design, place, plan, plan_each, price_all, skip
from accel_models.compiling.rates import fetched_shares
from accel_models.cost import FREE, Cost
from accel_models.work.residency import fill
from traces import NetworkGraph, cifar_resnet, dense_workload
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.parts import Gate

NPU = load_design("edge_npu_16x16")
LC_NET = cifar_resnet(8, gates="both")


def residual(size: int = 8) -> NetworkGraph:
    """input -> first -> second, added to first: what fits on chip takes size x size x 16 bytes a tensor."""
    builder = GraphBuilder("residual", 16, size, size)
    first = builder.conv("first", builder.input, 16, Window.square(3))
    second = builder.conv("second", first, 16, Window.square(3))
    total = builder.elementwise("add", "sum", (second, first), "relu")
    builder.conv("last", total, 16, Window.square(1))
    return builder.finish()


def costs(graph: NetworkGraph, compiler: Compiler, **settings: str) -> dict[str, Cost]:
    design = load_design(
        "edge_npu_16x16", {name.replace("__", "."): value for name, value in settings.items()}
    )
    placed = place(graph, design, plan(graph, design, compiler))
    priced = price_all(skip(dense_workload(graph), design).states, placed, design)
    return dict(zip(graph.index, priced, strict=True))


def test_a_fused_add_takes_no_time_and_reads_its_shortcut_once() -> None:
    """64 pixels x 16 channels of int8: 1,024 bytes read from the buffer, nothing written, nothing moved."""
    fused = costs(residual(), Compiler())["sum"]
    apart = costs(residual(), Compiler.naive())["sum"]
    graph, design = residual(), load_design("edge_npu_16x16")
    units = [
        place(graph, design, plan(graph, design, compiler))[graph.index["sum"]].unit
        for compiler in (Compiler(), Compiler.naive())
    ]
    assert units == [FREE, "simd"]
    assert int(fused.compute_cycles[-1]) == 0
    assert int(fused.sram_bytes[-1]) == 1024
    assert int(fused.dram_bytes[-1]) == 0
    assert int(apart.compute_cycles[-1]) > 0
    assert int(apart.sram_bytes[-1]) == 3 * 1024  # two read, one written


def test_an_operand_that_does_not_stay_on_chip_is_fetched() -> None:
    """With a buffer of 2 KiB beside tensors of 1 KiB each, what the stage reads comes from DRAM once."""
    fused = costs(residual(), Compiler(), memory__activation_buffer="1 KiB")["sum"]
    assert int(fused.input_bytes[-1]) == 1024
    assert int(fused.output_bytes[-1]) == 0  # written by its host
    assert int(fused.input_cycles[-1]) > 0


def test_the_host_writes_the_sum_and_not_what_it_adds_to() -> None:
    """Unfused, three tensors cross the bus around the add; fused, the sum alone leaves."""
    small = {"memory__activation_buffer": "1 KiB"}
    fused, apart = costs(residual(), Compiler(), **small), costs(residual(), Compiler.naive(), **small)
    moved = [sum(int(cost.dram_bytes[-1]) for cost in each.values()) for each in (fused, apart)]
    assert moved[1] - moved[0] == 3 * 1024 - 1024


def test_each_gate_product_runs_on_its_cheaper_unit() -> None:
    units = plan(LC_NET, NPU, Compiler()).gate_units
    gate_ops = {op.name for op in LC_NET.ops if op.kind == "linear" and op.name in LC_NET.gate_ops}
    assert set(units) == gate_ops
    states = [s for s in skip(dense_workload(LC_NET), NPU).states if s.op.name in gate_ops]
    for state in states:
        at = LC_NET.index[state.op.name]
        alone = {}
        for unit in ("array", "simd"):
            moved = load_design("edge_npu_16x16", {"gate_unit": unit})
            (cost,) = price_all([state], [place(LC_NET, moved)[at]], moved)
            alone[unit] = int(cost.alone_cycles[-1])
        assert alone[units[state.op.name]] == min(alone.values())


def test_a_gate_product_stays_where_decisions_are_made_if_handing_them_over_takes_longer() -> None:
    """Its block's L-Net decides beside the array whether a C-Net runs: there it waits for nothing more."""
    free, dear = (
        plan(LC_NET, load_design("edge_npu_16x16", {"gate_handover": time}), Compiler()).gate_units
        for time in ("0 us", "10 us")
    )
    assert free["block3.cnet.fc"] == "array"
    assert dear["block3.cnet.fc"] == "simd"
    assert free["block3.lnet.fc"] == dear["block3.lnet.fc"]


def test_a_design_that_names_its_gate_unit_is_obeyed() -> None:
    design = load_design("edge_npu_16x16", {"gate_unit": "array"})
    assert plan(LC_NET, design, Compiler()).gate_units == {}
    at = LC_NET.index["block1.cnet.fc"]
    assert place(LC_NET, design, plan(LC_NET, design, Compiler()))[at].unit == "array"


def test_weights_are_pinned_beside_room_for_the_two_largest() -> None:
    """A ResNet-8 holds about 77 KiB of weights, the two largest of them 36 and 18 KiB."""
    graph = cifar_resnet(8)
    sizes = {op.name: op.weight_count for op in graph.ops if op.weight_count}
    room = 70 * 1024
    design = load_design("edge_npu_16x16", {"memory.weight_buffer": f"{room} B"})
    pinned = plan(graph, design, Compiler()).pinned or frozenset()
    left = room - sum(sizes[name] for name in pinned)
    assert pinned
    assert left >= sum(sorted(sizes.values())[-2:])
    assert all(
        left - size < sum(sorted(sizes.values())[-2:]) for name, size in sizes.items() if name not in pinned
    )
    placed = place(graph, design, plan(graph, design, Compiler()))
    assert {op.name for op, p in zip(graph.ops, placed, strict=True) if p.weights_resident} == pinned


def test_weights_that_gates_often_leave_out_save_less_by_staying() -> None:
    """Of two ops as large, of which one finds room, the one stays that more inputs fetch: 90 against 20 %.

    What hardware cannot skip is always fetched: then the first of equals stays.
    """
    builder = GraphBuilder("two blocks", 32, 8, 8)
    tensor = builder.input
    for name in ("rare", "often", "large", "larger"):
        channels = 32 if name in {"rare", "often"} else 96
        tensor = builder.conv(name, tensor, channels, Window.square(3 if channels == 32 else 5))
    for name in ("rare", "often"):
        builder.gate(Gate(name=f"{name}.gate", kind="layer", size=1, reads="input", guards=(name,)))
    graph = builder.finish()
    sizes = sorted(op.weight_count for op in graph.ops)
    room = {"memory.weight_buffer": f"{sizes[0] + sum(sizes[-2:])} B"}
    rates = {"rare.gate": (0.2,), "often.gate": (0.9,)}

    def pinned(rates: Mapping[str, tuple[float, ...]], **settings: str) -> frozenset[str] | None:
        design = load_design("edge_npu_16x16", {**room, **settings})
        return plan_each([(graph, design)], Compiler(), Choices(rates=rates))[0].pinned

    assert pinned(rates) == {"often"}
    assert pinned({"rare.gate": (0.9,), "often.gate": (0.2,)}) == {"rare"}
    assert pinned(rates, **{"skip.layers": "false"}) == pinned({}) == {"rare"}


def test_what_a_batch_fetches() -> None:
    """A layer gate of 0.5, and of the outputs that its channel gate keeps 0.25; of two inputs one suffices."""
    graph = cifar_resnet(8, "both")
    rates = {gate.name: (0.5 if gate.kind == "layer" else 0.25,) * gate.size for gate in graph.gates}
    one, two = (fetched_shares(graph, rates, NPU.skip, batch) for batch in (1, 2))
    assert (one["stem"], one["block1.conv1"], one["block1.conv2"]) == (1.0, 0.125, 0.5)
    assert (two["stem"], two["block1.conv1"], two["block1.conv2"]) == (1.0, 1 - 0.875**2, 0.75)
    assert fetched_shares(graph, {}, NPU.skip)["block1.conv2"] == 1.0


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 9)), max_size=7), st.integers(0, 30))
def test_the_knapsack_is_worth_as_much_as_trying_everything(items: list[tuple[int, int]], room: int) -> None:
    chosen = fill([64 * grain for grain, _ in items], 64 * room + 63, [float(value) for _, value in items])
    best = max(
        sum(value for _, value in some)
        for k in range(len(items) + 1)
        for some in itertools.combinations(items, k)
        if sum(grain for grain, _ in some) <= room
    )
    assert sum(items[i][0] for i in chosen) <= room
    assert sum(items[i][1] for i in chosen) == best


def test_nothing_is_pinned_where_all_weights_fit_or_none_do() -> None:
    graph = cifar_resnet(8)
    for size in ("128 KiB", "1 KiB"):
        design = load_design("edge_npu_16x16", {"memory.weight_buffer": size})
        assert not plan(graph, design, Compiler()).pinned
    assert plan(graph, NPU, Compiler.naive()).pinned is None


@given(st.lists(st.integers(1, 12), max_size=7), st.integers(0, 30))
def test_the_knapsack_is_as_full_as_trying_everything(grains: list[int], room: int) -> None:
    sizes = [64 * grain for grain in grains]
    best = max(
        sum(chosen)
        for k in range(len(grains) + 1)
        for chosen in itertools.combinations(grains, k)
        if sum(chosen) <= room
    )
    chosen = fill(sizes, 64 * room + 63, [float(size) for size in sizes])
    assert len(set(chosen)) == len(chosen)
    assert sum(grains[i] for i in chosen) == best


@pytest.mark.parametrize("name", ["edge_npu_16x16", "edge_npu_32x32", "cortex_m4", "gemmini_16x16"])
def test_a_compiled_network_moves_no_more_and_computes_no_longer(name: str) -> None:
    """Op by op summed: what a stage takes over, and what stays, only goes."""
    design = load_design(name)
    for graph in (LC_NET, LC_NET.without_gates()):
        totals = []
        for compiler in (Compiler(), Compiler.naive()):
            placed = place(graph, design, plan(graph, design, compiler))
            priced = price_all(skip(dense_workload(graph), design).states, placed, design)
            totals.append(
                np.array(
                    [[c.compute_cycles[-1], c.dram_bytes[-1], c.energy.total_pj[-1]] for c in priced]
                ).sum(0)
            )
        assert (totals[0] <= totals[1] * (1 + 1e-12)).all()
