"""DGNet (Li et al., ICCV 2021): channels and 4x4 tiles are chosen together, both from a block's input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, channel, spatial

TILES = 4


class ChannelMask(nn.Module):
    """Pool, a bottleneck, and a logit per channel; kept where it is not below 0."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc1, self.norm, self.fc2 = nn.Linear(inputs, 4), nn.BatchNorm1d(4), nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return (self.fc2(torch.relu(self.norm(self.fc1(pooled(x))))) >= 0).float()


class SpatialMask(nn.Module):
    """The mean of every tile, and a logit for it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool, self.conv = nn.AdaptiveAvgPool2d(TILES), nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv(self.pool(x)) >= 0).float()


class DualBlock(Block):
    skipping = False

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)
        self.mask_c, self.mask_s = ChannelMask(channels, channels), SpatialMask(channels)

    def forward(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        channels, tiles = self.mask_c(x), self.mask_s(x)
        if self.skipping:
            c, s = channels[0] > 0, tiles[0, 0] > 0
            if not c.any():
                return torch.relu(x)
            y = torch.relu(self.conv1.tiles(x, s, slice(None), c))
            return torch.relu(x + self.conv2.tiles(y, s, c))
        pixels = nn.functional.interpolate(tiles, size=x.shape[2:])
        y = torch.relu(self.conv1(x)) * channels[:, :, None, None] * pixels
        return torch.relu(x + self.conv2(y) * pixels)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = ConvNorm(3, 8, 3, 2), nn.Linear(8, CLASSES)
        self.blocks = nn.ModuleList([DualBlock(8), DualBlock(8)])

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            assert isinstance(block, DualBlock)
            block.skipping = getattr(self, "skipping", False)
            x = block(x)
        return self.fc(pooled(x))


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0])
    for i in range(len(model.blocks)):
        graph = graph.with_gates(
            channel(f"blocks.{i}.mask_c", guards=f"blocks.{i}.conv1.*"),
            spatial(f"blocks.{i}.mask_s", guards=f"blocks.{i}.conv*"),
        )
    return record(model, graph, data)
