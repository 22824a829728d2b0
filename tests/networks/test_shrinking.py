"""Unit: what is cut out of a trained network, and that it computes what it should."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from networks.models.families import ResNetConfig, WhitenedConfig
from networks.models.resnet import ResNet
from networks.models.whitened import WhitenedNet
from networks.training import checkpoint
from networks.training.shrinking import narrowed_state, shrunk_state
from networks.training.starting import start
from tests.networks.networks_fixtures import images, lcnet_config
from traces.base.errors import ConfigError


def _network(blocks: tuple[int, ...], widths: tuple[int, ...]) -> ResNet:
    torch.manual_seed(0)
    return ResNetConfig(kind="resnet", blocks=blocks, widths=widths).build().eval()


def _silence(network: ResNet, keep: dict[int, list[int]]) -> None:
    """Let only some channels of each width matter: every other batch norm gives zero."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            kept = keep[len(module.weight)]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            weight = torch.zeros_like(module.weight)
            weight[kept] = module.weight[kept].detach()
            module.weight.data = weight


def test_channels_that_are_zero_can_be_cut_without_a_trace() -> None:
    large = _network((2, 2), (6, 8))
    _silence(large, {6: [1, 4, 5], 8: [0, 2, 3, 7]})
    small = _network((2, 2), (3, 4))
    small.load_state_dict(shrunk_state(large, small))
    torch.testing.assert_close(small(images()), large(images()))


def test_a_shortened_network_keeps_the_first_blocks_of_each_stage() -> None:
    large, small = _network((3, 2), (4, 6)), _network((1, 2), (4, 6))
    with torch.no_grad():  # blocks 2 and 3, which go, add nothing to what is positive already
        for name in ("block2", "block3"):
            nn.init.zeros_(large.get_parameter(f"{name}.bn2.weight"))
    small.load_state_dict(shrunk_state(large, small))
    torch.testing.assert_close(small(images()), large(images()))


@pytest.mark.parametrize(
    ("blocks", "widths", "message"),
    [
        ((1, 1, 1), (4, 6, 8), "3 stages cannot be cut out of 2"),
        ((4, 1), (4, 6), "stage 1: 4 blocks cannot be cut out of 3"),
        ((3, 2), (5, 6), "5 channels cannot be cut out of 4"),
    ],
)
def test_a_network_that_is_not_smaller_is_refused(
    blocks: tuple[int, ...], widths: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        shrunk_state(_network((3, 2), (4, 6)), _network(blocks, widths))


def test_a_gated_network_is_refused(tmp_path: Path) -> None:
    gated = lcnet_config()
    path = tmp_path / "model.pt"
    training: dict[str, object] = {"name": "gated", "dataset": "cifar10", "image_shape": [3, 8, 8]}
    training |= {"epochs": 1, "validation_accuracy": 0.5}
    checkpoint.save_model(path, gated.model_dump(mode="json"), gated.build().state_dict(), training)
    with pytest.raises(ConfigError, match="without gates"):
        start(_network((2, 2), (4, 6)), path, shrink=True)


def _whitened(*widths: int, gated: bool = False) -> WhitenedNet:
    torch.manual_seed(0)
    return WhitenedConfig(kind="whitened", widths=widths, channel_gates=gated).build().eval()


def test_channels_that_nobody_reads_can_be_cut_without_a_trace() -> None:
    large, small = _whitened(6, 8), _whitened(3, 4)
    unread = {"stage1": [0, 2, 3], "stage2": [1, 4, 5, 6]}
    with torch.no_grad():
        for name, stage in large.stages():
            stage.conv2.weight[:, unread[name]] = 0.0
        large.get_parameter("stage2.conv1.weight")[:, unread["stage1"]] = 0.0
        large.classifier.weight[:, unread["stage2"]] = 0.0
    small.load_state_dict(narrowed_state(large, small))
    torch.testing.assert_close(small(images()), large(images()))


def test_a_wider_or_gated_whitened_network_is_refused() -> None:
    with pytest.raises(ConfigError, match="7 channels cannot be cut out of 6"):
        narrowed_state(_whitened(6, 8), _whitened(7, 8))
    with pytest.raises(ConfigError, match="2 stages cannot be cut out of 1"):
        narrowed_state(_whitened(6), _whitened(6, 8))
    with pytest.raises(ConfigError, match="without gates"):
        narrowed_state(_whitened(6, 8, gated=True), _whitened(3, 4))
