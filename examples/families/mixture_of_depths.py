"""Mixture-of-Depths (Raposo et al., 2024): a router sends the best tokens through a block, the rest around."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES
from examples.families.vit import TOKENS, WIDTH, Block, Embed
from networks import capture, record
from traces import Trace, tokens

CAPACITY = 8


class Router(nn.Module):
    """Score tokens; puts out which ones are among the best, (n, tokens)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.fc(x).squeeze(2)
        return scores >= scores.topk(CAPACITY, 1).values[:, -1:]


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.embed = Embed()
        self.blocks = nn.ModuleList([Block(), Block(), Block()])
        self.routers = nn.ModuleList([Router(), Router()])
        self.norm, self.fc = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks[0](self.embed(x))
        for block, router in zip(self.blocks[1:], self.routers, strict=True):
            chosen = router(x)
            if self.skipping:
                x = x.index_copy(1, torch.arange(TOKENS)[chosen[0]], block(x[:, chosen[0]]))
            else:
                kept = chosen.float()
                x = kept[:, :, None] * block(x, kept) + (1 - kept)[:, :, None] * x
        return self.fc(self.norm(x[:, 0]))


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        *(tokens(f"routers.{i}", guards=f"blocks.{i + 1}.*") for i in range(len(model.routers)))
    )
    return record(model, graph, data)
