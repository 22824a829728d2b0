"""DynConv (Verelst and Tuytelaars, CVPR 2020): a bit per pixel and block; the first convolution also needs the rim."""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, spatial


class Mask(nn.Module):
    """A 3x3 convolution plus a linear look at the whole image; a pixel is kept where that is not below 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(channels, 1, 3, padding=1), nn.Linear(channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return ((self.conv(x) + self.fc(pooled(x))[:, :, None, None]) >= 0).float()


class DynamicBlock(Block):
    skipping = False

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)
        self.mask, self.rim = Mask(channels), nn.MaxPool2d(3, 1, 1)

    def forward(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        mask = self.mask(x)
        wide = self.rim(mask)
        if self.skipping:
            y = torch.relu(self.conv1.tiles(x, wide[0, 0] > 0)) * wide
            return torch.relu(x + self.conv2.tiles(y, mask[0, 0] > 0))
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x)) * wide) * mask)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = ConvNorm(3, 8, 3, 2), nn.Linear(8, CLASSES)
        self.blocks = nn.ModuleList([DynamicBlock(8), DynamicBlock(8)])

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            assert isinstance(block, DynamicBlock)
            block.skipping = getattr(self, "skipping", False)
            x = block(x)
        return self.fc(pooled(fn.relu(x)))


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0])
    for i in range(len(model.blocks)):
        graph = graph.with_gates(
            spatial(f"blocks.{i}.mask", guards=f"blocks.{i}.conv2.*"),
            spatial(f"blocks.{i}.rim", guards=f"blocks.{i}.conv1.*"),
        )
    return record(model, graph, data)
