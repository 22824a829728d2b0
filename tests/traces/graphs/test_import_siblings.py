"""Siblings of the models that readers get wrong: other axis orders, opsets, paddings, domains; MACs worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, PADDED, Shape, read

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

Case = tuple[
    list[Any],
    Mapping[str, Shape],
    Mapping[str, tuple[int, ...]],
    Mapping[str, Sequence[int]],
    int,
    int,
    dict[str, Any],
]
CASES: dict[str, Case] = {}


def n(kind: str, inputs: str, outputs: str = "y", **attributes: Any) -> Any:
    """Return a node; ``_`` stands for an input or output left out."""
    name, domain = attributes.pop("name", kind.lower()), attributes.pop("domain", "")
    given, made = ([word.strip("_") for word in side.split()] for side in (inputs, outputs))
    return helper.make_node(kind, given, made, name=name, domain=domain, **attributes)


def c(name: str, value: Any) -> Any:
    """Return a constant."""
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value)))


def case(
    name: str,
    nodes: list[Any],
    inputs: Mapping[str, Shape],
    weights: Mapping[str, tuple[int, ...]],
    values: Mapping[str, Sequence[int]],
    macs: int,
    *,
    opset: int = 17,
    **options: Any,
) -> None:
    CASES[name] = (nodes, inputs, weights, values, macs, opset, options)


# fmt: off  # a table
img, w4 = (IMAGE, FOUR)
case(
    "reshape -1",
    [n("Reshape", "x s", "u"), n("Conv", "u w", **PADDED)],
    {"x": (1, 784)},
    {"w": (8, 1, 3, 3)},
    {"s": [-1, 1, 28, 28]},
    56448,
)
case(
    "reshape 0",
    [n("Reshape", "x s", "u"), n("Conv", "u w", **PADDED)],
    {"x": (1, 784)},
    {"w": (8, 1, 3, 3)},
    {"s": [0, 1, 28, 28]},
    56448,
)
case(
    "reshape flat",
    [n("Reshape", "x s", "u"), n("Conv", "u w", **PADDED)],
    {"x": (784,)},
    {"w": (8, 1, 3, 3)},
    {"s": [1, 1, 28, 28]},
    56448,
)
case(
    "unsqueeze img",
    [n("Unsqueeze", "x a", "u"), n("Conv", "u w", **PADDED)],
    {"x": (28, 28)},
    {"w": (8, 1, 3, 3)},
    {"a": [0, 1]},
    56448,
)
case(
    "nhwc in",
    [n("Transpose", "x", "u", perm=[0, 3, 1, 2]), n("Conv", "u w", **PADDED)],
    {"x": (1, 10, 12, 3)},
    {"w": (8, 3, 3, 3)},
    {},
    120 * 27 * 8,
)
case(
    "nhwc open batch",
    [n("Transpose", "x", "u", perm=[0, 3, 1, 2]), n("Conv", "u w", **PADDED)],
    {"x": ("n", 10, 12, 3)},
    {"w": (8, 3, 3, 3)},
    {},
    120 * 27 * 8,
)
case("gemm transA", [n("Gemm", "x w", transA=1)], {"x": (512, 256)}, {"w": (512, 128)}, {}, 16777216)
case("gemm transB", [n("Gemm", "x w", transB=1)], {"x": (256, 512)}, {"w": (128, 512)}, {}, 16777216)
case(
    "gemm both bias",
    [n("Gemm", "x w b", transA=1, transB=1, alpha=0.5, beta=2.0)],
    {"x": (512, 256)},
    {"w": (128, 512), "b": (128,)},
    {},
    16777216,
)
case("gemm const first", [n("Gemm", "w x")], {"x": (512, 256)}, {"w": (128, 512)}, {}, 16777216)
case("gemm two act", [n("Gemm", "x z b", transB=1)], {"x": (6, 8), "z": (5, 8), "b": (6, 5)}, {}, {}, 240)
case("vector matmul", [n("MatMul", "x w")], {"x": (512,)}, {"w": (512, 128)}, {}, 65536)
case("matmul vector w", [n("MatMul", "x w")], {"x": (256, 512)}, {"w": (512,)}, {}, 131072)
case("matmul 3d", [n("MatMul", "x w")], {"x": (1, 256, 512)}, {"w": (512, 128)}, {}, 16777216)
case("matmul 4d rows", [n("MatMul", "x w")], {"x": (2, 3, 5, 7)}, {"w": (7, 11)}, {}, 2 * 3 * 5 * 7 * 11)
case("matmul 3d weights", [n("MatMul", "x w")], {"x": (4, 5, 7)}, {"w": (4, 7, 11)}, {}, 4 * 5 * 7 * 11)
case("matmul bcast weights", [n("MatMul", "x w")], {"x": (1, 5, 7)}, {"w": (4, 7, 11)}, {}, 4 * 5 * 7 * 11)
case("const first 3d", [n("MatMul", "w x")], {"x": (1, 64, 100)}, {"w": (32, 64)}, {}, 204800)
case("const first heads", [n("MatMul", "w x")], {"x": (4, 64, 100)}, {"w": (4, 32, 64)}, {}, 4 * 204800)
case(
    "rows 64x256",
    [n("Conv", "x w0", "c", **PADDED), n("Reshape", "c s", "r"), n("MatMul", "r w")],
    {"x": (1, 3, 32, 32)},
    {"w0": (16, 3, 3, 3), "w": (256, 10)},
    {"s": [64, 256]},
    442368 + 163840,
)
case(
    "rows 4d",
    [n("Conv", "x w0", "c", **PADDED), n("Reshape", "c s", "r"), n("MatMul", "r w")],
    {"x": (1, 3, 32, 32)},
    {"w0": (16, 3, 3, 3), "w": (256, 10)},
    {"s": [1, 4, 16, 256]},
    442368 + 163840,
)
case(
    "flatten axis2",
    [n("Conv", "x w0", "c", **PADDED), n("Flatten", "c", "r", axis=2), n("MatMul", "r w")],
    {"x": (1, 3, 32, 32)},
    {"w0": (16, 3, 3, 3), "w": (1024, 10)},
    {},
    442368 + 163840,
)
case(
    "flatten neg",
    [n("Conv", "x w0", "c", **PADDED), n("Flatten", "c", "r", axis=-1), n("MatMul", "r w")],
    {"x": (1, 3, 32, 32)},
    {"w0": (16, 3, 3, 3), "w": (32, 10)},
    {},
    442368 + 163840,
)
case(
    "nhwc rows",
    [
        n("Conv", "x w0", "c", **PADDED),
        n("Transpose", "c", "t", perm=[0, 2, 3, 1]),
        n("Reshape", "t s", "r"),
        n("MatMul", "r w"),
    ],
    {"x": (1, 3, 32, 32)},
    {"w0": (16, 3, 3, 3), "w": (256, 10)},
    {"s": [1, 64, 256]},
    442368 + 163840,
)
case(
    "expand weights",
    [c("v", np.float32(1)), n("Expand", "v s", "w"), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {},
    {"s": [4, 3, 3, 3]},
    6912,
)
case(
    "reshaped weights",
    [n("Reshape", "wf s", "w"), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {"wf": (108,)},
    {"s": [4, 3, 3, 3]},
    6912,
)
case(
    "transposed weights",
    [n("Transpose", "wf", "w", perm=[3, 2, 0, 1]), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {"wf": (3, 3, 3, 4)},
    {},
    6912,
)
case(
    "cast weights",
    [n("Cast", "wf", "w", to=1), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {"wf": (4, 3, 3, 3)},
    {},
    6912,
)
case(
    "concat weights",
    [n("Concat", "wf wg", "w", axis=0), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {"wf": (2, 3, 3, 3), "wg": (2, 3, 3, 3)},
    {},
    6912,
)
case(
    "big transposed fc",
    [n("Transpose", "wf", "w"), n("MatMul", "x w")],
    {"x": (3, 1024)},
    {"wf": (64, 1024)},
    {},
    3 * 1024 * 64,
)
case(
    "const node w",
    [c("w", np.zeros((4, 3, 3, 3), np.float32)), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {},
    {},
    6912,
)
case(
    "random weights",
    [helper.make_node("RandomNormal", [], ["w"], shape=[4, 3, 3, 3]), n("Conv", "x w", **PADDED)],
    {"x": (1, 3, 8, 8)},
    {},
    {},
    6912,
)
case(
    "constantofshape gemm",
    [n("ConstantOfShape", "s", "w"), n("Gemm", "x w", transB=1)],
    {"x": (5, 64)},
    {},
    {"s": [32, 64]},
    5 * 64 * 32,
)
case("sum3", [CONV, n("Sum", "a x x")], img, w4, {}, 9216)
case("sum1", [CONV, n("Sum", "a")], img, w4, {}, 9216)
case("mean2", [CONV, n("Mean", "a x")], img, w4, {}, 9216)
case("max2", [CONV, n("Max", "a x")], img, w4, {}, 9216)
case("min const", [CONV, n("Min", "a k")], img, {**w4, "k": ()}, {}, 9216)
for k in (
    "Selu",
    "Celu",
    "ThresholdedRelu",
    "Softsign",
    "Shrink",
    "Hardmax",
    "Sign",
    "Ceil",
    "Cos",
    "Atan",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "IsNaN",
):
    case("act " + k, [CONV, n(k, "a")], img, w4, {}, 9216)
for k in ("FastGelu", "QuickGelu", "Gelu", "BiasGelu"):
    case(
        "ms " + k,
        [CONV, n(k, "a b" if k == "BiasGelu" else "a", domain="com.microsoft")],
        img,
        {**w4, "b": (8,)},
        {},
        9216,
    )
case("swish24", [CONV, n("Swish", "a")], img, w4, {}, 9216, opset=24)
case(
    "hardswish decomposed",
    [CONV, n("Add", "a three", "b"), n("Clip", "b lo hi", "c"), n("Mul", "a c", "d"), n("Div", "d six")],
    img,
    {**w4, "three": (), "six": (), "lo": (), "hi": ()},
    {},
    9216,
)
case("clip6", [CONV, n("Clip", "a", min=0.0, max=6.0)], img, w4, {}, 9216, opset=9)
case(
    "pad attr",
    [
        n("Pad", "x", "a", pads=[0, 0, 0, 0, 0, 0, 1, 1]),
        n("Conv", "a w", kernel_shape=[3, 3], strides=[2, 2]),
    ],
    {"x": (1, 3, 224, 224)},
    {"w": (16, 3, 3, 3)},
    {},
    5419008,
    opset=10,
)
case(
    "pad reflect",
    [n("Pad", "x pads", "a", mode="reflect"), n("Conv", "a w", kernel_shape=[3, 3])],
    {"x": (1, 4, 8, 8)},
    w4,
    {"pads": [0, 0, 1, 1, 0, 0, 1, 1]},
    9216,
)
case(
    "pad axes",
    [n("Pad", "x pads _ ax", "a"), n("Conv", "a w", kernel_shape=[3, 3])],
    {"x": (1, 4, 8, 8)},
    w4,
    {"pads": [1, 1, 1, 1], "ax": [2, 3]},
    9216,
    opset=18,
)
case(
    "pad crop",
    [n("Pad", "x pads", "a"), n("Conv", "a w", **PADDED)],
    {"x": (1, 4, 10, 10)},
    w4,
    {"pads": [0, 0, -1, -1, 0, 0, -1, -1]},
    9216,
)
case(
    "pad channels",
    [n("Pad", "x pads", "a"), n("Conv", "a w", **PADDED)],
    {"x": (1, 2, 8, 8)},
    w4,
    {"pads": [0, 1, 0, 0, 0, 1, 0, 0]},
    9216,
)
case(
    "pad big",
    [n("Pad", "x pads", "a"), n("Conv", "a w", kernel_shape=[3, 3])],
    {"x": (1, 4, 4, 4)},
    w4,
    {"pads": [0, 0, 3, 3, 0, 0, 3, 3]},
    9216,
)
case(
    "pad matmul",
    [n("Pad", "x pads", "a"), n("MatMul", "a w")],
    {"x": (1, 5, 7)},
    {"w": (8, 3)},
    {"pads": [0, 0, 0, 0, 1, 1]},
    6 * 8 * 3,
)
case("pad out", [CONV, n("Pad", "a pads")], img, w4, {"pads": [0, 0, 1, 1, 0, 0, 1, 1]}, 9216)
case(
    "conv1d group dil",
    [n("Conv", "x w", kernel_shape=[3], pads=[2, 2], dilations=[2], group=4)],
    {"x": (1, 40, 98)},
    {"w": (64, 10, 3)},
    {},
    98 * 30 * 64,
)
case(
    "conv1d same",
    [n("Conv", "x w", auto_pad="SAME_UPPER", strides=[2])],
    {"x": (1, 40, 98)},
    {"w": (64, 40, 9)},
    {},
    49 * 360 * 64,
)
case(
    "conv1d valid",
    [n("Conv", "x w", auto_pad="VALID")],
    {"x": (1, 40, 98)},
    {"w": (64, 40, 9)},
    {},
    90 * 360 * 64,
)
case(
    "conv2d same lower",
    [n("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 2])],
    {"x": (1, 3, 15, 15)},
    {"w": (8, 3, 3, 3)},
    {},
    64 * 27 * 8,
)
case("depthwise mult", [n("Conv", "x w", group=4, **PADDED)], img, {"w": (8, 1, 3, 3)}, {}, 64 * 9 * 8)
case(
    "conv3d group",
    [n("Conv", "x w", kernel_shape=[3, 3, 3], pads=[1] * 6, group=2)],
    {"x": (1, 4, 8, 8, 8)},
    {"w": (4, 2, 3, 3, 3)},
    {},
    512 * 27 * 2 * 4,
)
case("conv 2 bias", [n("Conv", "x w b", **PADDED)], img, {**w4, "b": (4,)}, {}, 9216)
case(
    "tconv group",
    [n("ConvTranspose", "x w", kernel_shape=[2, 2], strides=[2, 2], group=4)],
    {"x": (1, 32, 16, 16)},
    {"w": (32, 4, 2, 2)},
    {},
    256 * 8 * 16 * 4,
)
case(
    "tconv outpad",
    [n("ConvTranspose", "x w", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, output_padding=[1, 1])],
    {"x": (1, 8, 16, 16)},
    {"w": (8, 4, 3, 3)},
    {},
    256 * 8 * 36,
)
case(
    "tconv outshape",
    [n("ConvTranspose", "x w", kernel_shape=[3, 3], strides=[2, 2], output_shape=[32, 32])],
    {"x": (1, 8, 16, 16)},
    {"w": (8, 4, 3, 3)},
    {},
    256 * 8 * 36,
)
case(
    "tconv same",
    [n("ConvTranspose", "x w", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")],
    {"x": (1, 8, 16, 16)},
    {"w": (8, 4, 3, 3)},
    {},
    256 * 8 * 36,
)
case(
    "tconv 1d",
    [n("ConvTranspose", "x w", kernel_shape=[4], strides=[2], pads=[1, 1])],
    {"x": (1, 8, 16)},
    {"w": (8, 4, 4)},
    {},
    16 * 8 * 16,
)
case(
    "tconv dil",
    [n("ConvTranspose", "x w", kernel_shape=[3, 3], dilations=[2, 2])],
    {"x": (1, 8, 16, 16)},
    {"w": (8, 4, 3, 3)},
    {},
    256 * 8 * 36,
)
case(
    "tconv 3d",
    [n("ConvTranspose", "x w", kernel_shape=[2, 2, 2], strides=[2, 2, 2])],
    {"x": (1, 8, 4, 4, 4)},
    {"w": (8, 4, 2, 2, 2)},
    {},
    64 * 8 * 32,
)
case(
    "unnamed twice",
    [
        helper.make_node("Conv", ["x", "w"], ["a"], **PADDED),
        helper.make_node("Conv", ["a", "w"], ["y"], **PADDED),
    ],
    img,
    w4,
    {},
    18432,
)
case(
    "same names",
    [
        n("Conv", "x w", "a", name="c", **PADDED),
        n("Conv", "a w", "b", name="c", **PADDED),
        n("Conv", "b w", "y", name="c#2", **PADDED),
    ],
    img,
    w4,
    {},
    3 * 9216,
)
case(
    "input tensor",
    [n("Conv", "input w", "output", name="output", **PADDED), n("Relu", "output", name="input")],
    {"input": (1, 4, 8, 8)},
    w4,
    {},
    9216,
)
case(
    "bcast se",
    [n("GlobalAveragePool", "x", "p"), n("Mul", "x p", "m"), n("Conv", "m w", **PADDED)],
    img,
    w4,
    {},
    9216,
)
case(
    "bcast rows",
    [
        CONV,
        n("ReduceMean", "a", "r", axes=[3], keepdims=1),
        n("ReduceMean", "a", "q", axes=[2], keepdims=1),
        n("Mul", "r q", "m"),
        n("Conv", "m w", name="c2", **PADDED),
    ],
    img,
    w4,
    {},
    18432,
)
case(
    "bcast w",
    [CONV, n("Add", "a k", "m"), n("Conv", "m w", name="c2", **PADDED)],
    img,
    {**w4, "k": (8,)},
    {},
    18432,
)
case(
    "bcast 3d",
    [n("Mul", "x z", "m"), n("MatMul", "m w")],
    {"x": (1, 16, 1), "z": (1, 1, 20)},
    {"w": (20, 3)},
    {},
    16 * 20 * 3,
)
case(
    "bcast scalar dyn",
    [n("ReduceMean", "x", "s", keepdims=0), n("Sub", "x s", "m"), n("Conv", "m w", **PADDED)],
    img,
    w4,
    {},
    9216,
)
case(
    "bcast rank",
    [n("Conv", "x w", "a", **PADDED), n("Mul", "a z")],
    {"x": (1, 4, 8, 8), "z": (4, 1, 1)},
    w4,
    {},
    9216,
)
case(
    "batch8 fc",
    [n("Conv", "x w", "a", **PADDED), n("Flatten", "a", "f"), n("Gemm", "f v", transB=1)],
    {"x": (8, 4, 8, 8)},
    {**w4, "v": (10, 256)},
    {},
    9216 + 2560,
)
case(
    "batch8 reshape-1",
    [n("Conv", "x w", "a", **PADDED), n("Reshape", "a s", "f"), n("MatMul", "f v")],
    {"x": (8, 4, 8, 8)},
    {**w4, "v": (256, 10)},
    {"s": [-1, 256]},
    9216 + 2560,
)
case("batch N", [n("Conv", "x w", "a", **PADDED), n("Relu", "a")], {"x": ("N", 4, 8, 8)}, w4, {}, 9216)
case(
    "batch by size",
    [n("Conv", "x w", **PADDED)],
    {"x": ("N", 4, 8, 8)},
    w4,
    {},
    9216,
    sizes={"x": (5, 4, 8, 8)},
)
case(
    "mha",
    [
        n("MatMul", "x wq", "q"),
        n("Reshape", "q s", "q4"),
        n("Transpose", "q4", "qt", perm=[0, 2, 1, 3]),
        n("MatMul", "x wk", "k"),
        n("Reshape", "k s", "k4"),
        n("Transpose", "k4", "kt", perm=[0, 2, 3, 1]),
        n("MatMul", "qt kt", "sc"),
        n("Div", "sc d", "sd"),
        n("Add", "sd mask", "sm"),
        n("Softmax", "sm", "p", axis=-1),
        n("MatMul", "x wv", "v"),
        n("Reshape", "v s", "v4"),
        n("Transpose", "v4", "vt", perm=[0, 2, 1, 3]),
        n("MatMul", "p vt", "o"),
        n("Transpose", "o", "ot", perm=[0, 2, 1, 3]),
        n("Reshape", "ot s3", "o3"),
        n("MatMul", "o3 wo"),
    ],
    {"x": (1, 49, 64)},
    {"wq": (64, 64), "wk": (64, 64), "wv": (64, 64), "wo": (64, 64), "d": (), "mask": (1, 1, 49, 49)},
    {"s": [1, 49, 4, 16], "s3": [1, 49, 64]},
    4 * 49 * 64 * 64 + 2 * 49 * 49 * 64,
)
case(
    "cross attn",
    [
        n("Transpose", "z", "kt", perm=[0, 2, 1]),
        n("MatMul", "x kt", "s"),
        n("Softmax", "s", "p", axis=-1),
        n("MatMul", "p z"),
    ],
    {"x": (1, 9, 64), "z": (1, 49, 64)},
    {},
    {},
    2 * 9 * 49 * 64,
)
case(
    "batched attn",
    [
        n("Transpose", "x", "kt", perm=[0, 2, 1]),
        n("MatMul", "x kt", "s"),
        n("Softmax", "s", "p", axis=-1),
        n("MatMul", "p x"),
    ],
    {"x": (8, 49, 64)},
    {},
    {},
    8 * 2 * 49 * 49 * 64,
)
case(
    "Attention23 4d",
    [n("Attention", "q k v")],
    {"q": (1, 4, 9, 16), "k": (1, 4, 49, 16), "v": (1, 4, 49, 16)},
    {},
    {},
    2 * 4 * 9 * 49 * 16,
    opset=23,
)
case(
    "Attention23 3d",
    [n("Attention", "q k v", q_num_heads=4, kv_num_heads=4)],
    {"q": (1, 9, 64), "k": (1, 49, 64), "v": (1, 49, 64)},
    {},
    {},
    2 * 4 * 9 * 49 * 16,
    opset=23,
)
case(
    "Attention23 gqa",
    [n("Attention", "q k v", q_num_heads=4, kv_num_heads=2)],
    {"q": (1, 9, 64), "k": (1, 49, 32), "v": (1, 49, 32)},
    {},
    {},
    2 * 4 * 9 * 49 * 16,
    opset=23,
)
case(
    "ms mha",
    [n("MultiHeadAttention", "q k v", domain="com.microsoft", num_heads=4)],
    {"q": (1, 9, 64), "k": (1, 49, 64), "v": (1, 49, 64)},
    {},
    {},
    2 * 4 * 9 * 49 * 16,
)
case(
    "ms attn",
    [n("Attention", "x w b", domain="com.microsoft", num_heads=4)],
    {"x": (1, 49, 64)},
    {"w": (64, 192), "b": (192,)},
    {},
    49 * 64 * 192 + 2 * 49 * 49 * 64,
)
case("two unused", [n("Conv", "x w", **PADDED)], {"x": (1, 4, 8, 8), "sr": ()}, w4, {}, 9216)
case(
    "two concat",
    [n("Concat", "x z", "c", axis=1), n("Conv", "c w", **PADDED)],
    {"x": (1, 2, 8, 8), "z": (1, 2, 8, 8)},
    w4,
    {},
    9216,
)
case(
    "two scales",
    [n("Conv", "x w", "a", **PADDED), n("Resize", "z _ _ sz", "u"), n("Add", "a u")],
    {"x": (1, 4, 8, 8), "z": (1, 4, 4, 4)},
    w4,
    {"sz": [1, 4, 8, 8]},
    9216,
)
for k, g in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    case(
        k + " bi",
        [n(k, "x w r", hidden_size=16, direction="bidirectional")],
        {"x": (20, 1, 8)},
        {"w": (2, 16 * g, 8), "r": (2, 16 * g, 16)},
        {},
        2 * 20 * g * 16 * 24,
    )
    case(
        k + " rev",
        [n(k, "x w r", hidden_size=16, direction="reverse")],
        {"x": (20, 1, 8)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16)},
        {},
        20 * g * 16 * 24,
    )
    case(
        k + " yh",
        [n(k, "x w r b", "_ h", hidden_size=16), n("Squeeze", "h a", "hs"), n("MatMul", "hs v")],
        {"x": (20, 1, 8)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16), "b": (1, 32 * g), "v": (16, 5)},
        {"a": [0]},
        20 * g * 16 * 24 + 80,
    )
    case(
        k + " two",
        [
            n(k, "x w r", "a", hidden_size=16),
            n("Squeeze", "a ax", "s"),
            n(k, "s w2 r2", "y", name="l2", hidden_size=16),
        ],
        {"x": (20, 1, 8)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16), "w2": (1, 16 * g, 16), "r2": (1, 16 * g, 16)},
        {"ax": [1]},
        20 * g * 16 * (24 + 32),
    )
    case(
        k + " h0 input",
        [n(k, "x w r _ _ h0", "y", hidden_size=16)],
        {"x": (20, 1, 8), "h0": (1, 1, 16)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16)},
        {},
        20 * g * 16 * 24,
    )
    case(
        k + " batch4",
        [n(k, "x w r", "y", hidden_size=16)],
        {"x": (20, 4, 8)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16)},
        {},
        20 * g * 16 * 24,
    )
    case(
        k + " batch first",
        [n("Transpose", "x", "t", perm=[1, 0, 2]), n(k, "t w r", "y", hidden_size=16)],
        {"x": (4, 20, 8)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16)},
        {},
        20 * g * 16 * 24,
    )
    case(
        k + " layout1",
        [n(k, "x w r", "y", hidden_size=16, layout=1)],
        {"x": (1, 20, 8)},
        {"w": (1, 16 * g, 8), "r": (1, 16 * g, 16)},
        {},
        20 * g * 16 * 24,
    )
    case(
        k + " bi head",
        [
            n(k, "x w r", "a", hidden_size=16, direction="bidirectional"),
            n("Transpose", "a", "t", perm=[0, 2, 1, 3]),
            n("Reshape", "t s", "r2"),
            n("MatMul", "r2 v"),
        ],
        {"x": (20, 1, 8)},
        {"w": (2, 16 * g, 8), "r": (2, 16 * g, 16), "v": (32, 5)},
        {"s": [0, 0, -1]},
        2 * 20 * g * 16 * 24 + 20 * 32 * 5,
    )
case(
    "lstm peephole",
    [n("LSTM", "x w r b _ h c p", hidden_size=16)],
    {"x": (20, 1, 8)},
    {"w": (1, 64, 8), "r": (1, 64, 16), "b": (1, 128), "h": (1, 1, 16), "c": (1, 1, 16), "p": (1, 48)},
    {},
    20 * 64 * 24,
)
case(
    "lstm yc",
    [
        n("LSTM", "x w r", "a h c", hidden_size=16),
        n("Concat", "h c", "hc", axis=2),
        n("Squeeze", "hc a0", "hs"),
        n("MatMul", "hs v"),
    ],
    {"x": (20, 1, 8)},
    {"w": (1, 64, 8), "r": (1, 64, 16), "v": (32, 5)},
    {"a0": [0]},
    20 * 64 * 24 + 160,
)
case(
    "conv lstm",
    [
        n("Conv", "x w", "a", kernel_shape=[3], pads=[1, 1]),
        n("Transpose", "a", "t", perm=[2, 0, 1]),
        n("LSTM", "t wl rl", "o", hidden_size=16),
        n("Squeeze", "o ax", "s"),
        n("MatMul", "s v"),
    ],
    {"x": (1, 8, 50)},
    {"w": (12, 8, 3), "wl": (1, 64, 12), "rl": (1, 64, 16), "v": (16, 5)},
    {"ax": [1]},
    50 * 24 * 12 + 50 * 64 * 28 + 50 * 80,
)
case(
    "globallp",
    [CONV, n("GlobalLpPool", "a", "g"), n("Flatten", "g", "f"), n("MatMul", "f v")],
    img,
    {**w4, "v": (4, 5)},
    {},
    9216 + 20,
)
case(
    "maxpool ceil",
    [
        CONV,
        n("MaxPool", "a", "g", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        n("Flatten", "g", "f"),
        n("MatMul", "f v"),
    ],
    img,
    {**w4, "v": (64, 5)},
    {},
    9216 + 320,
)
case(
    "maxpool idx",
    [CONV, n("MaxPool", "a", "g i", kernel_shape=[2, 2], strides=[2, 2]), n("Relu", "g")],
    img,
    w4,
    {},
    9216,
)
case(
    "maxpool same",
    [
        CONV,
        n("MaxPool", "a", "g", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        n("Flatten", "g", "f"),
        n("MatMul", "f v"),
    ],
    img,
    {**w4, "v": (64, 5)},
    {},
    9216 + 320,
)
case(
    "maxpool3d",
    [
        n("Conv", "x w", "a", kernel_shape=[3, 3, 3], pads=[1] * 6),
        n("MaxPool", "a", kernel_shape=[2, 2, 2], strides=[2, 2, 2]),
    ],
    {"x": (1, 3, 8, 8, 8)},
    {"w": (4, 3, 3, 3, 3)},
    {},
    512 * 81 * 4,
)
case(
    "avg incl",
    [CONV, n("AveragePool", "a", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)],
    img,
    w4,
    {},
    9216,
)
case(
    "reducemax",
    [CONV, n("ReduceMax", "a", "g", axes=[2, 3], keepdims=0), n("MatMul", "g v")],
    img,
    {**w4, "v": (4, 5)},
    {},
    9216 + 20,
)
case(
    "reduce chan",
    [CONV, n("ReduceMean", "a", "g", axes=[1], keepdims=1), n("Conv", "g v", name="c2", **PADDED)],
    img,
    {**w4, "v": (4, 1, 3, 3)},
    {},
    9216 + 64 * 9 * 4,
)
case("argmax", [CONV, n("ArgMax", "a", axis=1)], img, w4, {}, 9216)
case(
    "d2s",
    [CONV, n("DepthToSpace", "a", "d", blocksize=2), n("Conv", "d v", name="c2", **PADDED)],
    img,
    {**w4, "v": (4, 1, 3, 3)},
    {},
    9216 + 256 * 9 * 4,
)
case(
    "s2d",
    [n("SpaceToDepth", "x", "d", blocksize=2), n("Conv", "d v", **PADDED)],
    img,
    {"v": (4, 16, 3, 3)},
    {},
    16 * 144 * 4,
)
case(
    "resize scales",
    [
        c("sc", np.array([1, 1, 2, 2], np.float32)),
        CONV,
        n("Resize", "a _ sc", "u", mode="linear"),
        n("Conv", "u w", name="c2", **PADDED),
    ],
    img,
    w4,
    {},
    5 * 9216,
)
case(
    "resize10",
    [
        c("sc", np.array([1, 1, 2, 2], np.float32)),
        CONV,
        n("Resize", "a sc", "u", mode="nearest"),
        n("Conv", "u w", name="c2", **PADDED),
    ],
    img,
    w4,
    {},
    5 * 9216,
    opset=10,
)
case(
    "qdq gemm",
    [
        n("QuantizeLinear", "x s z", "q"),
        n("DequantizeLinear", "q s z", "d"),
        n("DequantizeLinear", "w s z", "e"),
        n("Gemm", "d e b", transB=1),
    ],
    {"x": (3, 16)},
    {"w": (8, 16), "s": (), "z": (), "b": (8,)},
    {},
    3 * 128,
)
case(
    "qgemm",
    [n("QGemm", "x s z w s z b s z", domain="com.microsoft", transB=1)],
    {"x": (3, 16)},
    {"w": (8, 16), "s": (), "z": (), "b": (8,)},
    {},
    3 * 128,
)
case(
    "qlinear add pool",
    [
        n("QLinearConv", "x s z w s z s z", "a", **PADDED),
        n("QLinearAdd", "a s z x s z s z", "b", domain="com.microsoft"),
        n("QLinearGlobalAveragePool", "b s z s z", "y", domain="com.microsoft"),
    ],
    img,
    {**w4, "s": (), "z": ()},
    {},
    9216,
)
case(
    "convinteger",
    [
        n("DynamicQuantizeLinear", "x", "q s z"),
        n("ConvInteger", "q w z", "i", **PADDED),
        n("Cast", "i", "f", to=1),
        n("Mul", "f s"),
    ],
    img,
    w4,
    {},
    9216,
)
case(
    "dql lstm",
    [n("DynamicQuantizeLSTM", "x w r b _ _ _ _ s z s z", "y", domain="com.microsoft", hidden_size=16)],
    {"x": (20, 1, 8)},
    {"w": (1, 8, 64), "r": (1, 16, 64), "b": (1, 128), "s": (1,), "z": (1,)},
    {},
    20 * 64 * 24,
)
case(
    "fusedconv",
    [n("FusedConv", "x w", "y", domain="com.microsoft", activation="Relu", **PADDED)],
    img,
    w4,
    {},
    9216,
)
case(
    "fusedmatmul",
    [n("FusedMatMul", "x z", "y", domain="com.microsoft", transB=1, alpha=0.1)],
    {"x": (1, 5, 8), "z": (1, 7, 8)},
    {},
    {},
    280,
)
case("einsum 3", [n("Einsum", "x k", equation="bij,bjk->bik")], {"x": (1, 3, 7), "k": (1, 7, 5)}, {}, {}, 105)
case(
    "einsum const",
    [n("Einsum", "x w", equation="bhwi,io->bhwo")],
    {"x": (1, 3, 7, 5)},
    {"w": (5, 6)},
    {},
    3 * 7 * 5 * 6,
)
case(
    "einsum ell",
    [n("Einsum", "x w", equation="...i,io->...o")],
    {"x": (1, 3, 7, 5)},
    {"w": (5, 6)},
    {},
    3 * 7 * 5 * 6,
)
case("einsum implicit", [n("Einsum", "x w", equation="bi,ij")], {"x": (3, 5)}, {"w": (5, 6)}, {}, 90)
case(
    "groupnorm",
    [CONV, n("GroupNormalization", "a s b", num_groups=2)],
    img,
    {**w4, "s": (4,), "b": (4,)},
    {},
    9216,
    opset=21,
)
case("instnorm", [CONV, n("InstanceNormalization", "a s b")], img, {**w4, "s": (4,), "b": (4,)}, {}, 9216)
case(
    "layernorm",
    [n("LayerNormalization", "x s b", "l m v", axis=-1), n("MatMul", "l w")],
    {"x": (1, 5, 8)},
    {"w": (8, 3), "s": (8,), "b": (8,)},
    {},
    120,
)
case(
    "layernorm decomposed",
    [
        n("ReduceMean", "x", "m", axes=[-1]),
        n("Sub", "x m", "d"),
        n("Pow", "d two", "p"),
        n("ReduceMean", "p", "v", axes=[-1], name="rm2"),
        n("Add", "v e", "ve"),
        n("Sqrt", "ve", "sd"),
        n("Div", "d sd", "o"),
        n("Mul", "o s", "os"),
        n("Add", "os b", "l", name="add2"),
        n("MatMul", "l w"),
    ],
    {"x": (1, 5, 8)},
    {"w": (8, 3), "s": (8,), "b": (8,), "e": (), "two": ()},
    {},
    120,
)
case("lrn", [CONV, n("LRN", "a", size=5)], img, w4, {}, 9216)
case("split", [CONV, n("Split", "a sp", "p q", axis=1), n("Mul", "p q")], img, w4, {"sp": [2, 2]}, 9216)
case(
    "split attr",
    [CONV, n("Split", "a", "p q", axis=1, split=[1, 3]), n("Conv", "q v", name="c2", **PADDED)],
    img,
    {**w4, "v": (4, 3, 3, 3)},
    {},
    9216 + 64 * 27 * 4,
    opset=11,
)
case(
    "split equal",
    [CONV, n("Split", "a", "p q", axis=3), n("Conv", "q w", name="c2", **PADDED)],
    img,
    w4,
    {},
    9216 + 4608,
    opset=13,
)
case(
    "split num",
    [CONV, n("Split", "a", "p q r", axis=3, num_outputs=3), n("Conv", "r w", name="c2", **PADDED)],
    img,
    w4,
    {},
    9216 + 2 * 8 * 36 * 4,
    opset=18,
)
case(
    "slice attr",
    [CONV, n("Slice", "a", "p", starts=[0], ends=[2], axes=[1]), n("Conv", "p v", name="c2", **PADDED)],
    img,
    {**w4, "v": (4, 2, 3, 3)},
    {},
    9216 + 64 * 18 * 4,
    opset=9,
)
case(
    "slice neg step",
    [CONV, n("Slice", "a st en ax sp", "p"), n("Conv", "p w", name="c2", **PADDED)],
    img,
    w4,
    {"st": [-1], "en": [-9], "ax": [3], "sp": [-2]},
    9216 + 4608,
)
case(
    "gather idx",
    [CONV, n("Gather", "a i", "p", axis=1), n("Conv", "p v", name="c2", **PADDED)],
    img,
    {**w4, "v": (4, 3, 3, 3)},
    {"i": [3, 0, 1]},
    9216 + 64 * 27 * 4,
)
case(
    "gather scalar",
    [n("Gather", "x i0", "p", axis=1), n("MatMul", "p w")],
    {"x": (1, 5, 8)},
    {"w": (8, 3)},
    {"i0": [2]},
    24,
)
case(
    "embedding",
    [n("Gather", "e ids", "p"), n("MatMul", "p w")],
    {"ids": (1, 12)},
    {"e": (100, 8), "w": (8, 3)},
    {},
    12 * 24,
)
case(
    "tile",
    [CONV, n("Tile", "a t", "b"), n("Conv", "b v", name="c2", **PADDED)],
    img,
    {**w4, "v": (4, 8, 3, 3)},
    {"t": [1, 2, 1, 1]},
    9216 + 64 * 72 * 4,
)
case("where", [CONV, n("Greater", "a k", "m"), n("Where", "m a x")], img, {**w4, "k": ()}, {}, 9216)
case("dropout id", [CONV, n("Dropout", "a", "d"), n("Identity", "d")], img, w4, {}, 9216, opset=12)
case("bn", [CONV, n("BatchNormalization", "a s s s s")], img, {**w4, "s": (4,)}, {}, 9216)
case(
    "axes from the end, opset 9",
    [
        n("Concat", "x x", "a", axis=-3),
        n("Unsqueeze", "a", "u", axes=[-1]),
        n("Squeeze", "u", "b", axes=[-1]),
        n("Conv", "b w", **PADDED),
    ],
    img,
    {"w": (4, 8, 3, 3)},
    {},
    64 * 72 * 4,
    opset=9,
)
case(
    "grid sample",
    [CONV, n("GridSample", "a g", "s"), n("Conv", "s w", name="c2", **PADDED)],
    {**img, "g": (1, 6, 5, 2)},
    w4,
    {},
    9216 + 30 * 36 * 4,
    opset=20,
)
case(
    "gather computed",
    [
        n("MatMul", "x w", "a"),
        n("ArgMax", "a", "i", axis=1, keepdims=0),
        n("Gather", "x i", "p", axis=1),
        n("MatMul", "p w", name="m2"),
    ],
    {"x": (1, 5, 8)},
    {"w": (8, 3)},
    {},
    5 * 24 + 3 * 24,
)
case(
    "LSTM from a state",
    [n("LSTM", "x w r", "_ h c", hidden_size=4), n("LSTM", "x w r _ _ h c", name="lstm2", hidden_size=4)],
    {"x": (5, 1, 6)},
    {"w": (1, 16, 6), "r": (1, 16, 4)},
    {},
    2 * 5 * 10 * 16,
)
case("prelu", [CONV, n("PRelu", "a s")], img, {**w4, "s": (4, 1, 1)}, {}, 9216)
case("cumsum", [CONV, n("CumSum", "a ax")], img, w4, {"ax": [2]}, 9216)
case(
    "cast fp16",
    [n("Cast", "x", "h", to=10), n("Conv", "h w", "o", **PADDED), n("Cast", "o", to=1, name="c2")],
    img,
    w4,
    {},
    9216,
)
case("optional in", [n("Clip", "x lo", "a"), n("Conv", "a w", **PADDED)], img, {**w4, "lo": ()}, {}, 9216)
# fmt: on


@pytest.mark.parametrize("name", CASES)
def test_macs_are_those_worked_by_hand(name: str, tmp_path: Path) -> None:
    nodes, inputs, weights, values, macs, opset, options = CASES[name]
    assert read(tmp_path, nodes, inputs, weights, values, opset=opset, **options).macs == macs


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("LSTM batch4", 4),
        ("GRU batch first", 4),
        ("batch8 fc", 8),
        ("batch by size", 5),
        ("unsqueeze img", 1),
        ("batched attn", 1),
    ],
)
def test_a_batch_is_what_nodes_take_for_one(name: str, batch: int, tmp_path: Path) -> None:
    nodes, inputs, weights, values, _, opset, options = CASES[name]
    assert read(tmp_path, nodes, inputs, weights, values, opset=opset, **options).batch == batch
