"""Blocks of random networks: images and sequences, every product that no layer of torch's own does noted."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

Product = tuple[int, int, int, int]  # M, K, N per group, groups
NOTED: list[Product] = []


def tracing() -> bool:
    """Say whether torch writes down what runs, instead of running it."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]  # unknown to its stubs


def product(a: Tensor, b: Tensor) -> Tensor:
    """Multiply two activations and note the sizes."""
    if not tracing():
        NOTED.append((a.shape[-2], a.shape[-1], b.shape[-1], prod(a.shape[:-2])))
    return a @ b


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


class Rows(nn.Module):
    """Pixels become rows of a sequence, pass a module, and become pixels again."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        y = self.inner(x.flatten(2).transpose(1, 2))
        return y.transpose(1, 2).reshape(n, y.shape[2], h, w)


class Windows(nn.Module):
    """Rows of pixels cut into windows, moved by half a window before and after (Swin)."""

    def __init__(self, channels: int, inner: nn.Module, side: int) -> None:
        super().__init__()
        self.inner, self.side = inner, side
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        s = self.side
        y = torch.roll(self.norm(x.permute(0, 2, 3, 1)), (-1, -1), (1, 2))
        y = y.view(n, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, s * s, c)
        y = self.inner(y)
        y = y.view(n, h // s, w // s, s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        return torch.roll(y, (1, 1), (1, 2)).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Heads by reshapes and transposes; two products of activations."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, rows, width = x.shape
        parts = self.qkv(x).reshape(n, rows, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        mixed = torch.softmax(product(q, k.transpose(-2, -1)) * 0.1, -1)
        return x + self.out(product(mixed, v).transpose(1, 2).reshape(n, rows, width))


class Fewer(nn.Module):
    """Keys and values from every second row (PVT), queries from all; a bias for each place (BEiT)."""

    def __init__(self, width: int, rows: int) -> None:
        super().__init__()
        self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * width, bias=False)
        self.bias = nn.Parameter(torch.zeros(rows, (rows + 1) // 2))

    def forward(self, x: Tensor) -> Tensor:
        k, v = self.kv(x[:, ::2]).chunk(2, -1)
        return product(torch.softmax(product(self.q(x), k.transpose(1, 2)) + self.bias, -1), v)


class Linear(nn.Module):
    """Keys times values first, which costs as much as there are rows (EfficientViT)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        state = product(fn.relu(self.k(x)).transpose(-2, -1), self.v(x))
        q = fn.relu(self.q(x))
        return product(q, state) / (q.sum(-1, keepdim=True) + 1.0)


class Across(nn.Module):
    """Attention between channels instead of rows (XCiT)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.transpose(1, 2) for part in self.qkv(x).split(x.shape[2], 2))
        return x + product(torch.softmax(product(q, k.transpose(1, 2)), -1), v).transpose(1, 2)


class Mixer(nn.Module):
    """A layer over rows, then one over features (MLP-Mixer)."""

    def __init__(self, width: int, rows: int) -> None:
        super().__init__()
        self.rows, self.features = nn.Linear(rows, rows), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(fn.gelu(self.rows(x.transpose(1, 2))).transpose(1, 2))


class Experts(nn.Module):
    """Every part of the features has weights of its own (grouped linear layers by einsum)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(2, width // 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        n, rows, width = x.shape
        y = torch.einsum("nrgi,gio->nrgo", x.view(n, rows, 2, width // 2), self.weights)
        if not tracing():
            NOTED.append((rows, width // 2, 3, 2))
        return y.flatten(2)


class Gated(nn.Module):
    """Half of what a layer makes gates the other half (GLU)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.both = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        return fn.glu(self.both(x), -1)


class Recurrent(nn.Module):
    """A recurrent network over rows."""

    def __init__(
        self, cell: type[nn.GRU | nn.LSTM | nn.RNN], width: int, hidden: int, layers: int, *, both: bool
    ) -> None:
        super().__init__()
        self.net = cell(width, hidden, layers, batch_first=True, bidirectional=both)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)[0]
        return out


class Ask(nn.Module):
    """A learned query attends to all rows; what it finds is the answer (attention pooling)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, width))
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.attention(self.query.expand(len(x), -1, -1), x, x, need_weights=False)[0]
        return out[:, 0]


class WithClass(nn.Module):
    """A learned row in front, positions added; its row is the answer (ViT)."""

    def __init__(self, width: int, rows: int, inner: nn.Module) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.zeros(1, rows + 1, width))
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.cat([self.first.expand(len(x), -1, -1), x], 1) + self.places
        out: Tensor = self.inner(rows)[:, 0]
        return out


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
