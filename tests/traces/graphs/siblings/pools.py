"""Pools, reductions and resizing."""

from __future__ import annotations

import numpy as np

from tests.traces.graphs.siblings.nodes import Cases, c, n
from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
