"""EENet (Demir and Akbas, 2019): every exit has a head that learned whether its answer can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, exits


class Exit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.classifier, self.confidence = (
            nn.Linear(channels, CLASSES),
            nn.Sequential(nn.Linear(channels, 1), nn.Sigmoid()),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = pooled(x)
        return self.classifier(features), self.confidence(features)


class Network(nn.Module):
    skipping = False
    thresholds = (0.59, 0.5)

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2), Block(16, 16)])
        self.exits = nn.ModuleList([Exit(8), Exit(16)])
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> dict[str, Tensor | list[Tensor]]:
        x, answers, sure = torch.relu(self.stem(x)), [], []
        for block, leave in zip(self.blocks, [*self.exits, None], strict=True):
            x = block(x)
            if leave is not None:
                answer, confidence = leave(x)
                answers.append(answer)
                sure.append(confidence)
                if self.skipping and confidence.half() >= self.thresholds[len(sure) - 1]:
                    return {"answer": answer, "exits": answers, "sure": sure}
        return {"answer": self.fc(pooled(x)), "exits": answers, "sure": sure}


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0])
    graph = graph.with_gates(
        exits(["exits.*.classifier", "fc"], confidence="exits.*.confidence", threshold=model.thresholds),
    )
    return record(model, graph, data)
