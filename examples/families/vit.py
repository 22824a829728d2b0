"""Parts of a small vision transformer whose blocks can leave out tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

WIDTH, HEADS = 12, 2
TOKENS = 17  # 4 x 4 patches, and the class token


class Embed(nn.Module):
    """Patches as tokens, a class token before them, positions added."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 4, 4)
        self.cls = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.place = nn.Parameter(torch.randn(1, TOKENS, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch(x).flatten(2).transpose(1, 2)
        return torch.cat([self.cls.expand(len(x), -1, -1), patches], 1) + self.place


class Block(nn.Module):
    """Attention and two linear layers, each behind a norm; ``kept`` (n, tokens) hides what was dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        hidden = None if kept is None else (kept - 1)[:, None, None, :] * 1e4
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        y = fn.scaled_dot_product_attention(q, k, v, attn_mask=hidden)
        x = x + self.proj(y.transpose(1, 2).flatten(2))
        return x + self.fc2(fn.gelu(self.fc1(self.norm2(x))))
