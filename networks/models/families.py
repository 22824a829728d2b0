"""Model configurations, the networks they build, and the graphs of those."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field, TypeAdapter
from torch import nn

from networks.models.ddi import DDIResNet
from networks.models.ddi_graph import ddi_resnet_graph
from networks.models.densenet import DenseNet
from networks.models.densenet_graph import densenet_graph
from networks.models.efficientnet import LITE_STAGES, EfficientNetLite, efficientnet_graph
from networks.models.gates import LEAST_SCORE
from networks.models.lcnet import LCBasicBlock, LCBottleneck
from networks.models.resnet import (
    CIFAR_WIDTHS,
    IMAGENET_WIDTHS,
    BasicBlock,
    BlockFactory,
    Bottleneck,
    ResNet,
    cifar_blocks,
)
from networks.models.resnet_graph import resnet_graph
from networks.models.spatial import SpatialBasicBlock
from networks.models.vit import VisionTransformer, vit_graph
from networks.models.whitened import WhitenedNet
from networks.models.whitened_graph import whitened_graph
from traces import ConfigError, Frozen, NetworkGraph

_Count = Annotated[int, Field(ge=1, le=4096)]
_Blocks = Annotated[int, Field(ge=1, le=64)]  # of a stage; ResNet-101 has 23
_Score = Annotated[float, Field(ge=0, le=1)]
_Stages = Field(default=(), max_length=8)
_MOST_WEIGHTS = 2**28  # 1 GiB of float32; six times a ResNet-101
_IMAGENET_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_BOTTLENECK_FROM = 50  # He et al., table 1: deeper networks have bottleneck blocks


class ResNetConfig(Frozen):
    """A residual network, without gates or with LC-Net's.

    ``depth`` is 6n + 2 for CIFAR, one of 18, 34, 50, 101 for ImageNet; ``blocks`` (of each stage) may stand
    instead.  ``layer_gates`` gives every block an L-Net, ``channel_gates`` a C-Net; ``per_convolution`` gives the
    last convolution of a block a C-Net too.  ``least_score`` is the least score of what is kept; 0 is plain
    ReLU-1, and with 1 nothing is scaled: gates are bits, and an accelerator has no products to compute.
    ``spatial_gates`` gives every basic block a bit per tile of the image instead.
    ``channel_group`` neighbouring channels have one bit (``least_score: 1``), for designs that skip aligned groups.
    """

    kind: Literal["resnet"]
    depth: int | None = None
    blocks: tuple[_Blocks, ...] = _Stages
    widths: tuple[_Count, ...] = _Stages  # of each stage; empty: the usual ones
    layout: Literal["cifar", "imagenet"] = "cifar"
    layer_gates: bool = False
    channel_gates: bool = False
    per_convolution: bool = False
    spatial_gates: bool = False
    channel_group: _Count = 1
    least_score: _Score = LEAST_SCORE
    in_channels: _Count = 3
    classes: _Count = 10

    def build(self) -> ResNet:
        """Return the network, freshly initialised from torch's global generator."""
        blocks = self._blocks()
        widths = self.widths or (CIFAR_WIDTHS if self.layout == "cifar" else IMAGENET_WIDTHS)
        return ResNet(
            blocks,
            widths[: len(blocks)],
            in_channels=self.in_channels,
            classes=self.classes,
            stem=self.layout,
            block=self._block(),
        )

    def graph(self, model: nn.Module, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
        """Return the graph of a network that :meth:`build` made."""
        assert isinstance(model, ResNet)  # build made it
        return resnet_graph(model, name, image_shape)

    def _blocks(self) -> tuple[int, ...]:
        if self.blocks:
            return self.blocks
        if self.depth is None:
            raise ConfigError("model: depth or blocks is needed")
        if self.layout == "cifar":
            return cifar_blocks(self.depth)
        if self.depth not in _IMAGENET_BLOCKS:
            raise ConfigError(
                f"model.depth = {self.depth}: an ImageNet ResNet has one of {sorted(_IMAGENET_BLOCKS)}"
            )
        return _IMAGENET_BLOCKS[self.depth]

    def _block(self) -> BlockFactory:
        deep = self.layout == "imagenet" and (self.depth or 0) >= _BOTTLENECK_FROM
        if self.spatial_gates:
            if deep or self.layer_gates or self.channel_gates:
                raise ConfigError(
                    "model.spatial_gates: needs basic blocks without layer_gates and channel_gates"
                )
            return SpatialBasicBlock
        if self.layer_gates or self.channel_gates:
            gated: Callable[..., LCBasicBlock | LCBottleneck] = LCBottleneck if deep else LCBasicBlock
            return partial(
                gated,
                layer=self.layer_gates,
                channel=self.channel_gates,
                per_convolution=self.per_convolution,
                least=self.least_score,
                group=self.channel_group,
            )
        return Bottleneck if deep else BasicBlock


class DDIResNetConfig(Frozen):
    """A CIFAR ResNet with DDI's gate LSTM and side exits; without ``layer_gates``, with exits alone."""

    kind: Literal["ddi_resnet"]
    depth: int
    widths: tuple[_Count, ...] = Field(default=CIFAR_WIDTHS, max_length=8)
    layer_gates: bool = True
    channel_gates: bool = True
    exits: tuple[_Count, ...] = Field(
        default=(), max_length=64
    )  # blocks, counted from 1, with a side exit behind them
    in_channels: _Count = 3
    classes: _Count = 10

    def build(self) -> DDIResNet:
        """Return the network, freshly initialised from torch's global generator."""
        return DDIResNet(
            cifar_blocks(self.depth),
            self.widths,
            in_channels=self.in_channels,
            classes=self.classes,
            exits=self.exits,
            channel_gates=self.channel_gates,
            layer_gates=self.layer_gates,
        )

    def graph(self, model: nn.Module, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
        """Return the graph of a network that :meth:`build` made."""
        assert isinstance(model, DDIResNet)  # build made it
        return ddi_resnet_graph(model, name, image_shape)


class DenseNetConfig(Frozen):
    """A DenseNet, static or with DDI's layer gates, channel gates and exits."""

    kind: Literal["densenet"]
    layers: tuple[_Blocks, ...] = Field(min_length=1, max_length=8)  # of each dense block
    growth: _Count = 12
    layer_gates: bool = False
    exits: bool = False
    channel_gates: bool = False
    bottleneck: bool = False
    in_channels: _Count = 3
    classes: _Count = 10

    def build(self) -> DenseNet:
        """Return the network, freshly initialised from torch's global generator."""
        if self.channel_gates and not self.layer_gates:
            raise ConfigError("model.channel_gates: a DenseNet's need layer_gates: true beside them")
        return DenseNet(
            self.layers,
            self.growth,
            in_channels=self.in_channels,
            classes=self.classes,
            gated=self.layer_gates,
            exits=self.exits,
            channel_gates=self.channel_gates,
            bottleneck=self.bottleneck,
        )

    def graph(self, model: nn.Module, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
        """Return the graph of a network that :meth:`build` made."""
        assert isinstance(model, DenseNet)  # build made it
        return densenet_graph(model, name, image_shape)


class WhitenedConfig(Frozen):
    """A wide, shallow network behind a patch-whitening stem, without gates or with LC-Net's.

    ``little`` are the widths of a small network behind the same stem that may answer first; without ``whitening``
    the stem is drawn and learnt as any other convolution.
    """

    kind: Literal["whitened"]
    widths: tuple[_Count, ...] = Field(default=(64, 256, 256), min_length=1, max_length=8)  # airbench94's
    little: tuple[_Count, ...] = _Stages
    layer_gates: bool = False
    channel_gates: bool = False
    least_score: Annotated[float, Field(ge=0, lt=1)] = LEAST_SCORE
    whitening: bool = True
    in_channels: _Count = 3
    classes: _Count = 10

    def build(self) -> WhitenedNet:
        """Return the network, freshly initialised from torch's global generator."""
        return WhitenedNet(
            self.widths,
            in_channels=self.in_channels,
            classes=self.classes,
            layer_gates=self.layer_gates,
            channel_gates=self.channel_gates,
            least_score=self.least_score,
            little=self.little,
            whitening=self.whitening,
        )

    def graph(self, model: nn.Module, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
        """Return the graph of a network that :meth:`build` made."""
        assert isinstance(model, WhitenedNet)  # build made it
        return whitened_graph(model, name, image_shape)


class ViTConfig(Frozen):
    """A small vision transformer; ``gates_after`` names the blocks behind which tokens are dropped, if any are."""

    kind: Literal["vit"]
    depth: _Blocks = 6
    width: _Count = 96
    heads: _Count = 3
    ratio: Annotated[int, Field(ge=1, le=16)] = 3  # of a block's inner channels to ``width``
    gates_after: tuple[_Count, ...] = Field(default=(), max_length=64)
    side: Annotated[int, Field(ge=4, le=512, multiple_of=4)] = 32  # of the images [pixels]
    in_channels: _Count = 3
    classes: _Count = 10

    def build(self) -> VisionTransformer:
        """Return the network, freshly initialised from torch's global generator."""
        if self.width % (2 * self.heads):
            raise ConfigError(
                f"model.width = {self.width}: must be a multiple of 2 * heads = {2 * self.heads}"
            )
        if list(self.gates_after) != sorted({place for place in self.gates_after if place < self.depth}):
            raise ConfigError(
                f"model.gates_after = {list(self.gates_after)}: needs rising blocks before the last, {self.depth}"
            )
        return VisionTransformer(
            depth=self.depth,
            width=self.width,
            heads=self.heads,
            ratio=self.ratio,
            gates_after=self.gates_after,
            side=self.side,
            in_channels=self.in_channels,
            classes=self.classes,
        )

    def graph(self, model: nn.Module, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
        """Return the graph of a network that :meth:`build` made."""
        assert isinstance(model, VisionTransformer)  # build made it
        return vit_graph(model, name, image_shape)


class EfficientNetConfig(Frozen):
    """EfficientNet-Lite0 with borrowed ImageNet weights; its ``exits`` (behind blocks) and classifier are trained."""

    kind: Literal["efficientnet_lite"]
    exits: tuple[_Count, ...] = _Stages
    in_channels: _Count = 3
    classes: _Count = 10

    def build(self) -> EfficientNetLite:
        """Return the network, freshly initialised from torch's global generator."""
        blocks = sum(repeats for repeats, *_ in LITE_STAGES)
        if list(self.exits) != sorted({place for place in self.exits if place <= blocks}):
            raise ConfigError(f"model.exits = {list(self.exits)}: needs rising blocks from 1 to {blocks}")
        return EfficientNetLite(self.exits, in_channels=self.in_channels, classes=self.classes)

    def graph(self, model: nn.Module, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
        """Return the graph of a network that :meth:`build` made."""
        assert isinstance(model, EfficientNetLite)  # build made it
        return efficientnet_graph(model, name, image_shape)


AnyModel = ResNetConfig | DDIResNetConfig | DenseNetConfig | WhitenedConfig | ViTConfig | EfficientNetConfig
ModelConfig = Annotated[AnyModel, Field(discriminator="kind")]


def parse_model(content: object) -> AnyModel:
    """Return the model configuration that plain data holds."""
    return TypeAdapter[AnyModel](ModelConfig).validate_python(content)


def build_model(config: AnyModel) -> nn.Module:
    """Return the network of a configuration, if it is no larger than what a run here can hold."""
    with torch.device("meta"):  # shapes without memory
        weights = sum(tensor.numel() for tensor in config.build().parameters())
    if weights > _MOST_WEIGHTS:
        raise ConfigError(
            f"model: {weights:,} weights; needs at most {_MOST_WEIGHTS:,}: narrow it or leave out blocks"
        )
    return config.build()
