"""Graphs of well-known networks, from numbers alone (no torch, no weights)."""

from __future__ import annotations

from typing import Literal

from traces.base.errors import ConfigError
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate

GateChoice = Literal["none", "layer", "channel", "both"]


def cifar_resnet(
    depth: int,
    gates: GateChoice = "none",
    *,
    image: tuple[int, int, int] = (3, 32, 32),
    classes: int = 10,
) -> NetworkGraph:
    """Return a CIFAR ResNet of depth 6n + 2, with LC-Net's gates if wanted.

    Parameters
    ----------
    depth
        8 (n = 1), 14, 20, ... 110 (n = 18) and on.
    gates
        ``layer``: an L-Net per block; ``channel``: a C-Net per block; ``both``: an LC-Net.
    image
        Channels, height and width of an input.
    classes
        Outputs of the classifier.

    Notes
    -----
    Source: He et al., "Deep Residual Learning", CVPR 2016, section 4.2; gates after
    Xia et al., "Fully Dynamic Inference with Deep Neural Networks", IEEE TETC 2021: both gates read the
    pooled block input, decide by one fully connected layer, and scale what they keep.  Choice: one C-Net per
    block, over the first convolution's channels, decided only if L-Net keeps the block; projection shortcuts
    where sizes change.
    """
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ConfigError(f"depth = {depth}: a CIFAR ResNet has 6n + 2 layers: 8, 14, 20, ... 110")
    if gates not in {"none", "layer", "channel", "both"}:
        raise ConfigError(f"gates = {gates!r}: known: none, layer, channel, both")
    prefix = {"none": "", "layer": "lnet_", "channel": "cnet_", "both": "lcnet_"}[gates]
    builder = GraphBuilder(f"{prefix}resnet{depth}", *image)
    x = builder.conv("stem", builder.input, 16, Window.square(3), activation="relu")
    for i in range(3 * n):
        stride = 2 if i in {n, 2 * n} else 1
        x = _basic_block(builder, f"block{i + 1}", x, 16 << i // n, stride, gates)
    builder.linear("classifier", builder.global_pool("pool", x), classes)
    return builder.finish()


def resnet18() -> NetworkGraph:
    """Return ResNet-18 for ImageNet: 1.81 G MACs, 11.7 M weights.  Source: He et al., CVPR 2016, table 1."""
    return _imagenet_resnet("resnet18", (2, 2, 2, 2), bottleneck=False)


def resnet34() -> NetworkGraph:
    """Return ResNet-34 for ImageNet: 3.66 G MACs, 21.8 M weights.  Source: He et al., CVPR 2016, table 1."""
    return _imagenet_resnet("resnet34", (3, 4, 6, 3), bottleneck=False)


def resnet50() -> NetworkGraph:
    """Return ResNet-50 for ImageNet: 4.09 G MACs, 25.5 M weights.

    Source: He et al., CVPR 2016, table 1; stride in the 3x3 convolution, as torchvision's "v1.5" has it.
    """
    return _imagenet_resnet("resnet50", (3, 4, 6, 3), bottleneck=True)


def resnet101() -> NetworkGraph:
    """Return ResNet-101 for ImageNet: 7.80 G MACs, 44.4 M weights; strides as in :func:`resnet50`."""
    return _imagenet_resnet("resnet101", (3, 4, 23, 3), bottleneck=True)


def alexnet() -> NetworkGraph:
    """Return AlexNet with its two groups: 666 M MACs in convolutions, 59 M in fully connected layers.

    Source: Krizhevsky et al., "ImageNet Classification with Deep CNNs", NIPS 2012; input
    of 227 pixels and no local response normalisation, as in Chen et al., "Eyeriss", JSSC 2017, table II.
    """
    builder = GraphBuilder("alexnet", 3, 227, 227)
    pool = Window.square(3, 2, same=False)
    x = builder.conv("conv1", builder.input, 96, Window.square(11, 4, same=False), activation="relu")
    x = builder.pool("max_pool", "pool1", x, pool)
    x = builder.conv("conv2", x, 256, Window.square(5), groups=2, activation="relu")
    x = builder.pool("max_pool", "pool2", x, pool)
    x = builder.conv("conv3", x, 384, Window.square(3), activation="relu")
    x = builder.conv("conv4", x, 384, Window.square(3), groups=2, activation="relu")
    x = builder.conv("conv5", x, 256, Window.square(3), groups=2, activation="relu")
    x = builder.pool("max_pool", "pool5", x, pool)
    x = builder.linear("fc6", x, 4096, "relu")
    x = builder.linear("fc7", x, 4096, "relu")
    builder.elementwise("softmax", "softmax", (builder.linear("fc8", x, 1000),))
    return builder.finish()


def _basic_block(  # noqa: PLR0913, PLR0917  # a block's sizes and its gates
    builder: GraphBuilder, name: str, x: Tensor, width: int, stride: int, gates: GateChoice
) -> Tensor:
    """Add two 3x3 convolutions beside a shortcut, and the block's gates in LC-Net's order."""
    shortcut = x
    if stride > 1 or x.channels != width:
        shortcut = builder.conv(f"{name}.shortcut", x, width, Window.square(1, stride))
    pooled = builder.global_pool(f"{name}.pool", x) if gates != "none" else x
    layer_score = channel_scores = None
    if gates in {"layer", "both"}:
        layer_score = _score(builder, f"{name}.lnet", pooled, 1)
    mark = len(builder.ops)
    if gates in {"channel", "both"}:
        channel_scores = _score(builder, f"{name}.cnet", pooled, width)
    y = builder.conv(f"{name}.conv1", x, width, Window.square(3, stride), activation="relu")
    if channel_scores is not None:
        y = builder.elementwise("mul", f"{name}.scale_channels", (y, channel_scores))
    y = builder.conv(f"{name}.conv2", y, width, Window.square(3))
    if layer_score is not None:
        y = builder.elementwise("mul", f"{name}.scale", (y, layer_score))
    y = builder.elementwise("add", f"{name}.add", (y, shortcut), "relu")
    steps = (f"{name}.pool", "{0}.fc", "{0}.threshold")
    if layer_score is not None:
        guards = builder.names_since(mark)
        builder.gate(_lc_gate(f"{name}.lnet", steps, x, guards))
    if channel_scores is not None:
        builder.gate(_lc_gate(f"{name}.cnet", steps, x, (f"{name}.conv1",), width))
    return y


def _score(builder: GraphBuilder, gate: str, pooled: Tensor, size: int) -> Tensor:
    score = builder.linear(f"{gate}.fc", pooled, size, "relu1")
    builder.elementwise("threshold", f"{gate}.threshold", (score,))
    return score


def _lc_gate(
    name: str, steps: tuple[str, ...], x: Tensor, guards: tuple[str, ...], channels: int | None = None
) -> Gate:
    return Gate(
        name=name,
        kind="layer" if channels is None else "channel",
        size=channels or 1,
        reads=x.name,
        computed_by=tuple(step.format(name) for step in steps),
        guards=guards,
        scaled=True,
    )


def _imagenet_resnet(name: str, blocks: tuple[int, ...], *, bottleneck: bool) -> NetworkGraph:
    builder = GraphBuilder(name, 3, 224, 224)
    x = builder.conv("stem", builder.input, 64, Window.square(7, 2), activation="relu")
    x = builder.pool("max_pool", "stem.pool", x, Window.square(3, 2))
    number = 0
    for stage, count in enumerate(blocks):
        for i in range(count):
            number += 1
            stride = 2 if stage and not i else 1
            block = _bottleneck_block if bottleneck else _plain_block
            x = block(builder, f"block{number}", x, 64 << stage, stride)
    builder.linear("classifier", builder.global_pool("pool", x), 1000)
    return builder.finish()


def _plain_block(builder: GraphBuilder, name: str, x: Tensor, width: int, stride: int) -> Tensor:
    return _basic_block(builder, name, x, width, stride, "none")


def _bottleneck_block(builder: GraphBuilder, name: str, x: Tensor, width: int, stride: int) -> Tensor:
    shortcut = x
    if stride > 1 or x.channels != 4 * width:
        shortcut = builder.conv(f"{name}.shortcut", x, 4 * width, Window.square(1, stride))
    y = builder.conv(f"{name}.conv1", x, width, Window.square(1), activation="relu")
    y = builder.conv(f"{name}.conv2", y, width, Window.square(3, stride), activation="relu")
    y = builder.conv(f"{name}.conv3", y, 4 * width, Window.square(1))
    return builder.elementwise("add", f"{name}.add", (y, shortcut), "relu")
