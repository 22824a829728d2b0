"""Small networks with gates that really decide, shared by the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from networks.models.ddi import DDIResNet
from networks.models.families import AnyModel, DDIResNetConfig, DenseNetConfig, ResNetConfig, WhitenedConfig
from networks.models.gates import LinearChannelGate, LinearLayerGate
from networks.training import checkpoint
from traces.graphs.network import NetworkGraph

SHAPE = (3, 8, 8)
WIDTHS = (4, 6, 8)


def lcnet_config(
    *, layer: bool = True, channel: bool = True, depth: int = 14, per_convolution: bool = False
) -> ResNetConfig:
    return ResNetConfig(
        kind="resnet",
        depth=depth,
        widths=WIDTHS,
        layer_gates=layer,
        channel_gates=channel,
        per_convolution=per_convolution,
    )


def ddi_config(*, exits: tuple[int, ...] = (1, 2)) -> DDIResNetConfig:
    return DDIResNetConfig(kind="ddi_resnet", depth=14, widths=WIDTHS, exits=exits)


def skipnet_config() -> DDIResNetConfig:
    return DDIResNetConfig(kind="ddi_resnet", depth=14, widths=WIDTHS, channel_gates=False)


def densenet_config() -> DenseNetConfig:
    return DenseNetConfig(kind="densenet", layers=(2, 3), growth=4, layer_gates=True, exits=True)


def mgl2s_config(*, bottleneck: bool = True) -> DenseNetConfig:
    return DenseNetConfig(
        kind="densenet", layers=(2, 3), growth=4, layer_gates=True, channel_gates=True, bottleneck=bottleneck
    )


def whitened_config() -> WhitenedConfig:
    return WhitenedConfig(kind="whitened", widths=WIDTHS[:2], layer_gates=True, channel_gates=True)


def deciding(config: AnyModel, seed: int = 0) -> tuple[nn.Module, NetworkGraph]:
    """Build a network whose gates differ between inputs, with batch norms that are not the identity."""
    torch.manual_seed(seed)
    model = config.build()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.get_buffer("running_mean"), std=0.3)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, LinearLayerGate | LinearChannelGate):
            nn.init.normal_(module.fc.linear.weight, std=2.0)
            nn.init.constant_(module.fc.linear.bias, 0.3)
    controller = getattr(model, "controller", None)
    if controller is not None:
        nn.init.normal_(controller.layer_head.weight, std=20.0)
        nn.init.zeros_(controller.layer_head.bias)
        for embed in controller.embeds:
            nn.init.normal_(embed.weight, std=5.0)
        for head in controller.channel_heads:
            nn.init.normal_(head.weight, std=20.0)
            nn.init.zeros_(head.bias)
    _fit_gate_norms(model.eval())
    return model, config.graph(model, "small", SHAPE)


@torch.no_grad()
def _fit_gate_norms(model: nn.Module) -> None:
    """Standardise what the gates read, as training would, so that they tell inputs apart."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    for seed in range(3):  # what a gate decides moves what the next one reads
        model(images(64, seed=100 + seed))
    for norm in norms:
        norm.eval()


def images(n: int = 12, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed))


def as_ddi(model: nn.Module) -> DDIResNet:
    assert isinstance(model, DDIResNet)
    return model


def saved(path: Path, **changes: object) -> Path:
    return save_a(lcnet_config(), path, **changes)


def save_a(config: ResNetConfig, path: Path, **changes: object) -> Path:
    training = {
        "name": "net",
        "dataset": "digits",
        "image_shape": [3, 8, 8],
        "seed": 3,
        "epochs": 5,
        "start_from": "",
        "validation_accuracy": 0.5,
    }
    torch.manual_seed(0)
    checkpoint.save_model(
        path, config.model_dump(mode="json"), config.build().state_dict(), training | changes
    )
    return path
