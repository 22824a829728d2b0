"""TFLite models whose sizes a file leaves open, whose batch is fixed, whose operators hold others: MACs by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.traces.graphs.test_tflite_operators import INT32, Model, products
from traces.base.errors import ConfigError, LacunaError, UnsupportedError
from traces.graphs.named import Reading, load_network

tflite = pytest.importorskip("tflite", reason="the tflite extra is not installed")

BOOL = 6  # TensorType of schema.fbs


def classifier(batch: int = 1, *, pixels: tuple[int, int] = (1, 1), signature: tuple[int, ...] = ()) -> Model:
    """Return a convolution of stride 2, a mean, a shape that is computed, a classifier; ones where axes are open."""
    m = Model()
    height, width = pixels
    tall, wide = -(-height // 2), -(-width // 2)
    m.given("x", batch, height, width, 3)
    m.weights("w", 8, 3, 3, 3)
    m.weights("fc", 10, 8)
    m.given("a", batch, tall, wide, 8)
    m.numbers("axes", 1, 2)
    m.given("mean", batch, 8)
    m.given("size", 2)
    m.types[m.number["size"]] = INT32
    for name, value in (("zero", 0), ("one", 1), ("step", 1)):
        m.numbers(name, value)
    m.given("first", 1)
    m.types[m.number["first"]] = INT32
    m.numbers("features", 8)
    m.given("shape", 2)
    m.types[m.number["shape"]] = INT32
    m.given("flat", batch, 8)
    m.given("y", batch, 10)
    m.op("CONV_2D", "x w", "a", "Conv2DOptions", StrideH=2, StrideW=2)
    m.op("MEAN", "a axes", "mean", "ReducerOptions")
    m.op("SHAPE", "mean", "size", "ShapeOptions")
    m.op("STRIDED_SLICE", "size zero one step", "first", "StridedSliceOptions")
    m.op("CONCATENATION", "first features", "shape", "ConcatenationOptions")
    m.op("RESHAPE", "mean shape", "flat")
    m.op("FULLY_CONNECTED", "flat fc", "y", "FullyConnectedOptions")
    if signature:
        for name in ("x", "a"):
            m.open[m.number[name]] = signature
    return m


def test_open_sides_are_filled_from_outside(tmp_path: Path) -> None:
    """On 224 x 96 pixels, 112 x 48 of 8 channels."""
    m = classifier(signature=(-1, -1, -1, 3))
    with pytest.raises(UnsupportedError, match="input 'x': axes 1, 2 are open; give sizes: --size x=1xNxNx3"):
        m.read(tmp_path)
    graph = load_network(tmp_path / "m.tflite", Reading({"x": (1, 224, 96, 3)}))
    assert products(graph) == [(112 * 48, 27, 8, 1), (1, 8, 10, 1)]
    for sizes, message in (
        ({"z": (1, 8, 8, 3)}, "no such input"),
        ({"x": (1, 8, 8)}, "3 axes, the input has 4"),
        ({"x": (1, 8, 8, 4)}, "4 along an axis that the model fixes at 3"),
    ):
        with pytest.raises((ConfigError, UnsupportedError), match=message):
            load_network(tmp_path / "m.tflite", Reading(sizes))


def test_a_batch_that_the_file_fixes_is_said_and_sizes_are_of_one(tmp_path: Path) -> None:
    graph = classifier(4, pixels=(32, 20)).read(tmp_path)
    assert graph.batch == 4
    assert products(graph) == [(16 * 10, 27, 8, 1), (1, 8, 10, 1)]


def test_a_batch_is_given_by_size_too(tmp_path: Path) -> None:
    m = classifier(pixels=(32, 20), signature=(-1, 32, 20, 3))
    assert m.read(tmp_path).batch == 1
    graph = load_network(tmp_path / "m.tflite", Reading({"x": (6, 32, 20, 3)}))
    assert (graph.batch, graph.macs) == (6, 160 * 27 * 8 + 80)


def test_a_batch_in_a_constant_shape_is_one_there(tmp_path: Path) -> None:
    m = Model()
    m.given("x", 4, 8, 8, 3)
    m.weights("w", 6, 3, 3, 3)
    m.weights("fc", 10, 96)
    m.given("a", 4, 4, 4, 6)
    m.numbers("shape", 4, 96)
    m.given("flat", 4, 96)
    m.given("y", 4, 10)
    m.op("CONV_2D", "x w", "a", "Conv2DOptions", StrideH=2, StrideW=2)
    m.op("RESHAPE", "a shape", "flat")
    m.op("FULLY_CONNECTED", "flat fc", "y", "FullyConnectedOptions")
    graph = m.read(tmp_path)
    assert (graph.batch, products(graph)) == (4, [(16, 27, 6, 1), (1, 96, 10, 1)])


def test_rows_are_no_batch(tmp_path: Path) -> None:
    """Nothing that reads 16 rows of 32 features says that they are inputs of their own."""
    m = Model()
    m.given("x", 16, 32)
    m.weights("w", 10, 32)
    m.given("y", 16, 10)
    m.op("FULLY_CONNECTED", "x w", "y", "FullyConnectedOptions")
    graph = m.read(tmp_path)
    assert (graph.batch, products(graph)) == (1, [(16, 32, 10, 1)])


def branches(m: Model) -> tuple[int, int]:
    """Add two branches over rows of 8: one product of 8 x 8, or two of 8 x 16 and 16 x 8."""
    m.given("x", 4, 8)
    m.weights("w", 8, 8)
    m.given("y", 4, 8)
    m.op("FULLY_CONNECTED", "x w", "y", "FullyConnectedOptions")
    short = m.inside("x", "y")
    m.given("x", 4, 8)
    m.weights("w", 16, 8)
    m.weights("v", 8, 16)
    m.given("a", 4, 16)
    m.given("y", 4, 8)
    m.op("FULLY_CONNECTED", "x w", "a", "FullyConnectedOptions")
    m.op("FULLY_CONNECTED", "a v", "y", "FullyConnectedOptions")
    return short, m.inside("x", "y")


@pytest.mark.parametrize("taken", [False, True])
def test_a_branch_that_a_constant_takes_is_the_model(taken: bool, tmp_path: Path) -> None:
    m = Model()
    short, long = branches(m)
    m.given("x", 4, 8)
    m.number["c"] = m.tensor("c", (1,), bytes([taken]))
    m.types[m.number["c"]] = BOOL
    m.given("b", 4, 8)
    m.weights("v", 3, 8)
    m.given("y", 4, 3)
    m.op("IF", "c x", "b", "IfOptions", ThenSubgraphIndex=long, ElseSubgraphIndex=short)
    m.op("FULLY_CONNECTED", "b v", "y", "FullyConnectedOptions")
    graph = m.read(tmp_path)
    inside = [(4, 8, 16, 1), (4, 16, 8, 1)] if taken else [(4, 8, 8, 1)]
    assert products(graph) == [*inside, (4, 8, 3, 1)]
    assert graph.skipped == ()


def test_where_an_input_decides_the_longer_branch_is_the_model_and_it_is_said(tmp_path: Path) -> None:
    m = Model()
    short, long = branches(m)
    m.given("x", 4, 8)
    m.given("c", 1)
    m.types[m.number["c"]] = BOOL
    m.given("y", 4, 8)
    m.op("IF", "c x", "y", "IfOptions", ThenSubgraphIndex=short, ElseSubgraphIndex=long)
    graph = m.read(tmp_path, "x c")
    assert products(graph) == [(4, 8, 16, 1), (4, 16, 8, 1)]
    assert graph.skipped == ("IF y (its shorter branch)",)


def loop(m: Model, *, counted: bool) -> tuple[int, int]:
    """Add a condition (fewer than five rounds, or what an input says) and a body: one step of a plain cell."""
    m.given("i", 1)
    m.given("h", 1, 8)
    m.given("go", 1)
    m.types |= {m.number["i"]: INT32, m.number["go"]: BOOL}
    m.numbers("most", 5)
    if counted:
        m.op("LESS", "i most", "go")
    else:
        m.op("REDUCE_ANY", "h most", "go", "ReducerOptions")
    condition = m.inside("i h", "go")
    m.given("i", 1)
    m.given("h", 1, 8)
    m.numbers("one", 1)
    m.given("next", 1)
    m.types |= {m.number["i"]: INT32, m.number["next"]: INT32}
    m.weights("w", 8, 8)
    m.given("p", 1, 8)
    m.given("out", 1, 8)
    m.op("ADD", "i one", "next", "AddOptions")
    m.op("FULLY_CONNECTED", "h w", "p", "FullyConnectedOptions")
    m.op("TANH", "p", "out")
    return condition, m.inside("i h", "next out")


@pytest.mark.parametrize("counted", [True, False])
def test_a_loop_is_its_rounds_one_behind_the_other(counted: bool, tmp_path: Path) -> None:
    m = Model()
    condition, body = loop(m, counted=counted)
    m.given("x", 1, 8)
    m.numbers("start", 0)
    m.given("count", 1)
    m.given("h", 1, 8)
    m.weights("v", 3, 8)
    m.given("y", 1, 3)
    m.op("WHILE", "start x", "count h", "WhileOptions", CondSubgraphIndex=condition, BodySubgraphIndex=body)
    m.op("FULLY_CONNECTED", "h v", "y", "FullyConnectedOptions")
    if not counted:
        with pytest.raises(
            UnsupportedError, match=r"1 WHILE \(first 'count': its number of rounds is not fixed"
        ):
            m.read(tmp_path)
        return
    graph = m.read(tmp_path)
    assert products(graph) == [(1, 8, 8, 1)] * 5 + [(1, 8, 3, 1)]
    assert all(
        later.inputs == (earlier.name,) for earlier, later in zip(graph.ops, graph.ops[1:], strict=False)
    )


def test_a_loop_without_end_is_listed_in_little_time(tmp_path: Path) -> None:
    m = Model()
    m.given("h", 1, 8)
    m.number["go"] = m.tensor("go", (1,), b"\1")
    m.types[m.number["go"]] = BOOL
    condition = m.inside("h", "go")
    m.given("h", 1, 8)
    body = m.inside("h", "h")
    m.given("x", 1, 8)
    m.given("y", 1, 8)
    m.op("WHILE", "x", "y", "WhileOptions", CondSubgraphIndex=condition, BodySubgraphIndex=body)
    with pytest.raises(UnsupportedError, match=r"1 WHILE .*its number of rounds is not fixed, or too large"):
        m.read(tmp_path)


def test_a_composite_is_what_it_is_made_of(tmp_path: Path) -> None:
    if not hasattr(tflite, "StableHLOCompositeOptions"):
        pytest.skip("this version of tflite knows no composites")
    m = Model()
    short, _ = branches(m)
    m.given("x", 4, 8)
    m.given("y", 4, 8)
    m.op("STABLEHLO_COMPOSITE", "x", "y", "StableHLOCompositeOptions", DecompositionSubgraphIndex=short)
    assert products(m.read(tmp_path)) == [(4, 8, 8, 1)]


def test_subgraphs_that_run_each_other_are_refused(tmp_path: Path) -> None:
    m = Model()
    m.given("x", 4, 8)
    m.given("y", 4, 8)
    m.op("STABLEHLO_COMPOSITE", "x", "y", "StableHLOCompositeOptions", DecompositionSubgraphIndex=0)
    with pytest.raises(LacunaError, match="inside each other more than 16 deep"):
        m.read(tmp_path)


def test_frames_of_a_signal_are_products_of_sines(tmp_path: Path) -> None:
    """Ten frames of 64 samples, 33 frequencies: 64 x 66 products each, then their size."""
    m = Model()
    m.given("x", 1, 10, 64)
    m.numbers("length", 1, 64)
    m.given("f", 1, 10, 33)
    m.given("y", 1, 10, 33)
    m.op("RFFT2D", "x length", "f", "Rfft2dOptions")
    m.op("COMPLEX_ABS", "f", "y")
    graph = m.read(tmp_path)
    assert products(graph) == [(10, 64, 66, 1)]
    assert math.prod((graph.ops[-1].out_channels, graph.ops[-1].out_height, graph.ops[-1].out_width)) == 330
