"""Blocks of random networks on images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as fn


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Residual(nn.Module):
    """A way around."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return fn.relu(x + self.inner(x))


class Branches(nn.Module):
    """Several ways, joined along the channels."""

    def __init__(self, *ways: nn.Module) -> None:
        super().__init__()
        self.ways = nn.ModuleList(ways)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([way(x) for way in self.ways], 1)


class Split(nn.Module):
    """Half of the channels goes through a convolution, the other half around it (CSPNet, ShuffleNet)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels // 2, channels // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        return torch.cat([left, self.conv(right)], 1)


class Scales(nn.Module):
    """Each part of the channels also sees what the one before it made (Res2Net)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        part = channels // 4
        self.convs = nn.ModuleList(nn.Conv2d(part, part, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        first, *rest = torch.split(x, x.shape[1] // 4, 1)
        outs, last = [first], torch.zeros_like(first)
        for conv, part in zip(self.convs, rest, strict=True):
            last = conv(part + last) if len(outs) > 1 else conv(part)
            outs.append(last)
        return torch.cat(outs, 1)


class Squeeze(nn.Module):
    """Squeeze and excitation, by convolutions or by layers on flat vectors."""

    def __init__(self, channels: int, *, flat: bool) -> None:
        super().__init__()
        self.flat = flat
        self.down: nn.Module = nn.Linear(channels, 2) if flat else nn.Conv2d(channels, 2, 1)
        self.up: nn.Module = nn.Linear(2, channels) if flat else nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, c, _, _ = x.shape
        pooled = fn.adaptive_avg_pool2d(x, 1).view(n, c) if self.flat else x.mean((2, 3), keepdim=True)
        score = torch.sigmoid(self.up(fn.relu(self.down(pooled))))
        return x * (score[:, :, None, None] if self.flat else score)


class OneAxis(nn.Module):
    """ECA: a convolution along the axis of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        score = self.conv(x.mean((2, 3)).unsqueeze(1))
        return x * torch.sigmoid(score.transpose(1, 2).unsqueeze(-1))


class Places(nn.Module):
    """CBAM: which pixels matter, from mean and maximum over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(both))


class Crossing(nn.Module):
    """Coordinate attention: rows and columns pooled apart, joined, parted again, their outer product a mask."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, 4, 1)
        self.tall, self.wide = nn.Conv2d(4, channels, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        both = torch.cat([x.mean(3, keepdim=True), x.mean(2, keepdim=True).permute(0, 1, 3, 2)], 2)
        rows, columns = torch.split(fn.hardswish(self.mix(both)), [height, width], 2)
        return x * torch.sigmoid(self.tall(rows)) * torch.sigmoid(self.wide(columns.permute(0, 1, 3, 2)))


class Kernels(nn.Module):
    """SKNet: two kernels, weighed against each other by a softmax."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.small = nn.Conv2d(channels, channels, 3, padding=1, groups=2)
        self.large = nn.Conv2d(channels, channels, 3, padding=2, dilation=2, groups=2)
        self.down, self.up = nn.Linear(channels, 3), nn.Linear(3, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        ways = torch.stack([self.small(x), self.large(x)], 1)
        n, _, c, _, _ = ways.shape
        score = self.up(fn.relu(self.down(ways.sum(1).mean((2, 3))))).view(n, 2, c, 1, 1)
        return (ways * torch.softmax(score, 1)).sum(1)


class ChannelsLast(nn.Module):
    """A product over channels in NHWC, as ConvNeXt does."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.up, self.down = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.scale * self.down(fn.gelu(self.up(self.norm(x.permute(0, 2, 3, 1)))))
        return x + y.permute(0, 3, 1, 2)


def shuffled(x: Tensor) -> Tensor:
    """Interleave the channels of two groups (ShuffleNet)."""
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def focused(x: Tensor) -> Tensor:
    """Put neighbouring pixels behind each other (YOLOv5)."""
    parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
    return torch.cat(parts, 1)


def patches(x: Tensor) -> Tensor:
    """Return the pixels of 2 x 2 patches as rows of features."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(n, h * w // 4, 4 * c)
