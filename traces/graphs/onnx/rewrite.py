"""Nodes of quantised and fused models as the plain nodes they stand for: what is priced is the same work.

Scales and zero points go; ``QLinearConv`` becomes ``Conv``, ``QuantizeLinear`` a plain ``Identity``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from traces.graphs.onnx.attributes import attribute, integer, integers
from traces.graphs.onnx.contrib import PARTS
from traces.graphs.onnx.heads import HEADS, attention_nodes

# Node types of other domains whose inputs and meaning are those of a standard one.
_SAME = {
    "ExpandDims": "Unsqueeze",
    "FastGelu": "Gelu",
    "Gelu": "Gelu",
    "GridSample": "GridSample",
    "Pad": "Pad",
    "QuickGelu": "Swish",
    "SiLU": "Swish",
    "TorchEmbedding": "Gather",
    "Trilu": "Trilu",
}
# Of these, the inputs at the places named are tensors; all others are scales, zero points, biases.
_TENSORS: dict[str, tuple[str, tuple[int, ...]]] = {
    "QLinearConv": ("Conv", (0, 3)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "ConvInteger": ("Conv", (0, 1)),
    "MatMulInteger": ("MatMul", (0, 1)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1)),
    "DynamicQuantizeMatMul": ("MatMul", (0, 1)),
    "MatMulInteger16": ("MatMul", (0, 1)),
    "MaxpoolWithMask": ("MaxPool", (0,)),
    "MulInteger": ("Mul", (0, 2)),
    "QGemm": ("Gemm", (0, 3)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QLinearReduceMean": ("ReduceMean", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "DynamicQuantizeLSTM": ("LSTM", (0, 1, 2)),
    "BiasGelu": ("Gelu", (0,)),
    "MeanVarianceNormalization": ("LpNormalization", (0,)),  # whose shapes onnx infers; the same work
    "NhwcMaxPool": ("MaxPool", (0,)),
    "SimplifiedLayerNormalization": ("LayerNormalization", (0, 1)),
    "GroupNormalization": ("InstanceNormalization", (0, 1, 2)),  # whose shapes onnx infers; the same work
    "QuantizeLinear": ("Identity", (0,)),
    "DequantizeLinear": ("Identity", (0,)),
    "DynamicQuantizeLinear": ("Identity", (0,)),
    "Quant": ("Identity", (0,)),  # QONNX
    "IntQuant": ("Identity", (0,)),
    "FloatQuant": ("Identity", (0,)),
    "BipolarQuant": ("Identity", (0,)),
    "Trunc": ("Identity", (0,)),
    "Dropout": ("Identity", (0,)),
}
# Of these, what a framework keeps for training or for its own use is not read by anything that is priced.
_FIRST_OUTPUT = frozenset({"DynamicQuantizeLinear", "Dropout"})


def plain_nodes(onnx: Any, nodes: Iterable[Any]) -> tuple[list[Any], set[str]]:
    """Return the nodes rewritten, and the tensors that became constants (scales computed at run time)."""
    result: list[Any] = []
    constants: set[str] = set()
    for node in nodes:
        if node.op_type in _TENSORS:
            kind, places = _TENSORS[node.op_type]
            plain = _as(onnx, node, kind, _picked(node, places))
            last = node.op_type == "NhwcMaxPool" or integer(node, "channels_last", 0)
            result += _turned(onnx, plain) if last else [plain]
            constants.update(node.output[1:] if node.op_type in _FIRST_OUTPUT else ())
        elif node.op_type == "QLinearConcat":
            result.append(_as(onnx, node, "Concat", list(node.input[2::3])))
        elif node.op_type in PARTS:
            result += PARTS[node.op_type](onnx, node)
        elif node.op_type in HEADS and node.domain == "com.microsoft":
            result += attention_nodes(onnx, node)
        elif node.op_type == "Transpose" and node.domain in {"", "ai.onnx"}:
            result.append(_from_the_front(node))
        elif node.op_type in _SAME and node.domain not in {"", "ai.onnx"}:
            result.append(_as(onnx, node, _SAME[node.op_type], list(node.input)))
        else:
            result.append(node)
    return result, constants


def _from_the_front(node: Any) -> Any:
    """Count the axes of a transposition from the front: exporters write ``movedim(-1, 1)`` with a -1."""
    order = attribute(node, "perm")
    if order is not None and any(-len(order.ints) <= axis < 0 for axis in order.ints):
        order.ints[:] = [axis % len(order.ints) if axis < 0 else axis for axis in order.ints]
    return node


def _picked(node: Any, places: Sequence[int]) -> list[str]:
    return [node.input[i] for i in places if i < len(node.input)]


def _as(onnx: Any, node: Any, kind: str, inputs: list[str]) -> Any:
    """Return a node of the standard domain with the same attributes; one output where one is meant."""
    outputs = list(node.output) if kind == "LSTM" else list(node.output[:1])
    made = onnx.helper.make_node(kind, inputs, outputs, name=node.name or f"{node.output[0]}")
    if kind != "Identity":
        made.attribute.extend(node.attribute)
    return made


def _turned(onnx: Any, node: Any) -> list[Any]:
    """Return a node over images with channels last as one with channels first, between two transposes.

    Its window says how many axes of pixels there are; Choice: two where it does not.
    """
    pixels = len(integers(node, "kernel_shape") or (1, 1))
    x, out, make = node.input[0], node.output[0], onnx.helper.make_node
    first, last = f"{out}:first", f"{out}:made"
    node.input[0], node.output[0] = first, last
    forth, back = (0, pixels + 1, *range(1, pixels + 1)), (0, *range(2, pixels + 2), 1)
    return [
        make("Transpose", [x], [first], name=first, perm=forth),
        node,
        make("Transpose", [last], [out], name=last, perm=back),
    ]
