"""Nodes that runtimes make of a model (fused, quantised, packed) are the work of the plain model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.traces.graphs.siblings.nodes import n
from tests.traces.graphs.test_import_cases import FOUR, IMAGE, PADDED, Shape, read
from traces.base.errors import UnsupportedError

pytest.importorskip("onnx", reason="the onnx extra is not installed")

SEQUENCE: dict[str, Shape] = {"x": (1, 5, 8)}
IMAGES_LAST: dict[str, Shape] = {"x": (1, 6, 8, 4)}
WINDOW = {"kernel_shape": [2, 2], "strides": [2, 2]}
MS = {"domain": "com.microsoft"}
Product = tuple[int, int, int, int]  # M, K, N of a group, groups
Case = tuple[list[Any], Mapping[str, Shape], Mapping[str, tuple[int, ...]], list[Product]]
CASES: dict[str, Case] = {
    "heads turned inside a product": (  # rows of queries and keys in front of the heads: (rows, heads, size)
        [n("FusedMatMul", "x z", transBatchA=1, transBatchB=1, transB=1, **MS)],
        {"x": (7, 3, 4), "z": (9, 3, 4)}, {}, [(7, 4, 9, 3)],
    ),
    "heads turned inside a product, and features in front": (
        [n("FusedMatMul", "x z", transBatchA=1, transA=1, **MS)],
        {"x": (4, 3, 7), "z": (3, 4, 9)}, {}, [(7, 4, 9, 3)],
    ),
    "one key for all heads": (
        [n("FusedMatMul", "x z", transB=1, **MS)], {"x": (1, 3, 7, 4), "z": (1, 1, 9, 4)}, {}, [(21, 4, 9, 1)],
    ),
    "channels last": (
        [
            n("QLinearConv", "x k k w k k k k", "a", channels_last=1, **PADDED, **MS),
            n("NhwcMaxPool", "a", "b", **WINDOW, **MS),
            n("QLinearConv", "b k k w k k k k", "d", name="second", channels_last=1, **PADDED, **MS),
            n("QLinearGlobalAveragePool", "d k k k k", channels_last=1, **MS),
        ],
        IMAGES_LAST, {**FOUR, "k": ()}, [(48, 36, 4, 1), (12, 36, 4, 1)],
    ),
    "channels last, where rows are as many as channels": (
        [n("QLinearConv", "x k k w k k k k", channels_last=1, **PADDED, **MS)],
        {"x": (1, 4, 8, 4)}, {**FOUR, "k": ()}, [(32, 36, 4, 1)],
    ),
    "a sum and a function behind a convolution": (
        [n("FusedConv", "x w b x", activation="LeakyRelu", activation_params=[0.1], **PADDED, **MS)],
        IMAGE, {**FOUR, "b": (4,)}, [(64, 36, 4, 1)],
    ),
    "a function behind a product": (
        [n("FusedGemm", "x w", activation="Tanh", **MS)], {"x": (3, 8)}, {"w": (8, 2)}, [(3, 8, 2, 1)],
    ),
    "weights of four bits": (
        [n("MatMulNBits", "x w s", K=8, N=96, bits=4, block_size=32, **MS)],
        SEQUENCE, {"w": (96, 1, 16), "s": (96,)}, [(5, 8, 96, 1)],
    ),
    "quantised attention of two heads": (
        [n("QAttention", "x w b k k", num_heads=2, **MS)], SEQUENCE, {"w": (8, 24), "b": (24,), "k": ()},
        [(5, 8, 24, 1), (5, 4, 5, 2), (5, 5, 4, 2)],
    ),
    "attention whose values are smaller": (
        [n("Attention", "x w b", num_heads=2, qkv_hidden_sizes=[8, 8, 4], **MS)], SEQUENCE, {"w": (8, 20), "b": (20,)},
        [(5, 8, 20, 1), (5, 4, 5, 2), (5, 5, 2, 2)],
    ),
    "words, segments and positions": (
        [n("EmbedLayerNormalization", "x z t p u s s", "e mask", **MS), n("MatMul", "e w")], {"x": (1, 5), "z": (1, 5)},
        {"t": (100, 8), "p": (64, 8), "u": (2, 8), "s": (8,), "w": (8, 3)}, [(5, 8, 3, 1)],
    ),
    "a choice between two": (
        [n("QLinearConv", "x k k w k k k k", "a", **PADDED), n("QLinearWhere", "m a k k x k k k k", **MS)],
        IMAGE, {**FOUR, "k": (), "m": (1, 4, 8, 8)}, [(64, 36, 4, 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_products_are_those_worked_by_hand(case: str, tmp_path: Path) -> None:
    nodes, inputs, weights, products = CASES[case]
    graph = read(tmp_path, nodes, inputs, weights, opset=13)
    assert [(*op.product, op.groups) for op in graph if op.macs] == products


def test_a_fused_sum_and_function_are_still_there(tmp_path: Path) -> None:
    nodes, inputs, weights, _ = CASES["a sum and a function behind a convolution"]
    assert [(op.kind, op.activation) for op in read(tmp_path, nodes, inputs, weights)] == [
        ("conv", "none"),
        ("add", "none"),
        ("activation", "leaky_relu"),
    ]


@pytest.mark.parametrize("node", [n("MoE", "x r w _ v", k=1, **MS), n("GreedySearch", "x k k", **MS)])
def test_what_the_data_decides_is_listed_with_its_reason(node: Any, tmp_path: Path) -> None:
    weights = {"w": (4, 8, 16), "v": (4, 16, 8), "k": ()}
    match = r"1 of 1 nodes .* 1 com.microsoft.(MoE|GreedySearch) \(first '.*': (which|its number)"
    with pytest.raises(UnsupportedError, match=match):
        read(tmp_path, [node], {**SEQUENCE, "r": (5, 4)}, weights)
