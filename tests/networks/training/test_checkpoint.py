"""Unit: checkpoints are read without running code, and a wrong one says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from networks.models.families import build_model
from networks.recording.record import describe_checkpoint
from networks.training import checkpoint
from networks.training.loading import load_model
from networks.training.starting import warm_start
from tests.networks.networks_fixtures import lcnet_config, saved
from traces.base.errors import FileProblem


def test_a_checkpoint_describes_itself(tmp_path: Path) -> None:
    info = describe_checkpoint(saved(tmp_path / "model.pt"))
    rows = dict(info.rows())
    assert rows["network"] == "net"
    assert rows["gates"] == "6 channel, 6 layer"
    assert rows["seed"] == "3"
    assert rows["MACs without gates"] == f"{info.graph.without_gates().macs:,}"


def test_the_hash_follows_every_tensor() -> None:
    state = lcnet_config().build().state_dict()
    before = checkpoint.weights_hash(state)
    assert before == checkpoint.weights_hash(dict(reversed(state.items())))
    state["block1.lnet.fc.linear.bias"] = state["block1.lnet.fc.linear.bias"] + 1e-6
    assert checkpoint.weights_hash(state) != before


def test_files_hold_half_precision_and_exactly_the_rounded_network(tmp_path: Path) -> None:
    config = lcnet_config()
    model = config.build()
    checkpoint.round_weights(model)
    training = {"name": "small", "dataset": "cifar10", "image_shape": [3, 8, 8], "epochs": 1}
    training["validation_accuracy"] = 0.5
    path = tmp_path / "model.pt"
    checkpoint.save_model(path, config.model_dump(mode="json"), model.state_dict(), training)
    stored = checkpoint.read(path, checkpoint.MODEL)["state_dict"]
    assert all(tensor.dtype in {torch.float16, torch.int64} for tensor in stored.values())
    loaded = load_model(path).model.state_dict()
    assert all(loaded[name].dtype == tensor.dtype for name, tensor in model.state_dict().items())
    assert all(torch.equal(loaded[name], tensor) for name, tensor in model.state_dict().items())


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"model.pt: no such checkpoint"):
        load_model(tmp_path / "model.pt")
    (tmp_path / "light.yaml").touch()
    with pytest.raises(
        FileProblem, match=r"light.pt: no such checkpoint; `lacuna train .*light.yaml --out DIR`"
    ):
        load_model(tmp_path / "light.pt")


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_a_truncated_file(tmp_path: Path, keep: int) -> None:
    path = saved(tmp_path / "model.pt")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileProblem, match="damaged, or no checkpoint"):
        load_model(path)


def test_a_file_that_would_run_code(tmp_path: Path) -> None:
    torch.save({"format": checkpoint.MODEL, "path": tmp_path}, tmp_path / "model.pt")
    with pytest.raises(
        FileProblem, match=r"holds Python objects, which are not run here; .*lacuna.capture\(model"
    ):
        load_model(tmp_path / "model.pt")


def test_someone_elses_file(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "model.pt")
    with pytest.raises(FileProblem, match="not a Lacuna checkpoint"):
        load_model(tmp_path / "model.pt")


def test_a_training_state_is_no_model(tmp_path: Path) -> None:
    checkpoint.write(tmp_path / "last.pt", checkpoint.TRAINING_STATE, {"epoch": 1})
    with pytest.raises(FileProblem, match="a lacuna-training-state file, needs lacuna-model"):
        load_model(tmp_path / "last.pt")


def test_another_format_version(tmp_path: Path) -> None:
    torch.save({"format": checkpoint.MODEL, "format_version": 7}, tmp_path / "model.pt")
    with pytest.raises(FileProblem, match="checkpoint format 7; this version reads 3"):
        load_model(tmp_path / "model.pt")


def test_weights_of_another_network_in_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt")
    content = checkpoint.read(path, checkpoint.MODEL)
    content["model"]["depth"] = 20
    checkpoint.save_model(path, content["model"], content["state_dict"], content["training"])
    with pytest.raises(FileProblem, match="damaged, or written by another version"):
        load_model(path)


def test_every_flipped_byte_is_found_or_changes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt")
    whole, hashed = path.read_bytes(), describe_checkpoint(path)
    flipped = tmp_path / "flipped.pt"
    for place in range(5, len(whole), len(whole) // 60):
        flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            found = describe_checkpoint(flipped)
        except FileProblem:
            continue
        assert found == hashed  # padding between records


def test_a_checkpoint_whose_archive_was_written_anew_is_found(tmp_path: Path) -> None:
    """The archive's checksums are right again; the digest over the tensors is not."""
    path = saved(tmp_path / "model.pt")
    content = torch.load(path, weights_only=True)
    content["state_dict"]["stem.weight"][0, 0, 0, 0] += 1.0
    torch.save(content, path)
    with pytest.raises(FileProblem, match="does not match the SHA-256 in it"):
        load_model(path)


def test_files_of_version_1_are_read_without_a_digest(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt")
    content = torch.load(path, weights_only=True)
    del content["sha256"]
    torch.save({**content, "format_version": 1}, path)
    assert describe_checkpoint(path).name == "net"
    torch.save(content, path)
    with pytest.raises(FileProblem, match="does not match the SHA-256 in it"):
        load_model(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, number: float) -> None:
    path = saved(tmp_path / "model.pt")
    content = checkpoint.read(path, checkpoint.MODEL)
    content["state_dict"]["stem.weight"][0, 0, 0, 0] = number
    checkpoint.write(path, checkpoint.MODEL, content)
    for load in (load_model, lambda at: warm_start(lcnet_config().build(), at)):
        with pytest.raises(FileProblem, match=r"stem.weight holds numbers that are not finite"):
            load(path)


@pytest.mark.parametrize("state", [[1.0], 0.5, True, None, {"stem.weight": 3}, {3: torch.zeros(1)}])
def test_a_state_that_is_no_state(tmp_path: Path, state: object) -> None:
    path = saved(tmp_path / "model.pt")
    content = checkpoint.read(path, checkpoint.MODEL) | {"state_dict": state}
    checkpoint.write(path, checkpoint.MODEL, content)
    with pytest.raises(FileProblem, match="state_dict"):
        load_model(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"validation_accuracy": 7.0},
        {"validation_accuracy": float("nan")},
        {"image_shape": [3, 8]},
        {"image_shape": [3, 2**40, 8]},
        {"image_shape": [30, 8, 8]},
        {"epochs": -1},
        {"dataset": "imagenet"},
    ],
)
def test_facts_that_cannot_be(tmp_path: Path, changes: dict[str, object]) -> None:
    path = saved(tmp_path / "model.pt", **changes)
    with pytest.raises(FileProblem, match="damaged, or written by another version"):
        load_model(path)


@pytest.mark.parametrize(
    ("model", "needs"),
    [
        ({"kind": "resnet", "blocks": [4096, 4096], "widths": [8, 8]}, "damaged"),
        ({"kind": "resnet", "blocks": [64, 64], "widths": [4096, 4096]}, "weights; needs at most"),
        ({"kind": "densenet", "layers": [64, 64, 64], "growth": 4096}, "weights; needs at most"),
        ({"kind": "whitened", "widths": [4096, 4096]}, "weights; needs at most"),
    ],
)
def test_a_network_too_large_to_build_is_refused_at_once(
    tmp_path: Path, model: dict[str, object], needs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "model.pt")
    content = checkpoint.read(path, checkpoint.MODEL) | {"model": model}
    checkpoint.write(path, checkpoint.MODEL, content)
    devices: set[str] = set()
    register = nn.Module.register_parameter

    def noting(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        devices.update(() if param is None else {param.device.type})
        register(self, name, param)

    monkeypatch.setattr(nn.Module, "register_parameter", noting)
    with pytest.raises(FileProblem, match=needs):
        load_model(path)
    assert devices <= {"meta"}  # what is built to be counted has no memory, so it takes no time


def test_measuring_a_network_first_does_not_change_its_weights() -> None:
    torch.manual_seed(5)
    plain = lcnet_config().build().state_dict()
    torch.manual_seed(5)
    measured = build_model(lcnet_config()).state_dict()
    assert all(torch.equal(measured[name], tensor) for name, tensor in plain.items())
