"""The graph of a DenseNet: each layer reads a ``concat`` of all that came before it in its dense block."""

from __future__ import annotations

from networks.models.ddi import LogitChannelGate
from networks.models.ddi_graph import (
    add_channel_head,
    add_controller,
    add_exit,
    add_exit_gate,
    channel_ops,
    controller_ops,
)
from networks.models.densenet import BottleneckUnit, DenseNet
from networks.models.graph_ops import add_conv, add_linear, start_graph
from traces import Gate, GraphBuilder, NetworkGraph, Tensor, Window


def densenet_graph(model: DenseNet, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x = add_conv(builder, "stem", model.stem.conv, image, "relu")
    unit, exits = 0, []
    for block in range(1, len(model.layers) + 1):
        x, unit = _dense_block(builder, model, block, x, unit)
        if block < len(model.layers):
            if model.has_exits:
                exits.append(add_exit(builder, model, f"exit{block}", x))
            x = add_conv(builder, f"transition{block}", model.unit(f"transition{block}").conv, x, "relu")
            x = builder.pool("avg_pool", f"transition{block}.pool", x, Window.square(2, stride=2, same=False))
    answer = add_linear(builder, "classifier", model.classifier, builder.global_pool("pool", x))
    add_exit_gate(builder, [*exits, answer.name])
    return builder.finish()


def _dense_block(
    builder: GraphBuilder, model: DenseNet, block: int, x: Tensor, unit: int
) -> tuple[Tensor, int]:
    """Add one dense block; return its output and the next gated layer's number."""
    parts = [x]
    for name, gate in model.places(block):
        joined = parts[0] if len(parts) == 1 else builder.concat(f"{name}.concat", tuple(parts))
        told = None
        if gate and model.controller is not None:
            told = model.controller, add_controller(builder, name, model.controller, unit, joined)
        mark = len(builder.ops)
        if told is not None:
            controller, hidden = told
            add_channel_head(builder, name, controller, unit, hidden)
            unit += 1
        parts.append(_layer(builder, model, name, joined))
        if gate:
            _gates(builder, model, name, gate, joined, builder.names_since(mark))
    return builder.concat(f"block{block}.concat", tuple(parts)), unit


def _layer(builder: GraphBuilder, model: DenseNet, name: str, x: Tensor) -> Tensor:
    """Add a dense layer: one convolution, or with a bottleneck two."""
    layer = model.layer(name)
    if isinstance(layer, BottleneckUnit):
        x = add_conv(builder, f"{name}.reduce", layer.reduce.conv, x, "relu")
        return add_conv(builder, name, layer.grow.conv, x, "relu")
    return add_conv(builder, name, layer.conv, x, "relu")


def _gates(  # noqa: PLR0913, PLR0917  # a layer, its gate, and what that reads and guards
    builder: GraphBuilder, model: DenseNet, name: str, gate: str, x: Tensor, guards: tuple[str, ...]
) -> None:
    builder.gate(Gate(name=gate, kind="layer", reads=x.name, computed_by=controller_ops(name), guards=guards))
    channels = f"channels{gate.removeprefix('gate')}"
    found = dict(model.named_modules()).get(channels)
    if isinstance(found, LogitChannelGate):
        narrow = isinstance(model.layer(name), BottleneckUnit)
        builder.gate(
            Gate(
                name=channels,
                kind="channel",
                size=found.channels,
                reads=x.name,
                computed_by=channel_ops(name),
                guards=(f"{name}.reduce" if narrow else name,),
            )
        )
