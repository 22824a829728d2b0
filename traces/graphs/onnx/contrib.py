"""Nodes that runtimes fuse, as the plain nodes they stand for; shapes are left to be inferred.

Source: docs/ContribOperators.md of microsoft/onnxruntime (domain ``com.microsoft``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from traces.graphs.onnx.attributes import attribute, integer, label, text


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
    if node.op_type == "MatMulFpQ4":  # whose third input says K and N
        return [
            make("ConstantOfShape", [node.input[2]], [weights], name=weights),
            make("MatMul", [node.input[0], weights], list(node.output[:1]), name=label(node)),
        ]
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
    make, out, function = onnx.helper.make_node, node.output[0], text(node, "activation", "")
    product = f"{out}:product" if function else out
    found = [make("Einsum", list(node.input[:2]), [product], name=label(node), equation=equation)]
    return [*found, make(function, [product], [out], name=f"{label(node)}.act")] if function else found


def _sum_of_all(onnx: Any, node: Any) -> list[Any]:
    """Return a sum of three: an image, its bias, what skipped the layer."""
    make, out, total = onnx.helper.make_node, node.output[0], f"{node.output[0]}:biased"
    return [
        make("Add", list(node.input[:2]), [total], name=f"{label(node)}.bias"),
        make("Add", [total, node.input[2]], [out], name=label(node)),
    ]


def _split_gelu(onnx: Any, node: Any) -> list[Any]:
    """Return the left half of the features times the GELU of the right one, a bias before."""
    make, out, name = onnx.helper.make_node, node.output[0], label(node)
    total, left, right, score = (f"{out}:{what}" for what in ("biased", "left", "right", "score"))
    return [
        make("Add", list(node.input[:2]), [total], name=f"{name}.bias"),
        make("Split", [total], [left, right], name=f"{name}.split", axis=-1),
        make("Gelu", [right], [score], name=f"{name}.gelu"),
        make("Mul", [left, score], [out], name=name),
    ]


def _gelu_behind(onnx: Any, node: Any) -> list[Any]:
    make, out, product = onnx.helper.make_node, node.output[0], f"{node.output[0]}:product"
    return [
        make("MatMul", list(node.input[:2]), [product], name=label(node)),
        make("Gelu", [product], [out], name=f"{label(node)}.gelu"),
    ]


def _distances(onnx: Any, node: Any) -> list[Any]:
    """Return distances of rows.  Choice: by their products, |a - b|^2 = |a|^2 - 2 a b + |b|^2, and a root."""
    make, out, product = onnx.helper.make_node, node.output[0], f"{node.output[0]}:product"
    return [
        make("Einsum", list(node.input[:2]), [product], name=label(node), equation="mk,nk->mn"),
        make("Sqrt", [product], [out], name=f"{label(node)}.root"),
    ]


def _frames(onnx: Any, node: Any) -> list[Any]:
    """Return a transform of frames that says it is one-sided, as it is by default: onnx takes it for a whole one."""
    if attribute(node, "onesided") is None:
        node.attribute.append(onnx.helper.make_attribute("onesided", 1))
    return [node]


def _group_norm(onnx: Any, node: Any) -> list[Any]:
    """Return a normalisation of groups of channels, the sum before it and the SiLU behind it if there are."""
    make, out, name = onnx.helper.make_node, node.output[0], label(node)
    found, x = [], node.input[0]
    if node.op_type == "SkipGroupNorm":
        for i, other in enumerate([each for each in node.input[3:5] if each]):
            total = node.output[1] if i == len(node.input[3:5]) - 1 and len(node.output) > 1 else f"{out}:{i}"
            found.append(make("Add", [x, other], [total], name=f"{name}.skip{i}"))
            x = total
    normed = f"{out}:normed" if integer(node, "activation", 0) else out
    found.append(make("InstanceNormalization", [x, *node.input[1:3]], [normed], name=name))
    if normed != out:
        found.append(make("Swish", [normed], [out], name=f"{name}.swish"))
    return found


PARTS: dict[str, Callable[[Any, Any], list[Any]]] = {
    "BiasAdd": _sum_of_all,
    "BiasSplitGelu": _split_gelu,
    "CDist": _distances,
    "EmbedLayerNormalization": _embedding,
    "FusedConv": _fused,
    "FusedGemm": _fused,
    "FusedMatMul": _fused_matmul,
    "FusedMatMulActivation": _fused_matmul,
    "GemmFastGelu": _gelu_behind,
    "GroupNorm": _group_norm,
    "MatMulBnb4": _packed_matmul,
    "MatMulFpQ4": _packed_matmul,
    "MatMulNBits": _packed_matmul,
    "STFT": _frames,
    "QEmbedLayerNormalization": _embedding,
    "SkipGroupNorm": _group_norm,
    "SkipLayerNormalization": _skip_layer_norm,
    "SkipSimplifiedLayerNormalization": _skip_layer_norm,
    "TransposeMatMul": _fused_matmul,
}
