"""Axis orders, and batches that a reshape leaves or names."""

from __future__ import annotations

from tests.traces.graphs.siblings.nodes import Cases, n
from tests.traces.graphs.test_import_cases import FOUR, IMAGE, PADDED

CASES = Cases()
case = CASES.add
img, w4 = IMAGE, FOUR

# fmt: off  # a table
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
# fmt: on
