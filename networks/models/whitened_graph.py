"""The graph of a whitened network with LC-Net's gates, or none.

A gated stage, in program order (``s`` stands for ``stage2``, say)::

    s.pool1, s.cnet1.fc, s.cnet1.threshold      C-Net of the first convolution, always run
    s.conv1 (relu), s.max_pool, s.scale1        conv1 times its C-Net's scores
    s.pool2, s.lnet.fc, s.lnet.threshold        L-Net: decides about s.conv2, s.scale and s.add
    s.cnet2.fc, s.cnet2.threshold               C-Net of the second convolution, always run
    s.conv2, s.scale, s.add (relu), s.scale2    conv2 times L-Net's score, the sum times its C-Net's scores
"""

from __future__ import annotations

from networks.models.ddi_graph import add_exit_gate
from networks.models.gates import LinearChannelGate, LinearLayerGate
from networks.models.graph_ops import add_conv, add_linear, start_graph
from networks.models.whitened import LittleExit, WhitenedNet, WhitenedStage
from traces import Gate, GraphBuilder, NetworkGraph, Tensor, Window


def whitened_graph(model: WhitenedNet, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x = add_conv(builder, "stem", model.stem, image, "relu")
    exits = [] if model.little is None else [_answer(builder, "little.", model.little, x)]
    add_exit_gate(builder, [*exits, _answer(builder, "", model, x)])
    return builder.finish()


def _answer(builder: GraphBuilder, prefix: str, model: WhitenedNet | LittleExit, x: Tensor) -> str:
    """Add stages and their classifier; return that one's op."""
    for name, stage in model.stages():
        x = _stage(builder, f"{prefix}{name}", stage, x)
    everywhere = builder.pool("max_pool", f"{prefix}max_pool", x, Window(kernel=(x.height, x.width)))
    return add_linear(builder, f"{prefix}classifier", model.classifier, everywhere).name


def _stage(builder: GraphBuilder, name: str, stage: WhitenedStage, x: Tensor) -> Tensor:
    scores = None
    if stage.cnet1 is not None:
        pooled = builder.global_pool(f"{name}.pool1", x)
        scores = _decision(builder, f"{name}.cnet1", stage.cnet1, pooled)
        _channel_gate(builder, f"{name}.cnet1", stage.cnet1, (x, f"{name}.pool1"), (f"{name}.conv1",))
    y = add_conv(builder, f"{name}.conv1", stage.conv1, x, "relu")
    y = builder.pool("max_pool", f"{name}.max_pool", y, Window.square(2, stride=2, same=False))
    if scores is not None:
        y = builder.elementwise("mul", f"{name}.scale1", (y, scores))
    return _second(builder, name, stage, y)


def _second(builder: GraphBuilder, name: str, stage: WhitenedStage, x: Tensor) -> Tensor:
    """Add the second convolution, its shortcut and the gates over both."""
    gated = stage.lnet is not None or stage.cnet2 is not None
    pooled = builder.global_pool(f"{name}.pool2", x) if gated else x
    layer = None if stage.lnet is None else _decision(builder, f"{name}.lnet", stage.lnet, pooled)
    channels = None
    if stage.cnet2 is not None:
        channels = stage.cnet2, _decision(builder, f"{name}.cnet2", stage.cnet2, pooled)
    mark = len(builder.ops)
    y = add_conv(builder, f"{name}.conv2", stage.conv2, x)
    if layer is not None:
        y = builder.elementwise("mul", f"{name}.scale", (y, layer))
    out = builder.elementwise("add", f"{name}.add", (y, x), "relu")
    if layer is not None:
        builder.gate(
            Gate(
                name=f"{name}.lnet",
                kind="layer",
                reads=x.name,
                computed_by=(f"{name}.pool2", f"{name}.lnet.fc", f"{name}.lnet.threshold"),
                guards=builder.names_since(mark),
                scaled=True,
            )
        )
    if channels is not None:
        cnet2, scores = channels
        out = builder.elementwise("mul", f"{name}.scale2", (out, scores))
        guards = (f"{name}.conv2", f"{name}.scale2")
        _channel_gate(builder, f"{name}.cnet2", cnet2, (x, f"{name}.pool2"), guards)
    return out


def _decision(
    builder: GraphBuilder, name: str, gate: LinearLayerGate | LinearChannelGate, pooled: Tensor
) -> Tensor:
    """Add a gate's own ops behind the pool; return its scores."""
    scores = add_linear(builder, f"{name}.fc", gate.fc.linear, pooled, "relu1")
    builder.elementwise("threshold", f"{name}.threshold", (scores,))
    return scores


def _channel_gate(
    builder: GraphBuilder,
    name: str,
    gate: LinearChannelGate,
    read: tuple[Tensor, str],
    guards: tuple[str, ...],
) -> None:
    """Add a channel gate that reads a tensor, through the pool named beside it."""
    builder.gate(
        Gate(
            name=name,
            kind="channel",
            size=gate.channels,
            reads=read[0].name,
            computed_by=(read[1], f"{name}.fc", f"{name}.threshold"),
            guards=guards,
            scaled=True,
        )
    )
