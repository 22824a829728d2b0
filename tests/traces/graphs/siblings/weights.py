"""Weights that are reshaped, cast, joined or computed."""

from __future__ import annotations

import numpy as np

from tests.traces.graphs.siblings.nodes import Cases, c, helper, n
from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
