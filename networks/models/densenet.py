"""DenseNets, static or with DDI's layer gates, channel gates and exits.

::

    stem ─► [dense block] ─┬─► transition1 ─► [dense block] ─┬─► transition2 ─► [dense block] ─► classifier
                           └─► exit1                         └─► exit2

In a dense block, layer k reads the concatenation of the block's input and of all layers before it, and adds
``growth`` channels.  A skipped layer adds none: its channels are absent from every later concatenation.  A layer is one
3x3 convolution, or with bottlenecks a 1x1 convolution of ``4 * growth`` channels and a 3x3 one.

Source: G. Huang et al., "Densely Connected Convolutional Networks", CVPR 2017; that DDI extends to DenseNet stands in
its abstract.
Choice: a channel gate decides the bottleneck's channels, as it does the inner channels of a residual block; without a
bottleneck, the channels that the layer adds, which the layers behind it then do without.
Choice: batch norm and ReLU stand behind each convolution, not before it.  A skipped layer's channels are then
zero wherever they are read, and a convolution can leave them out; before it, they would be a constant.
Choice: a dense block's first layer always runs, as a ResNet's first block does.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.ddi import OPEN_SPREAD, GateController, LogitChannelGate, LogitLayerGate, LstmState
from networks.models.gates import ExitGate
from networks.models.lcnet import ranks

_BOTTLENECK = 4  # channels of a 1x1 convolution over the growth: DenseNet's section 3


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


class BottleneckUnit(nn.Module):
    """A 1x1 and a 3x3 convolution, each with batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.reduce = ConvUnit(in_channels, _BOTTLENECK * out_channels, 1)
        self.grow = ConvUnit(_BOTTLENECK * out_channels, out_channels, 3)

    def forward(self, x: Tensor, scores: Tensor | None = None) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h, w); ``scores`` (n, inner) keep inner channels."""
        inner = _kept(self.reduce(x), scores)
        grown: Tensor = self.grow(inner)
        return grown


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
    channel_gates
        Whether the gate LSTM decides about channels too: what DDI calls multi-grained learning to skip.
    bottleneck
        Whether a 1x1 convolution stands before every 3x3 one.

    Notes
    -----
    The stem has ``2 * growth`` channels and transitions halve channels and image, as in the paper.  Layer k
    of block b is the attribute ``dense{b}_{k}``.
    """

    def __init__(  # noqa: PLR0913  # a network's layout takes these eight, all but two with defaults
        self,
        layers: tuple[int, ...],
        growth: int,
        *,
        in_channels: int = 3,
        classes: int = 10,
        gated: bool = False,
        exits: bool = False,
        channel_gates: bool = False,
        bottleneck: bool = False,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.growth = growth
        self.stem = ConvUnit(in_channels, 2 * growth, 3)
        channels, inputs = 2 * growth, []
        inner = _BOTTLENECK * growth if bottleneck else growth
        for b, count in enumerate(layers, start=1):
            for k in range(1, count + 1):
                layer = BottleneckUnit(channels, growth) if bottleneck else ConvUnit(channels, growth, 3)
                self.add_module(f"dense{b}_{k}", layer)
                if gated and k > 1:
                    self.add_module(f"gate{b}_{k}", LogitLayerGate())
                    if channel_gates:
                        self.add_module(f"channels{b}_{k}", LogitChannelGate(inner))
                    inputs.append(channels)
                channels += growth
            if b < len(layers):
                if exits:
                    widths = [growth << i for i in range(len(layers) - b)]
                    self.add_module(f"exit{b}", ExitGate(channels, classes, widths))
                self.add_module(f"transition{b}", ConvUnit(channels, channels // 2, 1))
                channels //= 2
        heads = [inner] * len(inputs) if channel_gates else []
        self.controller = GateController(inputs, heads) if gated else None
        self.has_exits = exits
        self.classifier = nn.Linear(channels, classes)

    def unit(self, name: str) -> ConvUnit:
        """Return the convolution unit called ``name``."""
        unit = self.get_submodule(name)
        assert isinstance(unit, ConvUnit)  # __init__ made it
        return unit

    def layer(self, name: str) -> ConvUnit | BottleneckUnit:
        """Return the layer called ``name``."""
        layer = self.get_submodule(name)
        assert isinstance(layer, ConvUnit | BottleneckUnit)  # __init__ made it
        return layer

    @torch.no_grad()
    def open_gates_by_importance(self) -> None:
        """Start channels as far from closing as their norms let them through; as DDI's ResNets do."""
        if self.controller is None or not self.controller.channel_heads:
            return
        names = [
            name for block in range(1, len(self.layers) + 1) for name, gate in self.places(block) if gate
        ]
        for name, head in zip(names, self.controller.channel_heads, strict=True):
            layer = self.layer(name)
            norm = layer.bn if isinstance(layer, ConvUnit) else layer.reduce.bn
            assert isinstance(head, nn.Linear)  # the controller's
            head.bias.add_(ranks(norm.weight.abs() + norm.bias), alpha=OPEN_SPREAD)

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
            return torch.cat((x, self.layer(name)(x)), 1), state
        assert self.controller is not None  # there are gates
        assert state is not None  # as above
        logits, state = self.controller.step(unit, x, state)
        runs = self.get_submodule(gate)(logits)
        scores = None
        if self.controller.channel_heads:
            scores = self.get_submodule(f"channels{gate[4:]}")(self.controller.channel_logits(unit, state))
        layer = self.layer(name)
        grown = layer(x, scores) if isinstance(layer, BottleneckUnit) else _kept(layer(x), scores)
        return torch.cat((x, grown * runs[:, None, None, None].to(grown.dtype)), 1), state


def _kept(x: Tensor, scores: Tensor | None) -> Tensor:
    """Return (n, channels, h, w) times scores (n, channels), if there are any."""
    return x if scores is None else x * scores[:, :, None, None].to(x.dtype)
