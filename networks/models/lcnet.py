"""LC-Net: residual networks whose blocks decide per input whether to run (L-Net) and how wide (C-Net).

::

    x ──┬──► pool ──┬──► L-Net ── score l ──────────────────────────────┐
        │           └──► C-Net ── scores c ─┐                           │
        ├──► conv1, bn, relu ──────────────(x)──► conv2, bn ───────────(x)──► + ──► relu
        └──► shortcut ──────────────────────────────────────────────────────► ┘

``l = 0`` skips the block, ``c[k] = 0`` skips channel k; what is kept is multiplied by its score.

Source: W. Xia, H. Yin, X. Dai, N. Jha, "Fully Dynamic Inference with Deep Neural Networks", IEEE TETC, 2021.
Only its abstract was reachable.  The layout follows what independent re-implementations agree on: one linear
layer on the pooled block input and a ReLU clipped at 1, per block one L-Net and one C-Net as wide as the
inner convolution.  Where they differ, B has a C-Net at every convolution, fed by that convolution's input:
``per_convolution`` gives the last one of a block its own (``cnet2``), on what the block adds to its shortcut.

Choice: the C-Net acts behind the inner batch norm and ReLU, so that a skipped channel is exactly zero.
Choice: where a design leaves out aligned groups of channels alone, a C-Net may decide about groups: one bit each, and
nothing is scaled.  A trained block's inner channels are first put in order of importance, which changes nothing it
computes, so that a group holds channels that matter alike.
Choice: L-Net decides first; where it skips, the C-Net's answer has no effect and is not computed when
skipping is real.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.gates import LEAST_SCORE, LinearChannelGate, LinearLayerGate, pooled_features
from networks.models.resnet import BasicBlock, Bottleneck, ResidualBlock
from traces import ConfigError

_SPREAD = 1.0  # Choice: between the scores of the least and the most important channel, at the start


def ranks(values: Tensor) -> Tensor:
    """Return the rank of each value among all, from -0.5 to 0.5."""
    order = values.argsort(stable=True).argsort(stable=True)
    return order / max(len(values) - 1, 1) - 0.5


class GatedBlock(ResidualBlock):
    """A residual block that can be skipped, and narrowed, per input.

    In training, and until :func:`set_skipping` says otherwise, everything is computed and multiplied by the
    scores (the masked path).  When skipping, inputs that skip the block leave it before its first
    convolution, and the inner channels that an input does not keep are computed by nobody.
    """

    skipping = False

    def run(self, x: Tensor, layer_scores: Tensor | None, channel_scores: Tensor | None) -> Tensor:
        """Run the block under scores, (n,) and (n, inner_channels); ``None`` means no gate: all ones."""
        if self.skipping and not self.training:
            return self._run_kept(x, layer_scores, channel_scores)
        branch = self.branch(x, channel_scores)
        if layer_scores is not None:
            branch = branch * layer_scores[:, None, None, None].to(branch.dtype)
        return torch.relu(self.shortcut(x) + branch)

    def channel_importance(self) -> Tensor:
        """Return how much each inner channel adds to the block's output, (inner_channels,), relative to one another.

        The root mean square of a channel behind its batch norm and ReLU, were it normally distributed before,
        times the norm of the weights that read it.
        """
        *_, (_, norm), (last, _) = self.layers()
        scale, shift = norm.weight.detach().abs() + norm.eps, norm.bias.detach()
        ratio = shift / scale
        below = torch.special.ndtr(ratio)
        density = torch.exp(-0.5 * ratio**2) / math.sqrt(2.0 * math.pi)
        mean_square = (shift**2 + scale**2) * below + shift * scale * density
        importance: Tensor = mean_square.sqrt() * last.weight.detach().flatten(2).norm(dim=(0, 2))
        return importance

    def _run_kept(self, x: Tensor, layer_scores: Tensor | None, channel_scores: Tensor | None) -> Tensor:
        out: Tensor = self.shortcut(x)
        kept = torch.arange(len(x)) if layer_scores is None else layer_scores.nonzero().squeeze(1)
        if len(kept) == 0:
            return torch.relu(out)
        if channel_scores is None:
            branch = self.branch(x[kept])
        else:
            rows = [self._narrow_branch(x[i : i + 1], channel_scores[i]) for i in kept.tolist()]
            branch = torch.cat(rows)
        if layer_scores is not None:
            branch = branch * layer_scores[kept][:, None, None, None]
        return torch.relu(out.index_add(0, kept, branch))

    def _narrow_branch(self, x: Tensor, scores: Tensor) -> Tensor:
        """Return the branch of one input (1, c, h, w) with its inner channels gathered."""
        *before, gated, _ = self.layers()
        for conv, norm in before:
            x = torch.relu(norm(conv(x)))
        kept = scores.nonzero().squeeze(1)
        if len(kept) == 0:
            height, width = ((size - 1) // gated[0].stride[0] + 1 for size in x.shape[2:])
            return self._last_of(x.new_zeros(1, 0, height, width), kept)
        weight, bias = _folded(*gated, kept)
        inner = torch.relu(functional.conv2d(x, weight, bias, gated[0].stride, gated[0].padding))
        inner = inner * scores[kept][None, :, None, None]
        return self._last_of(inner, kept)

    def _last_of(self, inner: Tensor, kept: Tensor) -> Tensor:
        """Return the branch from the ``kept`` inner channels alone."""
        *_, (conv, norm) = self.layers()
        if len(kept) == 0:  # nothing to compute: what is left is the norm's constant
            out = inner.new_zeros(1, conv.out_channels, *inner.shape[2:])
        else:
            out = functional.conv2d(inner, conv.weight[:, kept], None, conv.stride, conv.padding)
        branch: Tensor = norm(out)
        return branch


class LCBlock(GatedBlock):
    """A residual block with an L-Net, a C-Net, or both.

    Parameters
    ----------
    in_channels, width, stride
        As of :class:`~networks.models.resnet.ResidualBlock`.
    layer, channel
        Which of the two it has.
    per_convolution
        Whether the last convolution has a C-Net too.
    least
        Score of what is kept, at least; 0 is plain ReLU-1.
    group
        Neighbouring channels that one decision is about.
    """

    def __init__(  # noqa: PLR0913  # a block's shape, and its gates, each by name
        self,
        in_channels: int,
        width: int,
        stride: int,
        *,
        layer: bool,
        channel: bool,
        per_convolution: bool = False,
        least: float = LEAST_SCORE,
        group: int = 1,
    ) -> None:
        super().__init__(in_channels, width, stride)
        inner, out = self.inner_channels, self.out_channels
        _check_group(group, inner, least, one_gate=channel and not per_convolution)
        self.lnet = LinearLayerGate(in_channels, least) if layer else None
        self.cnet = LinearChannelGate(in_channels, inner, least, group) if channel else None
        self.cnet2 = LinearChannelGate(inner, out, least) if channel and per_convolution else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h / stride, w / stride)."""
        pooled = pooled_features(x)
        layer_scores = None if self.lnet is None else self.lnet(pooled)
        return self.run(x, layer_scores, self._channel_scores(pooled, layer_scores))

    def last(self, inner: Tensor) -> Tensor:
        """Return the residual branch from its inner channels, under the last convolution's C-Net."""
        out: Tensor = super().last(inner)
        if self.cnet2 is None:
            return out
        scores: Tensor = self.cnet2(pooled_features(inner))
        return out * scores[:, :, None, None].to(out.dtype)

    def _last_of(self, inner: Tensor, kept: Tensor) -> Tensor:
        if self.cnet2 is None:
            return super()._last_of(inner, kept)
        whole = inner.new_zeros(1, self.inner_channels, *inner.shape[2:])
        whole[:, kept] = inner
        return self.last(whole)

    @torch.no_grad()
    def open_gates_by_importance(self) -> None:
        """Set how far each channel's score is from closing by the channel's rank; layers are the last to close.

        Choice: a pull towards fewer MACs moves all scores alike at first, because around a trained network's
        optimum no channel's scale has a gradient.  Started alike, they all met at the edge, where tiny
        differences between inputs switched them.
        """
        if self.cnet is not None:
            if self.cnet.group > 1:
                self.sort_channels()
            importance = self.channel_importance().reshape(-1, self.cnet.group).mean(1)
            self.cnet.fc.linear.bias.add_(ranks(importance), alpha=_SPREAD)
        if self.cnet2 is not None:
            norm = self.layers()[-1][1]
            self.cnet2.fc.linear.bias.add_(ranks(norm.weight.detach().abs()), alpha=_SPREAD)
        if self.lnet is not None:
            self.lnet.fc.linear.bias.add_(_SPREAD / 2)

    @torch.no_grad()
    def sort_channels(self) -> None:
        """Put the inner channels in order, the most important first; the block computes what it did."""
        order = self.channel_importance().argsort(descending=True, stable=True)
        *_, (conv, norm), (reader, _) = self.layers()
        for tensor in (conv.weight, *norm.parameters(), *norm.buffers()):
            if tensor.ndim:  # not the count of batches
                tensor.copy_(tensor[order])
        reader.weight.copy_(reader.weight[:, order])

    def _channel_scores(self, pooled: Tensor, layer_scores: Tensor | None) -> Tensor | None:
        if self.cnet is None:
            return None
        skipped = self.skipping and not self.training and layer_scores is not None and not layer_scores.any()
        if skipped:  # nobody needs them
            return pooled.new_zeros(len(pooled), self.inner_channels)
        scores: Tensor = self.cnet(pooled)
        return scores


class LCBasicBlock(LCBlock, BasicBlock):
    """Two 3x3 convolutions with gates."""


class LCBottleneck(LCBlock, Bottleneck):
    """1x1, 3x3 and 1x1 convolutions with gates."""


@contextmanager
def masked_reference(model: nn.Module) -> Iterator[None]:
    """Run every block of ``model`` on its masked path while this lasts."""
    skipping = [module for module in model.modules() if isinstance(module, GatedBlock) and module.skipping]
    for module in skipping:
        module.skipping = False
    try:
        yield
    finally:
        for module in skipping:
            module.skipping = True


def set_skipping(model: nn.Module, skipping: bool) -> None:
    """Choose real skipping (``True``) or the masked reference (``False``) for inference."""
    for module in model.modules():
        if isinstance(module, GatedBlock):
            module.skipping = skipping


def _check_group(group: int, channels: int, least: float, *, one_gate: bool) -> None:
    """Refuse groups that do not divide the channels, that scale, or that a second C-Net would tear apart."""
    if group == 1:
        return
    if channels % group:
        raise ConfigError(f"channel_group = {group}: does not divide the {channels} channels of a block")
    if least < 1.0 or not one_gate:
        raise ConfigError(
            f"channel_group = {group}: needs channel_gates, least_score: 1 (groups are bits) and no per_convolution"
        )


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Fold a batch norm into its convolution's kept output channels; return weight and bias."""
    mean, variance = norm.get_buffer("running_mean")[kept], norm.get_buffer("running_var")[kept]
    scale = norm.weight[kept] / torch.sqrt(variance + norm.eps)
    weight = conv.weight[kept] * scale[:, None, None, None]
    return weight, norm.bias[kept] - mean * scale
