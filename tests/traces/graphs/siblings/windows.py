"""Paddings and convolutions of every rank, forwards and transposed."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
