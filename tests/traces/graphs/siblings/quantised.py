"""Quantised nodes and those of runtimes."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
