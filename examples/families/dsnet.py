"""DS-Net (Li et al., CVPR 2021): a gate on the squeezed features chooses how many of the first channels exist."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, width

WIDTHS = (4, 8, 12, 16)


class Head(nn.Module):
    """A bottleneck on the pooled features, and the larger of four logits."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze, self.choose = nn.Linear(channels, 4), nn.Linear(4, len(WIDTHS), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.choose(torch.relu(self.squeeze(pooled(x))))


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = ConvNorm(3, 8), Head(8)
        self.convs = nn.ModuleList([ConvNorm(8, 16, 3, 2), ConvNorm(16, 16)])
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        choice = self.gate(x).argmax(1)
        if self.skipping:
            some = slice(WIDTHS[int(choice)])
            x = torch.relu(self.convs[0](x, slice(None), some))
            x = torch.relu(self.convs[1](x, some, some))
            return nn.functional.linear(pooled(x), self.fc.weight[:, some], self.fc.bias)
        kept = torch.arange(16)[None] < torch.tensor(WIDTHS)[choice][:, None]
        for conv in self.convs:
            x = torch.relu(conv(x)) * kept[:, :, None, None]
        return self.fc(pooled(x))


def recorded(model: nn.Module, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        width("gate", guards="convs.*", widths=WIDTHS, index=lambda y: y.argmax(1))
    )
    return record(model, graph, data)
