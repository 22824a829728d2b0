"""Small vision transformers, static or leaving out tokens in DynamicViT's manner.

::

    conv, conv ──► tokens + class token + places ──► block1 ─► block2 ─► ... ─► norm of the class token ─► classifier
                                                          └─► gate2 ── a bit per token ──► block3, block4, ...

    block:  x ─► norm1 ─► attention among the kept tokens ─► + ─► norm2 ─► fc1, gelu, fc2 ─► +

Source: Y. Rao et al., "DynamicViT: Efficient Vision Transformers with Dynamic Token Sparsification", NeurIPS 2021:
a small predictor behind some blocks reads each token, what is dropped once stays dropped, and in training dropped
tokens are hidden from attention so that gradients reach the predictor.
Source: a stem of strided convolutions, T. Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021.

Choice: bits are straight-through steps as LC-Net's are here, without Gumbel noise, and the share that is kept is the
loss's to find; DynamicViT fixes one ratio per gate.
Choice: the predictor reads the class token beside each token, where DynamicViT takes the mean of all that are left.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.capturing.capture import capture
from networks.models.gates import OPEN_BIAS, SCORE_DEVIATION, PartGate, kept_scores
from traces import NetworkGraph, tokens

_PLACES = (
    0.02  # deviation of class token and places at the start; A. Dosovitskiy et al., ICLR 2021, public code
)
_HIDDEN = -1e4  # added to the scores of tokens that are gone; its exponential is 0 in every format
_SHRINK = 4  # of the image's sides by the stem


class TokenGate(PartGate):
    """Decides which tokens stay, from each token and the class token, which always does."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__(tokens)
        self.norm = nn.LayerNorm(width)
        self.local, self.whole = nn.Linear(width, width // 2), nn.Linear(width, width // 2)
        self.out = nn.Linear(width // 2, 1)
        nn.init.normal_(self.out.weight, std=SCORE_DEVIATION * (width // 2) ** -0.5)
        nn.init.constant_(self.out.bias, OPEN_BIAS)

    def forward(self, x: Tensor, kept: Tensor | None) -> Tensor:
        """Map tokens (n, tokens, width) and the bits so far (n, tokens) to the bits from here on."""
        x = self.norm(x)
        scores = self.out(torch.relu(self.local(x) + self.whole(x[:, :1]))).squeeze(2)
        bits = kept_scores(scores, 1.0) if self.training else (scores > 0.0).to(x.dtype)
        bits = torch.cat((torch.ones_like(bits[:, :1]), bits[:, 1:]), 1)
        return bits if kept is None else bits * kept


class Attention(nn.Module):
    """Self-attention of several heads among the tokens that are kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, kept: Tensor | None) -> Tensor:
        """Map tokens (n, tokens, width) to as many; ``kept`` (n, tokens) hides what is dropped."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        if self.training:
            y = _learning_attention(q, k, v, kept)
        else:
            hidden = None if kept is None else ((1.0 - kept) * _HIDDEN)[:, None, None, :].to(q.dtype)
            y = functional.scaled_dot_product_attention(q, k, v, attn_mask=hidden)
        out: Tensor = self.proj(y.transpose(1, 2).flatten(2))
        return out


def _learning_attention(q: Tensor, k: Tensor, v: Tensor, kept: Tensor | None) -> Tensor:
    """Attend under bits that gradients pass through: exponentials times bits, divided by their sum.

    Written out also without bits: the backward pass of torch's fused attention took half of a training step.
    """
    scores = (q * q.shape[3] ** -0.5) @ k.transpose(2, 3)
    if kept is None:
        return torch.softmax(scores, 3).to(v.dtype) @ v
    weights = torch.exp(scores.float() - scores.detach().amax(3, keepdim=True)) * kept[:, None, None, :]
    return (weights / weights.sum(3, keepdim=True).clamp_min(1e-6)).to(v.dtype) @ v


class VitBlock(nn.Module):
    """Attention and two linear layers, each behind a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor, kept: Tensor | None) -> Tensor:
        """Map tokens (n, tokens, width) to as many."""
        x = x + self.attention(self.norm1(x), kept)
        out: Tensor = x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))
        return out


class VisionTransformer(nn.Module):
    """A vision transformer for small square images.

    Parameters
    ----------
    depth, width, heads, ratio
        Blocks; channels of a token; heads; channels between a block's linear layers, over ``width``.
    gates_after
        Blocks, counted from 1, behind which a token gate decides for all blocks to come.
    side
        Of the images [pixels], a multiple of 4.
    in_channels, classes
        Of the images and of the answer.
    """

    def __init__(  # noqa: PLR0913  # a network's layout takes these eight, by name
        self,
        *,
        depth: int,
        width: int,
        heads: int,
        ratio: int,
        gates_after: tuple[int, ...],
        side: int = 32,
        in_channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width // 2, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        tokens = (side // _SHRINK) ** 2 + 1
        self.cls = nn.Parameter(torch.randn(1, 1, width) * _PLACES)
        self.places = nn.Parameter(torch.randn(1, tokens, width) * _PLACES)
        self.depth = depth
        self.gates_after = gates_after
        for i in range(1, depth + 1):
            self.add_module(f"block{i}", VitBlock(width, heads, ratio * width))
            if i in gates_after:
                self.add_module(f"gate{i}", TokenGate(width, tokens))
        self.norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, side, side) to logits (n, classes)."""
        x = torch.relu(self.bn1(self.conv1(x)))
        patches = self.bn2(self.conv2(x)).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(len(x), -1, -1), patches), 1) + self.places
        kept: Tensor | None = None
        for i in range(1, self.depth + 1):
            x = self.get_submodule(f"block{i}")(x, kept)
            if i in self.gates_after:
                kept = self.get_submodule(f"gate{i}")(x, kept)
        logits: Tensor = self.classifier(self.norm(x[:, 0]))
        return logits


def vit_graph(model: VisionTransformer, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    graph = capture(model, torch.zeros(2, *image_shape), name=name)
    places = [*model.gates_after, model.depth]
    for first, last in pairwise(places):
        guards = [f"block{k}.*" for k in range(first + 1, last + 1)]
        graph = graph.with_gates(tokens(f"gate{first}", guards=guards))
    return graph.plain()
