"""A small LC-Net on scikit-learn's digits: trained in seconds, for ``make demo`` and the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from networks.models.families import ResNetConfig
from networks.training.config import CostConfig, RunConfig
from networks.training.data import load_digits
from networks.training.launch import Beginnings, run
from networks.training.optimizing.optimizers import TrainSettings
from networks.training.run import EpochReport

_BACKBONE_EPOCHS = 12
_GATED_EPOCHS = 28
_TARGET = 0.3  # of the backbone's MACs


def train_digits_lcnet(
    seed: int, out: Path, progress: Callable[[str, EpochReport], None] = lambda stage, report: None
) -> Path:
    """Train a ResNet-14 on the digits, then its LC-Net towards 30 % of the MACs; return its checkpoint.

    Parameters
    ----------
    seed
        Same seed, same weights.
    out
        Folder for ``backbone/`` and ``lcnet/``.
    progress
        Called after every epoch with the stage, ``"backbone"`` or ``"lcnet"``.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # same bytes on any machine, and faster: the layers are too small to share
    try:
        return _train(seed, out, progress)
    finally:
        torch.set_num_threads(threads)


def _train(seed: int, out: Path, progress: Callable[[str, EpochReport], None]) -> Path:
    data = load_digits()
    shape = {"kind": "resnet", "depth": 14, "widths": (8, 16, 32), "in_channels": 1}
    backbone = RunConfig(
        name="digits_backbone",
        dataset="digits",
        model=ResNetConfig.model_validate(shape),
        training=_settings(_BACKBONE_EPOCHS, seed),
    )
    start = run(backbone, data, out / "backbone", lambda report: progress("backbone", report))
    gated = RunConfig(
        name="digits_lcnet",
        dataset="digits",
        start_from="../backbone/model.pt",
        model=ResNetConfig.model_validate(shape | {"layer_gates": True, "channel_gates": True}),
        training=_settings(_GATED_EPOCHS, seed),
        cost=CostConfig(kind="target", target=_TARGET, weight=30.0),
    )
    return run(gated, data, out / "lcnet", lambda report: progress("lcnet", report), files=Beginnings(start))


def _settings(epochs: int, seed: int) -> TrainSettings:
    return TrainSettings(
        epochs=epochs, batch_size=32, learning_rate=0.1, gate_learning_rate=1e-2, seed=seed, bfloat16=False
    )
