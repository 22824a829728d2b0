"""DDI: layers and channels skipped under one shared gate LSTM, and exits at several depths.

::

    x ─► pool ─► embed (own) ─► LSTM (shared, state kept from block to block) ─┬─► layer head (shared) ─► run?
                                                                              └─► channel head (own) ─► which?
    block1 ─► block2 ─► block3 ─┬─► block4 ─► ... ─► classifier, the last exit
                                └─► exit1: (conv, bn, relu) ..., pool, linear

Source: Y. Wang, J. Shen et al., "Dual Dynamic Inference: Enabling More Efficient, Adaptive and Controllable
Deep Inference", IEEE JSTSP 14(4), 2020.  Only its abstract was reachable; the gate is that of SkipNet
(X. Wang et al., ECCV 2018), whose fork DDI grew from: a 10-wide LSTM on pooled features, hard decisions at
probability 0.5 with the gradient of the probability.  The first block always runs.

Choice: the channel head of a block is a linear layer of its own, hidden state -> one logit per inner channel.
Choice: an exit has a strided 3x3 convolution for every stage it leaves out, half as wide: 1-2 % of a ResNet-20.
Choice: pooled features are standardised as LC-Net's are here; at inference that folds into the embedding.
Choice: the LSTM reads a block's input, which is the output of the block before it, as SkipNet's code does.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

import torch
from torch import Tensor, nn

from networks.models.gates import ChannelGate, ExitGate, GatePart, LayerGate, pooled_features
from networks.models.lcnet import GatedBlock, ranks
from networks.models.resnet import CIFAR_WIDTHS, BasicBlock, ResNet

HIDDEN = 10  # SkipNet's embedding and LSTM width, public code
_OPEN_BIAS = 2.0  # Choice: sigmoid(2) = 0.88, so that everything runs at first
OPEN_SPREAD = 2.0  # Choice: between the logits of the least and the most important channel, at the start

LstmState = tuple[Tensor, Tensor]  # hidden and cell, (n, HIDDEN) each


class LogitLayerGate(LayerGate):
    """Turns one logit per input into run (1) or skip (0)."""

    def forward(self, logits: Tensor) -> Tensor:
        """Map logits (n,) to decisions (n,), 0 or 1, with the gradient of their probabilities."""
        return hard_decision(logits)


class LogitChannelGate(ChannelGate):
    """Turns one logit per input and channel into keep (1) or skip (0)."""

    def forward(self, logits: Tensor) -> Tensor:
        """Map logits (n, channels) to decisions, 0 or 1, with the gradient of their probabilities."""
        return hard_decision(logits)


def hard_decision(logits: Tensor) -> Tensor:
    """Return 1 where the probability is above 0.5, else 0; the gradient is the probability's."""
    soft = torch.sigmoid(logits.float())
    return (logits > 0).float() + (soft - soft.detach())  # the sum in brackets is exactly 0


class GateController(GatePart):
    """The gate LSTM shared by all units of a network, with its heads.

    Parameters
    ----------
    inputs
        Channels of each unit's input.
    inner
        Inner channels of each unit, one channel head each; empty for layer skipping alone.
    """

    def __init__(self, inputs: list[int], inner: list[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels, affine=False) for channels in inputs)
        self.embeds = nn.ModuleList(nn.Linear(channels, HIDDEN) for channels in inputs)
        self.lstm = nn.LSTMCell(HIDDEN, HIDDEN)
        self.layer_head = nn.Linear(HIDDEN, 1)
        self.channel_heads = nn.ModuleList(nn.Linear(HIDDEN, channels) for channels in inner)
        for head in (self.layer_head, *self.channel_heads):
            nn.init.constant_(head.bias, _OPEN_BIAS)

    def start(self, n: int) -> LstmState:
        """Return the state before the first unit: zero, for every input anew."""
        return torch.zeros(n, HIDDEN), torch.zeros(n, HIDDEN)

    def step(self, unit: int, x: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """Feed a unit's input (n, c, h, w); return its layer logits (n,) and the new state."""
        with torch.autocast("cpu", enabled=False):
            pooled = self.norms[unit](pooled_features(x).float())
            state = self.lstm(self.embeds[unit](pooled), state)
            logits: Tensor = self.layer_head(state[0]).squeeze(1)
        return logits, state

    def channel_logits(self, unit: int, state: LstmState) -> Tensor:
        """Return a unit's channel logits (n, inner)."""
        with torch.autocast("cpu", enabled=False):
            logits: Tensor = self.channel_heads[unit](state[0])
        return logits


class DDIBlock(GatedBlock, BasicBlock):
    """A residual block whose decisions come from the shared controller."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__(in_channels, width, stride)
        self.layer_gate = LogitLayerGate()
        self.channel_gate = LogitChannelGate(width)


class DDIResNet(ResNet):
    """A CIFAR ResNet with DDI's gates on every block but the first, and exits behind some blocks.

    Parameters
    ----------
    blocks, widths, in_channels, classes
        As of :class:`~networks.models.resnet.ResNet`.
    exits
        Blocks, counted from 1, behind which a side exit sits.
    channel_gates
        Whether channels are skipped too, or layers alone.
    layer_gates
        Without them nothing is skipped and there is no controller: a network of exits, as BranchyNet is.
    """

    def __init__(  # noqa: PLR0913  # a network's layout takes these six, all but one with defaults
        self,
        blocks: tuple[int, ...],
        widths: tuple[int, ...] = CIFAR_WIDTHS,
        *,
        in_channels: int = 3,
        classes: int = 10,
        exits: tuple[int, ...] = (),
        channel_gates: bool = True,
        layer_gates: bool = True,
    ) -> None:
        super().__init__(blocks, widths, in_channels=in_channels, classes=classes, block=DDIBlock)
        made = [block for _, block in self.blocks()]
        inputs = [block.out_channels for block in made[:-1]]
        inner = [block.inner_channels for block in made[1:]] if channel_gates else []
        self.controller = GateController(inputs, inner) if layer_gates else None
        self.exit_after = {made_at: f"exit{i}" for i, made_at in enumerate(exits, start=1)}
        for made_at, name in self.exit_after.items():
            stage = bisect_left(list(accumulate(blocks)), made_at)
            narrow = [-(-width // 2) for width in widths[stage + 1 :]]
            self.add_module(name, ExitGate(made[made_at - 1].out_channels, classes, narrow))
        for i, block in enumerate(made):
            assert isinstance(block, DDIBlock)  # the factory above
            if i == 0 or not layer_gates:
                del block.layer_gate  # it always runs
            if i == 0 or not layer_gates or not channel_gates:
                del block.channel_gate

    @torch.no_grad()
    def open_gates_by_importance(self) -> None:
        """Start channels as far from closing as they are important, layers as the last to close; as LC-Net's do."""
        if self.controller is None:
            return
        gated = [block for _, block in self.blocks()][1:]
        for block, head in zip(gated, self.controller.channel_heads, strict=False):  # no heads, nothing to do
            assert isinstance(block, DDIBlock)  # __init__ made it
            assert isinstance(head, nn.Linear)  # likewise
            head.bias.add_(ranks(block.channel_importance()), alpha=OPEN_SPREAD)
        self.controller.layer_head.bias.add_(OPEN_SPREAD / 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, h, w) to the last exit's logits (n, classes)."""
        x = self.features(x)
        state = None if self.controller is None else self.controller.start(len(x))
        for i, (_, block) in enumerate(self.blocks()):
            assert isinstance(block, DDIBlock)  # __init__ made it
            if i == 0 or self.controller is None or state is None:
                x = block.run(x, None, None)
            else:
                x, state = _gated(self.controller, i - 1, block, x, state)
            if i + 1 in self.exit_after:
                self.get_submodule(self.exit_after[i + 1])(x)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def _gated(
    controller: GateController, unit: int, block: DDIBlock, x: Tensor, state: LstmState
) -> tuple[Tensor, LstmState]:
    logits, state = controller.step(unit, x, state)
    layer = block.layer_gate(logits)
    channel = None
    if controller.channel_heads:
        channel = block.channel_gate(controller.channel_logits(unit, state))
    return block.run(x, layer, channel), state
