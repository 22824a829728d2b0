"""Vela's rows beside the microNPU: bounds kept, order and gaps of a file, what is not covered."""

from __future__ import annotations

import random

import pytest

from accel_models.design.sections import Memory
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import NotCovered, Pair, Skipped
from analysis.validation.simd.mobilenets import mobilenet_v1
from analysis.validation.vela.compare import vela_comparisons
from analysis.validation.vela.machine import design_of
from analysis.validation.vela.networks import network_graph
from analysis.validation.vela.ops import evaluate_ops
from tests.shared import ComparisonsOf

ROWS = [row for row in reference_rows("vela_ops") if row["accelerator"] == "ethos-u55-128"]
NET = [row for row in ROWS if row["network"] == "rn20_keep0.5"]


def test_the_model_keeps_its_bounds(comparisons_of: ComparisonsOf) -> None:
    assert [c.name for c in comparisons_of(vela_comparisons) if not c.holds] == []


def test_the_order_of_a_file_does_not_matter() -> None:
    shuffled = random.Random(0).sample(NET, len(NET))
    once = {row["row"]: found for row, found in zip(NET, evaluate_ops(NET), strict=True)}
    again = {row["row"]: found for row, found in zip(shuffled, evaluate_ops(shuffled), strict=True)}
    assert once == again


def test_a_row_without_the_op_before_is_still_predicted() -> None:
    """Its weights then hide behind an op as long as itself, which for these convolutions is nearly the same."""
    alone = [evaluate_ops([row])[0] for row in NET if row["op"] == "Conv2D" and row["row"] not in {"0", "2"}]
    assert all(isinstance(found, Pair) for found in alone)
    assert sum(found.error for found in alone if isinstance(found, Pair)) / len(alone) < 0.05


def test_what_no_design_covers_is_skipped_with_its_name() -> None:
    bad: list[tuple[Row, str]] = [
        ({**NET[0], "accelerator": "ethos-u55-127"}, "no design 'ethos_u55_127'"),
        ({**NET[0], "op": "Gather"}, "op 'Gather'"),
        ({**NET[0], "system_config": "Mine"}, "system 'Mine'"),
        ({**NET[0], "memory_mode": "Sram_Only"}, "memory mode 'Sram_Only'"),
        ({**NET[0], "op_cycles": ""}, "no op_cycles"),
    ]
    for row, reason in bad:
        (found,) = evaluate_ops([row])
        assert isinstance(found, Skipped)
        assert reason in found.reason
    with pytest.raises(NotCovered, match="densenet_like"):
        network_graph("densenet_like")


def test_a_row_states_its_memories() -> None:
    design = design_of({**NET[0], "offchip_bytes_per_cycle": "2", "core_clock_hz": "250000000"})
    assert design.section(Memory).dram.bandwidth == 500e6
    assert design.clock == 250e6


def test_networks_of_other_sizes_by_their_names() -> None:
    """MobileNets of any width and size; a CIFAR ResNet has 6 n + 2 layers or is refused."""
    assert network_graph("rn32_dense").macs > 1.6 * network_graph("rn20_dense").macs
    with pytest.raises(
        NotCovered, match=r"'rn21_dense': no graph; known: CIFAR ResNets rn20_... of 6 n \+ 2"
    ):
        network_graph("rn21_dense")
    mean = 2304  # Vela's is a depthwise convolution of 3 x 3 taps and 256 channels
    assert network_graph("mbv1_025_96").macs == mobilenet_v1(0.25, 96, 10).macs + mean


def test_the_graphs_have_vela_macs() -> None:
    rows = {row["network"]: int(row["macs"]) for row in reference_rows("vela_networks")}
    for name in (
        "rn20_dense",
        "rn20_w8",
        "rn20_keep0.5",
        "rn32_dense",
        "rn20_gate_chan_mul",
        "inception_like",
    ):
        pools = {"rn20_gate_chan_mul": 0.02, "inception_like": 0.05}.get(
            name, 0.001
        )  # Vela counts the taps of pools as MACs
        assert network_graph(name).macs == pytest.approx(rows[name], rel=pools)


def test_parts_of_a_concatenated_tensor_on_a_u85() -> None:
    """Vela: 16 and 8 of 48 channels of 32 x 32 pixels are each 9,600 cycles of writing; a pool reads 18,000 cycles.

    All 48 channels count for each part, 64 bytes for each 16: 49,152 x 4 bytes at 20.48 a cycle.
    """
    wanted = {"accelerator": "ethos-u85-256", "memory_mode": "Shared_Sram", "op": "Conv2D"}
    one = next(r for r in reference_rows("vela_ops") if wanted.items() <= r.items())
    sides = dict.fromkeys(("ifm_h", "ifm_w", "ofm_h", "ofm_w"), "32")
    row = {
        **one,
        **sides,
        "network": "made",
        "fused": "Relu",
        "ifm_c": "16",
        "ofm_c": "16",
        "tflite_op": "Conv2D",
    }
    row |= dict.fromkeys(("kernel_h", "kernel_w", "stride_h", "stride_w"), "1")
    part = {"ifm_full_c": "16", "ofm_full_c": "48"}
    pool = {
        "tflite_op": "MaxPool",
        "op": "MaxPool",
        "fused": "",
        "ifm_c": "48",
        "ofm_c": "48",
        "ofm_h": "16",
        "ofm_w": "16",
    }
    pool |= dict.fromkeys(("kernel_h", "kernel_w", "stride_h", "stride_w"), "2")
    rows = [
        {**row, "row": "0"},
        {**row, **part, "row": "2", "op_cycles": "9600"},
        {**row, **part, "row": "4", "ofm_c": "8", "op_cycles": "9600"},
        {**row, **pool, "row": "6", "op_cycles": "18000"},
        {**row, "row": "8"},
    ]
    for found in evaluate_ops(rows)[1:4]:
        assert isinstance(found, Pair)
        assert found.predicted == pytest.approx(found.measured, rel=1e-3)
