"""CGNet, channel gating (Hua et al., NeurIPS 2019): a quarter of the channels decides about the rest, per element."""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, elements


class Threshold(nn.Module):
    """Norm without weights, and a learnt threshold per channel; puts out (n, channels, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.least = (
            nn.BatchNorm2d(channels, affine=False),
            nn.Parameter(torch.zeros(channels, 1, 1)),
        )

    def forward(self, partial: Tensor) -> Tensor:
        return (self.norm(partial) > self.least).float()


class Gated(nn.Module):
    skipping = False

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.few = inputs // 4
        self.base = nn.Conv2d(self.few, outputs, 3, padding=1, bias=False)
        self.rest = nn.Conv2d(inputs - self.few, outputs, 3, padding=1, bias=False)
        self.gate = Threshold(outputs)

    def forward(self, x: Tensor) -> Tensor:
        partial = self.base(x[:, : self.few])
        mask = self.gate(partial)
        if not self.skipping:
            return torch.relu(partial + mask * self.rest(x[:, self.few :]))
        patches = fn.unfold(x[:, self.few :], 3, padding=1)[0].T
        full = partial.clone()
        for c, weight in enumerate(self.rest.weight):
            kept = mask[0, c].flatten() > 0
            full[0, c].view(-1)[kept] += (patches[kept] @ weight.reshape(-1, 1))[:, 0]
        return torch.relu(full)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = ConvNorm(3, 8, 3, 2), nn.Linear(8, CLASSES)
        self.convs = nn.ModuleList([Gated(8, 8), Gated(8, 8)])

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for conv in self.convs:
            assert isinstance(conv, Gated)
            conv.skipping = getattr(self, "skipping", False)
            x = conv(x)
        return self.fc(pooled(x))


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        *(elements(f"convs.{i}.gate", guards=f"convs.{i}.rest") for i in range(len(model.convs)))
    )
    return record(model, graph, data)
