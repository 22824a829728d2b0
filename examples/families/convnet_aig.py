"""ConvNet-AIG (Veit and Belongie, ECCV 2018): a gate reads its own block's input; Gumbel noise, also at test time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, layer


class Gate(nn.Module):
    """Pool, 1x1 convolution, norm, ReLU, 1x1 convolution to two logits, Gumbel noise, the larger one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.norm, self.fc2 = nn.Conv2d(channels, 16, 1), nn.BatchNorm2d(16), nn.Conv2d(16, 2, 1)
        self.forced: Tensor | None = None  # decisions to repeat, so that noise does not matter

    def forward(self, x: Tensor) -> Tensor:
        logits = self.fc2(torch.relu(self.norm(self.fc1(x.mean((2, 3), keepdim=True))))).flatten(1)
        noisy = logits - (-torch.log(torch.rand_like(logits))).log()
        return noisy.argmax(1) if self.forced is None else self.forced


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2), Block(16, 16)])
        self.gates = nn.ModuleList([Gate(8), Gate(8), Gate(16)])
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for block, gate in zip(self.blocks, self.gates, strict=True):
            assert isinstance(block, Block)
            mask, kept = gate(x), block.shortcut(x)
            if self.skipping:
                y = block.conv2(torch.relu(block.conv1(x))) if mask.item() else 0.0
                x = torch.relu(kept + y)
            else:
                x = torch.relu(kept + block.conv2(torch.relu(block.conv1(x))) * mask[:, None, None, None])
        return self.fc(pooled(x))


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        *(layer(f"gates.{i}", guards=f"blocks.{i}.*", but="*.shortcut.*") for i in range(len(model.blocks)))
    )
    return record(model, graph, data, seed=0)


def repeat(model: Network, trace: Trace, place: int) -> None:
    """Let the gates decide as they did for one recorded input."""
    for i, gate in enumerate(model.gates):
        assert isinstance(gate, Gate)
        gate.forced = torch.from_numpy(trace.decisions[f"gates.{i}"][place : place + 1].astype("int64"))
