"""Unit: gates laid over graphs by name, and decisions of every shape, right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traces.base.errors import FileProblem, GraphError
from traces.gating.decisions import as_decisions
from traces.gating.masks import from_masks
from traces.gating.requests import channel, exits, layer, width
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.work.lowering import lower

LAYER = Gate(name="g", kind="layer", reads="input", guards=("a",))
CHANNEL = Gate(name="g", kind="channel", size=3, reads="input", guards=("a",))
WIDTH = Gate(name="g", kind="width", size=2, widths=(4, 8), reads="input", guards=("a",))


def masked() -> NetworkGraph:
    """``stem + mask * body(stem)``, the mask from a pool and a linear layer of the stem; conv before gate."""
    builder = GraphBuilder("masked", 3, 8, 8)
    stem = builder.conv("stem", builder.input, 4, Window.square(3))
    body = builder.conv("body", stem, 4, Window.square(3))
    score = builder.linear("gate.fc", builder.global_pool("gate.pool", stem), 1)
    decision = builder.elementwise("threshold", "gate.hard", (score,))
    kept = builder.elementwise("mul", "apply", (body, decision))
    joined = builder.elementwise("add", "join", (stem, kept))
    builder.linear("head", builder.global_pool("pool", joined), 10)
    return builder.finish()


def test_a_gate_finds_its_ops_and_takes_out_what_only_applied_it() -> None:
    graph = masked().with_gates(layer("gate", guards=["body", "join"]))
    gate = graph.gate("gate")
    assert gate.reads == "stem"
    assert gate.computed_by == ("gate.pool", "gate.fc", "gate.hard")
    assert gate.guards == ("body", "join")
    assert "apply" not in graph.index
    assert graph.op("join").inputs == ("stem", "body")
    assert graph.index["gate.hard"] < graph.index["body"]  # the decision comes first
    assert graph.without_gates().macs == masked().macs - 4


def test_scores_that_scale_keep_their_product() -> None:
    graph = masked().with_gates(channel("gate", guards="body", scaled=True))
    assert graph.op("apply").inputs == ("body", "gate.hard")


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (layer("gate", guards="bodyy"), r"guards: no op matches 'bodyy'; did you mean 'body'"),
        (layer("gate", guards="body", but="nowhere"), r"but: no op matches 'nowhere'"),
        (layer("gate", guards="stem"), r"guards 'stem', which its own decision needs"),
        (layer("gate", guards="gate.*"), r"guards no op besides its own"),
        (exits("head"), r"is one exit"),
    ],
)
def test_a_request_that_cannot_be_is_one_clear_error(request_: object, match: str) -> None:
    with pytest.raises(GraphError, match=match):
        masked().with_gates(request_)  # type: ignore[arg-type]  # every one is a request


def test_a_decision_from_outside_is_known_from_the_start() -> None:
    gate = masked().with_gates(width("load", guards="body", widths=(2, 4))).gate("load")
    assert (gate.reads, gate.computed_by, gate.size) == ("input", (), 2)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 1, 1), (5, 1, 1, 1)])
@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float32, np.uint8])
def test_bits_of_any_shape_and_type_are_read(shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    bits = np.array([1, 0, 0, 1, 1])
    read = as_decisions(LAYER, bits.reshape(shape).astype(dtype), 5, "open=lambda y: y")
    assert read.tolist() == bits.astype(bool).tolist()


@pytest.mark.parametrize(
    ("gate", "values", "match"),
    [
        (LAYER, np.array([0.2, 0.7]), r"between 0.2 and 0.7.*probabilities: open=lambda y: y > 0.5"),
        (LAYER, np.array([-3.0, 1.0]), r"logits: open=lambda y: y > 0"),
        (LAYER, np.eye(2), r"of two values per decision .*argmax\(1\) == 1"),
        (CHANNEL, np.ones((2, 4)), r"shape \(2, 4\), need \(2, 3\)"),
        (CHANNEL, np.ones((3, 2)), r"the first axis must be the inputs"),
        (LAYER, np.array([np.nan, 1.0]), r"not a number"),
        (LAYER, np.array(["a", "b"]), r"needs bool"),
        (WIDTH, np.array([0, 2]), r"from 0 to 2, need whole numbers from 0 to 1"),
        (WIDTH, np.array([[0.3, 0.7], [0.2, 0.8]]), r"index=lambda y: y.argmax\(1\)"),
    ],
)
def test_what_could_mean_two_things_is_refused(gate: Gate, values: np.ndarray, match: str) -> None:
    with pytest.raises(GraphError, match=match):
        as_decisions(gate, values, 2, "open=lambda y: y")


def test_one_hot_and_index_say_the_same_width() -> None:
    index = as_decisions(WIDTH, np.array([1, 0]), 2, "index=lambda y: y")
    one_hot = as_decisions(WIDTH, np.array([[0, 1], [1, 0]]), 2, "index=lambda y: y")
    assert index.tolist() == one_hot.tolist() == [1, 0]


def test_masks_come_from_arrays_csv_and_npz(tmp_path: Path) -> None:
    graph = masked().with_gates(layer("gate", guards=["body", "join"]))
    bits = np.array([1, 0, 1])
    labels = np.array([3, 4, 5])
    (tmp_path / "gate.csv").write_text("open\n1\n0\n1\n")
    np.savez(tmp_path / "all.npz", gate=bits, labels=labels, predictions=labels)
    traces = [
        from_masks(graph, {"gate": bits}, labels, labels),
        from_masks(graph, {"gate": tmp_path / "gate.csv"}, labels, labels),
        from_masks(graph, tmp_path / "all.npz"),
    ]
    for trace in traces:
        assert trace.decisions["gate"].tolist() == [True, False, True]
        assert trace.accuracy == 1.0
        body = 64 * 36 * 4
        assert lower(trace).macs.tolist() == [graph.macs, graph.macs - body, graph.macs]


def test_a_table_of_true_and_false_is_one_of_ones_and_zeros(tmp_path: Path) -> None:
    """As pandas writes bool, with and without a header."""
    graph = masked().with_gates(layer("gate", guards="body"))
    for text in ("open\nTrue\nFalse\n", "True\nFalse\n"):
        (tmp_path / "gate.csv").write_text(text)
        assert from_masks(graph, {"gate": tmp_path / "gate.csv"}).decisions["gate"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("mask", "labels", "message"),
    [
        (None, None, r"gate 'gate': is a NoneType; needs one array"),
        ([[1], [0, 1]], None, "gate 'gate': "),
        (np.zeros(0), None, "hold no inputs"),
        ([1, 0], ["cat", "dog"], "labels: are <U3; need whole numbers"),
        ([1, 0], [2**40, 0], "labels: go up to 1,099,511,627,776; need at most"),
        ([1, 0], np.array([1j, 0]), "labels: are complex128; need whole numbers"),
        ([1j, 0], None, "gate 'gate': decisions are complex128; needs bool, or 0 and 1"),
        (["1", "0"], None, "gate 'gate': decisions are <U1; needs bool, or 0 and 1"),
    ],
)
def test_what_is_no_mask_or_no_label_is_named(mask: Any, labels: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_masks(masked().with_gates(layer("gate", guards="body")), {"gate": mask}, labels)


def test_indices_are_numbers() -> None:
    for values in (np.array(["1", "0"]), np.array([1j, 0])):
        with pytest.raises(GraphError, match="decisions are"):
            as_decisions(WIDTH, values, 2, "index=lambda y: y")


def test_a_damaged_archive_of_masks_is_refused_byte_by_byte(tmp_path: Path) -> None:
    graph = masked().with_gates(layer("gate", guards="body"))
    np.savez(tmp_path / "whole.npz", gate=np.ones(40))
    whole = (tmp_path / "whole.npz").read_bytes()
    truth = from_masks(graph, tmp_path / "whole.npz").decisions["gate"].tolist()
    refused = 0
    for at in range(0, len(whole), 5):
        (tmp_path / "bad.npz").write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            assert from_masks(graph, tmp_path / "bad.npz").decisions["gate"].tolist() == truth
        except (FileProblem, GraphError):
            refused += 1
    assert refused > len(whole) // 10  # of every fifth byte, half: zip checks what it stores


def test_packed_bits_are_told_how_to_unpack() -> None:
    gate = CHANNEL.model_copy(update={"size": 12})
    bits = np.random.default_rng(0).random((5, 12)) < 0.5
    with pytest.raises(GraphError, match=r"np.unpackbits\(masks, axis=1, count=12, bitorder='little'\)"):
        as_decisions(gate, np.packbits(bits, axis=1, bitorder="little"), 5, "masks")


def test_masks_that_do_not_fit_are_one_clear_error(tmp_path: Path) -> None:
    graph = masked().with_gates(layer("gate", guards="body"))
    with pytest.raises(GraphError, match="no gate 'gat'; did you mean 'gate'"):
        from_masks(graph, {"gat": np.ones(3)})
    with pytest.raises(GraphError, match="none for gate 'gate'"):
        from_masks(graph, {})
    with pytest.raises(GraphError, match="numbers of inputs differ: gate 3, labels 2"):
        from_masks(graph, {"gate": np.ones(3)}, labels=np.zeros(2))
    with pytest.raises(FileProblem, match=r"nowhere\.npz: no such file"):
        from_masks(graph, tmp_path / "nowhere.npz")
