"""How a network learns: its settings, the one-cycle learning rate, and the optimizers under it."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from networks.models.gates import GatePart, belongs_to
from networks.training.batches import Augmentation
from networks.training.optimizing.look_ahead import LookAhead
from networks.training.optimizing.muon import Muon
from traces import Frozen

_AVERAGES: dict[type[torch.optim.Optimizer], set[str]] = {  # what a step leaves, per parameter
    torch.optim.SGD: {"momentum_buffer"},
    torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq"},
    Muon: {"momentum"},
}
_CropSide = Annotated[int, Field(ge=1)]


class TrainSettings(Frozen):
    """How a network is trained.

    The learning rate rises linearly from a twentieth of ``learning_rate`` over the first ``warmup`` of all
    steps, then falls to zero along a cosine: one cycle, after L. Smith, N. Topin, "Super-Convergence", 2018.

    Choice: the first ``crop_share`` of the epochs may see random squares of ``crop`` pixels instead of whole
    images.  24 of 32 pixels cost 0.56 of the MACs, and the last epochs, at falling rates, see whole images again.
    With several sides, the epochs are shared out among them in order: small squares first, as progressive resizing
    has it (J. Howard, fast.ai at DAWNBench, 2018), but cut out instead of scaled down.

    ``muon``: peak rate at which :class:`~networks.training.optimizing.muon.Muon` trains convolutions; SGD has the rest.
    ``adam``: peak rate at which AdamW trains what SGD would: transformers.
    ``gate_fan_in``: Choice.  Adam moves every weight of a gate by its rate, so that a score of 256 inputs moves 16
    times as far as its bias does.  On wide networks every channel then closes for some inputs, and none always or
    never.
    ``look_ahead``: see :class:`~networks.training.optimizing.look_ahead.LookAhead`.
    ``alternating_flip``: see :class:`~networks.training.batches.Augmentation`.
    """

    epochs: int = Field(ge=1)
    batch_size: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=0.2, gt=0)  # peak
    warmup: float = Field(default=0.2, ge=0, lt=1)  # share of all steps
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)  # of convolution and classifier weights only
    gate_learning_rate: float = Field(default=2e-3, gt=0)  # peak, of gate parameters, which Adam trains
    gate_fan_in: bool = False  # gates' weights move at their rate over the root of their inputs
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    muon: float | None = Field(default=None, gt=0)  # peak rate
    adam: float | None = Field(default=None, gt=0)  # peak rate
    look_ahead: bool = False
    alternating_flip: bool = False
    crop: _CropSide | tuple[_CropSide, ...] | None = None  # pixels; several: one after the other
    crop_share: float = Field(default=0.6, ge=0, le=1)  # of the epochs; without effect where crop is None
    cutout: int | None = Field(default=None, ge=1)  # pixels painted grey in every image
    seed: int = Field(default=0, ge=0, lt=2**63)
    bfloat16: bool = True  # autocast: about 1.4 times faster on a CPU with AVX-512 BF16

    def augmentation_of(self, epoch: int) -> Augmentation:
        """Return how an epoch, counted from 1, sees its images: squares first, whole ones then."""
        turn = epoch if self.alternating_flip else None
        return Augmentation(crop=self._side_of(epoch), cutout=self.cutout, turn=turn)

    def _side_of(self, epoch: int) -> int | None:
        small = round(self.crop_share * self.epochs)
        if self.crop is None or epoch > small:
            return None
        sides = (self.crop,) if isinstance(self.crop, int) else self.crop
        return sides[(epoch - 1) * len(sides) // small]


def rate_share(step: int, total: int, warmup: float) -> float:
    """Learning rate of one step of ``total``, as a share of its peak, see :class:`TrainSettings`."""
    warm = warmup * total
    if step < warm:
        return 0.05 + 0.95 * step / warm
    return 0.5 * (1.0 + math.cos(math.pi * (step - warm) / (total - warm)))


class Optimizers:
    """SGD (or AdamW) for the network, perhaps Muon for its convolutions, Adam for its gates, all on one cycle.

    Choice: Adam for gates, as one public re-implementation of LC-Net uses.  A layer gate's score moves a
    whole block's cost and a channel gate's score one channel's, so their gradients differ by the width, which
    SGD would pass on.
    """

    def __init__(self, model: nn.Module, settings: TrainSettings) -> None:
        decayed, plain, gates, filters = [], [], [], []
        for name, parameter in model.named_parameters():
            if belongs_to(model, name, GatePart):
                gates.append(parameter)
            elif settings.muon is not None and parameter.ndim == 4 and parameter.requires_grad:
                filters.append(parameter)
            elif parameter.ndim > 1:
                decayed.append(parameter)
            else:
                plain.append(parameter)
        groups = [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        self._all: list[tuple[torch.optim.Optimizer, float]] = [_for_the_rest(groups, settings)]
        if gates:
            self._all += _for_gates(gates, settings)
        if filters and settings.muon is not None:
            self._all.append((Muon(filters, lr=settings.muon), settings.muon))
        self._look_ahead = LookAhead(model) if settings.look_ahead else None

    def set_rate(self, share: float) -> None:
        """Set the learning rates to this share of their peaks."""
        for optimizer, peak in self._all:
            for group in optimizer.param_groups:
                group["lr"] = peak * share

    def step(self, loss: Tensor, done: float) -> None:
        """Move the parameters against the loss's gradient; ``done``: share of all steps, this one with them."""
        for optimizer, _ in self._all:
            optimizer.zero_grad()
        loss.backward()
        for optimizer, _ in self._all:
            optimizer.step()
        if self._look_ahead is not None:
            self._look_ahead.step(done)

    def state(self) -> list[dict[str, Any]]:
        """Return what :meth:`load` restores."""
        states = [optimizer.state_dict() for optimizer, _ in self._all]
        return states if self._look_ahead is None else [*states, self._look_ahead.state_dict()]

    def load(self, states: list[dict[str, Any]]) -> None:
        """Restore a :meth:`state`, which may come from anywhere; ``ValueError`` if it is none of these optimizers."""
        if self._look_ahead is not None:
            *states, averaged = states
            self._look_ahead.load_state_dict(averaged)
        for (optimizer, _), state in zip(self._all, states, strict=True):
            _restore(optimizer, state)


def _restore(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Restore what an optimizer has averaged; its groups are those of the settings."""
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
    for parameter, kept in optimizer.state.items():
        if set(kept) != _AVERAGES[type(optimizer)]:
            raise ValueError(
                f"{type(optimizer).__name__} keeps {', '.join(sorted(_AVERAGES[type(optimizer)]))}"
            )
        for name, value in kept.items():
            shape = () if name == "step" else parameter.shape
            if value is None and name == "momentum_buffer":
                continue  # SGD's, before its first step or without momentum
            if value is None or (value.shape != shape or not value.isfinite().all()):
                raise ValueError(f"{name} needs {tuple(shape)} finite numbers")
            if name == "step" and value < 0:
                raise ValueError(f"step = {value:g}: must be at least 0")


def _for_gates(
    gates: list[nn.Parameter], settings: TrainSettings
) -> list[tuple[torch.optim.Optimizer, float]]:
    """Return the optimizers of gates and their peak rates; see ``gate_fan_in``."""
    inputs = {gate: gate[0].numel() if gate.ndim > 1 and settings.gate_fan_in else 1 for gate in gates}
    rates = {fan_in: settings.gate_learning_rate * fan_in**-0.5 for fan_in in inputs.values()}
    return [
        (torch.optim.Adam([gate for gate in gates if inputs[gate] == fan_in], lr=rate), rate)
        for fan_in, rate in rates.items()
    ]


def _for_the_rest(
    groups: list[dict[str, Any]], settings: TrainSettings
) -> tuple[torch.optim.Optimizer, float]:
    """Return the optimizer of what neither Muon nor the gates' Adam trains, and its peak rate."""
    if settings.adam is not None:
        return torch.optim.AdamW(groups, lr=settings.adam), settings.adam
    rate, momentum = settings.learning_rate, settings.momentum
    return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=momentum > 0), rate
