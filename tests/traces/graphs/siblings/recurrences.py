"""Recurrent layers of every direction and layout."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import FOUR, IMAGE

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
