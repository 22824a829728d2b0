"""MSDNet (Huang et al., ICLR 2018): features of two scales, dense along depth, an exit after every stage."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, exits


class Stage(nn.Module):
    """New features of both scales, each joined to the old ones; the coarse one also reads the fine one."""

    def __init__(self, fine: int, coarse: int, growth: int = 4, *, last: bool = False) -> None:
        super().__init__()
        self.fine, self.coarse = None if last else ConvNorm(fine, growth), ConvNorm(coarse, growth)
        self.down = ConvNorm(fine, growth, 3, 2)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        return torch.cat([coarse, torch.relu(self.coarse(coarse)), torch.relu(self.down(fine))], 1)


class Network(nn.Module):
    skipping = False
    thresholds = (0.145, 0.13)

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down = ConvNorm(3, 8), ConvNorm(8, 8, 3, 2)
        self.stages = nn.ModuleList([Stage(8 + 4 * k, 8 + 8 * k, last=k == 2) for k in range(3)])
        self.classifier = nn.ModuleList([nn.Linear(16 + 8 * k, CLASSES) for k in range(3)])

    def forward(self, x: Tensor) -> list[Tensor]:
        fine, answers = torch.relu(self.stem(x)), []
        coarse = torch.relu(self.down(fine))
        for stage, classifier in zip(self.stages, self.classifier, strict=True):
            assert isinstance(stage, Stage)
            coarse = stage(fine, coarse)
            answers.append(classifier(pooled(coarse)))
            sure = answers[-1].softmax(1).amax(1) if self.skipping else None
            if sure is not None and len(answers) < 3 and sure.half() >= self.thresholds[len(answers) - 1]:
                break
            if stage.fine is not None:
                fine = torch.cat([fine, torch.relu(stage.fine(fine))], 1)
        return answers


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(exits("classifier.*", threshold=model.thresholds))
    return record(model, graph, data)
