"""SkipNet with feed-forward gates (Wang et al., ECCV 2018): a gate reads a block's input and skips the block."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, layer


class Gate(nn.Module):
    """FFGate-II: a strided convolution, a pool, two logits; puts out the mask and the logits."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.fc = ConvNorm(channels, channels, 3, 2), nn.Conv2d(channels, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.fc(torch.relu(self.conv(x)).mean((2, 3), keepdim=True))
        return (logits.softmax(1).argmax(1, keepdim=True)).float(), logits.flatten(1)


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2), Block(16, 16)])
        self.gates = nn.ModuleList([Gate(8), Gate(8), Gate(16)])
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, masks = torch.relu(self.stem(x)), []
        for block, gate in zip(self.blocks, self.gates, strict=True):
            assert isinstance(block, Block)
            mask, _ = gate(x)
            masks.append(mask)
            kept = block.shortcut(x)
            if self.skipping:
                x = block(x, kept) if mask.item() else kept
            else:
                x = mask * block(x, kept) + (1 - mask) * kept
        return self.fc(pooled(x)), masks


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0], answer=lambda out: out[0])
    graph = graph.with_gates(
        *(layer(f"gates.{i}", guards=f"blocks.{i}.*", but="*.shortcut.*") for i in range(len(model.blocks)))
    )
    return record(model, graph, data, answer=lambda out: out[0])
