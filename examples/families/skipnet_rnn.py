"""SkipNet with a recurrent gate (Wang et al., ECCV 2018): one LSTM, shared by all blocks, decides block after block."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, layer


class Control(nn.Module):
    """An LSTM cell and a sigmoid over what the blocks' embeddings tell it."""

    def __init__(self, width: int = 10) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTMCell(width, width), nn.Linear(width, 1, bias=False)
        self.state: tuple[Tensor, Tensor] | None = None

    def forward(self, embedded: Tensor) -> Tensor:
        self.state = self.lstm(embedded, self.state)
        return torch.sigmoid(self.fc(self.state[0]))


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2), Block(16, 16)])
        self.embeds = nn.ModuleList([nn.Linear(8, 10), nn.Linear(8, 10), nn.Linear(16, 10)])
        self.control = Control()
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x, self.control.state = torch.relu(self.stem(x)), None
        for block, embed in zip(self.blocks, self.embeds, strict=True):
            assert isinstance(block, Block)
            mask = (self.control(embed(4 * pooled(x))) > 0.5).float()[:, :, None, None]
            kept = block.shortcut(x)
            if self.skipping:
                x = block(x, kept) if mask.item() else kept
            else:
                x = mask * block(x, kept) + (1 - mask) * kept
        return self.fc(pooled(x))


def recorded(model: nn.Module, data: list[tuple[Tensor, Tensor]]) -> Trace:
    calls = ("control", "control#2", "control#3")
    graph = capture(model, data[0][0]).with_gates(
        *(
            layer(call, guards=f"blocks.{i}.*", but="*.shortcut.*", open=lambda y: y > 0.5)
            for i, call in enumerate(calls)
        )
    )
    return record(model, graph, data)
