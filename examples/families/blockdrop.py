"""BlockDrop (Wu et al., CVPR 2018): a small network looks at the image and decides about all blocks beforehand."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, layer


class Policy(nn.Module):
    """A convolution, a pool and a probability for every block."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv, self.fc = ConvNorm(3, 8, 3, 2), nn.Linear(8, blocks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.fc(pooled(torch.relu(self.conv(x)))))


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2), Block(16, 16)])
        self.policy = Policy(3)
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        masks = (self.policy(x) > 0.5).float()
        x = torch.relu(self.stem(x))
        for i, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            mask, kept = masks[:, i, None, None, None], block.shortcut(x)
            if self.skipping:
                x = block(x, kept) if mask.item() else torch.relu(kept)
            else:
                x = torch.relu(kept + mask * block.conv2(torch.relu(block.conv1(x))))
        return self.fc(pooled(x))


def column(i: int, decided: Tensor) -> Tensor:
    return decided[:, i] > 0.5


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        *(
            layer(f"drop.{i}", module="policy", guards=f"blocks.{i}.conv*", open=partial(column, i))
            for i in range(len(model.blocks))
        )
    )
    return record(model, graph, data)
