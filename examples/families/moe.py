"""A small mixture of experts (Shazeer et al., ICLR 2017; one expert per input, as in Switch)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, layer

EXPERTS = 3


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.router = ConvNorm(3, 8, 3, 2), nn.Linear(8, EXPERTS)
        self.experts = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(8, 16 * (k + 1)), nn.ReLU(), nn.Linear(16 * (k + 1), 8))
                for k in range(EXPERTS)
            ]
        )
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = pooled(torch.relu(self.stem(x)))
        chosen = self.router(x - x.mean(1, keepdim=True)).argmax(1)
        if self.skipping:
            return self.fc(x + self.experts[int(chosen)](x))
        y = x
        for k, expert in enumerate(self.experts):
            y = y + expert(x) * (chosen == k).float()[:, None]
        return self.fc(y)


def chosen(expert: int, scores: Tensor) -> Tensor:
    return scores.argmax(1) == expert


def recorded(model: nn.Module, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        *(
            layer(f"expert.{k}", module="router", guards=f"experts.{k}.*", open=partial(chosen, k))
            for k in range(EXPERTS)
        )
    )
    return record(model, graph, data)
