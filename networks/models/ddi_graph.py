"""The graph of DDI's networks: a gate LSTM that runs all the way, and exits that end it early.

A gated block, in program order (``b`` stands for ``block3``, say)::

    b.pool, b.embed, b.lstm, b.layer_head, b.layer_threshold      always run
    b.channel_head, b.channel_threshold                           only if the block runs
    b.conv1 (relu), b.conv2, b.shortcut, b.add (relu)             as in LC-Net; nothing is scaled
"""

from __future__ import annotations

from torch import nn

from networks.models.ddi import DDIResNet, GateController
from networks.models.gates import ExitGate
from networks.models.graph_ops import add_conv, add_linear, add_lstm_cell, start_graph
from networks.models.resnet import ResidualBlock
from networks.models.resnet_graph import branch, gated_conv_name, shortcut, stem
from traces import Gate, GraphBuilder, NetworkGraph, Tensor


def ddi_resnet_graph(model: DDIResNet, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x = stem(builder, model, image)
    exits = []
    for i, (block_name, block) in enumerate(model.blocks()):
        if i == 0 or model.controller is None:
            y = branch(builder, block_name, block, x, None)
            identity = shortcut(builder, block_name, block, x)
            x = builder.elementwise("add", f"{block_name}.add", (y, identity), "relu")
        else:
            x = _gated_block(builder, block_name, block, x, model.controller, i - 1)
        if i + 1 in model.exit_after:
            exits.append(add_exit(builder, model, model.exit_after[i + 1], x))
    answer = add_linear(builder, "classifier", model.classifier, builder.global_pool("pool", x))
    add_exit_gate(builder, [*exits, answer.name])
    return builder.finish()


def add_controller(
    builder: GraphBuilder, name: str, controller: GateController, unit: int, x: Tensor
) -> Tensor:
    """Add one step of the gate LSTM and its layer decision; return the LSTM's output."""
    pooled = builder.global_pool(f"{name}.pool", x)
    embed = controller.embeds[unit]
    assert isinstance(embed, nn.Linear)  # the controller's layout
    embedded = add_linear(builder, f"{name}.embed", embed, pooled)
    hidden = add_lstm_cell(builder, f"{name}.lstm", controller.lstm, embedded)
    score = add_linear(builder, f"{name}.layer_head", controller.layer_head, hidden, "sigmoid")
    builder.elementwise("threshold", f"{name}.layer_threshold", (score,))
    return hidden


def controller_ops(name: str) -> tuple[str, ...]:
    """Return the ops that decide whether unit ``name`` runs, in order."""
    return tuple(f"{name}.{part}" for part in ("pool", "embed", "lstm", "layer_head", "layer_threshold"))


def add_channel_head(
    builder: GraphBuilder, name: str, controller: GateController, unit: int, hidden: Tensor
) -> None:
    """Add a unit's channel decision, if the controller makes any."""
    if controller.channel_heads:
        head = controller.channel_heads[unit]
        assert isinstance(head, nn.Linear)  # the controller's layout
        scores = add_linear(builder, f"{name}.channel_head", head, hidden, "sigmoid")
        builder.elementwise("threshold", f"{name}.channel_threshold", (scores,))


def channel_ops(name: str) -> tuple[str, ...]:
    """Return the ops that decide which channels unit ``name`` computes, in order."""
    return (*controller_ops(name)[:3], f"{name}.channel_head", f"{name}.channel_threshold")


def add_exit(builder: GraphBuilder, model: nn.Module, name: str, x: Tensor) -> str:
    """Add a side exit's head; return its classifier op."""
    head = model.get_submodule(name)
    assert isinstance(head, ExitGate)  # the model's layout
    for i, conv in enumerate(head.convs):
        assert isinstance(conv, nn.Conv2d)  # the head's layout
        x = add_conv(builder, f"{name}.convs.{i}", conv, x, "relu")
    return add_linear(builder, f"{name}.fc", head.fc, builder.global_pool(f"{name}.pool", x)).name


def add_exit_gate(builder: GraphBuilder, exits: list[str]) -> None:
    """Add the gate of all exits, shallow to deep: whatever comes behind an exit runs if it did not answer."""
    if len(exits) < 2:
        return
    places = [place for place, op in enumerate(builder.ops) if op.name in exits]
    guards = builder.names_since(places[0] + 1)
    levels = tuple(
        sum(place > exit_place for exit_place in places) - 1
        for place in range(places[0] + 1, len(builder.ops))
    )
    builder.gate(
        Gate(
            name="exits",
            kind="exit",
            size=len(exits),
            reads=exits[0],
            guards=guards,
            exits=tuple(exits),
            levels=levels,
        )
    )


def _gated_block(  # noqa: PLR0913, PLR0917  # a block, its input and what decides about it
    builder: GraphBuilder, name: str, block: ResidualBlock, x: Tensor, controller: GateController, unit: int
) -> Tensor:
    identity = shortcut(builder, name, block, x)
    hidden = add_controller(builder, name, controller, unit, x)
    mark = len(builder.ops)
    add_channel_head(builder, name, controller, unit, hidden)
    y = branch(builder, name, block, x, None)
    out = builder.elementwise("add", f"{name}.add", (y, identity), "relu")
    builder.gate(
        Gate(
            name=f"{name}.layer_gate",
            kind="layer",
            reads=x.name,
            computed_by=controller_ops(name),
            guards=builder.names_since(mark),
        )
    )
    if controller.channel_heads:
        builder.gate(
            Gate(
                name=f"{name}.channel_gate",
                kind="channel",
                size=block.inner_channels,
                reads=x.name,
                computed_by=channel_ops(name),
                guards=(gated_conv_name(name, block),),
            )
        )
    return out
