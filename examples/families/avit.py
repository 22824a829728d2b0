"""A-ViT (Yin et al., CVPR 2022): a token stops once its halting scores, read from one of its features, reach 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES
from examples.families.vit import WIDTH, Block, Embed
from networks import capture, record
from traces import Trace, tokens


class Halt(nn.Module):
    """Add up the halting scores; puts out which tokens go on, (n, tokens)."""

    def forward(self, x: Tensor, so_far: Tensor) -> tuple[Tensor, Tensor]:
        total = so_far + torch.sigmoid(2 * x[:, :, 0] - 1)
        goes_on = total < 1
        goes_on[:, 0] = True  # the class token
        return goes_on, total


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.halt = Embed(), Halt()
        self.blocks = nn.ModuleList([Block(), Block(), Block()])
        self.norm, self.fc = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x, kept = self.embed(x), None
        total = torch.zeros_like(x[:, :, 0])
        for i, block in enumerate(self.blocks):
            new = block(x, kept)
            x = new if kept is None else kept[:, :, None] * new + (1 - kept)[:, :, None] * x
            if i == len(self.blocks) - 1:
                break
            goes_on, total = self.halt(x, total)
            if self.skipping:
                x, total, kept = x[:, goes_on[0]], total[:, goes_on[0]], None
            else:
                kept = goes_on.float()
        return self.fc(self.norm(x[:, 0]))


def recorded(model: nn.Module, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        tokens("halt", guards="blocks.1.*", open=lambda y: y[0]),
        tokens("halt#2", guards="blocks.2.*", open=lambda y: y[0]),
    )
    return record(model, graph, data)
