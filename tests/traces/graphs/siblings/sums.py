"""Names, sums and products of unequal sizes, batches."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, helper, n
from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
