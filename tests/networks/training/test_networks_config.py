"""Unit and end to end: from a configuration file to a stored trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from networks.recording.record import describe_checkpoint, record_checkpoint
from networks.training import checkpoint
from networks.training.config import load_config
from networks.training.launch import train_from_config
from traces.base.errors import ConfigError, FileProblem
from traces.files.storage import load_trace, save_trace
from traces.graphs.named import load_network
from traces.work.lowering import lower

BACKBONE = """
name: backbone
dataset: digits
model: {kind: resnet, blocks: [1, 1], widths: [4, 8], in_channels: 1}
training: {epochs: 1, batch_size: 64, seed: 1, bfloat16: false}
"""
GATED = """
name: gated
dataset: digits
start_from: backbone/model.pt
model: {kind: resnet, blocks: [1, 1], widths: [4, 8], in_channels: 1, layer_gates: true, channel_gates: true}
training: {epochs: 2, batch_size: 64, seed: 1, bfloat16: false, gate_learning_rate: 0.05}
cost: {kind: target, target: 0.5}
"""
DDI = """
name: ddi
dataset: digits
model: {kind: ddi_resnet, depth: 8, widths: [4, 6, 8], in_channels: 1, exits: [1]}
training: {epochs: 1, batch_size: 64, seed: 1, bfloat16: false}
cost: {kind: sign_flip, target: 0.5}
"""
DENSENET = """
name: densenet
dataset: digits
model: {kind: densenet, layers: [2, 2], growth: 4, in_channels: 1, layer_gates: true, exits: true}
training: {epochs: 1, batch_size: 64, seed: 1, bfloat16: false}
cost: {kind: sign_flip, target: 0.5, gate_epochs: 0}
"""

SLOWER = "several times slower than float32"


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_configuration_is_a_network_before_it_is_trained(tmp_path: Path) -> None:
    path = _write(tmp_path / "g.yaml", GATED)
    graph = load_network(path)
    assert graph.name == "gated"
    assert [gate.kind for gate in graph.gates] == ["layer", "channel"] * 2
    assert graph.ops[0].in_channels == 1
    assert (graph.ops[0].out_height, graph.ops[0].out_width) == (8, 8)
    path = _write(tmp_path / "colour.yaml", GATED.replace("digits", "cifar10"))
    with pytest.raises(ConfigError, match=r"colour.yaml: data set 'cifar10': image_shape: 3 channels"):
        load_network(path)


def test_train_record_store_load_lower(tmp_path: Path) -> None:
    """The whole way on digits: backbone, gates, trace of the test images, work that is left."""
    train_from_config(_write(tmp_path / "b.yaml", BACKBONE), tmp_path / "backbone")
    lines: list[int] = []
    path = train_from_config(
        _write(tmp_path / "g.yaml", GATED), tmp_path / "gated", lambda report: lines.append(report.epoch)
    )
    assert lines == [1, 2]
    assert describe_checkpoint(path).start_from == "backbone/model.pt"
    assert load_network(tmp_path / "g.yaml") == load_network(path)

    seen: list[tuple[int, int]] = []
    trace = record_checkpoint(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (500, 500)
    assert trace.info.model_name == "gated"
    assert trace.info.weights_hash == describe_checkpoint(path).weights_hash
    assert trace.info.dataset == "digits test, 500 images"
    assert trace.info.test_accuracy == pytest.approx(trace.accuracy)

    save_trace(trace, tmp_path / "t.parquet")
    again = lower(load_trace(tmp_path / "t.parquet"))
    np.testing.assert_array_equal(again.macs, lower(trace).macs)
    assert int(again.macs.max()) <= trace.graph.macs


def test_a_teacher_changes_what_is_learnt_and_must_know_the_images(tmp_path: Path) -> None:
    train_from_config(_write(tmp_path / "b.yaml", BACKBONE), tmp_path / "backbone")
    config = _write(
        tmp_path / "s.yaml", BACKBONE + "start_from: backbone/model.pt\nteachers: [backbone/model.pt]\n"
    )
    taught = describe_checkpoint(train_from_config(config, tmp_path / "taught"))
    config.write_text(BACKBONE + "start_from: backbone/model.pt\n", encoding="utf-8")
    assert (
        describe_checkpoint(train_from_config(config, tmp_path / "alone")).weights_hash != taught.weights_hash
    )

    state = checkpoint.read(tmp_path / "backbone/model.pt", checkpoint.MODEL)
    state["training"]["dataset"] = "cifar10"
    checkpoint.write(tmp_path / "other.pt", checkpoint.MODEL, state)
    config.write_text(BACKBONE + "teachers: [other.pt]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"other.pt: a teacher that knows 'cifar10', needs one of 'digits'"):
        train_from_config(config, tmp_path / "wrong")


def test_a_static_baseline_starts_from_the_larger_network(tmp_path: Path) -> None:
    train_from_config(_write(tmp_path / "b.yaml", BACKBONE), tmp_path / "backbone")
    smaller = BACKBONE.replace("[4, 8]", "[3, 6]") + "start_from: backbone/model.pt\nshrink_start: true\n"
    info = describe_checkpoint(train_from_config(_write(tmp_path / "s.yaml", smaller), tmp_path / "small"))
    assert info.graph.op("stem").out_channels == 3


@pytest.mark.parametrize("text", [DDI, DENSENET], ids=["ddi", "densenet"])
def test_exits_are_trained_and_recorded(tmp_path: Path, text: str) -> None:
    path = train_from_config(_write(tmp_path / "c.yaml", text), tmp_path / "out")
    trace = record_checkpoint(path, limit=40, exit_threshold=0.3)
    assert trace.exit_predictions["exits"].shape == (40, 2)
    assert set(trace.decisions["exits"].tolist()) <= {0, 1}
    validation = record_checkpoint(path, limit=40, part="validation")
    assert validation.labels.tolist() != trace.labels.tolist()
    assert set(validation.decisions["exits"].tolist()) == {1}


def test_three_stages_leave_their_traces(tmp_path: Path) -> None:
    train_from_config(_write(tmp_path / "c.yaml", DDI), tmp_path / "out")
    assert (tmp_path / "out" / "gates" / "log.csv").is_file()
    assert (tmp_path / "out" / "log.csv").is_file()


def test_teachers_answer_the_views_of_every_stage(tmp_path: Path) -> None:
    """The one joint epoch sees whole images, the first of three gate epochs squares."""
    train_from_config(_write(tmp_path / "b.yaml", BACKBONE), tmp_path / "backbone")
    text = DDI.replace("bfloat16: false", "bfloat16: false, crop: 6, crop_share: 0.4")
    text = text.replace("target: 0.5", "target: 0.5, gate_epochs: 3")
    config = _write(tmp_path / "c.yaml", text + "teachers: [backbone/model.pt]\nrounds: 1\n")
    said: list[str] = []
    train_from_config(config, tmp_path / "runs" / "ddi", say=said.append)
    assert sorted(said) == [
        "model.pt answers 1 views of every image (6 pixels)",
        "model.pt answers 1 views of every image (whole)",
    ]
    assert len(list((tmp_path / "runs" / "answers").iterdir())) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs: 2", "epoch: 2", r"training.epoch: no such setting; did you mean 'epochs'"),
        ("target: 0.5", "target: 1.5", r"yaml: cost.target = 1.5: input should be less than or equal to 1"),
        ("target: 0.5", "targt: 0.5", r"cost.targt: no such setting; did you mean 'target'"),
        ("kind: target", "kind: targets", r"cost.kind = 'targets': unknown; did you mean 'target'"),
        ("kind: target, ", "", r"cost.kind: is missing"),
        ("layer_gates", "layer_gate", r"model.layer_gate: no such setting; did you mean 'layer_gates'"),
        ("kind: resnet", "kind: resnext", r"model.kind = 'resnext': unknown; did you mean 'resnet'"),
        ("name: gated", "nam: gated", r"nam: no such setting; did you mean 'name'"),
        ("name: gated", "", r"name: is missing"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = _write(tmp_path / "c.yaml", GATED.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such configuration"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(_write(tmp_path / "c.yaml", "a: [1"))
    with pytest.raises(ConfigError, match="needs a mapping of settings"):
        load_config(_write(tmp_path / "c.yaml", "just words"))


def test_a_target_without_gates_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", BACKBONE + "cost: {kind: target, target: 0.5}\n")
    with pytest.raises(ConfigError, match=r"cost.kind = target: the model has no gates to train"):
        train_from_config(path, tmp_path / "out")


def test_cifar_without_its_folder_says_where_to_get_it(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", BACKBONE.replace("digits", "cifar10"))
    with pytest.raises(ConfigError, match="get 'CIFAR-10 python version' from"):
        train_from_config(path, tmp_path / "out")


def test_a_cost_table_of_another_network_is_refused(tmp_path: Path) -> None:
    table = '{"format": "lacuna-cost-table", "format_version": 1, "unit": "pJ", "design": "d", "ops": {"blok1.conv1": '
    table += '{"in_channels": [0, 1], "out_channels": [0, 1], "cost": [[0, 0], [0, 1]]}}}'
    _write(tmp_path / "t.json", table)
    text = GATED.replace("start_from: backbone/model.pt\n", "").replace(
        "target: 0.5", "target: 0.5, table: t.json"
    )
    with pytest.raises(
        ConfigError, match=r"op 'blok1.conv1' is not in the network; did you mean 'block1.conv1'"
    ):
        train_from_config(_write(tmp_path / "c.yaml", text), tmp_path / "out")


def test_shipped_configurations_are_valid() -> None:
    from importlib import resources  # noqa: PLC0415  (only here)

    folder = Path(str(resources.files("networks"))) / "shipped"
    names = [load_config(path).name for path in sorted(folder.glob("*.yaml"))]
    assert names == [path.stem for path in sorted(folder.glob("*.yaml"))]


@pytest.mark.parametrize("has", [True, False])
def test_emulated_bfloat16_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: bool) -> None:
    """The features of a processor are torch's; with none of bfloat16's, the slow way is named, and the way out."""
    monkeypatch.setattr(
        "torch.cpu.get_capabilities", lambda: {"avx2": True, "avx512_bf16": has, "amx_bf16": False}
    )
    said: list[str] = []
    text = BACKBONE.replace("bfloat16: false", "bfloat16: true").replace("[4, 8]", "[2, 2]")
    train_from_config(_write(tmp_path / "b.yaml", text), tmp_path / "out", say=said.append)
    assert said == (
        [] if has else [f"this processor emulates bfloat16, {SLOWER}: set training.bfloat16: false"]
    )
