"""The graph of EfficientNet-Lite0: each block's three convolutions, ReLU6 behind two, and side exits."""

from __future__ import annotations

from networks.models.ddi_graph import add_exit, add_exit_gate
from networks.models.efficientnet import EfficientNetLite, InvertedBlock, SameConv
from networks.models.graph_ops import add_linear, start_graph
from traces import GraphBuilder, NetworkGraph, Tensor, Window


def efficientnet_graph(model: EfficientNetLite, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x, exits = _same_conv(builder, "stem", model.stem, image), []
    for i, (block_name, block) in enumerate(model.blocks(), start=1):
        x = _block(builder, block_name, block, x)
        if i in model.exit_after:
            exits.append(add_exit(builder, model, model.exit_after[i], x))
    x = _same_conv(builder, "head", model.head, x)
    answer = add_linear(builder, "classifier", model.classifier, builder.global_pool("pool", x))
    add_exit_gate(builder, [*exits, answer.name])
    return builder.finish()


def _block(builder: GraphBuilder, name: str, block: InvertedBlock, x: Tensor) -> Tensor:
    y = x if block.expand is None else _same_conv(builder, f"{name}.expand", block.expand, x)
    y = _same_conv(builder, f"{name}.depthwise", block.depthwise, y)
    y = _same_conv(builder, f"{name}.project", block.project, y)
    return builder.elementwise("add", f"{name}.add", (x, y)) if block.adds else y


def _same_conv(builder: GraphBuilder, name: str, conv: SameConv, x: Tensor) -> Tensor:
    (kernel, _), (stride, _) = conv.kernel_size, conv.stride
    window = Window(
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(conv.padding_of(x.height), conv.padding_of(x.width)),
    )
    return builder.conv(
        name,
        x,
        conv.out_channels,
        window,
        groups=conv.groups,
        activation="relu6" if conv.clip else "none",
    )
