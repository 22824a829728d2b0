"""Vela's rows beside the microNPU: bounds kept, order and gaps of a file, what is not covered."""

from __future__ import annotations

import random

import pytest

from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import NotCovered, Pair, Skipped
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
    assert design.memory is not None
    assert design.memory.dram.bandwidth == 500e6
    assert design.clock == 250e6


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
