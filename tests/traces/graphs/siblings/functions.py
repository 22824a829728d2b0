"""Functions of elements, decomposed ones too."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
