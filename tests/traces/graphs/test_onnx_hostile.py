"""Files that mean harm, or nothing: one message of less than 500 characters, in little time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.traces.graphs.siblings.nodes import n
from traces.base.errors import LacunaError
from traces.graphs.onnx.load import load_onnx

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto

LONGEST, MOST_SECONDS = 500, 10.0  # of a message [characters]; of this process's own time [s]
IMAGE = {"x": (1, 3, 8, 8)}


def info(name: str, shape: tuple[int, ...] | None, kind: int = 1) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def weights(*shape: int, name: str = "w") -> Any:
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def whole(name: str, values: Any) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def claimed(*dims: int) -> Any:
    """Return weights that are said to be large and hold nothing."""
    tensor = TensorProto(name="w", data_type=1)
    tensor.dims.extend(dims)
    return tensor


def outside(name: str, kind: int, dims: list[int], place: str) -> Any:
    """Return a tensor whose data lie in another file."""
    tensor = TensorProto(name=name, data_type=kind, data_location=1)
    tensor.dims.extend(dims)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    return tensor


def model(
    nodes: list[Any], inputs: Mapping[str, tuple[int, ...]], *init: Any, opset: int = 17, out: str = "y"
) -> Any:
    graph = helper.make_graph(nodes, "g", [info(*each) for each in inputs.items()], [info(out, None)], init)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def loops(deep: int) -> Any:
    """Return loops of 100 rounds inside each other."""
    ports = [info("i", (), 7), info("on", (), 9), info("s", (1, 4))]
    body = helper.make_graph([n("Relu", "s", "o")], "b", ports, [info("on", (), 9), info("o", None)])
    for _ in range(deep):
        inner = helper.make_node("Loop", ["m", "on", "s"], ["o"], name="l", body=body)
        body = helper.make_graph([inner], "b", ports, [info("on", (), 9), info("o", None)])
    return body


def loop(rounds: int, deep: int = 0) -> Any:
    true = numpy_helper.from_array(np.array(True), "c")
    node = helper.make_node("Loop", ["m", "c", "x"], ["y"], name="loop", body=loops(deep))
    return model([node], {"x": (1, 4)}, whole("m", rounds), true)


# fmt: off  # a table
CONV = [n("Conv", "x w")]
ROW = {"x": (1, 4)}
HOSTILE: dict[str, Any] = {
    "cycle": model([n("Add", "x b", "a"), n("Relu", "a", "b"), n("Abs", "b")], ROW),
    "reads itself": model([n("Relu", "y")], ROW),
    "shape outside the folder": model([n("Reshape", "x s")], IMAGE, outside("s", 7, [4], "/etc/passwd")),
    "no pixels": model(CONV, {"x": (1, 3, 0, 8)}, weights(8, 3, 1, 1)),
    "no channels": model(CONV, IMAGE, weights(0, 3, 1, 1)),
    "negative size": model(CONV, {"x": (1, 3, -5, 8)}, weights(8, 3, 1, 1)),
    "a thousand million channels": model(CONV, {"x": (1, 10**9, 8, 8)}, claimed(10**9, 10**9, 1, 1)),
    "a thousand million pixels": model(CONV, {"x": (1, 3, 10**9, 10**9)}, weights(8, 3, 1, 1)),
    "sizes that overflow": model([n("MatMul", "x w")], {"x": (2**62, 2**62)}, claimed(2**62, 2**62)),
    "a domain of 5,000 letters": model([n("Wobble", "x", domain="a" * 5000)], ROW),
    "3,000 domains": model(
        [n(f"W{i}", f"t{i}", f"t{i + 1}", domain=f"d{i}", name=f"n{i}" * 40) for i in range(3000)],
        {"t0": (1, 4)},
        out="t3000",
    ),
    "a name of a million letters": model(
        [n("Conv", "x w", name="A" * 10**6, domain="zz")], IMAGE, weights(8, 3, 1, 1)
    ),
    "endless loop": loop(2**62),
    "loops in loops": loop(100, deep=6),
    "repeated without end": model(
        [n("Tile", "k r", "b"), n("Add", "x b")], ROW, weights(1, 4, name="k"), whole("r", [10**9, 10**6])
    ),
    "a constant without end": model(
        [n("ConstantOfShape", "s", "b"), n("Add", "x b")], ROW, whole("s", [10**9, 10**9])
    ),
    "a range without end": model(
        [n("Range", "a b c", "r"), n("Add", "x r")], ROW, whole("a", 0), whole("b", 2**62), whole("c", 1)
    ),
    "no kernel": model([n("MaxPool", "x", kernel_shape=[0, 0])], IMAGE),
    "no stride": model([n("Conv", "x w", strides=[0, 0])], IMAGE, weights(8, 3, 1, 1)),
    "negative groups": model([n("Conv", "x w", group=-3)], IMAGE, weights(8, 3, 1, 1)),
    "dilation": model([n("Conv", "x w", dilations=[2**40, 1])], IMAGE, weights(8, 3, 3, 3)),
    "padding": model([n("Conv", "x w", pads=[2**40] * 4)], IMAGE, weights(8, 3, 3, 3)),
    "negative padding": model([n("Conv", "x w", pads=[-(2**40)] * 4)], IMAGE, weights(8, 3, 3, 3)),
    "axes twice": model([n("Transpose", "x", perm=[0, 0, 7])], {"x": (1, 3, 8)}),
    "attribute of another type": model([n("Conv", "x w", group="no")], IMAGE, weights(8, 3, 1, 1)),
    "reads nothing that is there": model([n("Relu", "zz")], ROW),
    "no inputs": model([helper.make_node("Relu", [], ["y"])], ROW),
    "no outputs": model([helper.make_node("Relu", ["x"], [])], ROW),
    "no weights": model([n("QLinearConv", "x"), n("ReduceSumSquare", "y", "z")], IMAGE, out="z"),
    "a packed product of nothing": model(
        [helper.make_node("MatMulNBits", [], ["y"], domain="com.microsoft")], ROW
    ),
    "words that are not there": model([n("EmbedLayerNormalization", "x", domain="com.microsoft")], ROW),
    "a list of nothing": model([helper.make_node("SplitToSequence", [], ["s"]), n("SequenceAt", "s x")], ROW),
    "cast like nothing": model([helper.make_node("CastLike", [], ["y"])], ROW),
    "scattered over one number": model(
        [n("ScatterElements", "x i x"), n("Wobble", "y", "z")], {"x": ()}, whole("i", 0), out="z"
    ),
    "shapes that contradict": model([n("Add", "x z")], {"x": (1, 4), "z": (1, 5)}),
    "scan of too much": model(
        [helper.make_node("Scan", ["x"], ["y"], num_scan_inputs=99, body=loops(0))], ROW
    ),
}
# fmt: on


@pytest.mark.parametrize("name", HOSTILE)
def test_one_message_and_little_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(HOSTILE[name].SerializeToString())
    began = time.process_time()
    with pytest.raises(LacunaError) as problem:
        load_onnx(path)
    assert time.process_time() - began < MOST_SECONDS
    assert len(str(problem.value)) < LONGEST
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("place", ["m.bin", "weights/a:0", "./b/../m.bin", "..data/w"])
def test_weights_in_files_beside_it_are_not_looked_at(place: str, tmp_path: Path) -> None:
    """Their shape, which the model itself says, is all that is needed."""
    path = tmp_path / "m.onnx"
    path.write_bytes(model(CONV, IMAGE, outside("w", 1, [8, 3, 1, 1], place)).SerializeToString())
    assert load_onnx(path).macs == 64 * 3 * 8


@pytest.mark.parametrize("place", ["/etc/passwd", "../x", "a/../../x", "..\\x", "C:\\x", "\\\\host\\x"])
def test_weights_outside_the_folder_are_refused(place: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model(CONV, IMAGE, outside("w", 1, [8, 3, 1, 1], place)).SerializeToString())
    with pytest.raises(LacunaError, match=r"tensor 'w': its data lie in .*, outside the model's folder"):
        load_onnx(path)


def test_names_inside_hide_those_outside(tmp_path: Path) -> None:
    """Loops inside each other may call their states alike; three rounds of three are nine."""
    path = tmp_path / "m.onnx"
    path.write_bytes(loop(3, deep=1).SerializeToString())
    assert [op.kind for op in load_onnx(path)] == ["activation"] * 9


@pytest.mark.parametrize("garbage", [b"", b"hello world" * 100, bytes(range(256)) * 20])
def test_what_is_no_model_is_refused(garbage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(garbage)
    with pytest.raises(LacunaError):
        load_onnx(path)


def test_a_node_with_too_few_inputs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model([n("Gemm", "x", name="head")], ROW).SerializeToString())
    with pytest.raises(LacunaError, match=r"node 'head' \(Gemm\): has 1 inputs; needs 2 or more"):
        load_onnx(path)
