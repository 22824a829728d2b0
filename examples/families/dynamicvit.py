"""DynamicViT (Rao et al., NeurIPS 2021): tokens that a small predictor scores low are gone from there on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES
from examples.families.vit import WIDTH, Block, Embed
from networks import capture, record
from traces import Trace, tokens


class Predictor(nn.Module):
    """Keep or drop each token; the class token stays.  Puts out (n, tokens), 0 or 1."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, WIDTH // 2), nn.Linear(WIDTH // 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.fc2(torch.relu(self.fc1(x))).squeeze(2)
        best = scores[:, :1]
        return (scores >= best - 0.6).float()


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.score = Embed(), Predictor()
        self.blocks = nn.ModuleList([Block(), Block(), Block()])
        self.norm, self.fc = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks[0](self.embed(x))
        scores = self.score(x)
        kept: Tensor | None = scores
        if self.skipping:
            x, kept = x[:, scores[0] > 0], None
        for block in self.blocks[1:]:
            x = block(x, kept)
        return self.fc(self.norm(x[:, 0]))


def recorded(model: nn.Module, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(tokens("score", guards=["blocks.1.*", "blocks.2.*"]))
    return record(model, graph, data)
