"""TFLite operators one by one: products worked by hand, and what they become."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import pytest

from tests.traces.graphs.test_tflite_reader import Writer
from traces.base.errors import UnsupportedError
from traces.graphs.network import NetworkGraph
from traces.graphs.tflite.load import load_tflite

tflite = pytest.importorskip("tflite", reason="the tflite extra is not installed")

Product = tuple[int, int, int, int]  # M, K, N of a group, groups
INT32 = 2  # TensorType of schema.fbs


class Model(Writer):
    """A writer that takes operators by tensors' names."""

    def __init__(self) -> None:
        super().__init__()
        self.number: dict[str, int] = {"": -1}

    def given(self, name: str, *shape: int) -> None:
        """Add a tensor that a run is given, or makes."""
        self.number[name] = self.tensor(name, shape)

    def weights(self, name: str, *shape: int) -> None:
        """Add a constant whose values nobody looks at."""
        self.number[name] = self.tensor(name, shape, b"\0")

    def numbers(self, name: str, *values: int) -> None:
        """Add a constant of whole numbers."""
        self.number[name] = self.tensor(name, (len(values),), struct.pack(f"<{len(values)}i", *values))
        self.types[self.number[name]] = INT32

    def op(self, code: str, reads: str, makes: str, table: str = "", **options: int) -> None:
        """Add an operator; ``_`` stands for an input left out."""
        inputs = [self.number[name.strip("_")] for name in reads.split()]
        outputs = [self.number[name] for name in makes.split()]
        made, kind = 0, 0
        if table:
            getattr(tflite, f"{table}Start")(self.fb)
            for name, value in options.items():
                getattr(tflite, f"{table}Add{name}")(self.fb, value)
            tables = tflite.BuiltinOptions2 if table.startswith("Stable") else tflite.BuiltinOptions
            made, kind = getattr(tflite, f"{table}End")(self.fb), getattr(tables, table)
        self.operators.append((code, inputs, outputs, made, kind))

    def inside(self, inputs: str, outputs: str) -> int:
        """End a subgraph that operators of the next ones run, and return its number."""
        number = self.close(*([self.number[name] for name in side.split()] for side in (inputs, outputs)))
        self.number = {"": -1}
        return number

    def read(self, folder: Path, inputs: str = "x", outputs: str = "y", **options: Any) -> NetworkGraph:
        """Write the model and read it."""
        data = self.finish(*([self.number[name] for name in side.split()] for side in (inputs, outputs)))
        (folder / "m.tflite").write_bytes(data)
        return load_tflite(folder / "m.tflite", **options)


def products(graph: NetworkGraph) -> list[Product]:
    return [(*op.product, op.groups) for op in graph if op.macs]


def test_rows_of_a_table_words_and_heads(tmp_path: Path) -> None:
    """As BERT's: words are looked up, positions and segments added, two heads of attention, a norm by its parts."""
    m = Model()
    m.given("ids", 1, 6)
    m.weights("table", 100, 8)
    m.weights("places", 1, 6, 8)
    m.weights("w", 8, 8)
    for name, shape in {
        "words": (1, 6, 8), "sum": (1, 6, 8), "q": (1, 6, 8), "apart": (1, 6, 2, 4), "heads": (1, 2, 6, 4),
        "scores": (1, 2, 6, 6), "soft": (1, 2, 6, 6), "mixed": (1, 2, 6, 4), "back": (1, 6, 2, 4), "rows": (1, 6, 8),
        "mean": (1, 6, 1), "square": (1, 6, 8), "variance": (1, 6, 1), "root": (1, 6, 1), "y": (1, 6, 8),
    }.items():  # fmt: skip
        m.given(name, *shape)
    m.numbers("order", 0, 2, 1, 3)
    m.numbers("last", 2)
    m.op("GATHER", "table ids", "words", "GatherOptions")
    m.op("ADD", "words places", "sum", "AddOptions")
    m.op("FULLY_CONNECTED", "sum w _", "q", "FullyConnectedOptions", KeepNumDims=1)
    m.op("RESHAPE", "q", "apart")
    m.op("TRANSPOSE", "apart order", "heads")
    m.op("BATCH_MATMUL", "heads heads", "scores", "BatchMatMulOptions", AdjY=1)
    m.op("SOFTMAX", "scores", "soft", "SoftmaxOptions", Beta=1)
    m.op("BATCH_MATMUL", "soft heads", "mixed", "BatchMatMulOptions")
    m.op("TRANSPOSE", "mixed order", "back")
    m.op("RESHAPE", "back", "rows")
    m.op("MEAN", "rows last", "mean", "ReducerOptions", KeepDims=1)
    m.op("SQUARED_DIFFERENCE", "rows mean", "square")
    m.op("MEAN", "square last", "variance", "ReducerOptions", KeepDims=1)
    m.op("RSQRT", "variance", "root")
    m.op("MUL", "rows root", "y", "MulOptions")
    graph = m.read(tmp_path, "ids")
    assert products(graph) == [(6, 8, 8, 1), (6, 4, 6, 2), (6, 6, 4, 2)]
    kinds = [op.kind for op in graph]
    assert (kinds[0], kinds.count("reduce"), kinds.count("mul")) == ("copy", 2, 2)


def lstm(places: dict[int, str]) -> str:
    return " ".join(places.get(i, "_") for i in range(20))


WHOLE = {0: "x", 1: "w", 2: "w", 3: "w", 4: "w", 5: "r", 6: "r", 7: "r", 8: "r"}
COUPLED = {place: name for place, name in WHOLE.items() if place not in {1, 5}}
RECURRENT: dict[str, tuple[str, str, str, Sequence[int], list[Product]]] = {
    "four gates": ("UNIDIRECTIONAL_SEQUENCE_LSTM", lstm(WHOLE), "y", (1, 5, 4), [(5, 10, 16, 1)]),
    "an input gate that is coupled": ("UNIDIRECTIONAL_SEQUENCE_LSTM", lstm(COUPLED), "y", (1, 5, 4), [(5, 10, 12, 1)]),
    "both ways": ("BIDIRECTIONAL_SEQUENCE_LSTM", lstm(WHOLE), "y", (1, 5, 8), [(5, 10, 16, 1)] * 2),
    "a plain cell": ("UNIDIRECTIONAL_SEQUENCE_RNN", "x w r", "y", (1, 5, 4), [(5, 10, 4, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("case", RECURRENT)
def test_steps_of_a_cell(case: str, tmp_path: Path) -> None:
    code, reads, makes, out, wanted = RECURRENT[case]
    m = Model()
    m.given("x", 1, 5, 6)
    m.given("y", *out)
    m.weights("w", 4, 6)
    m.weights("r", 4, 4)
    m.op(code, reads, makes)
    assert products(m.read(tmp_path)) == wanted


def test_a_projected_state_is_refused_by_name(tmp_path: Path) -> None:
    m = Model()
    m.given("x", 1, 5, 6)
    m.given("y", 1, 5, 3)
    m.weights("w", 4, 6)
    m.weights("r", 4, 3)
    m.op("UNIDIRECTIONAL_SEQUENCE_LSTM", lstm(WHOLE), "y")
    with pytest.raises(UnsupportedError, match=r"1 of 1 nodes .*its state is projected"):
        m.read(tmp_path)


def test_filters_over_what_is_remembered(tmp_path: Path) -> None:
    """SVDF of 4 units and rank 2: 8 filters over 10 features, then over 6 steps each."""
    m = Model()
    m.given("x", 1, 10)
    m.given("y", 1, 4)
    m.weights("w", 8, 10)
    m.weights("t", 8, 6)
    m.op("SVDF", "x w t _ _", "y", "SVDFOptions", Rank=2, FusedActivationFunction=1)
    graph = m.read(tmp_path)
    assert products(graph) == [(1, 10, 8, 1), (1, 6, 1, 8)]
    assert (graph.ops[-1].kind, graph.ops[-1].activation) == ("activation", "relu")


def test_three_axes_and_a_dilation_by_hand(tmp_path: Path) -> None:
    """A convolution in depth; then windows over every second pixel, as four images of a quarter each."""
    m = Model()
    m.given("x", 1, 2, 8, 8, 3)
    m.weights("w", 1, 3, 3, 3, 4)
    m.given("deep", 1, 2, 6, 6, 4)
    m.given("one", 1, 6, 6, 4)
    m.numbers("begin", 0, 0, 0, 0, 0)
    m.numbers("size", 1, 1, 6, 6, 4)
    m.numbers("block", 2, 2)
    m.numbers("edges", 0, 0, 0, 0)
    m.given("parts", 4, 3, 3, 4)
    m.weights("v", 8, 3, 3, 4)
    m.given("made", 4, 1, 1, 8)
    m.given("y", 1, 2, 2, 8)
    m.op("CONV_3D", "x w _", "deep", "Conv3DOptions", StrideD=1, StrideH=1, StrideW=1)
    m.op("SLICE", "deep begin size", "one")
    m.op("SPACE_TO_BATCH_ND", "one block edges", "parts")
    m.op("CONV_2D", "parts v _", "made", "Conv2DOptions", StrideH=1, StrideW=1)
    m.op("BATCH_TO_SPACE_ND", "made block edges", "y")
    assert products(m.read(tmp_path)) == [(72, 27, 4, 1), (4, 36, 8, 1)]


def test_what_an_earlier_run_left_behind_is_given(tmp_path: Path) -> None:
    """As streaming models keep their last rows: read, joined with the new one, kept for the next run."""
    m = Model()
    m.given("x", 1, 1, 4)
    m.given("handle")
    for name, shape in {"old": (1, 2, 4), "joined": (1, 3, 4), "kept": (1, 2, 4), "y": (1, 5)}.items():
        m.given(name, *shape)
    m.numbers("begin", 0, 1, 0)
    m.numbers("size", 1, 2, 4)
    m.weights("w", 5, 12)
    m.op("CALL_ONCE", "", "")
    m.op("VAR_HANDLE", "", "handle")
    m.op("READ_VARIABLE", "handle", "old")
    m.op("CONCATENATION", "old x", "joined", "ConcatenationOptions", Axis=1)
    m.op("SLICE", "joined begin size", "kept")
    m.op("ASSIGN_VARIABLE", "handle kept", "")
    m.op("FULLY_CONNECTED", "joined w _", "y", "FullyConnectedOptions")
    graph = m.read(tmp_path)
    assert products(graph) == [(1, 12, 5, 1)]
    assert [each.name for each in graph.other_inputs] == ["old"]


@pytest.mark.parametrize(("strides", "kind"), [((1, 1, 1, 1), "slice"), ((1, 2, 2, 1), "copy")])
def test_neighbours_are_addressed_and_others_copied(
    strides: tuple[int, ...], kind: str, tmp_path: Path
) -> None:
    m = Model()
    side = 4 if kind == "copy" else 8
    m.given("x", 1, 8, 8, 3)
    m.given("y", 1, side, side, 3 if kind == "copy" else 2)
    for name, values in (("begin", (0, 0, 0, 0)), ("end", (1, 8, 8, 3)), ("strides", strides)):
        m.numbers(name, *values)
    m.op("STRIDED_SLICE", "x begin end strides", "y", "StridedSliceOptions")
    assert [op.kind for op in m.read(tmp_path)] == [kind]


def test_a_quotient_a_choice_and_the_largest(tmp_path: Path) -> None:
    m = Model()
    m.given("x", 1, 8)
    m.given("z", 1, 8)
    m.numbers("k", 3)
    for name in ("quotient", "both", "rest"):
        m.given(name, 1, 8)
    m.given("y", 1, 3)
    m.given("i", 1, 3)
    m.op("DIV", "x z", "quotient", "DivOptions")
    m.op("FLOOR_MOD", "quotient x", "rest")
    m.op("SELECT_V2", "rest x z", "both")
    m.op("TOPK_V2", "both k", "y i")
    graph = m.read(tmp_path, "x z", "y i")
    found = [(op.kind, op.activation) for op in graph]
    assert found == [
        ("activation", "divide"), ("mul", "none"), ("add", "none"), ("add", "none"), ("threshold", "none"),
        ("slice", "none"), ("slice", "none"),
    ]  # fmt: skip


def test_all_that_nothing_stands_for_is_listed_at_once(tmp_path: Path) -> None:
    m = Model()
    m.given("x", 1, 8, 8, 3)
    m.weights("w", 4, 3, 3, 3)
    for name in ("a", "b", "d", "y"):
        m.given(name, 1, 8, 8, 4)
    m.op("CONV_2D", "x w _", "a", "Conv2DOptions", StrideH=1, StrideW=1)
    m.op("DILATE", "a", "b")
    m.op("HASHTABLE_FIND", "b", "d")
    m.op("DILATE", "d", "y")
    with pytest.raises(
        UnsupportedError, match=r"3 of 4 nodes \(75 %\) .*2 DILATE \(first 'b'\); 1 HASHTABLE_FIND"
    ):
        m.read(tmp_path)
    assert m.read(tmp_path, skip_unsupported=True).skipped == ("DILATE b", "HASHTABLE_FIND d", "DILATE y")


# Weights as the file has them, options, the product: patches of an image of 6 x 6 pixels by what the network made.
COMPUTED: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], str, Product]] = {
    "a convolution": ("CONV_2D", (5, 3, 3, 4), (1, 4, 4, 5), "Conv2DOptions", (16, 36, 5, 1)),
    "of groups": ("CONV_2D", (6, 3, 3, 2), (1, 4, 4, 6), "Conv2DOptions", (16, 18, 3, 2)),
    "of one pixel": ("CONV_2D", (5, 1, 1, 4), (1, 6, 6, 5), "Conv2DOptions", (36, 4, 5, 1)),
    "depthwise": ("DEPTHWISE_CONV_2D", (1, 3, 3, 8), (1, 4, 4, 8), "DepthwiseConv2DOptions", (16, 9, 2, 4)),
}


@pytest.mark.parametrize("case", COMPUTED)
def test_weights_that_the_network_computes(case: str, tmp_path: Path) -> None:
    code, weights, out, table, product = COMPUTED[case]
    m = Model()
    m.given("x", 1, 6, 6, 4)
    m.given("z", 1, prod(weights))
    m.given("w", *weights)
    m.given("y", *out)
    m.op("RESHAPE", "z", "w")
    m.op(code, "x w", "y", table, StrideH=1, StrideW=1)
    graph = m.read(tmp_path, "x z")
    assert products(graph) == [product]


def test_a_transposed_convolution_by_computed_weights(tmp_path: Path) -> None:
    """Every one of 9 inputs by 5 filters of 2 x 2 pixels and 4 channels."""
    m = Model()
    m.numbers("shape", 1, 6, 6, 5)
    m.given("x", 1, 3, 3, 4)
    m.given("z", 1, 80)
    m.given("w", 5, 2, 2, 4)
    m.given("y", 1, 6, 6, 5)
    m.op("RESHAPE", "z", "w")
    m.op("TRANSPOSE_CONV", "shape w x", "y", "TransposeConvOptions", StrideH=2, StrideW=2)
    assert products(m.read(tmp_path, "x z")) == [(9, 4, 20, 1)]
