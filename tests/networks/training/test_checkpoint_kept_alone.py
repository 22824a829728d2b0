"""Checkpoints that rest on another, and networks that start from one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from networks.training import checkpoint
from networks.training.loading import load_model
from networks.training.starting import warm_start
from tests.networks.networks_fixtures import lcnet_config, save_a, saved
from traces.base.errors import ConfigError, FileProblem


def _resting(folder: Path) -> tuple[Path, Path, dict[str, torch.Tensor]]:
    """Save a network and one that adds gates to it; return both files, and all tensors of the second."""
    base, gated = lcnet_config(layer=False, channel=False), lcnet_config()
    beneath, path = save_a(base, folder / "base.pt"), save_a(gated, folder / "model.pt")
    known = checkpoint.read(beneath, checkpoint.MODEL)["state_dict"]
    content = checkpoint.read(path, checkpoint.MODEL)
    content["state_dict"].update(known)
    whole = checkpoint.weights_of(content, path)
    light = checkpoint.resting_on(content, beneath)
    assert set(light["state_dict"]) == set(whole) - set(known) != set()
    checkpoint.write(path, checkpoint.MODEL, light)
    return path, beneath, whole


def test_what_is_added_to_a_network_may_be_kept_alone(tmp_path: Path) -> None:
    path, _, whole = _resting(tmp_path)
    loaded = load_model(path)
    assert loaded.weights_hash == checkpoint.weights_hash(whole)
    assert all(torch.equal(loaded.model.state_dict()[name], tensor) for name, tensor in whole.items())
    started = lcnet_config().build()
    warm_start(started, path)
    assert torch.equal(started.state_dict()["stem.weight"], whole["stem.weight"])


def test_what_it_rests_on_must_be_there_and_the_same(tmp_path: Path) -> None:
    path, beneath, whole = _resting(tmp_path)
    content = checkpoint.read(beneath, checkpoint.MODEL)
    content["state_dict"]["stem.weight"] += 1
    checkpoint.write(beneath, checkpoint.MODEL, content)
    with pytest.raises(FileProblem, match=r"rests on another base\.pt than the one beside it"):
        load_model(path)
    whole["stem.weight"] = whole["stem.weight"] + 2
    with pytest.raises(FileProblem, match=r"base\.pt: .* differ; it is not unchanged"):
        checkpoint.resting_on({"state_dict": whole}, beneath)
    beneath.unlink()
    with pytest.raises(FileProblem, match=r"rests on base\.pt, which is not beside it; copy both"):
        load_model(path)


@pytest.mark.parametrize("rests_on", [None, 3, {"file": "base.pt"}, {"file": "../base.pt", "sha256": "0"}])
def test_a_checkpoint_rests_on_a_file_beside_it_only(tmp_path: Path, rests_on: object) -> None:
    path, *_ = _resting(tmp_path)
    content = checkpoint.read(path, checkpoint.MODEL) | {"rests_on": rests_on}
    checkpoint.write(path, checkpoint.MODEL, content)
    with pytest.raises(FileProblem, match="needs a file beside it and a sha256"):
        load_model(path)


def test_a_checkpoint_rests_on_a_whole_one(tmp_path: Path) -> None:
    path, *_ = _resting(tmp_path)
    content = checkpoint.read(path, checkpoint.MODEL)
    content["rests_on"]["file"] = path.name
    checkpoint.write(path, checkpoint.MODEL, content)
    with pytest.raises(FileProblem, match="which rests on another; needs a whole one"):
        load_model(path)


def test_warm_start_takes_the_backbone_and_leaves_new_gates(tmp_path: Path) -> None:
    backbone = lcnet_config(layer=False, channel=False)
    trained = backbone.build()
    checkpoint.round_weights(trained)
    checkpoint.save_model(tmp_path / "b.pt", backbone.model_dump(mode="json"), trained.state_dict(), {})
    model = lcnet_config().build()
    gates = {name: t.clone() for name, t in model.state_dict().items() if "net.fc" in name}

    warm_start(model, tmp_path / "b.pt")

    state = model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in trained.state_dict().items())
    assert all(torch.equal(state[name], tensor) for name, tensor in gates.items())


def test_warm_start_refuses_another_network(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt")
    with pytest.raises(
        ConfigError, match=r"holds 'block1.lnet.fc.norm.running_mean', which this network has not"
    ):
        warm_start(lcnet_config(layer=False, channel=False).build(), path)
    with pytest.raises(ConfigError, match=r"stem.weight is \(4, 3, 3, 3\), needs \(5, 3, 3, 3\)"):
        warm_start(lcnet_config().model_copy(update={"widths": (5, 6, 8)}).build(), path)
    with pytest.raises(ConfigError, match=r"lacks 'block7.bn1.bias' and \d+ more"):
        warm_start(lcnet_config().model_copy(update={"depth": None, "blocks": (2, 2, 3)}).build(), path)
