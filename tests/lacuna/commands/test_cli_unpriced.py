"""What of a model has no price, and what figures of a batch are of, is said by every output, JSON and pages too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lacuna.lacuna_runner import Lacuna
from traces import (
    Gate,
    GraphBuilder,
    NetworkGraph,
    SyntheticSettings,
    Window,
    save_graph,
    save_trace,
    synthetic_trace,
)

DESIGN = ("-d", "edge_npu_16x16")
MISSING = "NonMaxSuppression boxes"
RATE = ("--rate", "1000 fps")


def incomplete() -> NetworkGraph:
    """Return a gated network of whose model one node has no price."""
    builder = GraphBuilder("part", 3, 8, 8)
    x = builder.conv("stem", builder.input, 8, Window.square(3))
    score = builder.linear("score", builder.global_pool("pool", x), 1)
    builder.gate(
        Gate(name="g", kind="layer", reads="stem", computed_by=("pool", score.name), guards=("body",))
    )
    y = builder.elementwise("add", "sum", (builder.conv("body", x, 8, Window.square(3)), x))
    builder.linear("fc", builder.global_pool("mean", y), 4)
    return builder.finish().model_copy(update={"skipped": (MISSING,)})


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a trace of it."""
    path = tmp_path_factory.mktemp("part") / "part.parquet"
    save_trace(synthetic_trace(incomplete(), 12, SyntheticSettings(rates=0.6), seed=1), path)
    return path


COMMANDS = {
    "estimate": ("estimate", "{part}", *DESIGN),
    "replay": ("replay", "{part}", *DESIGN, "--out", "{out}/replay"),
    "stream": ("stream", "{part}", *DESIGN, *RATE, "--out", "{out}/stream"),
    "why": ("why", "{part}", *DESIGN),
    "verdict": ("verdict", "{part}", *DESIGN),
    "sensitivity": ("sensitivity", "{part}", *DESIGN),
    "break-even": ("break-even", "{part}", *DESIGN, "--inputs", "8"),
    "inspect": ("inspect", "{part}"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_said(command: str, lacuna: Lacuna, part: Path, tmp_path: Path) -> None:
    for name, extra in (("text", ()), ("json", ("--json",))):
        words = [word.format(part=part, out=tmp_path / name) for word in COMMANDS[command]]
        ran = lacuna(*words, *extra)
        assert ran.code == 0, ran.err
        assert MISSING in ran.out
        if extra:
            assert ran.json


def test_it_is_said_by_what_reads_results(lacuna: Lacuna, part: Path, tmp_path: Path) -> None:
    one, two, stream, table = (tmp_path / name for name in ("one", "two", "stream", "table.csv"))
    lacuna("replay", part, *DESIGN, "--out", one)
    lacuna("replay", part, *DESIGN, "--batch", 4, "--out", two)
    lacuna("stream", part, *DESIGN, *RATE, "--out", stream)
    lacuna("estimate", part, *DESIGN, "--out", table)
    compared = lacuna("compare", one, two)
    assert compared.out.count(MISSING) == 2
    assert "edge_npu_16x16, batch 4: of batches of 4: latency is that of a whole batch" in compared.out
    assert MISSING in lacuna("compare", one, two, "--json").out
    assert MISSING in lacuna("inspect", one).out
    for place in (one, stream, table):
        page = tmp_path / f"{place.name}.html"
        assert lacuna("report", place, "--out", page).code == 0
        assert "NonMaxSuppression" in page.read_text(encoding="utf-8")


SPACE = """\
designs: [edge_npu_16x16]
set: {{array.rows: [8, 16]}}
networks: [{part}]
policies: {{batch: [2]}}
inputs: 8
objectives: {{minimize: [latency_us, energy_uj]}}
"""


def test_it_is_said_of_sweeps(lacuna: Lacuna, part: Path, tmp_path: Path) -> None:
    space, out = tmp_path / "space.yaml", tmp_path / "sweep"
    space.write_text(SPACE.format(part=part), encoding="utf-8")
    assert MISSING in lacuna("sweep", space, "--out", out).out
    for words in (("pareto", out), ("sensitivity", out), ("sensitivity", space)):
        assert MISSING in lacuna(*words).out
        assert MISSING in lacuna(*words, "--json").out
    shown = lacuna("pareto", out)
    assert "latency is that of a whole batch" in shown.out
    page = tmp_path / "sweep.html"
    lacuna("report", out, "--out", page)
    text = page.read_text(encoding="utf-8")
    assert "NonMaxSuppression" in text
    assert "Latency is that of a whole batch" in text


def test_figures_of_a_batch_say_so(lacuna: Lacuna, part: Path, tmp_path: Path) -> None:
    words = ("replay", part, *DESIGN, "--batch", 4)
    assert (
        "figures of batches of 4: latency is that of a whole batch"
        in lacuna(*words, "--out", tmp_path / "t").out
    )
    told = lacuna(*words, "--out", tmp_path / "j", "--json").json
    assert told["batch"] == 4
    rows = lacuna("estimate", part, *DESIGN, "--batch", 4, "--json").json
    assert {row["batch"] for row in rows} == {4}
    shown = lacuna("estimate", part, *DESIGN, "--batch", 4).out
    assert "total of 4 inputs" in shown
    assert "per input:" in shown


@pytest.mark.parametrize(
    "command", ["why", "verdict", "sensitivity", "estimate", "replay", "stream", "inspect"]
)
def test_models_are_read_as_told(command: str, lacuna: Lacuna, tmp_path: Path) -> None:
    """Of a convolution over open sizes and a node without a price, either is refused until a command is told."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    x = helper.make_tensor_value_info("x", 1, ("n", 3, "h", "w"))
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Det", ["c"], ["y"], name="det"),
    ]
    weights = onnx.numpy_helper.from_array(np.zeros((4, 3, 3, 3), np.float32), "k")
    graph = helper.make_graph(nodes, "g", [x], [helper.make_tensor_value_info("y", 1, None)], [weights])
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    design = () if command == "inspect" else DESIGN
    out = ("--out", tmp_path / "o") if command in {"replay", "stream"} else ()
    words = (command, path, *design, *out, *(RATE if command == "stream" else ()))
    assert "are open; give sizes: --size x=" in lacuna(*words).message
    sized = (*words, "--size", "x=1x3x8x8")
    assert "1 Det (first 'det'" in lacuna(*sized).message
    assert "without 1 node that cannot be priced: Det det" in lacuna(*sized, "--skip-unsupported").out


def test_a_graph_file_keeps_what_is_missing(lacuna: Lacuna, tmp_path: Path) -> None:
    save_graph(incomplete(), tmp_path / "g.json")
    assert MISSING in lacuna("estimate", tmp_path / "g.json", *DESIGN, "--json").out
