"""Every command on every format: a trace and static networks of all kinds go the same ways."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.lacuna.lacuna_runner import Lacuna
from traces import GraphBuilder, NetworkGraph, Window, save_graph

SLOW = ("trace", "shipped", "tflite", "topology", "checkpoint")
FORMATS = ["json", "onnx", *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW)]
SUFFIXES = {"json": ".json", "onnx": ".onnx", "tflite": ".tflite", "topology": ".csv"}
DESIGN = ("--design", "edge_npu_16x16")


@pytest.fixture(params=FORMATS)
def network(request: pytest.FixtureRequest, tmp_path: Path, trace: Path) -> str:
    """A tiny network in one format."""
    return written(request.param, tmp_path, trace)


def written(kind: str, folder: Path, trace: Path) -> str:
    path = folder / f"tiny{SUFFIXES.get(kind, '')}"
    match kind:
        case "trace":
            return str(trace)
        case "shipped":
            return "fc_autoencoder"
        case "json":
            save_graph(tiny_graph(), path)
        case "onnx":
            onnx_model(path)
        case "tflite":
            pytest.importorskip("tflite", reason="the tflite extra is not installed")
            writer = importlib.import_module("tests.traces.graphs.test_tflite_reader")
            writer.written(tiny_graph(), path)
        case "topology":
            path.write_text("Layer, M, N, K,\nfc1, 4, 16, 32,\nfc2, 4, 8, 16,\n")
        case "checkpoint":
            pytest.importorskip("torch")
            return str(Path(__file__).parents[2] / "networks" / "shipped" / "lcnet_resnet20_50.pt")
    return str(path)


def tiny_graph() -> NetworkGraph:
    builder = GraphBuilder("tiny", 3, 8, 8)
    image = builder.conv("conv", builder.input, 8, Window.square(3))
    builder.linear("fc", builder.global_pool("pool", image), 4)
    return builder.finish()


def onnx_model(path: Path, *extra: str) -> None:
    """Write a convolution of 8 channels over 3 x 8 x 8, and nodes behind it that nobody knows."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], name="conv", kernel_shape=[3, 3], pads=[1] * 4)]
    last = "a"
    for kind in extra:
        nodes.append(helper.make_node(kind, [last], [f"{last}_"], name=kind.lower(), domain="my.own"))
        last = f"{last}_"
    infos = [
        helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", (1, 3, 8, 8)), (last, None))
    ]
    weights = onnx.numpy_helper.from_array(np.zeros((8, 3, 3, 3), np.float32), "w")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", infos[:1], infos[1:], [weights])), path)


def test_a_network_goes_every_way(network: str, lacuna: Lacuna, tmp_path: Path) -> None:
    runs = [
        ("estimate", network, *DESIGN),
        ("estimate", network, *DESIGN, "--batch", 4),
        ("replay", network, *DESIGN, "--out", tmp_path / "a"),
        ("replay", network, "--design", "cortex_m55", "--batch", 4, "--out", tmp_path / "b4"),
        ("replay", network, "--design", "cortex_m7", "--out", tmp_path / "b"),
        ("report", tmp_path / "a"),
        ("compare", tmp_path / "a", tmp_path / "b"),
        ("verdict", network, *DESIGN),
        ("why", network, *DESIGN),
        ("sensitivity", network, *DESIGN),
        ("inspect", network),
        ("cost-table", network, *DESIGN, "--out", tmp_path / "costs.json"),
    ]
    for run in runs:
        ran = lacuna(*run)
        assert ran.code == 0, (run[0], ran.err[-500:])
    assert (tmp_path / "a" / "report.html").is_file()


KEYS = [
    pytest.param(kind, key, id=f"{kind}-{key}", marks=[pytest.mark.slow] * (kind in SLOW or i == j))
    for i, kind in enumerate(("json", "onnx", *SLOW))
    for j, key in enumerate(("networks", "traces"))
]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_network_is_swept_and_searched(
    kind: str, key: str, trace: Path, lacuna: Lacuna, tmp_path: Path
) -> None:
    network = written(kind, tmp_path, trace)
    space = tmp_path / "space.yaml"
    space.write_text(f"designs: [edge_npu_16x16]\nset: {{array.rows: [8, 16]}}\n{key}: [{network}]\n")
    for run in (
        ("sweep", space, "--out", tmp_path / "sweep"),
        ("search", space, "--evaluations", 2, "--out", tmp_path / "search"),
        ("report", tmp_path / "sweep"),
        ("pareto", tmp_path / "sweep"),
        ("sensitivity", tmp_path / "sweep"),
    ):
        ran = lacuna(*run)
        assert ran.code == 0, (run[0], ran.err[-500:])
        if run[0] == "search" and "optuna" in ran.err:
            pytest.skip("the search extra is not installed")


def test_what_has_no_price_is_said_wherever_figures_are(lacuna: Lacuna, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    onnx_model(tmp_path / "odd.onnx", "Wobble", "Wibble")
    words = "without 2 nodes that cannot be priced: my.own.Wobble wobble, my.own.Wibble wibble"
    assert "cannot be priced" in lacuna("estimate", tmp_path / "odd.onnx", *DESIGN).message
    assert words in lacuna("estimate", tmp_path / "odd.onnx", *DESIGN, "--skip-unsupported").out
    for name, design in (("a", "edge_npu_16x16"), ("b", "cortex_m7")):
        ran = lacuna(
            "replay",
            tmp_path / "odd.onnx",
            "--design",
            design,
            "--skip-unsupported",
            "--out",
            tmp_path / name,
        )
        assert words in ran.out
    assert len(json.loads((tmp_path / "a" / "summary.json").read_text())["skipped"]) == 2
    assert words in lacuna("inspect", tmp_path / "a").out
    assert f"edge_npu_16x16: {words}" in lacuna("compare", tmp_path / "a", tmp_path / "b").out
    assert lacuna("report", tmp_path / "a").code == 0
    assert words in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    space = tmp_path / "space.yaml"
    space.write_text(
        "designs: [edge_npu_16x16]\nset: {array.rows: [8, 16]}\n"
        "networks: [{network: odd.onnx, skip_unsupported: true}]\n"
    )
    assert words in lacuna("sweep", space, "--out", tmp_path / "sweep").out
    assert lacuna("report", tmp_path / "sweep").code == 0
    assert words in (tmp_path / "sweep" / "report.html").read_text(encoding="utf-8")


def test_open_axes_of_a_network_are_filled_in_a_space(lacuna: Lacuna, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    onnx_model(tmp_path / "open.onnx")
    model = onnx.load(tmp_path / "open.onnx")
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"s{axis}"
    onnx.save(model, tmp_path / "open.onnx")
    space = tmp_path / "space.yaml"
    entries = ", ".join(f"{{network: open.onnx, size: x=1x3x{side}x{side}}}" for side in (8, 16))
    space.write_text(f"designs: [edge_npu_16x16]\nset: {{array.rows: [8, 16]}}\nnetworks: [{entries}]\n")
    assert lacuna("sweep", space, "--out", tmp_path / "sweep").code == 0
    rows = lacuna("pareto", tmp_path / "sweep", "--json").out
    assert "open(x=1x3x8x8)" in rows
    space.write_text("designs: [edge_npu_16x16]\nnetworks: [{network: open.onnx, sizes: x=1}]\n")
    assert "did you mean 'size'?" in lacuna("sweep", space, "--out", tmp_path / "other").message
