"""Nodes of quantised and fused models as the plain nodes they stand for: what is priced is the same work.

Scales and zero points go; ``QLinearConv`` becomes ``Conv``, ``QuantizeLinear`` a plain ``Identity``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# Node types of other domains whose inputs and meaning are those of a standard one.
_SAME = {
    "FastGelu": "Gelu",
    "QuickGelu": "Swish",
    "FusedConv": "Conv",
    "FusedGemm": "Gemm",
    "SiLU": "Swish",
}
# Of these, the inputs at the places named are tensors; all others are scales, zero points, biases.
_TENSORS: dict[str, tuple[str, tuple[int, ...]]] = {
    "QLinearConv": ("Conv", (0, 3)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "ConvInteger": ("Conv", (0, 1)),
    "MatMulInteger": ("MatMul", (0, 1)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1)),
    "DynamicQuantizeMatMul": ("MatMul", (0, 1)),
    "QGemm": ("Gemm", (0, 3)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "DynamicQuantizeLSTM": ("LSTM", (0, 1, 2)),
    "BiasGelu": ("Gelu", (0,)),
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
            result.append(_as(onnx, node, kind, _picked(node, places)))
            constants.update(node.output[1:] if node.op_type in _FIRST_OUTPUT else ())
        elif node.op_type == "QLinearConcat":
            result.append(_as(onnx, node, "Concat", list(node.input[2::3])))
        elif node.op_type == "SkipLayerNormalization":
            result += _skip_layer_norm(onnx, node)
        elif node.op_type in _SAME and node.domain not in {"", "ai.onnx"}:
            result.append(_as(onnx, node, _SAME[node.op_type], list(node.input)))
        else:
            result.append(node)
    return result, constants


def _picked(node: Any, places: Sequence[int]) -> list[str]:
    return [node.input[i] for i in places if i < len(node.input)]


def _as(onnx: Any, node: Any, kind: str, inputs: list[str]) -> Any:
    """Return a node of the standard domain with the same attributes; one output where one is meant."""
    outputs = list(node.output) if kind == "LSTM" else list(node.output[:1])
    made = onnx.helper.make_node(kind, inputs, outputs, name=node.name or f"{node.output[0]}")
    if kind != "Identity":
        made.attribute.extend(node.attribute)
    return made


def _skip_layer_norm(onnx: Any, node: Any) -> list[Any]:
    total = node.output[3] if len(node.output) > 3 and node.output[3] else f"{node.output[0]}:sum"
    add = onnx.helper.make_node("Add", list(node.input[:2]), [total], name=f"{node.name}.add")
    norm = onnx.helper.make_node(
        "LayerNormalization", [total, *node.input[2:4]], list(node.output[:1]), name=node.name
    )
    return [add, norm]
