"""ONNX models: changed bytes, and changed values inside files that stay whole."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.kind import INTS
from tests.fuzz.on.networks import model_kinds

OPS = (
    "Conv",
    "MaxPool",
    "AveragePool",
    "Gemm",
    "MatMul",
    "Relu",
    "Add",
    "Flatten",
    "Transpose",
    "Concat",
    "Softmax",
    "Clip",
    "LSTM",
    "Where",
)


@cache
def _weight(name: str, *shape: int) -> Any:
    import numpy as np  # noqa: PLC0415
    from onnx import numpy_helper  # noqa: PLC0415  (an extra)

    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def _value(name: str, *shape: int) -> Any:
    from onnx import TensorProto, helper  # noqa: PLC0415  (an extra)

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any]) -> bytes:
    from onnx import helper  # noqa: PLC0415  (an extra)

    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def _images() -> bytes:
    """Return a model of images through convolutions and products."""
    from onnx.helper import make_node as node  # noqa: PLC0415  (an extra)

    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "dw"], ["d"], group=8, pads=[1, 1, 1, 1]),
        node("Add", ["d", "r"], ["a"]),
        node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["p"], ["t"], perm=[0, 2, 3, 1]),
        node("Transpose", ["t"], ["t2"], perm=[0, 3, 1, 2]),
        node("Concat", ["t2", "p"], ["cc"], axis=1),
        node("ConvTranspose", ["cc", "up"], ["u"], kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", ["u"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "fc"], ["m"], transB=1),
        node("Softmax", ["m"], ["y"]),
    ]
    shapes = {"w": (8, 3, 3, 3), "b": (8,), "dw": (8, 1, 3, 3), "up": (16, 4, 2, 2), "fc": (10, 4)}
    weights = [_weight(name, *shape) for name, shape in shapes.items()]
    return _model(nodes, [_value("x", 1, 3, 8, 8)], [_value("y", 1, 10)], weights)


def _attention() -> bytes:
    """Return a model of an attention of two inputs."""
    from onnx.helper import make_node as node  # noqa: PLC0415  (an extra)

    nodes = [
        node("MatMul", ["x", "wq"], ["q"]),
        node("MatMul", ["z", "wq"], ["k"]),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["s"]),
        node("Softmax", ["s"], ["p"], axis=-1),
        node("MatMul", ["p", "z"], ["o"]),
        node("ReduceMean", ["o"], ["y"], axes=[1], keepdims=0),
    ]
    inputs = [_value("x", 1, 6, 8), _value("z", 1, 5, 8)]
    return _model(nodes, inputs, [_value("y", 1, 8)], [_weight("wq", 8, 8)])


def _onnx() -> list[bytes]:
    return [_images(), _attention()]


def _onnx_values(rng: Random) -> bytes:
    """Draw a model with one to three nodes, attributes or sizes changed."""
    import onnx  # noqa: PLC0415  (an extra)

    model = onnx.ModelProto.FromString(rng.choice(_onnx()))
    graph = model.graph
    for _ in range(rng.choice([1, 1, 2, 3])):
        node = rng.choice(graph.node)
        match rng.choice(
            ["int", "int", "size", "dims", "weight", "op", "edge", "drop", "swap", "name", "opset", "data"]
        ):
            case "int" if node.attribute:
                attribute = rng.choice(node.attribute)
                if attribute.ints:
                    attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(INTS)
                else:
                    attribute.i = rng.choice(INTS)
            case "size":
                shape = rng.choice([*graph.input, *graph.output]).type.tensor_type.shape
                rng.choice(shape.dim).dim_value = rng.choice([*INTS, 5, 7, 32])
            case "dims":
                shape = rng.choice(graph.input).type.tensor_type.shape
                shape.dim.add().dim_value = 1 if rng.random() < 0.5 else 4
            case "weight":
                tensor = rng.choice(graph.initializer)
                tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice([*INTS, 5, 12])
            case "op":
                node.op_type = rng.choice(OPS)
            case "edge":
                names = [name for each in graph.node for name in (*each.input, *each.output)]
                node.input[rng.randrange(len(node.input))] = rng.choice([*names, "", "?"])
            case "drop":
                graph.node.remove(node)
            case "swap":
                other = rng.choice(graph.node)
                node.op_type, other.op_type = other.op_type, node.op_type
            case "name":
                node.name = rng.choice(["\x1b[2J", "input", "a" * 5000, "=1+1", "²", node.name])
            case "opset":
                model.opset_import[0].version = rng.choice([0, -1, 1, 7, 13, 22, 999])
            case "data":
                tensor = rng.choice(graph.initializer)
                tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
        if not graph.node:
            break
    return bytes(model.SerializeToString())


def _onnx_macs(path: Path) -> int | None:
    """Count the MACs of what reaches an output; None where onnx knows too little."""
    import onnx  # noqa: PLC0415  (an extra)

    model = onnx.load(path)
    if not model.opset_import:
        return None  # onnx infers nothing from a model that does not say what it speaks
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    graph, total = model.graph, 0
    shapes = {t.name: list(t.dims) for t in graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        dims = info.type.tensor_type.shape.dim
        shapes.setdefault(info.name, [d.dim_value for d in dims])
    known = set(shapes) - {info.name for info in (*graph.input, *graph.value_info, *graph.output)}
    for node in graph.node:
        if node.input and known.issuperset(node.input):
            known.update(node.output)  # worked out once, before any input comes
    wanted = {output.name for output in graph.output}
    for node in reversed(graph.node):
        if wanted.isdisjoint(node.output):
            continue  # nobody asks for it
        wanted.update(node.input)
        if known.issuperset(node.output):
            continue
        if node.op_type not in {"Conv", "ConvTranspose", "Gemm", "MatMul"}:
            if node.op_type not in _PLAIN:
                return None
            continue
        sides = [shapes.get(name) for name in (node.input[0], node.input[1], node.output[0])]
        if not all(sides) or any(d <= 0 for side in sides for d in side or ()):
            return None
        first, second, out = (side or [] for side in sides)
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        match node.op_type:
            case "Conv":
                total += math.prod(out) * math.prod(second[1:])
            case "ConvTranspose":
                total += math.prod(first) * math.prod(second[1:])
            case "Gemm":
                turned = next((a.i for a in node.attribute if a.name == "transA"), 0)
                total += math.prod(out) * first[0 if turned else -1]
            case _:
                total += math.prod(out) * first[-1]
        if group < 1:
            return None
    return total


_PLAIN = frozenset(
    {
        "Relu",
        "Add",
        "MaxPool",
        "AveragePool",
        "Transpose",
        "Concat",
        "GlobalAveragePool",
        "Flatten",
        "Softmax",
        "ReduceMean",
        "Clip",
    }
)


KINDS = model_kinds("ONNX", "m.onnx", _onnx, _onnx_values, _onnx_macs)
