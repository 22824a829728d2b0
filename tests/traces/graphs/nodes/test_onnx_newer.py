"""Nodes of newer opsets and of runtimes: attention to earlier steps, regions, samples, transforms; worked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.traces.graphs.nodes.test_onnx_runtimes import MS, Product
from tests.traces.graphs.siblings.nodes import c, n
from tests.traces.graphs.test_import_cases import FOUR, IMAGE, PADDED, Shape, read
from traces.base.errors import UnsupportedError

pytest.importorskip("onnx", reason="the onnx extra is not installed")

Case = tuple[
    list[Any], Mapping[str, Shape], Mapping[str, tuple[int, ...]], Mapping[str, list[int]], list[Product]
]
ROWS: dict[str, Shape] = {"x": (1, 5, 8)}
# Three steps of two heads of four features that an earlier call left.
EARLIER: dict[str, Shape] = {"pk": (1, 2, 3, 4), "pv": (1, 2, 3, 4)}
NEXT: list[Product] = [(5, 4, 8, 2), (5, 8, 4, 2)]  # five queries, eight keys
GROUPED: dict[str, Shape] = {"q": (1, 5, 16), "k": (1, 5, 8), "v": (1, 5, 8)}  # four heads, two of keys
OPSETS = {"Attention": 23, "DeformConv": 19}
CASES: dict[str, Case] = {
    "keys of earlier steps": (
        [n("Attention", "x x x _ pk pv", q_num_heads=2, kv_num_heads=2)], {**ROWS, **EARLIER}, {}, {}, NEXT,
    ),
    "and those that are left for the next": (
        [n("Attention", "x x x _ pk pv", "a k v", q_num_heads=2, kv_num_heads=2), n("ReduceMean", "k", keepdims=0)],
        {**ROWS, **EARLIER}, {}, {}, NEXT,
    ),
    "queries that share keys, and earlier ones": (
        [n("Attention", "q k v _ pk pv", q_num_heads=4, kv_num_heads=2)], {**GROUPED, **EARLIER}, {}, {},
        [(10, 4, 8, 2), (10, 8, 4, 2)],
    ),
    "heads of a runtime, after earlier steps": (
        [n("MultiHeadAttention", "x x x _ _ _ pk pv", "y k v", num_heads=2, **MS)], {**ROWS, **EARLIER}, {}, {}, NEXT,
    ),
    "queries, keys and values in one tensor": (
        [n("MultiHeadAttention", "x", num_heads=2, **MS)], {"x": (1, 5, 2, 3, 4)}, {}, {}, [(5, 4, 5, 2), (5, 5, 4, 2)],
    ),
    "keys and values in one tensor": (
        [n("MultiHeadAttention", "x z", num_heads=2, **MS)], {**ROWS, "z": (1, 7, 2, 2, 4)}, {}, {},
        [(5, 4, 7, 2), (5, 7, 4, 2)],
    ),
    "one tensor of keys and values of earlier steps": (
        [n("Attention", "x w b _ past", num_heads=2, **MS)], {**ROWS, "past": (2, 1, 2, 3, 4)},
        {"w": (8, 24), "b": (24,)}, {}, [(5, 8, 24, 1), *NEXT],
    ),
    "quantised, after earlier steps": (
        [n("QAttention", "x w b k k _ _ _ past", num_heads=2, **MS)], {**ROWS, "past": (2, 1, 2, 3, 4)},
        {"w": (8, 24), "b": (24,), "k": ()}, {}, [(5, 8, 24, 1), *NEXT],
    ),
    "one query of a decoder": (
        [n("DecoderMaskedMultiHeadAttention", "x x x _ _ pk pv", num_heads=2, **MS)], {"x": (1, 1, 8), **EARLIER},
        {}, {}, [(1, 4, 4, 2), (1, 4, 4, 2)],
    ),
    "groups of queries": (
        [n("GroupQueryAttention", "q k v", num_heads=4, kv_num_heads=2, **MS)], GROUPED, {}, {},
        [(10, 4, 5, 2), (10, 5, 4, 2)],
    ),
    "groups of queries after earlier steps, turned by their position": (
        [n("GroupQueryAttention", "q k v pk pv l t c s", "y kk vv", num_heads=4, kv_num_heads=2, do_rotary=1, **MS)],
        {**GROUPED, **EARLIER}, {"c": (16, 2), "s": (16, 2)}, {"l": [7], "t": [8]}, [(10, 4, 8, 2), (10, 8, 4, 2)],
    ),
    "groups of queries in one tensor": (
        [n("GroupQueryAttention", "x", num_heads=4, kv_num_heads=2, **MS)], {"x": (1, 5, 32)}, {}, {},
        [(10, 4, 5, 2), (10, 5, 4, 2)],
    ),
    "one head of keys for all": (
        [n("GroupQueryAttention", "q k k", num_heads=4, kv_num_heads=1, **MS)], {"q": (1, 5, 16), "k": (1, 5, 4)},
        {}, {}, [(20, 4, 5, 1), (20, 5, 4, 1)],
    ),
    "regions, one convolution over each": (
        [
            n("RoiAlign", "x r b", "p", output_height=7, output_width=5, sampling_ratio=2),
            n("Conv", "p w", kernel_shape=[1, 1]),
        ],
        {"x": (1, 4, 20, 20), "r": (3, 4)}, {"w": (6, 4, 1, 1)}, {"b": [0, 0, 0]}, [(3 * 35, 4, 6, 1)],
    ),
    "largest of regions": (
        [n("MaxRoiPool", "x r", "p", pooled_shape=[7, 5]), n("Flatten", "p", "f"), n("MatMul", "f w")],
        {"x": (1, 4, 20, 20), "r": (3, 5)}, {"w": (140, 6)}, {}, [(3, 140, 6, 1)],
    ),
    "samples at computed places": (
        [n("Conv", "x o", "off", name="places", **PADDED), n("DeformConv", "x w off", **PADDED)],
        IMAGE, {"o": (18, 4, 3, 3), "w": (6, 4, 3, 3)}, {}, [(64, 36, 18, 1), (64, 36, 6, 1)],
    ),
    "samples, in groups, weighed": (
        [n("Conv", "x o", "off", **PADDED), n("Conv", "x m", "mask", **PADDED),
         n("DeformConv", "x w off _ mask", group=2, **PADDED)],
        IMAGE, {"o": (18, 4, 3, 3), "m": (9, 4, 3, 3), "w": (6, 2, 3, 3)}, {},
        [(64, 36, 18, 1), (64, 36, 9, 1), (64, 18, 3, 2)],
    ),
    "an axis counted from the end": (
        [n("Transpose", "x", "a", perm=[0, -1, 1]), n("MatMul", "a w")], ROWS, {"w": (5, 3)}, {}, [(8, 5, 3, 1)],
    ),
    "frames of a signal": (
        [n("STFT", "x step win")], {"x": (1, 160, 1)}, {"win": (32,)}, {"step": [16]}, [(9, 32, 34, 1)],
    ),
    "a one-sided transform": ([n("DFT", "x", axis=1, onesided=1)], {"x": (1, 10, 6, 1)}, {}, {}, [(6, 10, 12, 1)]),
    "three operands": (
        [n("Einsum", "x z v", equation="bij,bjk,bkl->bil")], {"x": (1, 3, 4), "z": (1, 4, 5), "v": (1, 5, 6)}, {}, {},
        [(3, 4, 5, 1), (3, 5, 6, 1)],
    ),
    "an operand alone, turned and summed": (
        [n("Einsum", "x", "a", equation="bij->bj"), n("MatMul", "a w")], ROWS, {"w": (8, 3)}, {}, [(1, 8, 3, 1)],
    ),
    "weights of four bits, sizes in an input": (
        [n("MatMulFpQ4", "x w kn", **MS)], ROWS, {"w": (400,)}, {"kn": [8, 96]}, [(5, 8, 96, 1)],
    ),
    "weights in blocks": (
        [n("MatMulBnb4", "x w s", K=8, N=96, **MS)], ROWS, {"w": (400,), "s": (6,)}, {}, [(5, 8, 96, 1)],
    ),
    "a function behind a turned product": (
        [n("FusedMatMulActivation", "x z", transB=1, activation="Tanh", **MS)], {**ROWS, "z": (1, 7, 8)}, {}, {},
        [(5, 8, 7, 1)],
    ),
    "a product and its GELU": ([n("GemmFastGelu", "x w b", **MS)], ROWS, {"w": (8, 3), "b": (3,)}, {}, [(5, 8, 3, 1)]),
    "half of the features gates the other": (
        [n("BiasSplitGelu", "x b", "a", **MS), n("MatMul", "a w")], ROWS, {"b": (8,), "w": (4, 3)}, {}, [(5, 4, 3, 1)],
    ),
    "a normalisation of groups and its SiLU": (
        [n("GroupNorm", "x s s", "a", groups=2, activation=1, **MS), n("MatMul", "a w")],
        {"x": (1, 6, 7, 4)}, {"s": (4,), "w": (4, 3)}, {}, [(42, 4, 3, 1)],
    ),
    "distances of rows": (
        [n("CDist", "x z", metric="euclidean", **MS)], {"x": (6, 8), "z": (9, 8)}, {}, {}, [(6, 8, 9, 1)],
    ),
    "quantised means": (
        [n("QLinearConv", "x k k w k k k k", "a", **PADDED),
         n("QLinearReduceMean", "a k k k k", "p", axes=[2, 3], keepdims=0, **MS), n("MatMul", "p v")],
        IMAGE, {**FOUR, "k": (), "v": (4, 3)}, {}, [(64, 36, 4, 1), (1, 4, 3, 1)],
    ),
    "words of a quantised table": (
        [n("QEmbedLayerNormalization", "x z t p u s s", "e mask", **MS), n("MatMul", "e w")],
        {"x": (1, 5), "z": (1, 5)}, {"t": (100, 8), "p": (64, 8), "u": (2, 8), "s": (8,), "w": (8, 3)}, {},
        [(5, 8, 3, 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_products_are_those_worked_by_hand(case: str, tmp_path: Path) -> None:
    nodes, inputs, weights, values, products = CASES[case]
    needs = [OPSETS.get(node.op_type, 17) for node in nodes if not node.domain]
    graph = read(tmp_path, nodes, inputs, weights, values, opset=max(needs, default=17))
    assert [(*op.product, op.groups) for op in graph if op.macs] == products


def test_a_region_is_sampled_four_times_a_pixel(tmp_path: Path) -> None:
    """Regions of 7 x 5 pixels, four samples of each: blended like a resize, then their mean."""
    node = n("RoiAlign", "x r b", output_height=7, output_width=5, sampling_ratio=2)
    graph = read(tmp_path, [node], {"x": (1, 4, 20, 20), "r": (3, 4)}, {}, {"b": [0, 0, 0]})
    sample, mean = graph.ops[:2]
    assert (sample.kind, sample.inputs) == ("upsample", ("input", "r"))
    assert (sample.out_channels, sample.out_height, sample.out_width) == (4, 3 * 7 * 2, 5 * 2)
    assert (mean.kind, mean.out_height, mean.out_width) == ("avg_pool", 21, 5)


def test_samples_wait_for_their_places(tmp_path: Path) -> None:
    nodes, inputs, weights, values, _ = CASES["samples, in groups, weighed"]
    graph = read(tmp_path, nodes, inputs, weights, values, opset=19)
    sample = next(op for op in graph if op.kind == "upsample")
    assert len(sample.inputs) == 3
    assert (sample.out_channels, sample.out_height, sample.out_width) == (4, 9, 64)


def test_a_sum_over_a_diagonal_is_listed(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"equation 'bii->b'; needs every axis named once"):
        read(tmp_path, [n("Einsum", "x", equation="bii->b")], {"x": (1, 5, 5)}, {})


@pytest.mark.parametrize("state", [False, True])
def test_a_causal_convolution_of_every_channel(state: bool, tmp_path: Path) -> None:
    """8 steps of 4 channels under windows of 3 steps: 24 products each, with the stepsx"""
    onnx = pytest.importorskip("onnx")
    if onnx.defs.onnx_opset_version() < 27:
        pytest.skip("this version of onnx has no CausalConvWithState")
    node = n("CausalConvWithState", "x w b past" if state else "x w b", "y left", activation="silu")
    given: dict[str, Shape] = {"x": (1, 4, 8), **({"past": (1, 4, 2)} if state else {})}
    graph = read(tmp_path, [node], given, {"w": (4, 1, 3), "b": (4,)}, opset=27)
    assert [(*op.product, op.groups) for op in graph if op.macs] == [(8, 3, 1, 4)]
    worked = [op.kind for op in graph if op.kind != "reshape"]
    assert worked == (["concat"] if state else []) + ["conv", "activation"]


def test_older_opsets_keep_their_own_meaning_beside_newer_nodes(tmp_path: Path) -> None:
    """Halves of an axis need no sizes before opset 18; what a runtime wrote as a GELU has come with 20."""
    nodes = [n("Gelu", "x", "g", **MS), n("Split", "g", "a b", axis=2), n("MatMul", "b w")]
    assert read(tmp_path, nodes, ROWS, {"w": (4, 3)}, opset=13).macs == 5 * 4 * 3


def test_a_norm_of_a_runtime_in_an_old_model(tmp_path: Path) -> None:
    nodes = [n("SkipLayerNormalization", "x x s s", "g", **MS), n("MatMul", "g w")]
    graph = read(tmp_path, nodes, ROWS, {"s": (8,), "w": (8, 3)}, opset=11)
    assert [op.kind for op in graph] == ["add", "layer_norm", "linear"]


def test_padding_that_sizes_decide_by_a_clip(tmp_path: Path) -> None:
    """TensorFlow's padding as exporters write it: max((ceil(9 / 2) - 1) * 2 + 3 - 9, 0) = 2 along both axes."""
    nodes = [
        n("Shape", "x", "size"), n("Slice", "size two four", "sides"), n("Cast", "sides", "f", to=1, name="c1"),
        n("Div", "f s", "q"), n("Ceil", "q", "out"), n("Sub", "out o", "less", name="s1"), n("Mul", "less s", "step"),
        n("Add", "step k", "reach"), n("Sub", "reach f", "need", name="s2"), n("Clip", "need z", "total"),
        n("Cast", "total", "more", to=7, name="c2"), n("Concat", "zeros more", "pads", axis=0),
        n("Pad", "x pads", "p"), n("Conv", "p w", "y", kernel_shape=[3, 3], strides=[2, 2]),
    ]  # fmt: skip
    constants = [c(name, np.float32(value)) for name, value in (("s", 2), ("o", 1), ("k", 3), ("z", 0))]
    values = {"two": [2], "four": [4], "zeros": [0] * 6}
    graph = read(tmp_path, [*constants, *nodes], {"x": (1, 4, 9, 9)}, {"w": (6, 4, 3, 3)}, values)
    assert [op.product for op in graph if op.macs] == [(25, 36, 6)]
