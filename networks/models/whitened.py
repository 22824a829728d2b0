"""Wide, shallow networks behind a stem that whitens image patches: static, or with LC-Net's gates.

::

    stem (2x2, fixed) ──► stage1 ──► stage2 ──► stage3 ──► global maximum ──► classifier

    stage:  ──► conv1 ──► pool 2x2 ──► bn, relu (· scores c1) ──┬──► conv2, bn (· score l) ──► + ──► relu (· scores c2)
                                                                └──────────────────────────────┘

The layout is that of K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024 (airbench94): three stages,
patch whitening, batch norms that shift and do not scale, a global maximum.  Its widths are 64, 256, 256.

Choice: ReLU where airbench94 has GELU: an accelerator fuses it, and what a gate closes is zero.
Choice: the second convolution of a stage has a shortcut, as those of airbench96 have, so that an L-Net can skip it.
Choice: C-Nets stand at both convolutions; each reads its own convolution's input, as in FBS (Gao et al., ICLR 2019).
The second one acts behind the sum, so that a closed channel is absent from all that reads the stage, also where the
L-Net skipped the convolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.gates import (
    LEAST_SCORE,
    ExitGate,
    LinearChannelGate,
    LinearLayerGate,
    pooled_features,
)
from networks.models.lcnet import ranks

_PATCH = 2  # pixels: side of the whitened patches, airbench94
_WHITEN_EPS = 5e-4  # added to the eigenvalues; airbench94
_HEAD_SCALE = 1.0 / 9.0  # of the classifier's first weights; airbench94 scales its output by this
_SPREAD = 1.0  # Choice: between the scores of the least and the most important channel, as in LC-Net here


class WhitenedStage(nn.Module):
    """Two 3x3 convolutions, a maximum pool behind the first, a shortcut around the second, and perhaps gates.

    Parameters
    ----------
    in_channels, width
        Channels of its input, and of both convolutions' outputs.
    layer
        Whether an L-Net decides if the second convolution runs.
    channel
        Whether a C-Net stands at each convolution.
    least
        Score of what is kept, at least; 0 is plain ReLU-1.
    """

    def __init__(
        self, in_channels: int, width: int, *, layer: bool, channel: bool, least: float = LEAST_SCORE
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = _shifting_norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = _shifting_norm(width)
        self.cnet1 = LinearChannelGate(in_channels, width, least) if channel else None
        self.lnet = LinearLayerGate(width, least) if layer else None
        self.cnet2 = LinearChannelGate(width, width, least) if channel else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, width, h // 2, w // 2)."""
        first = None if self.cnet1 is None else self.cnet1(pooled_features(x))
        # A norm that does not scale commutes with the maximum, so the pool may stand in front of it and save work.
        x = torch.relu(self.bn1(functional.max_pool2d(self.conv1(x), 2)))
        if first is not None:
            x = x * first[:, :, None, None].to(x.dtype)
        branch = self.bn2(self.conv2(x))
        if self.lnet is None and self.cnet2 is None:
            return torch.relu(x + branch)
        return self._gated(x, branch)

    def _gated(self, x: Tensor, branch: Tensor) -> Tensor:
        """Add a branch to its input under this stage's scores."""
        pooled = pooled_features(x)
        if self.lnet is not None:
            branch = branch * self.lnet(pooled)[:, None, None, None].to(x.dtype)
        out = torch.relu(x + branch)
        if self.cnet2 is not None:
            out = out * self.cnet2(pooled)[:, :, None, None].to(x.dtype)
        return out

    @torch.no_grad()
    def open_gates_by_importance(self) -> None:
        """Set how far each channel's score is from closing by its rank; layers are the last to close."""
        for gate, norm, reader in ((self.cnet1, self.bn1, self.conv2), (self.cnet2, self.bn2, None)):
            if gate is not None:
                gate.fc.linear.bias.add_(ranks(_strength(norm, reader)), alpha=_SPREAD)
        if self.lnet is not None:
            self.lnet.fc.linear.bias.add_(_SPREAD / 2)


class _Staged(nn.Module):
    """Stages one after the other, a global maximum and a classifier."""

    stage_names: list[str]
    classifier: nn.Linear

    def stages(self) -> Iterator[tuple[str, WhitenedStage]]:
        """Yield the stages with their names, in order."""
        for name in self.stage_names:
            stage = self.get_submodule(name)
            assert isinstance(stage, WhitenedStage)  # __init__ made it
            yield name, stage

    def answered(self, x: Tensor) -> Tensor:
        """Map the stem's output (n, c, h, w) to logits (n, classes)."""
        for _, stage in self.stages():
            x = stage(x)
        logits: Tensor = self.classifier(x.amax((2, 3)))
        return logits


class LittleExit(ExitGate, _Staged):
    """A small whitened network behind the stem, as a side exit: if it is sure, the large one does not run.

    Source: E. Park et al., "Big/LITTLE Deep Neural Network for Ultra Low Power Inference", CODES+ISSS 2015.
    Choice: it shares the stem, and nothing else.

    Parameters
    ----------
    in_channels, classes
        Of the stem's output and of the answer.
    widths
        Of its stages.
    """

    def __init__(self, in_channels: int, classes: int, widths: Sequence[int]) -> None:
        nn.Module.__init__(self)  # not the convolutions of an exit
        self.stage_names = []
        channels = in_channels
        for i, width in enumerate(widths, start=1):
            self.stage_names.append(f"stage{i}")
            self.add_module(self.stage_names[-1], WhitenedStage(channels, width, layer=False, channel=False))
            channels = width
        self.classifier = nn.Linear(channels, classes, bias=False)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map the stem's output (n, in_channels, h, w) to logits (n, classes)."""
        return self.answered(x)


class WhitenedNet(_Staged):
    """A network of stages behind a whitening stem.

    Parameters
    ----------
    widths
        Of the stages.
    in_channels, classes
        Of the images and of the answer.
    layer_gates, channel_gates
        Which gates every stage has.
    least_score
        Of what is kept; 0 is plain ReLU-1.
    little
        Widths of a small network that may answer first, if there is one.
    whitening
        Whether the stem's weights are fixed, set by :meth:`whiten` or a checkpoint; without it they are learnt.
    """

    def __init__(  # noqa: PLR0913  # a network's layout takes these eight, all but one with defaults
        self,
        widths: tuple[int, ...],
        *,
        in_channels: int = 3,
        classes: int = 10,
        layer_gates: bool = False,
        channel_gates: bool = False,
        least_score: float = LEAST_SCORE,
        little: tuple[int, ...] = (),
        whitening: bool = True,
    ) -> None:
        super().__init__()
        self.whitening = whitening
        self.stem = nn.Conv2d(in_channels, 2 * in_channels * _PATCH**2, _PATCH)
        self.stem.weight.requires_grad_(not whitening)
        channels = self.stem.out_channels
        self.little = LittleExit(channels, classes, little) if little else None
        self.stage_names = [f"stage{i}" for i in range(1, len(widths) + 1)]
        for name, width in zip(self.stage_names, widths, strict=True):
            made = WhitenedStage(channels, width, layer=layer_gates, channel=channel_gates, least=least_score)
            self.add_module(name, made)
            channels = width
        self.classifier = nn.Linear(channels, classes, bias=False)
        _initialise(self)
        nn.init.zeros_(self.stem.get_parameter("bias"))

    @torch.no_grad()
    def whiten(self, images: Tensor) -> None:
        """Set the stem's filters to the scaled eigenvectors of patches of images (n, c, h, w), and their negatives."""
        patches = functional.unfold(images, _PATCH).transpose(1, 2).flatten(0, 1).double()
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / torch.sqrt(values + _WHITEN_EPS)).T.reshape(-1, images.shape[1], _PATCH, _PATCH)
        self.stem.weight.copy_(torch.cat((filters, -filters)))

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, h, w) to logits (n, classes)."""
        x = torch.relu(self.stem(x))
        if self.little is not None:
            self.little(x)  # its answer is for those who watch
        return self.answered(x)

    @torch.no_grad()
    def open_gates_by_importance(self) -> None:
        """Start channels as far from closing as they are important; layers close last."""
        for _, stage in self.stages():
            stage.open_gates_by_importance()


def _shifting_norm(width: int) -> nn.BatchNorm2d:
    """Return a batch norm whose scale stays 1; airbench94."""
    norm = nn.BatchNorm2d(width)
    norm.weight.requires_grad_(False)
    return norm


def _strength(norm: nn.BatchNorm2d, reader: nn.Conv2d | None) -> Tensor:
    """Return how much each channel matters: its size behind the ReLU, times the weights that read it, if known."""
    shift = norm.bias.detach()
    density = torch.exp(-0.5 * shift**2) / (2.0 * torch.pi) ** 0.5
    size = ((shift**2 + 1.0) * torch.special.ndtr(shift) + shift * density).sqrt()
    strength: Tensor = size if reader is None else size * reader.weight.detach().flatten(2).norm(dim=(0, 2))
    return strength


def _initialise(model: _Staged) -> None:
    """Start convolutions as partial identities and the classifier small, as airbench94 does."""
    for _, stage in model.stages():
        for conv in (stage.conv1, stage.conv2):
            nn.init.kaiming_uniform_(conv.weight, a=5**0.5)  # torch's own
            same = min(conv.in_channels, conv.out_channels)
            nn.init.dirac_(conv.weight.data[:same])
    model.classifier.weight.data.mul_(_HEAD_SCALE)
