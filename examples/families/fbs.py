"""Feature boosting and suppression (Gao et al., ICLR 2019): a convolution keeps the most salient channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, channel

WIDTHS = (8, 12, 16)
DENSITY = 0.5


class Saliency(nn.Module):
    """Pool, a linear layer, ReLU; all but the largest half set to 0."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        nn.init.constant_(self.fc.bias, 1.0)

    def forward(self, x: Tensor, inputs: Tensor | slice = slice(None)) -> Tensor:
        fc = self.fc
        scores = torch.relu(nn.functional.linear(pooled(x)[:, inputs], fc.weight[:, inputs], fc.bias))
        least = scores.topk(int(DENSITY * scores.shape[1]), 1).values[:, -1:]
        return scores * (scores >= least)


class Network(nn.Module):
    skipping = False

    def __init__(self) -> None:
        super().__init__()
        pairs = list(zip((3, *WIDTHS), WIDTHS, strict=False))
        self.convs = nn.ModuleList([ConvNorm(a, b, 3, 1 + (a == 8)) for a, b in pairs])
        self.gates = nn.ModuleList([Saliency(a, b) for a, b in pairs])
        self.fc = nn.Linear(WIDTHS[-1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        inputs: Tensor | slice = slice(None)
        for conv, gate in zip(self.convs, self.gates, strict=True):
            assert isinstance(conv, ConvNorm)
            scores = gate(x, inputs)
            if self.skipping:
                outputs = scores[0] > 0
                y = x.new_zeros(1, len(outputs), *(n // conv.conv.stride[0] for n in x.shape[2:]))
                y[:, outputs] = conv(x[:, inputs], inputs, outputs)
                inputs = outputs
            else:
                y = conv(x)
            x = torch.relu(y * scores[:, :, None, None])
        if self.skipping:
            return nn.functional.linear(pooled(x)[:, inputs], self.fc.weight[:, inputs], self.fc.bias)
        return self.fc(pooled(x))


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(
        *(
            channel(f"gates.{i}", guards=f"convs.{i}.*", open=lambda y: y > 0, scaled=True)
            for i in range(len(model.convs))
        )
    )
    return record(model, graph, data)
