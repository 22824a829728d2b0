"""DenseNets, static or with DDI's layer gates and exits.

::

    stem ─► [dense block] ─┬─► transition1 ─► [dense block] ─┬─► transition2 ─► [dense block] ─► classifier
                           └─► exit1                         └─► exit2

In a dense block, layer k reads the concatenation of the block's input and of all layers before it, and adds
``growth`` channels.  A skipped layer adds none: its channels are absent from every later concatenation.

Source: G. Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, without bottlenecks; that DDI
extends to DenseNet stands in its abstract.
Choice: batch norm and ReLU stand behind each convolution, not before it.  A skipped layer's channels are then
zero wherever they are read, and a convolution can leave them out; before it, they would be a constant.
Choice: a dense block's first layer always runs, as a ResNet's first block does.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.ddi import GateController, LogitLayerGate, LstmState
from networks.models.gates import ExitGate


class ConvUnit(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h, w)."""
        return torch.relu(self.bn(self.conv(x)))


class DenseNet(nn.Module):
    """A DenseNet for small images.

    Parameters
    ----------
    layers
        Layers of each dense block.
    growth
        Channels that each layer adds.
    in_channels, classes
        Of the images and of the answer.
    gated
        Whether layers are skipped per input by DDI's gate LSTM.
    exits
        Whether a side exit sits behind every dense block but the last.

    Notes
    -----
    The stem has ``2 * growth`` channels and transitions halve channels and image, as in the paper.  Layer k
    of block b is the attribute ``dense{b}_{k}``.
    """

    def __init__(  # noqa: PLR0913  # a network's layout takes these six, all but two with defaults
        self,
        layers: tuple[int, ...],
        growth: int,
        *,
        in_channels: int = 3,
        classes: int = 10,
        gated: bool = False,
        exits: bool = False,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.growth = growth
        self.stem = ConvUnit(in_channels, 2 * growth, 3)
        channels, inputs = 2 * growth, []
        for b, count in enumerate(layers, start=1):
            for k in range(1, count + 1):
                self.add_module(f"dense{b}_{k}", ConvUnit(channels, growth, 3))
                if gated and k > 1:
                    self.add_module(f"gate{b}_{k}", LogitLayerGate())
                    inputs.append(channels)
                channels += growth
            if b < len(layers):
                if exits:
                    widths = [growth << i for i in range(len(layers) - b)]
                    self.add_module(f"exit{b}", ExitGate(channels, classes, widths))
                self.add_module(f"transition{b}", ConvUnit(channels, channels // 2, 1))
                channels //= 2
        self.controller = GateController(inputs, []) if gated else None
        self.has_exits = exits
        self.classifier = nn.Linear(channels, classes)

    def unit(self, name: str) -> ConvUnit:
        """Return the convolution unit called ``name``."""
        unit = self.get_submodule(name)
        assert isinstance(unit, ConvUnit)  # __init__ made it
        return unit

    def places(self, block: int) -> Iterator[tuple[str, str]]:
        """Yield the layers of a dense block, counted from 1, and the name of each one's gate, "" for none."""
        for k in range(1, self.layers[block - 1] + 1):
            gated = self.controller is not None and k > 1
            yield f"dense{block}_{k}", f"gate{block}_{k}" if gated else ""

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, h, w) to the last exit's logits (n, classes)."""
        x = self.stem(x)
        state = None if self.controller is None else self.controller.start(len(x))
        unit = 0
        for block in range(1, len(self.layers) + 1):
            for name, gate in self.places(block):
                x, state = self._layer(name, gate, unit, x, state)
                unit += bool(gate)
            if block < len(self.layers):
                if self.has_exits:
                    self.get_submodule(f"exit{block}")(x)
                x = functional.avg_pool2d(self.unit(f"transition{block}")(x), 2)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits

    def _layer(
        self, name: str, gate: str, unit: int, x: Tensor, state: LstmState | None
    ) -> tuple[Tensor, LstmState | None]:
        """Return ``x`` with the layer's channels behind it, zero where it is skipped."""
        if not gate:
            return torch.cat((x, self.unit(name)(x)), 1), state
        assert self.controller is not None  # there are gates
        assert state is not None  # as above
        logits, state = self.controller.step(unit, x, state)
        runs = self.get_submodule(gate)(logits)
        grown = self.unit(name)(x)
        return torch.cat((x, grown * runs[:, None, None, None].to(grown.dtype)), 1), state
