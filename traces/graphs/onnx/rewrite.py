"""Nodes of quantised and fused models as the plain nodes they stand for: what is priced is the same work.

Scales and zero points go; ``QLinearConv`` becomes ``Conv``, ``QuantizeLinear`` a plain ``Identity``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from traces.graphs.onnx.attributes import integer, integers, label, text

# Node types of other domains whose inputs and meaning are those of a standard one.
_SAME = {
    "FastGelu": "Gelu",
    "Gelu": "Gelu",
    "QuickGelu": "Swish",
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
    "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
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
        elif node.op_type in _PARTS:
            result += _PARTS[node.op_type](onnx, node)
        elif node.op_type in _HEADS and node.domain == "com.microsoft":
            result += _heads(onnx, node)
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


def _fused(onnx: Any, node: Any) -> list[Any]:
    """Return a product, the sum with a fourth input if there is one, and the function behind it."""
    make, name, out = onnx.helper.make_node, label(node), node.output[0]
    product = f"{out}:product"
    plain = make(node.op_type.removeprefix("Fused"), list(node.input[:3]), [product], name=name)
    plain.attribute.extend(each for each in node.attribute if not each.name.startswith("activation"))
    found = [plain]
    if len(node.input) > 3 and node.input[3]:
        total = f"{out}:sum"
        found.append(make("Add", [product, node.input[3]], [total], name=f"{name}.add"))
        product = total
    function = text(node, "activation", "") or "Identity"
    return [*found, make(function, [product], [out], name=f"{name}.act")]


def _packed_matmul(onnx: Any, node: Any) -> list[Any]:
    """Return a product with weights that are packed in blocks of few bits."""
    weights, shape, make = f"{node.output[0]}:weights", f"{node.output[0]}:shape", onnx.helper.make_node
    sizes = np.array([integer(node, "K", 1), integer(node, "N", 1)], np.int64)
    return [
        make("Constant", [], [shape], value=onnx.numpy_helper.from_array(sizes)),
        make("ConstantOfShape", [shape], [weights], name=weights),
        make("MatMul", [node.input[0], weights], list(node.output[:1]), name=label(node)),
    ]


def _embedding(onnx: Any, node: Any) -> list[Any]:
    """Return rows of words and segments, added and normalised; positions are constants to fold."""
    make, out, name = onnx.helper.make_node, node.output[0], label(node)
    words, segments, total = (f"{out}:{what}" for what in ("words", "segments", "sum"))
    found = [make("Gather", [node.input[2], node.input[0]], [words], name=f"{name}.words")]
    if node.input[1]:
        found += [
            make("Gather", [node.input[4], node.input[1]], [segments], name=f"{name}.segments"),
            make("Add", [words, segments], [total], name=f"{name}.add"),
        ]
    norm = [total if node.input[1] else words, *node.input[5:7]]
    return [*found, make("LayerNormalization", norm, [out], name=name)]


def _skip_layer_norm(onnx: Any, node: Any) -> list[Any]:
    total = node.output[3] if len(node.output) > 3 and node.output[3] else f"{node.output[0]}:sum"
    add = onnx.helper.make_node("Add", list(node.input[:2]), [total], name=f"{node.name}.add")
    norm = onnx.helper.make_node(
        "LayerNormalization", [total, *node.input[2:4]], list(node.output[:1]), name=node.name
    )
    return [add, norm]


def _fused_matmul(onnx: Any, node: Any) -> list[Any]:
    """Return a product whose operands may be transposed, as an ``Einsum``.

    ``transBatchA`` says that the first axis belongs behind those of the batch: (rows, batch, features).
    """
    sides = []
    for which, rows, columns in (("A", "m", "k"), ("B", "k", "n")):
        if integer(node, f"trans{which}", 0):
            rows, columns = columns, rows  # noqa: PLW2901  # as they lie
        first = integer(node, f"transBatch{which}", 0)
        sides.append(f"{rows}...{columns}" if first else f"...{rows}{columns}")
    equation = f"{sides[0]},{sides[1]}->...mn"
    return [
        onnx.helper.make_node(
            "Einsum", list(node.input[:2]), list(node.output[:1]), name=label(node), equation=equation
        )
    ]


def _heads(onnx: Any, node: Any) -> list[Any]:
    """Return attention over packed heads as products, shapes left to be inferred: (batch, rows, heads x size)."""
    name, out, make = label(node), node.output[0], onnx.helper.make_node
    parts = list(node.input[:3])
    earlier = any(node.input[i] for i in _HEADS[node.op_type] if i < len(node.input))
    if earlier or len(parts) < 3 or not all(parts):
        return [node]  # keys of earlier steps, or packed ones: listed as what cannot be priced
    nodes = []
    if node.op_type != "MultiHeadAttention":  # of one tensor, its three projections together
        qkv, sizes = f"{out}:qkv", f"{out}:sizes"
        parts = [f"{out}:{which}" for which in "qkv"]
        nodes = [make("MatMul", list(node.input[:2]), [qkv], name=f"{name}.qkv")]
        given = integers(node, "qkv_hidden_sizes")
        if given:
            value = onnx.numpy_helper.from_array(np.array(given, np.int64))
            nodes.append(make("Constant", [], [sizes], value=value))
        cut = [qkv, sizes] if given else [qkv]
        nodes.append(make("Split", cut, parts, name=f"{name}.split", axis=2))
    split, joined = f"{out}:heads", f"{out}:rows"
    for target, shape in ((split, [0, 0, integer(node, "num_heads", 1), -1]), (joined, [0, 0, -1])):
        value = onnx.numpy_helper.from_array(np.array(shape, np.int64))
        nodes.append(make("Constant", [], [target], value=value))
    turned = []
    for part, order in zip(parts, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True):
        apart, turn = f"{part}:{out}:apart", f"{part}:{out}:turned"
        nodes.append(make("Reshape", [part, split], [apart], name=apart))
        nodes.append(make("Transpose", [apart], [turn], name=turn, perm=order))
        turned.append(turn)
    q, k, v = turned
    scores, weights, mixed, back = (f"{out}:{what}" for what in ("scores", "weights", "mixed", "back"))
    return [
        *nodes,
        make("MatMul", [q, k], [scores], name=f"{name}.qk"),
        make("Softmax", [scores], [weights], name=f"{name}.softmax", axis=-1),
        make("MatMul", [weights, v], [mixed], name=f"{name}.av"),
        make("Transpose", [mixed], [back], name=back, perm=[0, 2, 1, 3]),
        make("Reshape", [back, joined], [out], name=out),
    ]


# Of these, the places of keys and values of earlier steps.
_HEADS: dict[str, tuple[int, ...]] = {"Attention": (4,), "QAttention": (8,), "MultiHeadAttention": (6, 7)}
_PARTS: dict[str, Callable[[Any, Any], list[Any]]] = {
    "EmbedLayerNormalization": _embedding,
    "FusedConv": _fused,
    "FusedGemm": _fused,
    "MatMulNBits": _packed_matmul,
    "SkipLayerNormalization": _skip_layer_norm,
    "SkipSimplifiedLayerNormalization": _skip_layer_norm,
    "FusedMatMul": _fused_matmul,
}
