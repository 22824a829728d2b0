"""Residual blocks that compute only the tiles of an image that matter: spatial gates, in DynConv's manner.

::

    x ──┬──► mean of each tile ──► 3x3 convolution ──► step ── mask, a bit per tile ──┐
        ├──► conv1, bn, relu ──────────────────────────────────(x)──► conv2, bn ─────(x)──► + ──► relu
        └──► shortcut ──────────────────────────────────────────────────────────────────────► ┘

Source: T. Verelst, T. Tuytelaars, "Dynamic Convolutions: Exploiting Spatial Sparsity for Faster Inference", CVPR 2020.

Choice: a bit per tile of a coarse grid, not per pixel: 64 bits a block, which fit a trace and suit tiled hardware.
Choice: no rim.  DynConv computes the first convolution for the neighbours of kept pixels too; here what was left out
reads as zero, in both convolutions alike, and the network learns with that.
Choice: bits are straight-through steps as LC-Net's scores are here, without Gumbel noise; nothing is scaled.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.gates import OPEN_BIAS, SCORE_DEVIATION, PartGate, kept_scores
from networks.models.resnet import BasicBlock

GRID = 8  # Choice: tiles along each side; as many pixels as a CIFAR ResNet's last stage has


class TileGate(PartGate):
    """Decides for each tile of a square grid whether a block computes it, from the tiles' means and their neighbours'.

    Parameters
    ----------
    in_channels
        Of the block's input.
    grid
        Tiles along each side.
    """

    def __init__(self, in_channels: int, grid: int) -> None:
        super().__init__(grid * grid)
        self.grid = grid
        self.norm = nn.BatchNorm2d(in_channels, affine=False)
        self.conv = nn.Conv2d(in_channels, 1, 3, padding=1)
        nn.init.normal_(self.conv.weight, std=SCORE_DEVIATION * (9 * in_channels) ** -0.5)
        nn.init.constant_(self.conv.get_parameter("bias"), OPEN_BIAS)

    def forward(self, x: Tensor) -> Tensor:
        """Map a block's input (n, in_channels, h, w) to bits (n, grid * grid), row by row."""
        means = functional.avg_pool2d(x, x.shape[2] // self.grid)
        with torch.autocast("cpu", enabled=False):
            scores = self.conv(self.norm(means.float()))
            bits: Tensor = kept_scores(scores, 1.0).flatten(1)
        return bits


class SpatialBasicBlock(BasicBlock):
    """Two 3x3 convolutions that are computed in the tiles a gate keeps.

    Parameters
    ----------
    in_channels, width, stride
        As of :class:`~networks.models.resnet.ResidualBlock`.
    grid
        Tiles along each side of the image; its size must be a multiple.
    """

    def __init__(self, in_channels: int, width: int, stride: int, *, grid: int = GRID) -> None:
        super().__init__(in_channels, width, stride)
        self.tiles = TileGate(in_channels, grid)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h / stride, w / stride)."""
        (conv1, bn1), (conv2, bn2) = self.layers()
        inner = torch.relu(bn1(conv1(x)))
        mask = self._mask(x, inner)
        return torch.relu(self.shortcut(x) + bn2(conv2(inner * mask)) * mask)

    def _mask(self, x: Tensor, inner: Tensor) -> Tensor:
        """Return the gate's bits as a mask of the pixels of ``inner``, (n, 1, h, w)."""
        grid = self.tiles.grid
        bits = self.tiles(x).reshape(-1, 1, grid, grid).to(inner.dtype)
        side = inner.shape[2] // grid
        mask: Tensor = bits.repeat_interleave(side, 2).repeat_interleave(side, 3)
        return mask
