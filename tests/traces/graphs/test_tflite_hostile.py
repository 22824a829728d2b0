"""TFLite files that mean harm, or nothing: one message of less than 500 characters, in little time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.traces.graphs.test_tflite_reader import Writer, strange, written
from traces.base.errors import LacunaError
from traces.graphs.named import Reading, load_network
from traces.graphs.tflite.load import load_tflite

tflite = pytest.importorskip("tflite", reason="the tflite extra is not installed")

LONGEST, MOST_SECONDS = 500, 10.0  # of a message [characters]; of this process's own time [s]
IMAGE = (1, 8, 8, 3)


def one_layer(
    image: tuple[int, ...] = IMAGE,
    weights: tuple[int, ...] = (4, 3, 3, 3),
    out: tuple[int, ...] = (1, 8, 8, 4),
) -> Writer:
    """Return a convolution (operator 0: input 0, weights 1, output 2) on its way into a file."""
    writer = Writer()
    x, w, y = (
        writer.tensor(name, shape, b"\0" if name == "w" else b"")
        for name, shape in (("x", image), ("w", weights), ("y", out))
    )
    op = strange().ops[0]
    writer.operators.append(("CONV_2D", [x, w], y, *writer.options("conv", op)))
    return writer


def with_operators(*operators: tuple[str, list[int], int]) -> Writer:
    """Return the layer and functions behind it: code, tensors read, tensor made."""
    writer = one_layer()
    for i in range(3):
        writer.tensor(f"t{i}", (1, 8, 8, 4))
    writer.operators += [(code, reads, made, 0, 0) for code, reads, made in operators]
    return writer


# What is wrong, the file, its inputs and outputs, and what the message says.
HOSTILE: dict[str, tuple[Writer, list[int], list[int], str]] = {
    "cycle": (with_operators(("ADD", [2, 4], 3), ("RELU", [3], 4)), [0], [4], "which no operator before it makes"),
    "reads itself": (with_operators(("ADD", [2, 3], 3)), [0], [3], "which no operator before it makes"),
    "out of order": (with_operators(("RELU", [4], 3), ("RELU", [2], 4)), [0], [3], "no operator before it makes"),
    "made twice": (with_operators(("RELU", [2], 3), ("RELU6", [2], 3)), [0], [3], "made twice"),
    "an input that is made": (with_operators(("RELU", [2], 0)), [0], [2], "made twice"),
    "an empty image": (one_layer((1, 0, 8, 3)), [0], [2], "shape"),
    "a negative side": (one_layer((1, -8, 8, 3)), [0], [2], "shape"),
    "an empty output": (one_layer(out=(1, 8, 0, 4)), [0], [2], "not fixed"),
    "no outputs of a layer": (one_layer(out=()), [0], [2], "m.tflite: "),
    "empty weights": (one_layer(weights=(4, 0, 3, 3)), [0], [2], "m.tflite: "),
    "no weights": (one_layer(weights=(4, 3, 3, 0)), [0], [2], "m.tflite: "),
    "1e9 channels": (one_layer((1, 8, 8, 10**9), (10**9, 3, 3, 10**9), (1, 8, 8, 10**9)), [0], [2], "MACs"),
    "1e9 pixels": (one_layer((1, 2**31 - 1, 2**31 - 1, 3), out=(1, 2**31 - 1, 2**31 - 1, 4)), [0], [2], "m.tflite: "),
    "channels that do not fit": (one_layer(weights=(4, 3, 3, 5)), [0], [2], "over 3 channels"),
    "another rank": (one_layer((8, 3)), [0], [2], "m.tflite: "),
    "a batch that does not fit": (one_layer((4, 8, 8, 3), out=(3, 8, 8, 4)), [0], [2], "batch of 4 built in"),
    "a tensor that is not there": (with_operators(("RELU", [99], 3)), [0], [3], "tensor 99 is not there"),
    "an output that is not there": (one_layer(), [0], [10**9], "tensor 1,000,000,000 is not there"),
    "an output left out": (with_operators(("RELU", [2], -1)), [0], [2], "has no output"),
    "an input left out": (with_operators(("ADD", [2, -1], 3)), [0], [3], "m.tflite: "),
    "no operators": (Writer(), [], [], "no node that works"),
    "axes without end": (one_layer((1,) * 5000), [0], [2], "5,000 axes; needs at most 16"),
    "reads without end": (with_operators(("CONCATENATION", [2] * 300_000, 3)), [0], [3], "more than 262,144"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_one_message_and_little_time(name: str, tmp_path: Path) -> None:
    writer, inputs, outputs, message = HOSTILE[name]
    path = tmp_path / "m.tflite"
    path.write_bytes(writer.finish(inputs, outputs))
    began = time.process_time()
    with pytest.raises(LacunaError, match=message) as problem:
        load_tflite(path)
    assert time.process_time() - began < MOST_SECONDS
    _is_one_line(str(problem.value))


def test_open_sizes_are_refused_by_name(tmp_path: Path) -> None:
    """A file with open axes holds ones in their place: pricing these would be silently wrong."""
    writer = one_layer((1, 1, 1, 3), out=(1, 1, 1, 4))
    writer.open[0] = (-1, -1, -1, 3)
    path = tmp_path / "m.tflite"
    path.write_bytes(writer.finish([0], [2]))
    with pytest.raises(LacunaError, match=r"input 'x': axes 1, 2 are open; give sizes: --size x=1xNxNx3"):
        load_tflite(path)
    writer = one_layer()
    writer.open[0] = (-1, 8, 8, 3)  # the batch alone
    path.write_bytes(writer.finish([0], [2]))
    assert load_tflite(path).macs == 64 * 27 * 4


def test_a_tensor_of_open_sizes_is_listed_where_no_rule_tells_them(tmp_path: Path) -> None:
    for code, message in (("RELU", ""), ("MATRIX_DIAG", "its sizes are not fixed in the file")):
        writer = with_operators((code, [2], 3))
        writer.open[3] = (-1, -1, 8, 4)
        path = tmp_path / "m.tflite"
        path.write_bytes(writer.finish([0], [3]))
        if not message:
            assert [op.out_height for op in load_tflite(path)] == [8, 8]
            continue
        with pytest.raises(LacunaError, match=rf"1 of 3 nodes \(33 %\) .* 1 {code} .*{message}"):
            load_tflite(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a real network's file."""
    return written(load_network("fc_autoencoder"), tmp_path_factory.mktemp("w") / "net.tflite").read_bytes()


def test_files_cut_short(whole: bytes, tmp_path: Path) -> None:
    for share in range(40):
        _survives(whole[: len(whole) * share // 40], tmp_path)


def test_offsets_and_lengths_that_lead_anywhere(whole: bytes, tmp_path: Path) -> None:
    """Every fourth byte is the start of an offset or a length: each set to what leads out, back, or on for ever."""
    pick = random.Random(0)
    for _ in range(200):
        at = 4 * pick.randrange(1, len(whole) // 4 - 1)
        value = pick.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, at, 0xFFFFFFF0])
        _survives(whole[:at] + value.to_bytes(4, "little") + whole[at + 4 :], tmp_path)


def _survives(data: bytes, folder: Path) -> None:
    path = folder / "m.tflite"
    path.write_bytes(data)
    began = time.process_time()
    try:
        load_network(path)
    except LacunaError as problem:
        _is_one_line(str(problem))
    assert time.process_time() - began < MOST_SECONDS


def _is_one_line(message: str) -> None:
    assert len(message) < LONGEST
    assert "\n" not in message


def test_sizes_are_refused_where_nothing_is_open() -> None:
    with pytest.raises(
        LacunaError, match=r"--size x=...: resnet8_tiny has no open axes; only .onnx and .tflite may have"
    ):
        load_network("resnet8_tiny", Reading({"x": (1, 3, 8, 8)}))
