"""ONNX models as graphs; small models are built here, node by node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traces.base.errors import FileProblem, LacunaError
from traces.graphs.named import load_network

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


def constant(name: str, *shape: int) -> object:
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def model(path: Path, nodes: list[object], constants: list[object], shape: list[int | str]) -> Path:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def node(kind: str, inputs: list[str], output: str, **attributes: object) -> object:
    return helper.make_node(kind, inputs, [output], name=f"{output}_node", **attributes)


def test_an_onnx_residual_network(tmp_path: Path) -> None:
    """Batch norms fold, activations fuse unless somebody else reads the op, reshapes vanish."""
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["x", "w1", "b4"], "c1", **same, strides=[2, 2]),
        node("BatchNormalization", ["c1", "b4", "b4", "b4", "b4"], "n1"),
        node("Relu", ["n1"], "r1"),
        node("Conv", ["r1", "w2"], "c2", **same, group=4),
        node("Clip", ["c2", "lo", "hi"], "r2"),
        node("Add", ["r2", "r1"], "a"),
        node("Relu", ["a"], "r3"),
        node("Concat", ["r3", "r1"], "cat", axis=1),
        node("BatchNormalization", ["cat", "b8", "b8", "b8", "b8"], "n2"),
        node("MaxPool", ["n2"], "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Relu", ["p"], "r4"),
        node("Flatten", ["r4"], "f"),
        node("Gemm", ["f", "w3", "b10"], "g", transB=1),
        node("Softmax", ["g"], "y"),
    ]
    sizes = {"w1": (4, 3, 3, 3), "w2": (4, 1, 3, 3), "w3": (10, 32), "b4": (4,), "b8": (8,), "b10": (10,)}
    constants = [constant(name, *shape) for name, shape in {**sizes, "lo": (), "hi": ()}.items()]
    graph = load_network(model(tmp_path / "net.onnx", nodes, constants, ["N", 3, 8, 8]))
    found = [
        (op.name[:-5], op.kind, op.in_channels, op.out_channels, op.out_height, op.activation) for op in graph
    ]
    assert found == [
        ("c1", "conv", 3, 4, 4, "relu"),
        ("c2", "conv", 4, 4, 4, "relu6"),
        ("a", "add", 4, 4, 4, "relu"),
        ("cat", "concat", 8, 8, 4, "none"),
        ("n2", "activation", 8, 8, 4, "none"),
        ("p", "max_pool", 8, 8, 2, "none"),
        ("r4", "activation", 8, 8, 2, "relu"),
        ("g", "linear", 32, 10, 1, "none"),
        ("y", "softmax", 10, 10, 1, "none"),
    ]
    assert graph.op("c2_node").is_depthwise
    assert graph.op("a_node").inputs == ("c2_node", "c1_node")
    assert graph.macs == 16 * 9 * 3 * 4 + 16 * 9 * 4 + 320


def test_an_activation_is_not_fused_when_the_op_has_another_reader(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], "c", kernel_shape=[1, 1]),
        node("Identity", ["c"], "same"),
        node("Relu", ["same"], "r"),
        node("Add", ["r", "c"], "y"),
    ]
    graph = load_network(model(tmp_path / "n.onnx", nodes, [constant("w", 4, 4, 1, 1)], [1, 4, 2, 2]))
    assert [(op.kind, op.activation) for op in graph] == [
        ("conv", "none"),
        ("activation", "relu"),
        ("add", "none"),
    ]


def test_onnx_matrix_products_pool_by_mean_and_constant_sums(tmp_path: Path) -> None:
    nodes = [
        node("AveragePool", ["x"], "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("ReduceMean", ["p"], "m", axes=[2, 3], keepdims=0),
        node("MatMul", ["m", "w"], "f"),
        node("Add", ["f", "b"], "s"),
        node("Sigmoid", ["s"], "y"),
    ]
    constants = [constant("w", 4, 7), constant("b", 7)]
    graph = load_network(model(tmp_path / "n.onnx", nodes, constants, [1, 4, 4, 4]))
    assert [(op.kind, op.out_channels, op.activation) for op in graph] == [
        ("avg_pool", 4, "none"),
        ("global_avg_pool", 4, "none"),
        ("linear", 7, "sigmoid"),
    ]


@pytest.mark.parametrize(
    ("nodes", "shape", "message"),
    [
        (
            [node("Einsum", ["x"], "y", equation="aacd->acd")],
            [1, 4, 2, 2],
            r"1 of 1 nodes \(100 %\) cannot be priced: 1 Einsum \(first 'y_node': equation 'aacd->acd'",
        ),
        (
            [node("Conv", ["x", "w"], "y")],
            [1, 4, "H", 2],
            r"axes 2 \(H\) are open; give sizes: --size x=1x4xHx2",
        ),
        (
            [node("Conv", ["x", "v"], "y")],
            [1, 4, 8, 8],
            r"1 Conv \(first 'y_node': its output has no fixed shape\)",
        ),
        (
            [node("Conv", ["x", "w"], "y")],
            [1, 8, 8, 8],
            r"weights \(4, 4, 1, 1\) in 1 groups over 8 channels",
        ),
        (
            [node("LSTM", ["x", "x", "x"], "y", hidden_size=1)],
            [1, 4, 1],
            "its weights are computed by the network",
        ),
        ([node("Conv", ["z", "w"], "y")], [1, 4, 8, 8], "reads 'z', which no node before it makes"),
        ([node("Add", ["x", "y"], "z"), node("Relu", ["z"], "y")], [1, 4], "reads what depends on itself"),
        ([node("Conv", ["x", "w"], "y", group=[1, 2])], [1, 4, 8, 8], "attribute 'group' has the wrong type"),
        ([node("Relu", ["x"], "y")], [1, 0, 8, 8], "axis 1 has size 0; needs at least 1"),
        ([node("Relu", ["x"], "y")], [1, 10**9, 10**9], "elements"),
        ([node("Identity", ["x"], "y")], [1, 4, 2, 2], "has no node that works"),
    ],
)
def test_what_onnx_cannot_say_to_us_is_named(
    nodes: list[object], shape: list[Any], message: str, tmp_path: Path
) -> None:
    constants = [constant("w", 4, 4, 1, 1), constant("v", 4, 4, 1)]
    with pytest.raises(LacunaError, match=r"n.onnx: .*" + message):
        load_network(model(tmp_path / "n.onnx", nodes, constants, shape))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x00not onnx")
    with pytest.raises(FileProblem, match=r"bad.onnx: is not an ONNX model"):
        load_network(tmp_path / "bad.onnx")
    with pytest.raises(FileProblem, match=r"gone.onnx: no such file"):
        load_network(tmp_path / "gone.onnx")


def test_layout_changes_and_computed_shapes_are_looked_through(tmp_path: Path) -> None:
    """As TensorFlow exports: NHWC input, a transpose, a flattening to a size that nodes compute."""
    nodes = [
        node("Transpose", ["x"], "t", perm=[0, 3, 1, 2]),
        node("Conv", ["t", "w"], "c", kernel_shape=[1, 1]),
        node("Transpose", ["c"], "u", perm=[0, 2, 3, 1]),
        node("Shape", ["u"], "s"),
        node("Gather", ["s", "i"], "g", axis=0),
        node("Concat", ["g", "j"], "size", axis=0),
        node("Reshape", ["u", "size"], "f"),
        node("MatMul", ["f", "v"], "y"),
    ]
    indices = [onnx.numpy_helper.from_array(np.array([value]), name) for name, value in (("i", 0), ("j", -1))]
    constants = [constant("w", 4, 3, 1, 1), constant("v", 4 * 6 * 5, 7), *indices]
    graph = load_network(model(tmp_path / "n.onnx", nodes, constants, [1, 6, 5, 3]))
    assert (graph.input_channels, graph.input_height, graph.input_width) == (3, 6, 5)
    assert [(op.kind, op.in_channels, op.out_channels, op.macs) for op in graph] == [
        ("conv", 3, 4, 6 * 5 * 3 * 4),
        ("linear", 120, 7, 840),
    ]


def test_an_input_too_large_to_count_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("Relu", ["x"], "y")], [], [1, 3, 1 << 62, 32])
    with pytest.raises(
        LacunaError,
        match=r"input 'x': height = 4611686018427387904: .* less than or equal to 2147483647",
    ):
        load_network(path)
