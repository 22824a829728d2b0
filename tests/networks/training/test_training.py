"""Unit and law: the training loop resumes, repeats, and stops at a loss that is not a number."""

from __future__ import annotations

import csv
import math
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from networks.models.families import ResNetConfig
from networks.models.gates import LayerGate
from networks.training import checkpoint
from networks.training.answers import Wanted
from networks.training.data import Dataset, Images, load_digits
from networks.training.optimizing.optimizers import TrainSettings, rate_share
from networks.training.run import (
    Answering,
    TrainingDivergedError,
    accuracy_of,
    train,
)
from traces.base.errors import ConfigError, FileProblem


@pytest.fixture
def data() -> Dataset:
    full = load_digits()
    small = Images(full.train.pixels[:96], full.train.labels[:96])
    return Dataset(
        name="digits",
        train=small,
        validation=full.validation.first(40),
        test=full.test,
        mean=full.mean,
        std=full.std,
        classes=10,
        flip=False,
        crop_pad=1,
    )


def _model(seed: int = 0, *, gated: bool = True) -> nn.Module:
    torch.manual_seed(seed)
    config = ResNetConfig(
        kind="resnet", blocks=(1, 1), widths=(4, 8), in_channels=1, layer_gates=gated, channel_gates=gated
    )
    return config.build()


def _settings(epochs: int, **changes: object) -> TrainSettings:
    return TrainSettings.model_validate({"epochs": epochs, "batch_size": 32, "bfloat16": False, **changes})


def _same(a: nn.Module, b: nn.Module) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


class _Stops(Answering):
    """Is interrupted after two epochs."""

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        if progress >= 0.5:
            raise KeyboardInterrupt
        return super().__call__(model, inputs, wanted, progress)


class _Explodes(Answering):
    """Gives no number from the second half on."""

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        loss = super().__call__(model, inputs, wanted, progress)
        return loss * math.nan if progress >= 0.5 else loss


def test_same_seed_same_weights_another_seed_others(data: Dataset, tmp_path: Path) -> None:
    models = [_model() for _ in range(3)]
    for i, (model, seed) in enumerate(zip(models, (3, 3, 4), strict=True)):
        train(model, data, _settings(1, seed=seed), Answering(), tmp_path / str(i))
    assert _same(models[0], models[1])
    assert not _same(models[0], models[2])


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(data: Dataset, tmp_path: Path) -> None:
    straight, broken = _model(), _model()
    train(straight, data, _settings(4), Answering(), tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        train(broken, data, _settings(4), _Stops(), tmp_path / "broken")

    resumed = _model(seed=99)
    reports = train(resumed, data, _settings(4), Answering(), tmp_path / "broken")

    assert [report.epoch for report in reports] == [3, 4]
    assert _same(resumed, straight)
    rows = list(csv.DictReader((tmp_path / "broken" / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("lines", [1, 3, 2], ids=["too few", "one twice", "the wrong one"])
def test_a_log_that_misses_an_epoch_done_is_refused(lines: int, data: Dataset, tmp_path: Path) -> None:
    """A log of before a state was taken from elsewhere would tell of fewer epochs than were done."""
    train(_model(), data, _settings(2), Answering(), tmp_path)
    head, first, second = (tmp_path / "log.csv").read_text().splitlines()
    told = {1: [first], 3: [first, first, second], 2: [second, first]}[lines]
    (tmp_path / "log.csv").write_text("\n".join([head, *told]))
    with pytest.raises(FileProblem, match=rf"log.csv: tells of {lines} epochs where last.pt has done 2"):
        train(_model(), data, _settings(2), Answering(), tmp_path)


def test_a_full_disk_keeps_the_epoch_before(data: Dataset, tmp_path: Path) -> None:
    """A limit on the size of files fails as a full disk does: in the middle of a write."""
    out = tmp_path / "out"
    train(_model(), data, _settings(1), Answering(), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(FileProblem, match=r"last\.pt: cannot be written"):
            train(_model(), data, _settings(2), Answering(), tmp_path / "other")
        with pytest.raises(FileProblem, match=r"t\.pt: cannot be written"):
            checkpoint.write(out / "last.pt", checkpoint.MODEL, {"model": {"x": torch.zeros(9999)}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["log.csv"]


def test_other_settings_do_not_resume(data: Dataset, tmp_path: Path) -> None:
    train(_model(), data, _settings(1), Answering(), tmp_path)
    with pytest.raises(
        ConfigError, match=r"last.pt: was trained with another epochs, seed; choose another folder"
    ):
        train(_model(), data, _settings(2, seed=5), Answering(), tmp_path)


def _spoilt(state: dict[str, Any], how: str) -> dict[str, Any]:
    """Return a state of which one part is another, as a file from anywhere may hold it."""
    averages = state["optimizers"][0]["state"]
    match how:
        case "epoch":
            state["epoch"] = 10**9
        case "missing":
            averages[0] = {}
        case "shape":
            averages[0] = {"momentum_buffer": torch.zeros(1)}
        case "step":
            first = next(iter(state["optimizers"][1]["state"].values()))
            first["step"] = torch.tensor(-1e9)
        case "none":
            first = next(iter(state["optimizers"][1]["state"].values()))
            first["exp_avg"] = None
        case "weights":
            state["state_dict"] = {"x": torch.zeros(1)}
        case "number":
            state["optimizers"] = 7
    return state


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("epoch", "epoch 1000000000 of 2"),
        ("missing", "SGD keeps momentum_buffer"),
        ("shape", "momentum_buffer needs"),
        ("step", "step = -1e[+]09: must be at least 0"),
        ("none", "exp_avg needs"),
        ("weights", "holds no state of a training of this network; remove it"),
        ("number", "holds no state of a training of this network; remove it"),
    ],
)
def test_a_state_of_another_training_is_refused(data: Dataset, tmp_path: Path, how: str, says: str) -> None:
    """Its hash is right; torch itself would go on, or end in an error of its own at the first step."""
    with pytest.raises(KeyboardInterrupt):
        train(_model(), data, _settings(2), _Stops(), tmp_path)
    path = tmp_path / "last.pt"
    state = checkpoint.read(path, checkpoint.TRAINING_STATE)
    plain = {name: part for name, part in state.items() if not name.startswith("format")}
    checkpoint.write(path, checkpoint.TRAINING_STATE, _spoilt(plain, how))
    with pytest.raises(FileProblem, match=says):
        train(_model(), data, _settings(2), Answering(), tmp_path)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_epoch(data: Dataset, tmp_path: Path) -> None:
    model = _model()
    with pytest.raises(
        TrainingDivergedError, match=r"loss is nan in epoch 2, batch 1 of 3, at learning rate"
    ):
        train(model, data, _settings(2), _Explodes(), tmp_path)
    state = checkpoint.read(tmp_path / "last.pt", checkpoint.TRAINING_STATE)
    assert state["epoch"] == 1
    assert all(bool(torch.isfinite(t).all()) for t in state["state_dict"].values())


def test_a_batch_larger_than_the_data_is_refused(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch_size = 500: more than the 96 training images"):
        train(_model(), data, _settings(1, batch_size=500), Answering(), tmp_path)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.05), (10, 0.525), (20, 1.0), (60, 0.5), (99, 0.00038546), (100, 0.0)]
)
def test_one_cycle_by_hand(step: int, share: float) -> None:
    """Linear from 1/20 over the first 20 of 100 steps, then half a cosine."""
    assert rate_share(step, 100, 0.2) == pytest.approx(share, abs=1e-7)


def test_the_first_epochs_see_squares_and_the_last_whole_images(data: Dataset, tmp_path: Path) -> None:
    sides: list[int] = []

    class Sized(Answering):
        def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
            sides.append(inputs.shape[2])
            return super().__call__(model, inputs, wanted, progress)

    settings = _settings(4, crop=6, crop_share=0.5)
    train(_model(), data, settings, Sized(), tmp_path)
    steps = len(data.train) // settings.batch_size
    assert sides == [6] * (2 * steps) + [8] * (2 * steps)


def test_a_crop_larger_than_the_image_is_refused(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="crop = 9: more than the 8 pixels of an image"):
        train(_model(), data, _settings(1, crop=9), Answering(), tmp_path)


def test_gates_and_weights_both_learn(data: Dataset, tmp_path: Path) -> None:
    model = _model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train(model, data, _settings(1), Answering(), tmp_path)
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {"block1.lnet.fc.linear.weight", "block1.cnet.fc.linear.bias", "block2.conv1.weight"} <= moved


def test_accuracy_counts_right_answers_and_keeps_the_mode(data: Dataset) -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.eye(10)[torch.full((len(x),), 7)]

    model = Fixed().train()
    share = float((data.validation.labels == 7).float().mean())
    assert accuracy_of(model, data, data.validation) == pytest.approx(share)
    assert model.training


def test_extra_figures_reach_the_log(data: Dataset, tmp_path: Path) -> None:
    class Noted(Answering):
        def report(self) -> Mapping[str, float]:
            return {"rate.gate": 0.25}

    train(_model(), data, _settings(1), Noted(), tmp_path)
    (row,) = csv.DictReader((tmp_path / "log.csv").read_text().splitlines())
    assert row["rate.gate"] == "0.2500"
    assert set(row) >= {"epoch", "seconds", "loss", "train_accuracy", "validation_accuracy"}


def test_layer_gates_are_gate_parts() -> None:
    assert sum(isinstance(module, LayerGate) for module in _model().modules()) == 2
