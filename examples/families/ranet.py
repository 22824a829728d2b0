"""RANet (Yang et al., CVPR 2020): sub-networks on rising resolutions with an exit each; later ones reuse earlier."""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from examples.families.parts import CLASSES, ConvNorm, pooled
from networks import capture, record
from traces import Trace, exits

SIZES = (4, 8, 16)


class SubNetwork(nn.Module):
    """Features of the image at one resolution, joined to those of the resolution below."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.stem, self.conv = ConvNorm(3, 8), ConvNorm(8 + before, 8)

    def forward(self, image: Tensor, before: Tensor | None) -> Tensor:
        x = torch.relu(self.stem(image))
        if before is not None:
            x = torch.cat([x, fn.interpolate(before, scale_factor=2)], 1)
        return torch.relu(self.conv(x))


class Network(nn.Module):
    skipping = False
    thresholds = (0.145, 0.14)

    def __init__(self) -> None:
        super().__init__()
        self.nets = nn.ModuleList([SubNetwork(0), SubNetwork(8), SubNetwork(8)])
        self.heads = nn.ModuleList([nn.Linear(8, CLASSES) for _ in SIZES])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features, answers = None, []
        for size, net, head in zip(SIZES, self.nets, self.heads, strict=True):
            features = net(fn.avg_pool2d(x, 16 // size) if size < 16 else x, features)
            answers.append(head(pooled(features)))
            sure = answers[-1].softmax(1).amax(1) if self.skipping else None
            if sure is not None and len(answers) < 3 and sure.half() >= self.thresholds[len(answers) - 1]:
                break
        return tuple(answers)


def recorded(model: Network, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph = capture(model, data[0][0]).with_gates(exits("heads.*", threshold=model.thresholds))
    return record(model, graph, data)
