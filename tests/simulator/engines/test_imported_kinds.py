"""Every kind of op that readers make goes the whole way: priced by hand where that is short, replayed alike by both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accel_models import load_design
from simulator import estimate, replay
from traces import NetworkGraph, Op, static_trace


def graph_of(*ops: dict[str, Any], channels: int = 8, height: int = 6, width: int = 6) -> NetworkGraph:
    """Return a graph of ops in a row, each as large as its input unless it says otherwise."""
    made: list[Op] = []
    size, source = (channels, height, width), "input"
    for i, values in enumerate(ops):
        name = f"op{i}"
        inside = dict(zip(("in_channels", "in_height", "in_width"), size, strict=True))
        outside = dict(zip(("out_channels", "out_height", "out_width"), size, strict=True))
        fields = {"name": name, "inputs": (source,), **inside, **outside, **values}
        made.append(Op.model_validate(fields))
        size, source = (made[-1].out_channels, made[-1].out_height, made[-1].out_width), name
    return NetworkGraph(
        name="net", input_channels=channels, input_height=height, input_width=width, ops=tuple(made)
    )


KINDS: dict[str, dict[str, Any]] = {
    "matmul": {"kind": "matmul", "inputs": ("op0", "op0"), "out_channels": 36},
    "conv_transpose": {
        "kind": "conv_transpose", "kernel_height": 2, "kernel_width": 2, "stride_height": 2, "stride_width": 2,
        "out_height": 12, "out_width": 12, "out_channels": 4,
    },
    "lstm_cell": {"kind": "lstm_cell", "out_channels": 16},
    "gru_cell": {"kind": "gru_cell", "out_channels": 16},
    "rnn_cell": {"kind": "rnn_cell", "out_channels": 16},
    "layer_norm": {"kind": "layer_norm"},
    "gelu": {"kind": "activation", "activation": "gelu"},
    "leaky_relu": {"kind": "activation", "activation": "leaky_relu"},
    "upsample": {"kind": "upsample", "out_height": 12, "out_width": 12},
    "copy": {"kind": "copy", "out_channels": 288, "out_height": 1, "out_width": 1},
    "slice": {"kind": "slice", "out_channels": 4},
    "reshape": {"kind": "reshape", "out_channels": 288, "out_height": 1, "out_width": 1},
    "reduce": {"kind": "reduce", "out_channels": 1},
    "global_max_pool": {"kind": "global_max_pool", "out_height": 1, "out_width": 1},
    "grouped linear": {"kind": "linear", "out_channels": 16, "groups": 4},
}  # fmt: skip
MACS = {
    "matmul": 36 * 8 * 36,
    "conv_transpose": 36 * 8 * 4 * 4,
    "lstm_cell": 36 * 4 * 16 * (8 + 16),
    "gru_cell": 36 * 3 * 16 * (8 + 16),
    "rnn_cell": 36 * 16 * (8 + 16),
    "grouped linear": 36 * 2 * 4 * 4,
}


@pytest.mark.parametrize("design", ["edge_npu_16x16", "cortex_m55", "gemmini_16x16", "ethos_u55_128"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_goes_the_whole_way(kind: str, design: str) -> None:
    """The op between two convolutions; the engines agree, MACs are those of its product, nothing is free by mistake."""
    conv = {"kind": "conv", "kernel_height": 1, "kernel_width": 1, "out_channels": 8}
    graph = graph_of(conv, KINDS[kind], conv)
    hardware = load_design(design)
    row = estimate(graph, hardware).rows[1]
    assert row.macs == MACS.get(kind, 0) == graph.ops[1].macs
    works = design == "cortex_m55" and kind != "reshape"
    assert row.compute_cycles > 0 or not (works or kind in MACS)
    if kind == "reshape":
        assert row.total_cycles == row.dram_bytes == row.energy_pj == 0
    fast = replay(static_trace(graph, 2), hardware, explain=False)
    events = replay(static_trace(graph, 2), hardware, explain=False, engine="events")
    assert np.array_equal(fast.per_input["latency_cycles"], events.per_input["latency_cycles"])
    assert fast.replayed.accuracy is None


def test_steps_of_a_cell_wait_for_each_other() -> None:
    """100 steps of 64 -> 64: one product of 100 x 64 x 256 with the inputs, then a hundred of 1 x 64 x 256."""
    design = load_design("edge_npu_16x16")
    cell = {"kind": "lstm_cell", "out_channels": 64}
    step = graph_of({"kind": "linear", "out_channels": 256}, channels=64, height=1, width=1)
    inputs = graph_of({"kind": "linear", "out_channels": 256}, channels=64, height=100, width=1)
    cells = estimate(graph_of(cell, channels=64, height=100, width=1), design).rows[0]
    one, all_inputs = estimate(step, design).rows[0], estimate(inputs, design).rows[0]
    assert cells.compute_cycles >= 100 * one.compute_cycles + all_inputs.compute_cycles - 1
    assert cells.total_cycles == 115_703


@pytest.mark.parametrize("batch", [1, 4])
def test_inputs_of_a_batch_have_both_operands_of_their_own(batch: int) -> None:
    """A product of activations takes as many products as inputs, one with weights more rows of one product."""
    design = load_design("systolic_bare")
    graph = graph_of({"kind": "matmul", "inputs": ("input", "input"), "out_channels": 36})
    row = estimate(graph, design, batch).rows[0]
    alone = estimate(graph, design, 1).rows[0]
    assert row.macs == batch * alone.macs
    assert row.compute_cycles == batch * alone.compute_cycles


def test_a_view_of_the_input_still_comes_from_dram() -> None:
    design = load_design("edge_npu_16x16")
    view = {"kind": "reshape", "out_channels": 288, "out_height": 1, "out_width": 1}
    rows = estimate(graph_of(view, {"kind": "linear", "out_channels": 10}), design).rows
    assert rows[1].dram_bytes >= 288


def test_groups_of_a_layer_each_end_an_index_early_as_scale_sim_prints_them() -> None:
    """64 layers of one channel, 142 cycles each by SCALE-Sim 3, which prints the index of the last cycle."""
    layer = {
        "kind": "conv", "groups": 64, "out_height": 7, "out_width": 7,
        "kernel_height": 3, "kernel_width": 3,
    }  # fmt: skip
    design = load_design(
        "systolic_bare", {"array.rows": 32, "array.cols": 32, "array.dataflow": "ws"}
    )  # fmt: skip
    assert estimate(graph_of(layer, channels=64, height=9, width=9), design).rows[0].total_cycles == 64 * 142
