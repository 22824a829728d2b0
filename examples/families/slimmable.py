"""Slimmable networks (Yu et al., ICLR 2019): the user, not the input, sets how many of the first channels exist."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, width

WIDTHS = (4, 8, 12, 16)


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.choice = len(WIDTHS) - 1
        self.convs = nn.ModuleList([ConvNorm(3, 16), ConvNorm(16, 16, 3, 2)])
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        kept = slice(WIDTHS[self.choice])
        x = torch.relu(self.convs[0](x, slice(None), kept))
        x = torch.relu(self.convs[1](x, kept, kept))
        return nn.functional.linear(pooled(x), self.fc.weight[:, kept], self.fc.bias)


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(width("load", guards="convs.*", widths=WIDTHS))

    def busier() -> Iterator[tuple[Tensor, Tensor]]:
        for k, batch in enumerate(data):  # a second batch under load: half the channels
            model.choice = 3 - 2 * k
            yield batch

    return record(model, graph, busier(), decide=lambda net, out: {"load": [net.choice] * len(out)})


def repeat(model: Network, trace: Trace, place: int) -> None:
    """Set the width that one input was recorded with."""
    model.choice = int(trace.decisions["load"][place])
