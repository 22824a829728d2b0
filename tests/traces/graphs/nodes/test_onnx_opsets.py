"""Opset 7 to the newest: an op whose attributes became inputs is the same op before and after, and so is the graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.traces.graphs.siblings.nodes import c, n
from tests.traces.graphs.test_import_cases import CONV, PADDED, read
from traces.graphs.network import NetworkGraph

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")

NEWEST = onnx.defs.onnx_opset_version()
LAST: Any = n("Conv", "b w", name="last", **PADDED)
FEWER: Any = n("Conv", "b v", name="last", **PADDED)
POOL, MEAN = n("GlobalAveragePool", "a", "p"), n("ReduceMean", "b", axes=[2, 3])
WEIGHTS = {"w": (4, 4, 3, 3), "v": (4, 2, 3, 3), "s": (4,), "k": (), "g": (4, 10), "f": (0,)}
VALUES = {
    "one": [1], "three": [3], "minus": [-1, -2], "front": [0], "pads": [0, 0, 1, 1, 0, 0, 1, 2], "pixels": [2, 3],
    "some": [1, 1, 2, 1], "two": [2, 2], "twice": [1, 4, 16, 16], "sides": [16, 16], "four": [4],
}  # fmt: skip
SCALES = c("scales", np.array([1, 1, 2, 2], np.float32))
SIDES = c("twos", np.array([2, 2], np.float32))
Form = tuple[Sequence[int], list[Any]]  # opsets, nodes between the first convolution and the last product
CASES: dict[str, tuple[Any, list[Form]]] = {
    "slice": (FEWER, [
        ((7, 9), [n("Slice", "a", "b", starts=[1], ends=[3], axes=[1])]),
        ((10, 11, 13, NEWEST), [n("Slice", "a one three one", "b")]),
    ]),
    "clip": (LAST, [
        ((7, 10), [n("Clip", "a", "b", min=0.0, max=6.0)]),
        ((11, 12, 13, NEWEST), [n("Clip", "a k k", "b")]),
    ]),
    "pad": (LAST, [
        ((7, 10), [n("Pad", "a", "b", pads=VALUES["pads"], mode="edge")]),
        ((11, 13, 19, NEWEST), [n("Pad", "a pads", "b", mode="edge")]),
        ((18, 21, NEWEST), [n("Pad", "a some _ minus", "b")]),
    ]),
    "resize": (LAST, [
        ((7, 8), [n("Upsample", "a", "b", scales=[1.0, 1.0, 2.0, 2.0])]),
        ((9,), [SCALES, n("Upsample", "a scales", "b")]),
        ((10,), [SCALES, n("Resize", "a scales", "b")]),
        ((11, 13, 19, NEWEST), [SCALES, n("Resize", "a f scales", "b", mode="linear")]),
        ((13, NEWEST), [n("Resize", "a _ _ twice", "b", mode="cubic")]),
        ((18, NEWEST), [SIDES, n("Resize", "a _ twos", "b", axes=[2, 3])]),
        ((18, NEWEST), [n("Resize", "a _ _ sides", "b", axes=[2, 3])]),
    ]),
    "squeeze": (n("Gemm", "b g"), [
        ((7, 11, 12), [POOL, n("Squeeze", "p", "b", axes=[2, 3])]),
        ((13, 21, NEWEST), [POOL, n("Squeeze", "p minus", "b")]),
    ]),
    "unsqueeze": (n("Gemm", "b g"), [
        ((7, 12), [POOL, n("Flatten", "p", "q"), n("Unsqueeze", "q", "u", axes=[2, 3]), n("Flatten", "u", "b")]),
        ((13, NEWEST), [POOL, n("Flatten", "p", "q"), n("Unsqueeze", "q minus", "u"), n("Flatten", "u", "b")]),
    ]),
    "mean": (n("Gemm", "b g"), [
        ((7, 11, 13, 17), [n("ReduceMean", "a", "b", axes=[2, 3], keepdims=0)]),
        ((18, NEWEST), [n("ReduceMean", "a pixels", "b", keepdims=0)]),
    ]),
    "sum": (n("Gemm", "b g"), [
        ((7, 12), [n("ReduceSum", "a", "b", axes=[2, 3], keepdims=0)]),
        ((13, 17, NEWEST), [n("ReduceSum", "a pixels", "b", keepdims=0)]),
    ]),
    "dropout": (LAST, [
        ((7, 10), [n("Dropout", "a", "b", ratio=0.5)]),
        ((12, 13, NEWEST), [c("off", np.array(False)), n("Dropout", "a k off", "b mask")]),
    ]),
    "batch norm": (LAST, [
        ((7, 9, 14, 15, NEWEST), [n("BatchNormalization", "a s s s s", "b")]),
        ((7, 8, 9), [n("BatchNormalization", "a s s s s", "b m v sm sv")]),
    ]),
    "split": (FEWER, [
        ((7, 12), [n("Split", "a", "o b", axis=1, split=[2, 2])]),
        ((7, 11, 13, 17), [n("Split", "a", "o b", axis=1)]),
        ((13, NEWEST), [n("Split", "a two", "o b", axis=1)]),
        ((18, NEWEST), [n("Split", "a", "o b", axis=1, num_outputs=2)]),
    ]),
    "top k": (n("Gemm", "b g"), [
        ((7, 9), [n("Flatten", "a", "q"), n("TopK", "q", "b i", k=4, axis=1)]),
        ((10, 11, 24, NEWEST), [n("Flatten", "a", "q"), n("TopK", "q four", "b i")]),
    ]),
    "softmax": (LAST, [  # over all that is behind axis 1, or over one axis: as many exponentials
        ((7, 11, 12), [n("Softmax", "a", "b")]),
        ((13, NEWEST), [n("Softmax", "a", "b", axis=1)]),
    ]),
    "mean and variance": (LAST, [((9, 13, NEWEST), [n("MeanVarianceNormalization", "a", "b")])]),
    "group norm": (LAST, [
        ((18, 20), [n("GroupNormalization", "a k2 k2", "b", num_groups=2), c("k2", np.zeros(2, np.float32))][::-1]),
        ((21, NEWEST), [n("GroupNormalization", "a s s", "b", num_groups=2)]),
    ]),
    "power": (LAST, [((7, 12, 13, 15, NEWEST), [n("Pow", "a k", "b")])]),
    "pool": (LAST, [((8, 10, 11, 12, NEWEST), [n("MaxPool", "a", "b i", kernel_shape=[2, 2], strides=[2, 2])])]),
    "cast like": (LAST, [((15, NEWEST), [c("n", np.int64(3)), n("CastLike", "n a", "l"), n("Add", "a l", "b")])]),
}  # fmt: skip


def graph(case: str, opset: int, nodes: list[Any], folder: Path) -> NetworkGraph:
    last = CASES[case][0]
    return read(folder, [CONV, *nodes, last], {"x": (1, 4, 8, 8)}, WEIGHTS, VALUES, opset=opset)


@pytest.mark.parametrize("case", CASES)
def test_a_graph_is_the_same_in_every_opset(case: str, tmp_path: Path) -> None:
    found = {
        (opset, form): [op.model_copy(update={"name": "", "inputs": ()}) for op in graph(case, opset, nodes, tmp_path)]
        for form, (opsets, nodes) in enumerate(CASES[case][1])
        for opset in opsets
    }  # fmt: skip
    first = next(iter(found.values()))
    assert [op.macs for op in first if op.macs], "its products are what is compared"
    assert {key: ops for key, ops in found.items() if ops != first} == {}


@pytest.mark.parametrize("opset", [13, 18, 23])
def test_a_node_newer_than_its_model_says_is_known(opset: int, tmp_path: Path) -> None:
    """PyTorch's exporter writes ``Attention`` into models of opset 18 where it cannot convert the rest."""
    made = read(tmp_path, [n("Attention", "x x x")], {"x": (4, 2, 9, 8)}, {}, opset=opset)
    assert [(*op.product, op.groups) for op in made if op.macs] == [(9, 8, 9, 8), (9, 9, 8, 8)]


SPLIT = n("SplitToSequence", "x c", "s", axis=1)
LISTS: dict[str, list[Any]] = {
    "at": [SPLIT, n("SequenceAt", "s one", "a")],
    "erased and joined": [
        SPLIT,
        n("SequenceErase", "s zero", "r"),
        n("ConcatFromSequence", "r", "a", axis=1),
    ],
    "stacked": [
        n("SplitToSequence", "x", "s", axis=1, keepdims=0),
        n("SequenceAt", "s zero", "d"),
        n("SequenceConstruct", "d d d", "t", name="three"),
        n("ConcatFromSequence", "t", "a", axis=1, new_axis=1),
    ],
    "inserted": [
        n("SequenceEmpty", "", "e"),
        n("SequenceInsert", "e x", "f"),
        n("Identity", "f", "h"),
        n("SequenceAt", "h last", "d"),
        n("Slice", "d front three one_", "a"),
    ],
}


@pytest.mark.parametrize("opset", [11, 13, 24])
@pytest.mark.parametrize("case", LISTS)
def test_lists_of_tensors_are_the_tensors_in_them(case: str, opset: int, tmp_path: Path) -> None:
    """(1, 5, 8) cut into rows of 2, 2, 1, or of 1: 3 rows meet 8 x 4 weights, where two of 2 are taken only 2."""
    numbers = [c("c", np.int64(2)), c("zero", np.int64(0)), c("one", np.int64(1)), c("last", np.int64(-1))]
    nodes = [*numbers, *LISTS[case], n("MatMul", "a w")]
    read_back = read(
        tmp_path,
        nodes,
        {"x": (1, 5, 8)},
        {"w": (8, 4)},
        {"front": [0], "three": [3], "one_": [1]},
        opset=opset,
    )
    rows = 2 if case == "at" else 3
    assert [op.product for op in read_back if op.macs] == [(rows, 8, 4)]


def test_weights_cut_into_a_list_are_weights(tmp_path: Path) -> None:
    """As exported for queries and keys of two tensors: (8, 12) weights, cut into 4 and 8 columns."""
    nodes = [
        n("SplitToSequence", "w sizes", "s", axis=1),
        c("one", np.int64(1)),
        n("SequenceAt", "s one", "v"),
        n("MatMul", "x v"),
    ]
    graph = read(tmp_path, nodes, {"x": (1, 5, 8)}, {"w": (8, 12)}, {"sizes": [4, 8]}, opset=18)
    assert [op.product for op in graph if op.macs] == [(5, 8, 8)]
