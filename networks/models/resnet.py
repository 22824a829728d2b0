"""Residual networks without gates: CIFAR ResNets of depth 6n + 2, ImageNet ResNets, the static baselines.

::

    stem ──► block1 ──► block2 ──► ... ──► global average pool ──► classifier

Blocks are the attributes ``block1``, ``block2``, ...; the ops of the graph carry the same names.

Source: K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, sections 3.3 and 4.2.
Choice: a block that changes size has a projection shortcut (1x1 convolution, "option B") also in CIFAR
networks, because an accelerator runs it as an op of its own; the paper pads those with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.gates import GatePart
from traces import ConfigError

CIFAR_WIDTHS = (16, 32, 64)
IMAGENET_WIDTHS = (64, 128, 256, 512)
Stem = Literal["cifar", "imagenet"]


class ResidualBlock(nn.Module):
    """A branch of convolutions beside a shortcut: ``relu(shortcut(x) + branch(x))``.

    Parameters
    ----------
    in_channels, width
        Channels of the block's input, and of its inner convolutions.
    stride
        Of the block's strided 3x3 convolution.

    Notes
    -----
    ``expansion`` is the ratio of output channels to ``width``; ``kernels`` are the branch's kernel sizes
    in order, ``strided`` the position of the one that takes the stride.  The layers are ``conv1``,
    ``bn1``, ``conv2``, and so on; each convolution has its batch norm.
    """

    expansion = 1
    kernels: tuple[int, ...] = (3, 3)
    strided = 0

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.out_channels = width * self.expansion
        self.inner_channels = width  # of the last but one convolution: what a channel gate decides
        channels = in_channels
        for i, kernel in enumerate(self.kernels):
            out = self.out_channels if i == len(self.kernels) - 1 else width
            step = stride if i == self.strided else 1
            self.add_module(f"conv{i + 1}", nn.Conv2d(channels, out, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(out))
            channels = out
        self.shortcut = _projection(in_channels, self.out_channels, stride)

    def layers(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Return the branch's convolutions with their batch norms, in order."""
        found = []
        for i in range(1, len(self.kernels) + 1):
            conv, norm = self.get_submodule(f"conv{i}"), self.get_submodule(f"bn{i}")
            assert isinstance(conv, nn.Conv2d)  # __init__ made it
            assert isinstance(norm, nn.BatchNorm2d)  # __init__ made it
            found.append((conv, norm))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h / stride, w / stride)."""
        return torch.relu(self.shortcut(x) + self.branch(x))

    def branch(self, x: Tensor, channel_scores: Tensor | None = None) -> Tensor:
        """Return the residual branch; ``channel_scores`` (n, inner_channels) scale its inner channels."""
        *before, gated, _ = self.layers()
        for conv, norm in before:
            x = torch.relu(norm(conv(x)))
        x = torch.relu(gated[1](gated[0](x)))
        if channel_scores is not None:
            x = x * channel_scores[:, :, None, None].to(x.dtype)
        return self.last(x)

    def last(self, inner: Tensor) -> Tensor:
        """Return the residual branch from its inner channels: the last convolution and its norm."""
        *_, (conv, norm) = self.layers()
        out: Tensor = norm(conv(inner))
        return out


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions."""


class Bottleneck(ResidualBlock):
    """1x1, 3x3 and 1x1 convolutions; the 3x3 takes the stride, as torchvision's ResNet-50 v1.5 does."""

    expansion = 4
    kernels = (1, 3, 1)
    strided = 1


class BlockFactory(Protocol):
    """Builds a residual block."""

    def __call__(self, in_channels: int, width: int, stride: int) -> ResidualBlock:
        """Return the block from ``in_channels`` channels, its inner convolutions ``width`` wide."""
        ...


class ResNet(nn.Module):
    """A residual network; ``block`` decides what its blocks are.

    Parameters
    ----------
    blocks, widths
        Blocks of each stage, and the width of their inner convolutions.  Stages after the first halve the
        image.
    in_channels, classes
        Of the images and of the answer.
    stem
        ``"cifar"``: a 3x3 convolution.  ``"imagenet"``: a 7x7 one of stride 2 and a 3x3 maximum pool of
        stride 2.
    """

    def __init__(  # noqa: PLR0913  # a network's layout takes these six, four of them with defaults
        self,
        blocks: tuple[int, ...],
        widths: tuple[int, ...] = CIFAR_WIDTHS,
        *,
        in_channels: int = 3,
        classes: int = 10,
        stem: Stem = "cifar",
        block: BlockFactory = BasicBlock,
    ) -> None:
        super().__init__()
        if len(blocks) != len(widths):
            raise ConfigError(f"blocks = {blocks}, widths = {widths}: one each per stage is needed")
        kernel, stride = (3, 1) if stem == "cifar" else (7, 2)
        self.stem = nn.Conv2d(in_channels, widths[0], kernel, stride, kernel // 2, bias=False)
        self.stem_bn = nn.BatchNorm2d(widths[0])
        self.pools_stem = stem == "imagenet"
        self.block_names: list[str] = []
        channels = widths[0]
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            for i in range(count):
                made = block(channels, width, 2 if stage > 0 and i == 0 else 1)
                self.block_names.append(f"block{len(self.block_names) + 1}")
                self.add_module(self.block_names[-1], made)
                channels = made.out_channels
        self.classifier = nn.Linear(channels, classes)
        _initialise(self)

    def blocks(self) -> Iterator[tuple[str, ResidualBlock]]:
        """Yield the blocks with their names, in order."""
        for name in self.block_names:
            block = self.get_submodule(name)
            assert isinstance(block, ResidualBlock)  # __init__ made it
            yield name, block

    def features(self, x: Tensor) -> Tensor:
        """Return the stem's output."""
        x = torch.relu(self.stem_bn(self.stem(x)))
        return functional.max_pool2d(x, 3, 2, 1) if self.pools_stem else x

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, h, w) to logits (n, classes)."""
        x = self.features(x)
        for _, block in self.blocks():
            x = block(x)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def cifar_blocks(depth: int) -> tuple[int, int, int]:
    """Return the blocks of each stage of a CIFAR ResNet: n, n, n for depth 6n + 2, from 8 to 110."""
    n, rest = divmod(depth - 2, 6)
    if rest or not 8 <= depth <= 110:
        near = min(max(6 * round((depth - 2) / 6) + 2, 8), 110)
        raise ConfigError(f"depth = {depth}: must be 6n + 2 from 8 to 110; the nearest is {near}")
    return n, n, n


class Pointwise(nn.Conv2d):
    """A 1x1 convolution that drops the pixels its stride passes over before it computes.

    The same function as its parent's.  torch 2.13.0's oneDNN writes past the end of an array in the backward
    pass of a *strided* 1x1 convolution with fewer than 8 channels, on processors with AVX2 and no AVX-512
    ("corrupted double-linked list"); convolutions without a stride are not affected.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of every ``stride``-th pixel, shape (n, out_channels, h / stride, w / stride)."""
        (rows, columns), one = self.stride, (1, 1)
        return functional.conv2d(x[:, :, ::rows, ::columns], self.weight, self.bias, one, 0, one, self.groups)


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Return the shortcut: nothing where sizes agree, else a 1x1 convolution and its batch norm."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(
        Pointwise(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )


def _initialise(model: nn.Module) -> None:
    """Draw convolution weights as He et al. (ICCV 2015) do: normal, variance 2 / fan-out; gates draw their own."""
    gates = {id(part) for gate in model.modules() if isinstance(gate, GatePart) for part in gate.modules()}
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and id(module) not in gates:
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
