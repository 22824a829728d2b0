"""Gate modules: the parts of a network that decide per input what runs.

A gate is an ``nn.Module`` whose output says what it decided, so that cost terms and the recorder read it with
forward hooks, in our networks and in anyone's:

===================  ==============================  =====================================
module               output                          decision
===================  ==============================  =====================================
:class:`LayerGate`   scores (n,), float              run where the score is above 0
:class:`ChannelGate` scores (n, channels), float     keep channels whose score is above 0
:class:`PartGate`    bits (n, parts), float          compute tiles, or keep tokens, whose bit is above 0
:class:`ExitGate`    logits (n, classes), float      confidence is the largest softmax
===================  ==============================  =====================================

The name of a gate is its path in the model (``block3.lnet``); the graph's gate carries the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

LEAST_SCORE = 0.5  # Choice: of what is kept, unless a network says otherwise; see kept_scores
OPEN_BIAS = 1.0  # FBS starts its gates like this: Gao et al., ICLR 2019, public code
_SLACK = 1.0  # Choice: how far past 0 and 1 a score may go and still learn; see kept_scores
SCORE_DEVIATION = 0.1  # Choice: between inputs, at the start


class AddedPart(nn.Module):
    """What a dynamic network has besides its backbone: gates and side exits."""


class GatePart(AddedPart):
    """Whatever takes part in a decision; its parameters are trained at the gates' learning rate."""


class LayerGate(GatePart):
    """Decides whether a block runs: one score per input."""


class ChannelGate(GatePart):
    """Decides which channels of a block are computed: one score per input and channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels


class PartGate(GatePart):
    """Decides which parts of what it guards are computed, tiles of an image or tokens: one bit per input and part."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts


class _PooledLinear(nn.Module):
    """Standardised pooled features through one linear layer, in float32.

    Choice: features are standardised by a batch norm without weights before the linear layer.  Pooled
    features differ little between inputs compared to their mean, and gates learn to tell inputs apart sooner
    this way.  At inference the norm folds into the linear layer, so that a gate is the one layer the
    re-implementations have.
    Choice: initialised so that scores start near 1 and differ little: a trained backbone starts
    almost unharmed.  Larger deviations learnt worse (1, then 0.3): channels that close for a random half of the
    inputs act like dropout, and a small network has no capacity for that.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(in_channels, affine=False)
        self.linear = nn.Linear(in_channels, out_channels)
        nn.init.normal_(self.linear.weight, std=SCORE_DEVIATION * in_channels**-0.5)
        nn.init.constant_(self.linear.bias, OPEN_BIAS)

    def forward(self, pooled: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            out: Tensor = self.linear(self.norm(pooled.float()))
        return out


class LinearLayerGate(LayerGate):
    """LC-Net's L-Net: pooled block input -> one linear unit -> ReLU-1, with a step to ``least``."""

    def __init__(self, in_channels: int, least: float = LEAST_SCORE) -> None:
        super().__init__()
        self.fc = _PooledLinear(in_channels, 1)
        self.least = least

    def forward(self, pooled: Tensor) -> Tensor:
        """Map the pooled block input (n, in_channels) to scores (n,), 0 or in [least, 1]."""
        return kept_scores(self.fc(pooled), self.least).squeeze(1)


class LinearChannelGate(ChannelGate):
    """LC-Net's C-Net: pooled block input -> one linear unit per channel -> ReLU-1, with a step to ``least``.

    With ``group``, one unit decides about so many neighbouring channels.
    """

    def __init__(self, in_channels: int, channels: int, least: float = LEAST_SCORE, group: int = 1) -> None:
        super().__init__(channels)
        self.fc = _PooledLinear(in_channels, channels // group)
        self.least = least
        self.group = group

    def forward(self, pooled: Tensor) -> Tensor:
        """Map the pooled block input (n, in_channels) to scores (n, channels), 0 or in [least, 1]."""
        scores = kept_scores(self.fc(pooled), self.least)
        return scores if self.group == 1 else scores.repeat_interleave(self.group, 1)


class ExitGate(AddedPart):
    """A side exit, whose confidence may end the inference: convolutions, a pool and a linear layer.

    Choice: a strided 3x3 convolution stands for every stage that the exit leaves out.  With one narrow convolution at
    most, early exits answered half as often right as the last: pooled early features tell little of what is seen.

    Parameters
    ----------
    in_channels, classes
        Of the features it reads and of the answer.
    widths
        Output channels of its convolutions, which halve the image each.
    """

    def __init__(self, in_channels: int, classes: int, widths: Sequence[int] = ()) -> None:
        super().__init__()
        channels = (in_channels, *widths)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (n, in_channels, h, w) to logits (n, classes)."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def pooled_features(x: Tensor) -> Tensor:
    """Average each channel of (n, channels, h, w) over the image: what a gate looks at, (n, channels).

    Written over the channels-last view: the gradient of ``x.mean((2, 3))`` has another memory order than the
    image, and adding the two took a tenth of a training step.
    """
    return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)


def kept_scores(x: Tensor, least: float = LEAST_SCORE) -> Tensor:
    """ReLU-1 with a step: 0 where ``x`` is not above 0, else from ``least`` rising to 1 at ``x = 1``.

    With ``least = 0`` it is plain ReLU-1, as the re-implementations of LC-Net have it.

    Choice: the step.  With plain ReLU-1, ``min(max(x, 0), 1)``, the pull towards fewer MACs shrank all open scores
    together, to 0.01-0.1, because the batch norm behind the scaled tensor hides a common factor: everything was
    still computed, next to nothing of it was used.  With the step, less cost means gates that close.

    Choice: the gradient is 1 from -1 to 2, and beyond it is passed on where it leads back.  The plain clip has none
    beyond 0 and 1, and a gate that closes (or saturates) for every input could never change again.  Passing on only
    what leads back right from 0 and 1 was worse: gradients differ between inputs, half of the noise got through,
    and scores were driven to the edge, where they switch at random; no channel was always kept.
    """
    with torch.autocast("cpu", enabled=False):
        clipped: Tensor = _SteppedClip.apply(x.float(), least)  # type: ignore[no-untyped-call]  # torch's own
    return clipped


class _SteppedClip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, least: float) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x > 0.0, least + (1.0 - least) * x.clamp(0.0, 1.0), 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        leads_back = ((x < 0.5) & (gradient < 0.0)) | ((x > 0.5) & (gradient > 0.0))
        return gradient * (((x > -_SLACK) & (x < 1.0 + _SLACK)) | leads_back), None


class OutputWatch:
    """Collects the outputs of modules during forward passes, by the names given to them.

    Use as a context manager; its hooks go when it ends.  A module that the pass did not call has no output.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.outputs: dict[str, Tensor] = {}
        self._modules = dict(modules)
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> OutputWatch:
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._keeper(name)))
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _keeper(self, name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(module: nn.Module, args: Any, output: Tensor) -> None:
            self.outputs[name] = output

        return keep


def named_gates(model: nn.Module) -> Iterator[tuple[str, LayerGate | ChannelGate | PartGate]]:
    """Yield the gates of a model that decide what is computed, with their names, in module order."""
    for name, module in model.named_modules():
        if isinstance(module, LayerGate | ChannelGate | PartGate):
            yield name, module


def belongs_to(model: nn.Module, tensor_name: str, kind: type[nn.Module]) -> bool:
    """Tell whether a parameter or buffer lies in a part of ``model`` of this kind."""
    path = tensor_name.split(".")
    return any(isinstance(model.get_submodule(".".join(path[:i])), kind) for i in range(1, len(path)))
