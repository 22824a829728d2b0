"""What the small networks of this folder share: convolutions that can leave out channels or tiles for real.

Every network has the structure that was published and random weights.  With ``skipping = True`` it runs one input
and really leaves out what its gates decide, which is how tests count its multiply-accumulates independently.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)
CLASSES = 10
IMAGE = (3, 16, 16)


def normed(y: Tensor, norm: nn.BatchNorm2d, outputs: Tensor | slice) -> Tensor:
    """Apply the norm of some channels."""
    mean, var = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    return fn.batch_norm(y, mean[outputs], var[outputs], norm.weight[outputs], norm.bias[outputs])


class ConvNorm(nn.Module):
    """A convolution and its batch norm, of some of their channels if asked."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(
        self, x: Tensor, inputs: Tensor | slice = slice(None), outputs: Tensor | slice = slice(None)
    ) -> Tensor:
        conv, norm = self.conv, self.norm
        y = fn.conv2d(x, conv.weight[outputs][:, inputs], None, conv.stride, conv.padding)
        return normed(y, norm, outputs)

    def tiles(
        self,
        x: Tensor,
        kept: Tensor,
        inputs: Tensor | slice = slice(None),
        outputs: Tensor | slice = slice(None),
    ) -> Tensor:
        """Compute only the kept tiles (rows, columns) of the output; the others are 0."""
        rows, cols = kept.shape
        edge, pad, conv, norm = x.shape[-1] // cols, self.conv.kernel_size[0] // 2, self.conv, self.norm
        size = edge + 2 * pad
        patches = fn.unfold(fn.pad(x, [pad] * 4), size, stride=edge)[0].T.reshape(
            rows * cols, x.shape[1], size, size
        )
        y = fn.conv2d(patches[kept.flatten()], conv.weight[outputs][:, inputs])
        y = normed(y, norm, outputs)
        out = x.new_zeros(rows * cols, y.shape[1], edge, edge)
        out[kept.flatten()] = y
        return (
            out.reshape(rows, cols, -1, edge, edge)
            .permute(2, 0, 3, 1, 4)
            .reshape(1, -1, rows * edge, cols * edge)
        )


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.conv2 = ConvNorm(inputs, outputs, 3, stride), ConvNorm(outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        kept = self.shortcut(x) if kept is None else kept
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + kept)


def pooled(x: Tensor) -> Tensor:
    """Average every channel over the image."""
    return x.mean((2, 3))


def randomised(model: M, seed: int = 0) -> M:
    """Give a network weights and norms that let its gates differ between inputs."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.get_buffer("running_mean").normal_(0, 0.1, generator=generator)
            if module.affine:
                module.bias.data.normal_(0, 0.2, generator=generator)
    return model.eval()


def batches(count: int = 2, size: int = 8, seed: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images of very different contrast, and labels."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        contrast = torch.linspace(0.2, 4.0, size)[:, None, None, None]
        yield (
            torch.randn(size, *IMAGE, generator=generator) * contrast,
            torch.randint(0, CLASSES, (size,), generator=generator),
        )
