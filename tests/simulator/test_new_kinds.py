"""Unit: what the kinds of ops beside convolutions cost, worked by hand on an array's vector unit and on a core.

The vector unit of ``edge_npu_16x16`` takes 16 channels of a pixel a cycle and pass.  CMSIS-NN on a Cortex-M4 takes the
instructions per element of ``tables/software.yaml`` at 1.2575 cycles each, and 630 cycles for the call.
"""

from __future__ import annotations

from typing import Any

import pytest

from accel_models import load_design
from simulator import estimate
from traces import NetworkGraph

ARRAY, CORE = load_design("edge_npu_16x16"), load_design("cortex_m4")
CYCLES, CALL = 1.2575, 630  # a quarter of the instructions are loads or stores of two cycles, some in bursts


def graph(kind: str, given: tuple[int, int, int], out: tuple[int, int, int], **settings: Any) -> NetworkGraph:
    sizes = {
        f"{side}_{axis}": n
        for side, size in (("in", given), ("out", out))
        for axis, n in zip(("channels", "height", "width"), size, strict=True)
    }
    channels, height, width = given
    others = settings.pop("others", ())
    whole = {"input_channels": channels, "input_height": height, "input_width": width, "other_inputs": others}
    op = {"name": "op", "kind": kind, "inputs": ("input",), **sizes, **settings}
    return NetworkGraph.model_validate({"name": "one", "ops": (op,), **whole})


def priced(network: NetworkGraph, design: Any, batch: int | None = None) -> Any:
    return estimate(network, design, batch).rows[0]


ROWS = (40, 7, 1)  # 7 rows of 40 features: 280 elements, 7 x 3 vectors
KINDS = {
    # kind, out, settings: vectors of the array's unit, instructions per element x elements on the core
    "layer_norm": ("layer_norm", ROWS, {}, 3 * 7 * 3, 280 * (2 * 7 + 15)),  # sum, squares, scale
    "softmax": ("softmax", ROWS, {}, 4 * 7 * 3, 280 * 120),  # largest, exponentials, their sum, division
    "gelu": ("activation", ROWS, {"activation": "gelu"}, 7 * 3, 280 * 120),
    "leaky_relu": ("activation", ROWS, {"activation": "leaky_relu"}, 7 * 3, 280 * 3),
    "upsample": ("upsample", (40, 14, 2), {}, 28 * 3, 28 * 40),
    "reduce": ("reduce", (40, 1, 1), {}, 7 * 3, 280 * 7),
    "copy": ("copy", (7, 40, 1), {}, 40 * 1, 280 * 1),
}


@pytest.mark.parametrize("name", KINDS)
def test_elements_by_hand(name: str) -> None:
    kind, out, settings, vectors, instructions = KINDS[name]
    network = graph(kind, ROWS, out, **settings)
    assert priced(network, ARRAY).compute_cycles == vectors
    assert priced(network, CORE).total_cycles == pytest.approx(CALL + CYCLES * instructions, rel=1e-3)


def test_two_operands_are_added_row_by_row() -> None:
    """Both come from DRAM, the result stays on the chip; a smaller operand is added to every row."""
    whole, one = ({"name": "z", "channels": 40, "height": height} for height in (7, 1))
    row = priced(graph("add", ROWS, ROWS, inputs=("input", "z"), others=(whole,)), ARRAY)
    assert (row.compute_cycles, row.dram_bytes) == (7 * 3, 280 + 280)
    assert (
        priced(graph("add", ROWS, ROWS, inputs=("input", "z"), others=(one,)), ARRAY).compute_cycles == 7 * 3
    )


def test_both_operands_of_a_product_move() -> None:
    """8 rows of 64 features by 16 rows of 64, each a burst of DRAM: M = 8, K = 64, N = 16; the result stays."""
    other = ({"name": "z", "channels": 64, "height": 16},)
    network = graph("matmul", (64, 8, 1), (16, 8, 1), inputs=("input", "z"), others=other)
    row = priced(network, ARRAY)
    assert (row.macs, row.dram_bytes) == (8 * 64 * 16, 8 * 64 + 16 * 64)
    four = priced(network, ARRAY, batch=4)
    assert (four.batch, four.macs, four.dram_bytes) == (4, 4 * row.macs, 4 * row.dram_bytes)
    assert priced(network, CORE).macs == row.macs


def test_steps_of_a_cell_run_one_after_the_other() -> None:
    """100 x 1,087 cycles (one row by 64 x 256) after 7,003 for all inputs together (100 rows)."""
    network = graph("lstm_cell", (64, 100, 1), (64, 100, 1))
    assert priced(network, ARRAY).total_cycles == 100 * 1_087 + 7_003
    one = priced(graph("lstm_cell", (64, 1, 1), (64, 1, 1)), CORE).total_cycles
    assert priced(network, CORE).total_cycles > 90 * (one - CALL)


def test_a_product_finds_its_input_on_chip_where_the_op_before_left_it() -> None:
    """Alone, 64 rows of 256 features come from DRAM: 2,753 cycles; behind a convolution that made them, 1,102."""
    alone = priced(graph("linear", (256, 64, 1), (10, 64, 1)), ARRAY)
    assert (alone.total_cycles, alone.dram_bytes) == (2_753, 16_384)
    conv = {
        "name": "conv", "kind": "conv", "inputs": ("input",), "in_channels": 3, "in_height": 32, "in_width": 32,
        "out_channels": 16, "out_height": 32, "out_width": 32, "kernel_height": 3, "kernel_width": 3,
    }  # fmt: skip
    move = {
        "name": "rows", "kind": "reshape", "inputs": ("conv",), "in_channels": 16, "in_height": 32, "in_width": 32,
        "out_channels": 256, "out_height": 64,
    }  # fmt: skip
    mm = {
        "name": "mm", "kind": "linear", "inputs": ("rows",), "in_channels": 256, "in_height": 64,
        "out_channels": 10, "out_height": 64,
    }  # fmt: skip
    network = NetworkGraph.model_validate(
        {"name": "n", "input_channels": 3, "input_height": 32, "input_width": 32, "ops": (conv, move, mm)}
    )
    last = estimate(network, ARRAY).rows[-1]
    assert (last.total_cycles, last.dram_bytes) == (1_102, 0)
