"""MobileNets V1 and V2, the networks that stacks for small cores are compared on, batch norms folded."""

from __future__ import annotations

import re

from traces import GraphBuilder, NetworkGraph, Tensor, Window

# ``MobileNetV1_0.25_96 gray flowers``, ``MobileNet V1 128 0.75``: version, width and size in either order, the rest.
_NAME = re.compile(r"mobilenet[ _-]?v?([12])[ _-]+([\d.]+)[ _-]+([\d.]+)(?![\d.])(.*)", re.IGNORECASE)
_CLASSES = {
    "flowers": 5,
    "imagenet": 1000,
    "food101": 101,
    "food-101": 101,
    "cifar10": 10,
    "cifar-10": 10,
    "person": 2,
}
_COUNT = re.compile(r"(\d+) classes")

# Output channels and stride of each depthwise-separable block at width 1.  Howard et al., "MobileNets", 2017,
# table 1.
_V1_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
# Expansion, output channels, repeats and stride of the first of each group of inverted residuals.  Sandler et al.,
# "MobileNetV2", 2018, table 2.
_V2_BLOCKS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v1(width: float, resolution: int, classes: int, *, input_channels: int = 3) -> NetworkGraph:
    """Return MobileNetV1 at a width multiplier and input size [pixels]."""
    builder = GraphBuilder(f"mobilenetv1_{width}_{resolution}", input_channels, resolution, resolution)
    x = builder.conv("conv1", builder.input, int(32 * width), Window.square(3, 2), activation="relu6")
    for i, (channels, stride) in enumerate(_V1_BLOCKS, start=1):
        window = Window.square(3, stride)
        x = builder.conv(f"dw{i}", x, x.channels, window, groups=x.channels, activation="relu6")
        x = builder.conv(f"pw{i}", x, int(channels * width), Window.square(1), activation="relu6")
    logits = builder.linear("classifier", builder.global_pool("pool", x), classes)
    builder.elementwise("softmax", "softmax", (logits,))
    return builder.finish()


def mobilenet_v2(
    resolution: int, classes: int, *, width: float = 1.0, input_channels: int = 3
) -> NetworkGraph:
    """Return MobileNetV2 at a width multiplier and an input size [pixels]; the last layer never gets narrower."""
    builder = GraphBuilder(f"mobilenetv2_{width}_{resolution}", input_channels, resolution, resolution)
    x = builder.conv("conv1", builder.input, _in_eights(32 * width), Window.square(3, 2), activation="relu6")
    for group, (expansion, channels, repeats, first_stride) in enumerate(_V2_BLOCKS, start=1):
        for i in range(repeats):
            stride, filters = first_stride if i == 0 else 1, _in_eights(channels * width)
            name = f"block{group}_{i + 1}"
            x = _inverted_residual(builder, name, x, expansion=expansion, channels=filters, stride=stride)
    last = _in_eights(1280 * max(width, 1.0))
    x = builder.conv("conv2", x, last, Window.square(1), activation="relu6")
    logits = builder.linear("classifier", builder.global_pool("pool", x), classes)
    builder.elementwise("softmax", "softmax", (logits,))
    return builder.finish()


def _inverted_residual(  # noqa: PLR0913  # the block has these properties
    builder: GraphBuilder, name: str, x: Tensor, *, expansion: int, channels: int, stride: int
) -> Tensor:
    """Add 1x1 expansion, 3x3 depthwise, 1x1 projection, and the shortcut where shapes agree."""
    wide = x.channels * expansion
    y = x
    if expansion > 1:
        y = builder.conv(f"{name}.expand", y, wide, Window.square(1), activation="relu6")
    y = builder.conv(f"{name}.dw", y, wide, Window.square(3, stride), groups=wide, activation="relu6")
    y = builder.conv(f"{name}.project", y, channels, Window.square(1))
    keeps_shape = stride == 1 and x.channels == channels
    return builder.elementwise("add", f"{name}.add", (y, x)) if keeps_shape else y


def _in_eights(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8, that takes no more than a tenth away.

    Source: ``make_divisible`` of the authors' TensorFlow models (slim/nets/mobilenet).
    """
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def named_mobilenet(name: str) -> NetworkGraph | None:
    """Return the MobileNet that a public table calls so; with a thousand classes where it says none (Choice)."""
    found = _NAME.fullmatch(name.strip())
    if not found:
        return None
    width, size = sorted(map(float, found.group(2, 3)))
    rest = found[4].casefold()
    count = _COUNT.search(rest)
    classes = int(count[1]) if count else next((n for word, n in _CLASSES.items() if word in rest), 1000)
    channels = 1 if "gray" in rest else 3
    if found[1] == "1":
        return mobilenet_v1(width, int(size), classes, input_channels=channels)
    return mobilenet_v2(int(size), classes, width=width, input_channels=channels)
