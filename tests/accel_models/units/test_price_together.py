"""Many ops priced at once cost exactly what they cost one by one."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.compiling.places import place
from accel_models.cost import TILE_AIMS, Cost
from accel_models.design.design import Design
from accel_models.design.load import design_names, load_design
from accel_models.design.unit_sections import Array
from accel_models.units.pricing import CostAsked, price, price_alike, price_all
from accel_models.work.skipping import skip
from traces import NetworkGraph, SyntheticSettings, cifar_resnet, load_network, lower, synthetic_trace

DESIGNS = {name: load_design(name) for name in design_names()}


def assert_equal(together: Cost, alone: Cost) -> None:
    for field in fields(Cost):
        ours, theirs = getattr(together, field.name), getattr(alone, field.name)
        if field.name == "energy":
            for part in fields(theirs):
                np.testing.assert_array_equal(getattr(ours, part.name), getattr(theirs, part.name))
        elif isinstance(theirs, np.ndarray):
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)
        else:
            assert ours == theirs, field.name


def check(graph: NetworkGraph, design: Design, rate: float, seed: int) -> None:
    trace = synthetic_trace(graph, 40, SyntheticSettings(rates=rate), seed=seed)
    states, placements = skip(lower(trace), design).states, place(graph, design)
    together = price_all(states, placements, design)
    for cost, work, placement in zip(together, states, placements, strict=True):
        assert_equal(cost, price(work, placement, design))


@pytest.mark.parametrize("name", design_names())
def test_on_every_shipped_design(name: str) -> None:
    check(cifar_resnet(8, "both"), DESIGNS[name], 0.6, 0)


@pytest.mark.parametrize("network", ["mobilenetv1_025_96", "dscnn_kws", "fc_autoencoder"])
@pytest.mark.parametrize("name", ["edge_npu_16x16", "cortex_m4"])
def test_on_depthwise_and_dense_networks(network: str, name: str) -> None:
    check(load_network(network), DESIGNS[name], 1.0, 0)


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(["edge_npu_16x16", "gemmini_16x16", "eyeriss", "cortex_m7"]),
    st.sampled_from(["layer", "channel", "both"]),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_on_any_trace(name: str, gates: str, rate: float, seed: int) -> None:
    check(cifar_resnet(8, gates), DESIGNS[name], rate, seed)  # type: ignore[arg-type]


def test_what_does_not_fit_says_why_op_by_op() -> None:
    small = load_design("edge_npu_16x16", {"memory.weight_buffer": "256 B", "memory.banks": 1})
    graph = cifar_resnet(8, "layer")
    states, placements = skip(lower(synthetic_trace(graph, 4)), small).states, place(graph, small)
    misfits = {cost.misfit for cost in price_all(states, placements, small)} - {None}
    assert len(misfits) > 1
    assert misfits == {price(w, p, small).misfit for w, p in zip(states, placements, strict=True)} - {None}


GRID: dict[str, list[object]] = {  # settings that become columns, each with values that tiles answer to
    "array.rows": [8, 24, 32, 64, 100],
    "array.cols": [4, 16, 40, 128],
    "memory.activation_buffer": ["16 KiB", "64 KiB", "200 KiB"],
    "memory.weight_buffer": ["2 KiB", "16 KiB", "96 KiB"],
    "memory.accumulator_buffer": ["2 KiB", "16 KiB"],
    "memory.tile_overhead_cycles": [0, 32, 500],
    "memory.dram.bandwidth": ["0.5 GB/s", "8 GB/s", "1 TB/s"],
    "memory.dram.latency": ["0 ns", "80 ns"],
}


@st.composite
def designs_side_by_side(draw: st.DrawFn) -> list[Design]:
    base = draw(
        st.sampled_from(["edge_npu_16x16", "edge_npu_32x32", "nvdla_small", "zigzag_tpu_like", "eyeriss"])
    )
    choice = st.fixed_dictionaries({path: st.sampled_from(values) for path, values in GRID.items()})
    if base == "eyeriss":  # whose passes are chosen design by design
        return [
            load_design(base, {"memory.dram.bandwidth": value}) for value in GRID["memory.dram.bandwidth"]
        ]
    flow = draw(st.sampled_from(["ws", "os", "is"] if DESIGNS[base].section(Array).pixels == 1 else ["ws"]))
    fixed: dict[str, object] = {
        "memory.banks": 1,
        "array.dataflow": flow,
        "mapping": draw(st.sampled_from(["latency", "energy"])),
    }
    chosen = draw(st.lists(choice, min_size=2, max_size=5))
    return [load_design(base, fixed | values) for values in chosen]


@settings(deadline=None, max_examples=12)
@given(designs_side_by_side(), st.sampled_from(["resnet", "depthwise"]), st.integers(0, 99))
def test_designs_side_by_side_cost_what_each_costs_alone(designs: list[Design], net: str, seed: int) -> None:
    check_side_by_side(
        designs, cifar_resnet(8, "both") if net == "resnet" else load_network("mobilenetv1_025_96"), seed
    )


def test_tiles_for_energy_of_buffers_side_by_side_are_those_of_each_alone() -> None:
    """Each design's buffers have energies of their own, so the tiles that cost least differ from design to design."""
    buffers = [("16 KiB", "2 KiB", "2 KiB"), ("64 KiB", "16 KiB", "16 KiB"), ("200 KiB", "96 KiB", "2 KiB")]
    designs = [
        load_design(
            "edge_npu_16x16",
            {
                "mapping": "energy",
                "memory.banks": 1,
                "memory.activation_buffer": activations,
                "memory.weight_buffer": weights,
                "memory.accumulator_buffer": sums,
            },
        )
        for activations, weights, sums in buffers
    ]
    check_side_by_side(designs, cifar_resnet(8, "both"), 0)


def check_side_by_side(designs: list[Design], graph: NetworkGraph, seed: int) -> None:
    trace = synthetic_trace(graph, 3, SyntheticSettings(rates=0.6), seed=seed)
    asked = []
    for design in designs:
        states, placements = skip(lower(trace), design).states, place(graph, design)
        aims = [replace(where, tile_aim=TILE_AIMS[i % 4]) for i, where in enumerate(placements)]
        asked += [CostAsked(work, where, design) for work, where in zip(states, aims, strict=True)]
    for cost, each in zip(price_alike(asked).each(), asked, strict=True):
        assert_equal(cost, price(each.work, each.placement, each.design))
