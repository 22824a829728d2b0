"""Blocks of random networks on sequences; every product that no layer of torch's own does is noted."""

from __future__ import annotations

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
