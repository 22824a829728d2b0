"""A network of two inputs is priced on designs of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accel_models import load_design
from simulator import estimate
from traces import NetworkGraph, load_network

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")


@pytest.fixture
def graph(tmp_path: Path) -> NetworkGraph:
    """Two convolutions 3 x 3 of two images 3 x 16 x 16, added, and the second image to that."""
    make, shape = onnx.helper, (1, 3, 16, 16)
    padded = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        make.make_node("Conv", ["x", "w"], ["a"], **padded),
        make.make_node("Conv", ["z", "w"], ["b"], **padded),
        make.make_node("Add", ["a", "b"], ["sum"]),
        make.make_node("Add", ["sum", "z"], ["y"]),  # an operand that is an input itself
    ]
    weights = onnx.numpy_helper.from_array(np.zeros((3, 3, 3, 3), np.float32), "w")
    inputs = [make.make_tensor_value_info(name, 1, shape) for name in ("x", "z")]
    outputs = [make.make_tensor_value_info("y", 1, shape)]
    model = make.make_model(
        make.make_graph(nodes, "g", inputs, outputs, [weights]),
        opset_imports=[make.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, tmp_path / "m.onnx")
    return load_network(str(tmp_path / "m.onnx"))


@pytest.mark.parametrize(
    "design", ["edge_npu_16x16", "cortex_m55", "ethos_u55_128", "gemmini_16x16", "eyeriss"]
)
def test_both_branches_are_priced(graph: NetworkGraph, design: str) -> None:
    table = estimate(graph, load_design(design))
    assert sum(op.macs for op in graph.ops) == 2 * 256 * 27 * 3
    assert all(row.total_cycles > 0 for row in table.rows if row.op == "conv")
