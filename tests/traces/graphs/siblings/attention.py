"""Attention in all its forms."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
