"""Unit: the backbones' sizes against published counts and hand arithmetic."""

from __future__ import annotations

import pytest
import torch

from networks.models.families import ResNetConfig
from networks.models.resnet import cifar_blocks
from traces.base.errors import ConfigError


def _macs(**settings: object) -> int:
    config = ResNetConfig.model_validate({"kind": "resnet", **settings})
    return config.graph(config.build(), "net", (3, 32, 32)).macs


def test_resnet20_macs_by_hand() -> None:
    """Stem, 3 stages of 6 convolutions, two projections, classifier."""
    stem = 1024 * 27 * 16
    first = 6 * 1024 * 144 * 16
    second = 256 * (144 * 32 + 5 * 288 * 32 + 16 * 32)
    third = 64 * (288 * 64 + 5 * 576 * 64 + 32 * 64)
    assert _macs(depth=20) == stem + first + second + third + 640


@pytest.mark.parametrize(("depth", "millions"), [(38, 83.3), (74, 168.2), (110, 253.1)])
def test_deep_cifar_resnets_match_published_counts(depth: int, millions: float) -> None:
    """Within 0.4 %: the published networks have no projections (computed from the published shapes)."""
    assert _macs(depth=depth) / 1e6 == pytest.approx(millions, rel=0.004)


@pytest.mark.parametrize("depth", [2, 9, 21, 116])
def test_impossible_depths_name_the_nearest(depth: int) -> None:
    with pytest.raises(
        ConfigError, match=rf"depth = {depth}: must be 6n \+ 2 from 8 to 110; the nearest is \d+"
    ):
        cifar_blocks(depth)


def test_shortened_network_by_blocks() -> None:
    config = ResNetConfig(kind="resnet", blocks=(1, 2), widths=(4, 8))
    assert config.build()(torch.zeros(1, 3, 8, 8)).shape == (1, 10)


def test_blocks_without_widths_are_refused() -> None:
    with pytest.raises(ConfigError, match="one each per stage"):
        ResNetConfig(kind="resnet", blocks=(1, 1, 1, 1)).build()


def test_imagenet_depths_are_named() -> None:
    with pytest.raises(ConfigError, match=r"model.depth = 20: .*\[18, 34, 50, 101\]"):
        ResNetConfig(kind="resnet", depth=20, layout="imagenet").build()


def test_depth_or_blocks_is_needed() -> None:
    with pytest.raises(ConfigError, match="depth or blocks is needed"):
        ResNetConfig(kind="resnet").build()
