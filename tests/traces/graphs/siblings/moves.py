"""Contractions, norms, splits, slices, gathers and casts."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import CONV, FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
