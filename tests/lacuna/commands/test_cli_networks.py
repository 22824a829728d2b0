"""`lacuna train`, `record` and `inspect` of a checkpoint, on the bundled digits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna
from traces import load_trace

torch = pytest.importorskip("torch")

CONFIG = """\
name: tiny
dataset: digits
model: {kind: resnet, depth: 8, widths: [4, 4, 4], in_channels: 1, layer_gates: true, channel_gates: true}
training: {epochs: 1, batch_size: 128, learning_rate: 0.05, seed: 3, bfloat16: false}
cost: {kind: target, target: 0.5}
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture
def checkpoint(lacuna: Lacuna, folder: Path) -> Path:
    """Trained once for the module."""
    path = folder / "run" / "model.pt"
    if not path.exists():
        (folder / "tiny.yaml").write_text(CONFIG)
        ran = lacuna("train", folder / "tiny.yaml", "--out", folder / "run")
        assert ran.code == 0, ran.err
        assert str(path) in ran.out
        assert "epoch 1/1" in ran.err
    return path


def test_train_then_record_then_inspect(lacuna: Lacuna, checkpoint: Path, tmp_path: Path) -> None:
    ran = lacuna("record", checkpoint, "--out", tmp_path / "t.parquet", "--limit", 20)
    assert ran.code == 0, ran.err
    assert "20 inputs" in ran.out
    recorded = load_trace(tmp_path / "t.parquet")
    assert len(recorded) == 20
    assert recorded.info.command.startswith("lacuna record")
    assert set(recorded.info.rates) == {gate.name for gate in recorded.graph.gates}
    assert lacuna("record", checkpoint, "--out", tmp_path / "t.npz", "--limit", 20).code == 0
    assert load_trace(tmp_path / "t.npz").predictions.tolist() == recorded.predictions.tolist()

    told = lacuna("inspect", checkpoint, "--json").json
    assert told["network"] == "tiny"
    assert lacuna("inspect", checkpoint).code == 0


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("training:", "trainig:"), ("trainig", "did you mean 'training'?")),
        (("epochs: 1", "epochs: -1"), ("epochs", "-1")),
        (("depth: 8", "depth: 9"), ("depth", "9")),
        (("depth: 8", "depht: 8"), ("depht", "did you mean 'depth'?")),
        (("kind: resnet", "kind: resnest"), ("resnest",)),
        (("dataset: digits", "dataset: digit"), ("digit", "cifar10")),
        (("target: 0.5", "target: 1.5"), ("target", "1.5")),
        (("name: tiny", "name: ["), ("tiny.yaml",)),
        (("dataset: digits", "dataset: digits\nstart_from: no.pt"), ("no.pt",)),
    ],
)
def test_bad_configurations(
    lacuna: Lacuna, tmp_path: Path, change: tuple[str, str], parts: tuple[str, ...]
) -> None:
    assert change[0] in CONFIG
    (tmp_path / "tiny.yaml").write_text(CONFIG.replace(*change))
    ran = lacuna("train", tmp_path / "tiny.yaml", "--out", tmp_path / "run")
    for part in parts:
        assert part in ran.message, ran.message
    assert not (tmp_path / "run" / "model.pt").exists()


def test_data_that_is_not_there(lacuna: Lacuna, tmp_path: Path) -> None:
    """The message tells where CIFAR-10 comes from."""
    text = CONFIG.replace("digits", "cifar10").replace(", in_channels: 1", "")
    (tmp_path / "tiny.yaml").write_text(text)
    ran = lacuna("train", tmp_path / "tiny.yaml", "--data", tmp_path, "--out", tmp_path / "run")
    assert "cifar-10-batches-py" in ran.message
    assert "http" in ran.message


def test_checkpoints_that_are_none(lacuna: Lacuna, checkpoint: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "t.parquet")
    assert "no.pt: no such checkpoint" in lacuna("record", tmp_path / "no.pt", *out).message
    (tmp_path / "text.pt").write_text("weights")
    assert "text.pt" in lacuna("record", tmp_path / "text.pt", *out).message
    cut = tmp_path / "cut.pt"
    cut.write_bytes(checkpoint.read_bytes()[:2000])
    assert "cut.pt" in lacuna("inspect", cut).message
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    assert "not a Lacuna checkpoint" in lacuna("record", tmp_path / "other.pt", *out).message
    content = torch.load(checkpoint, weights_only=True)
    torch.save({**content, "format_version": 99}, tmp_path / "new.pt")
    assert "checkpoint format 99" in lacuna("record", tmp_path / "new.pt", *out).message
    assert not (tmp_path / "t.parquet").exists()


def test_part_must_be_known(lacuna: Lacuna, checkpoint: Path, tmp_path: Path) -> None:
    ran = lacuna("record", checkpoint, "--part", "train", "--out", tmp_path / "t.parquet")
    assert "--part 'train'" in ran.message


def test_the_demo_goes_the_whole_way(
    lacuna: Lacuna, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network that is trained already and one that ships, on two designs."""
    monkeypatch.setattr("networks.train_digits_lcnet", lambda *_: checkpoint)  # a face keeps what it finds
    monkeypatch.setattr("lacuna.commands.demo._NETWORKS", ("lcnet_resnet20_50",))
    monkeypatch.setattr("lacuna.commands.demo.DESIGNS", ("cortex_m4", "edge_npu_16x16"))
    out = tmp_path / "demo"
    ran = lacuna("demo", "--out", out, width=80)
    assert ran.code == 0, ran.err
    assert max(len(line) for line in ran.out.splitlines() if "/" not in line) <= 80
    for told in ("cortex_m4", "edge_npu_16x16", "correct", "of the MACs saved", "p99", "largest loss"):
        assert told in ran.out
    assert (out / "digits" / "report.html").is_file()
    assert (out / "report.html").is_file()  # of the shipped traces
    assert len(list((out / "digits").glob("*/timeline.json.gz"))) == 2
    assert list((out / "digits" / "figures").glob("*.png"))
