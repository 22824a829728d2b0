"""Loops, scans, choices and what has no fixed size: unrolled where the model fixes them, else all listed at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, node, read
from traces.base.errors import UnsupportedError

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper = onnx.helper


def info(name: str, kind: int = 1, shape: tuple[int, ...] | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def loop_body(*nodes: Any, condition: str = "on", outputs: tuple[str, ...] = ("out",)) -> Any:
    """Return a body that reads one state (1, 8) and says whether to go on."""
    end = [helper.make_node("Identity", [condition], ["more"])] if condition == "on" else []
    inputs = [info("round", 7, ()), info("on", 9, ()), info("state", 1, (1, 8))]
    return helper.make_graph(
        [*nodes, *end], "body", inputs, [info("more", 9, ()), *(info(name) for name in outputs)]
    )


STEP = helper.make_node("MatMul", ["state", "w"], ["out"], name="step")
SQUARE = {"w": (8, 8)}
ROW = {"x": (1, 8)}


def loop(body: Any, outputs: str = "y", rounds: str = "five") -> list[Any]:
    """Return a loop of five rounds, or of as many as ``rounds`` says."""
    constants = [
        helper.make_node("Constant", [], ["five"], value=onnx.numpy_helper.from_array(np.array(5, np.int64))),
        helper.make_node("Constant", [], ["yes"], value=onnx.numpy_helper.from_array(np.array(True))),
    ]
    return [
        *constants,
        helper.make_node("Loop", [rounds, "yes", "x"], outputs.split(), name="loop", body=body),
    ]


@pytest.mark.parametrize("opset", [11, 17])
def test_a_loop_of_five_rounds_is_five_products_one_after_the_other(opset: int, tmp_path: Path) -> None:
    graph = read(tmp_path, loop(loop_body(STEP)), ROW, SQUARE, opset=opset)
    products = [op for op in graph if op.macs]
    assert [op.product for op in products] == [(1, 8, 8)] * 5
    assert [op.inputs for op in products[1:]] == [(op.name,) for op in products[:-1]]


@pytest.mark.parametrize("opset", [11, 17])
def test_what_every_round_puts_out_is_stacked(opset: int, tmp_path: Path) -> None:
    body = loop_body(STEP, outputs=("out", "out"))
    nodes = [*loop(body, "last all"), helper.make_node("MatMul", ["all", "v"], ["y"], name="head")]
    graph = read(tmp_path, nodes, ROW, {**SQUARE, "v": (8, 3)}, opset=opset)
    assert graph.macs == 5 * 64 + 5 * 8 * 3
    assert graph.op("head").product == (5, 8, 3)


def test_a_scan_runs_a_cell_over_its_steps(tmp_path: Path) -> None:
    cell = [
        helper.make_node("MatMul", ["step", "w"], ["a"], name="in"),
        helper.make_node("MatMul", ["state", "u"], ["b"], name="rec"),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Tanh", ["c"], ["out"]),
    ]
    inputs = [info("state", 1, (1, 8)), info("step", 1, (1, 4))]
    body = helper.make_graph(cell, "body", inputs, [info("out"), info("out")])
    scan = helper.make_node("Scan", ["h", "x"], ["last", "y"], name="scan", body=body, num_scan_inputs=1)
    graph = read(tmp_path, [scan], {"x": (6, 1, 4), "h": (1, 8)}, {"w": (4, 8), "u": (8, 8)})
    assert graph.macs == 6 * (4 * 8 + 8 * 8)


@pytest.mark.parametrize("name", ["loop", "y"])
def test_rounds_are_counted_where_a_condition_counts(name: str, tmp_path: Path) -> None:
    """As TensorFlow's loops come: no number of rounds, a counter of their own, and names that end in ``:9``."""
    body = helper.make_graph(
        [
            STEP,
            helper.make_node("Add", ["i", "one"], ["j"], name="count"),
            helper.make_node("Less", ["j", "most"], ["more"], name="less"),
            helper.make_node("Identity", ["out"], ["row"], name="row"),
        ],
        "body",
        [info("round", 7, ()), info("on", 9, ()), info("i", 7, ()), info("state", 1, (1, 8))],
        [info("more", 9, ()), info("j", 7, ()), info("out"), info("row")],
        [onnx.numpy_helper.from_array(np.array(1, np.int64), "one")],
    )
    constants = [
        helper.make_node("Constant", [], [made], value=onnx.numpy_helper.from_array(np.array(value)))
        for made, value in (("zero", np.int64(0)), ("most", np.int64(12)), ("yes", True))
    ]
    outputs = [f"{name}:0", f"{name}:1", f"{name}:9"]
    nodes = [*constants, helper.make_node("Loop", ["", "yes", "zero", "x"], outputs, name=name, body=body)]
    head = helper.make_node("MatMul", [f"{name}:9", "v"], ["y"], name="head")
    graph = read(tmp_path, [*nodes, head], ROW, {**SQUARE, "v": (8, 3)})
    products = [op.product for op in graph if op.macs]
    assert products == [(1, 8, 8)] * 12 + [(12, 8, 3)]


def test_a_scan_along_another_axis_and_backwards(tmp_path: Path) -> None:
    """Six steps of four features, the last first, stacked along axis 1 of (1, 6, 8), a product of each behind."""
    cell = [
        helper.make_node("MatMul", ["step", "w"], ["a"], name="in"),
        helper.make_node("Add", ["a", "state"], ["out"]),
    ]
    inputs = [info("state", 1, (1, 8)), info("step", 1, (1, 4))]
    body = helper.make_graph(cell, "body", inputs, [info("out"), info("out")])
    along = {"scan_input_axes": [-2], "scan_output_axes": [1]}
    back = {"scan_input_directions": [1], "scan_output_directions": [1]}
    scan = helper.make_node(
        "Scan", ["h", "x"], ["last", "all"], name="scan", body=body, num_scan_inputs=1, **along, **back
    )
    nodes = [scan, node("MatMul", "all v")]
    graph = read(tmp_path, nodes, {"x": (1, 6, 4), "h": (1, 8)}, {"w": (4, 8), "v": (8, 3)})
    products = [op.product for op in graph if op.macs]
    assert products == [(1, 4, 8)] * 6 + [(6, 8, 3)]


def test_a_body_of_quantised_nodes_is_read_as_any(tmp_path: Path) -> None:
    step = helper.make_node("QLinearMatMul", ["state", "s", "z", "w", "s", "z", "s", "z"], ["out"], name="q")
    graph = read(tmp_path, loop(loop_body(step)), ROW, {**SQUARE, "s": (), "z": ()})
    assert graph.macs == 5 * 64


@pytest.mark.parametrize("data_decides", ["rounds", "condition"])
def test_a_loop_that_data_ends_is_listed(data_decides: str, tmp_path: Path) -> None:
    if data_decides == "rounds":
        count = [
            helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
            helper.make_node("Cast", ["m"], ["n"], to=7),
        ]
        nodes = [*count, *loop(loop_body(STEP), rounds="n")]
    else:
        test = [
            helper.make_node("ReduceMax", ["out"], ["m"], keepdims=0),
            helper.make_node("Cast", ["m"], ["more"], to=9),
        ]
        nodes = loop(loop_body(STEP, *test, condition="own"))
    with pytest.raises(UnsupportedError, match=r"cannot be priced: 1 Loop \(first 'loop': .*rounds"):
        read(tmp_path, nodes, ROW, SQUARE)


def test_the_largest_are_found_by_comparing_all(tmp_path: Path) -> None:
    nodes = [CONV, node("Flatten", "a", "f"), node("TopK", "f k", "y i", axis=1)]
    graph = read(tmp_path, nodes, IMAGE, FOUR, {"k": [5]})
    assert [(op.kind, op.output_elements) for op in graph][-2:] == [("threshold", 256), ("slice", 5)]


def test_nodes_without_a_fixed_size_are_listed_at_once_with_their_share(tmp_path: Path) -> None:
    nodes = [
        CONV,
        node("NonZero", "a", "places"),
        helper.make_node("NonMaxSuppression", ["boxes", "scores"], ["kept"], name="nms"),
        helper.make_node("GatherND", ["a", "kept"], ["found"], name="take"),
        helper.make_node("GatherND", ["found", "places"], ["y"], name="take2"),
        helper.make_node("Wobble", ["a"], ["dead"], domain="my.own"),  # which nobody reads
    ]
    inputs = {**IMAGE, "boxes": (1, 10, 4), "scores": (1, 2, 10)}
    with pytest.raises(UnsupportedError) as problem:
        read(tmp_path, nodes, inputs, FOUR)
    assert "2 of 5 nodes (40 %) cannot be priced" in str(problem.value)
    assert "1 NonZero (first 'nonzero': how much it puts out depends on the data)" in str(problem.value)
    assert "1 NonMaxSuppression (first 'nms'" in str(problem.value)
    skipped = read(tmp_path, nodes, inputs, FOUR, skip_unsupported=True).skipped
    assert skipped == ("NonZero nonzero", "NonMaxSuppression nms", "GatherND take", "GatherND take2")
