"""The graph of a residual network with LC-Net's gates, or none.

A joint block, in program order (``b`` stands for ``block3``, say)::

    b.pool                                      shared by both gates, always runs
    b.lnet.fc, b.lnet.threshold                 L-Net: decides about everything below but the projection
    b.cnet.fc, b.cnet.threshold                 C-Net: decides about b.conv1's channels
    b.conv1 (relu), b.scale_channels            conv1 times C-Net's scores
    b.conv2, b.scale                            conv2 times L-Net's score; with a C-Net of its own, before that:
                                                b.pool2, b.cnet2.fc, b.cnet2.threshold, and b.scale_outputs behind it
    b.shortcut                                  the projection, where sizes change: always runs
    b.add (relu)

A spatial block has ``b.tiles.pool, b.tiles.conv, b.tiles.threshold`` instead: a bit per tile of b.conv1 and b.conv2.
"""

from __future__ import annotations

from torch import nn

from networks.models.graph_ops import add_conv, add_linear, start_graph
from networks.models.lcnet import LCBlock
from networks.models.resnet import ResidualBlock, ResNet
from networks.models.spatial import SpatialBasicBlock
from traces import Gate, GraphBuilder, NetworkGraph, Tensor, UnsupportedError, Window


def resnet_graph(model: ResNet, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x = stem(builder, model, image)
    for block_name, block in model.blocks():
        x = _block(builder, block_name, block, x)
    add_linear(builder, "classifier", model.classifier, builder.global_pool("pool", x))
    return builder.finish()


def stem(builder: GraphBuilder, model: ResNet, image: Tensor) -> Tensor:
    """Add the ops before the first block."""
    x = add_conv(builder, "stem", model.stem, image, "relu")
    if model.pools_stem:
        x = builder.pool("max_pool", "stem.pool", x, Window.square(3, stride=2))
    return x


def branch(
    builder: GraphBuilder, name: str, block: ResidualBlock, x: Tensor, scores: Tensor | None
) -> Tensor:
    """Add a block's residual branch, its inner channels scaled by ``scores`` if there are any."""
    *before, (last, _) = block.layers()
    for i, (conv, _) in enumerate(before, start=1):
        x = add_conv(builder, f"{name}.conv{i}", conv, x, "relu")
    if scores is not None and scales(block):
        x = builder.elementwise("mul", f"{name}.scale_channels", (x, scores))
    own = block.cnet2 if isinstance(block, LCBlock) else None
    conv_name = f"{name}.conv{len(block.kernels)}"
    if own is None:
        return add_conv(builder, conv_name, last, x)
    pooled = builder.global_pool(f"{name}.pool2", x)
    outputs = add_linear(builder, f"{name}.cnet2.fc", own.fc.linear, pooled, "relu1")
    builder.elementwise("threshold", f"{name}.cnet2.threshold", (outputs,))
    y = add_conv(builder, conv_name, last, x)
    if scales(block):
        y = builder.elementwise("mul", f"{name}.scale_outputs", (y, outputs))
    builder.gate(
        Gate(
            name=f"{name}.cnet2",
            kind="channel",
            size=own.channels,
            reads=x.name,
            computed_by=(f"{name}.pool2", f"{name}.cnet2.fc", f"{name}.cnet2.threshold"),
            guards=(conv_name,),
            scaled=scales(block),
        )
    )
    return y


def scales(block: ResidualBlock) -> bool:
    """Tell whether the block's scores multiply what they keep; gates whose least score is 1 are bits."""
    gates = (block.lnet, block.cnet) if isinstance(block, LCBlock) else ()
    return any(gate is not None and gate.least < 1.0 for gate in gates)


def shortcut(builder: GraphBuilder, name: str, block: ResidualBlock, x: Tensor) -> Tensor:
    """Add the projection, if the block has one."""
    match block.shortcut:
        case nn.Identity():
            return x
        case nn.Sequential():
            conv = block.shortcut[0]
            assert isinstance(conv, nn.Conv2d)  # the projection's layout
            return add_conv(builder, f"{name}.shortcut", conv, x)
        case other:
            raise UnsupportedError(
                f"{name}.shortcut: {type(other).__name__}; a graph needs Identity or a projection"
            )


def gated_conv_name(name: str, block: ResidualBlock) -> str:
    """Return the op whose output channels a channel gate decides."""
    return f"{name}.conv{len(block.kernels) - 1}"


def _block(builder: GraphBuilder, name: str, block: ResidualBlock, x: Tensor) -> Tensor:
    lnet = block.lnet if isinstance(block, LCBlock) else None
    cnet = block.cnet if isinstance(block, LCBlock) else None
    if isinstance(block, SpatialBasicBlock):
        return _spatial_block(builder, name, block, x)
    identity = shortcut(builder, name, block, x)
    pooled = builder.global_pool(f"{name}.pool", x) if lnet or cnet else x
    layer_score = channel_scores = None
    if lnet is not None:
        layer_score = add_linear(builder, f"{name}.lnet.fc", lnet.fc.linear, pooled, "relu1")
        builder.elementwise("threshold", f"{name}.lnet.threshold", (layer_score,))
    mark = len(builder.ops)
    if cnet is not None:
        channel_scores = add_linear(builder, f"{name}.cnet.fc", cnet.fc.linear, pooled, "relu1")
        builder.elementwise("threshold", f"{name}.cnet.threshold", (channel_scores,))
    y = branch(builder, name, block, x, channel_scores)
    if layer_score is not None and scales(block):
        y = builder.elementwise("mul", f"{name}.scale", (y, layer_score))
    out = builder.elementwise("add", f"{name}.add", (y, identity), "relu")
    if lnet is not None:
        guards = builder.names_since(mark)
        builder.gate(
            Gate(
                name=f"{name}.lnet",
                kind="layer",
                reads=x.name,
                computed_by=(f"{name}.pool", f"{name}.lnet.fc", f"{name}.lnet.threshold"),
                guards=guards,
                scaled=scales(block),
            )
        )
    if cnet is not None:
        builder.gate(
            Gate(
                name=f"{name}.cnet",
                kind="channel",
                size=cnet.channels,
                reads=x.name,
                computed_by=(f"{name}.pool", f"{name}.cnet.fc", f"{name}.cnet.threshold"),
                guards=(gated_conv_name(name, block),),
                scaled=scales(block),
            )
        )
    return out


def _spatial_block(builder: GraphBuilder, name: str, block: SpatialBasicBlock, x: Tensor) -> Tensor:
    gate = f"{name}.tiles"
    identity = shortcut(builder, name, block, x)
    side = x.height // block.tiles.grid
    means = x
    computed_by: tuple[str, ...] = (f"{gate}.conv", f"{gate}.threshold")
    if side > 1:
        means = builder.pool("avg_pool", f"{gate}.pool", x, Window.square(side, stride=side, same=False))
        computed_by = (f"{gate}.pool", *computed_by)
    scores = add_conv(builder, f"{gate}.conv", block.tiles.conv, means)
    builder.elementwise("threshold", f"{gate}.threshold", (scores,))
    y = branch(builder, name, block, x, None)
    builder.gate(
        Gate(
            name=gate,
            kind="spatial",
            size=block.tiles.parts,
            tile_rows=block.tiles.grid,
            tile_cols=block.tiles.grid,
            reads=x.name,
            computed_by=computed_by,
            guards=(f"{name}.conv1", f"{name}.conv2"),
        )
    )
    return builder.elementwise("add", f"{name}.add", (y, identity), "relu")
