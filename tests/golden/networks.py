"""Networks of the golden numbers: every kind of decision in two, depthwise layers in another."""

from __future__ import annotations

from traces import Gate, GateKind, NetworkGraph
from traces.graphs.build import GraphBuilder, Tensor, Window

WIDTH = 128  # channels: too many weights for small buffers, so that it matters when they are fetched


def mixed_network() -> NetworkGraph:
    """A side exit, then a block that may be skipped, a convolution gated by channels and one gated by tiles."""
    builder = GraphBuilder("mixed", 3, 16, 16)
    x = builder.conv("stem", builder.input, WIDTH, Window.square(3, 2), activation="relu")
    first = _head(builder, "exit1", x)
    decision = builder.elementwise("threshold", "exit1.sure", (first,))
    mark = len(builder.ops)
    x = _layer_block(builder, x)
    x = _channel_conv(builder, x)
    x = _spatial_conv(builder, x)
    last = _head(builder, "exit2", x)
    guards = builder.names_since(mark)
    builder.gate(
        Gate(
            name="exits",
            kind="exit",
            size=2,
            reads=first.name,
            computed_by=(decision.name,),
            guards=guards,
            exits=(first.name, last.name),
            levels=(0,) * len(guards),
        )
    )
    return builder.finish()


def _head(builder: GraphBuilder, name: str, x: Tensor) -> Tensor:
    return builder.linear(f"{name}.fc", builder.global_pool(f"{name}.pool", x), 10)


def _score(builder: GraphBuilder, name: str, x: Tensor, size: int) -> tuple[str, ...]:
    """Add a decision of ``size`` values read off pooled channels; return its ops."""
    mark = len(builder.ops)
    score = builder.linear(f"{name}.fc", builder.global_pool(f"{name}.pool", x), size, "relu1")
    builder.elementwise("threshold", f"{name}.threshold", (score,))
    return builder.names_since(mark)


def _layer_block(builder: GraphBuilder, x: Tensor) -> Tensor:
    decision = _score(builder, "layer", x, 1)
    y = builder.conv("block.conv1", x, WIDTH, Window.square(3), activation="relu")
    y = builder.conv("block.conv2", y, WIDTH, Window.square(3))
    guards = ("block.conv1", "block.conv2")
    builder.gate(Gate(name="layer", kind="layer", reads=x.name, computed_by=decision, guards=guards))
    return builder.elementwise("add", "block.add", (y, x), "relu")


def _channel_conv(builder: GraphBuilder, x: Tensor) -> Tensor:
    decision = _score(builder, "channels", x, WIDTH)
    y = builder.conv("narrow.conv1", x, WIDTH, Window.square(3), activation="relu")
    builder.gate(
        Gate(
            name="channels",
            kind="channel",
            size=WIDTH,
            reads=x.name,
            computed_by=decision,
            guards=("narrow.conv1",),
        )
    )
    return builder.conv("narrow.conv2", y, WIDTH, Window.square(3), activation="relu")


def _spatial_conv(builder: GraphBuilder, x: Tensor) -> Tensor:
    score = builder.conv("tiles.score", x, 1, Window.square(2, 2, same=False))
    decision = builder.elementwise("threshold", "tiles.threshold", (score,))
    y = builder.conv("tiles.conv", x, WIDTH, Window.square(3), activation="relu")
    builder.gate(
        Gate(
            name="tiles",
            kind="spatial",
            size=score.height * score.width,
            tile_rows=score.height,
            tile_cols=score.width,
            reads=x.name,
            computed_by=(score.name, decision.name),
            guards=(y.name,),
        )
    )
    return builder.elementwise("add", "tiles.add", (y, x), "relu")


def depthwise_network() -> NetworkGraph:
    """Two separable convolutions, the second of which may be skipped."""
    builder = GraphBuilder("separable", 3, 16, 16)
    x = builder.conv("stem", builder.input, 32, Window.square(3, 2), activation="relu6")
    x = _separable(builder, "first", x, 64)
    decision = _score(builder, "layer", x, 1)
    mark = len(builder.ops)
    y = _separable(builder, "second", x, 64)
    guards = builder.names_since(mark)
    builder.gate(Gate(name="layer", kind="layer", reads=x.name, computed_by=decision, guards=guards))
    x = builder.elementwise("add", "add", (y, x))
    _head(builder, "exit", x)
    return builder.finish()


def _separable(builder: GraphBuilder, name: str, x: Tensor, channels: int) -> Tensor:
    y = builder.conv(
        f"{name}.depthwise", x, x.channels, Window.square(3), groups=x.channels, activation="relu6"
    )
    return builder.conv(f"{name}.pointwise", y, channels, Window.square(1), activation="relu6")


ROWS, FEATURES = 12, 64


def sequence_network() -> NetworkGraph:
    """Rows of features: a layer of three widths, one whose elements are gated, one that some rows go through."""
    builder = GraphBuilder("sequence", FEATURES, ROWS, 1)
    x = builder.conv(
        "stem", builder.input, FEATURES, Window(kernel=(3, 1), padding=(2, 0)), activation="relu"
    )
    width = _score(builder, "width", x, 3)
    y = builder.matmul("narrow.fc1", x, FEATURES, "relu")
    widths = (FEATURES // 4, FEATURES // 2, FEATURES)
    builder.gate(
        Gate(
            name="width",
            kind="width",
            size=3,
            widths=widths,
            reads=x.name,
            computed_by=width,
            guards=(y.name,),
        )
    )
    x = builder.matmul("narrow.fc2", y, FEATURES)
    bits = builder.elementwise("threshold", "elements.threshold", (x,))
    y = builder.conv("elements.conv", x, FEATURES, Window(kernel=(3, 1), padding=(2, 0)))
    builder.gate(_each("elements", "element", FEATURES * ROWS, x, (bits.name,), y))
    x = builder.elementwise("add", "elements.add", (y, x), "relu")
    score = builder.matmul("tokens.score", x, 1)
    kept = builder.elementwise("threshold", "tokens.threshold", (score,))
    y = builder.matmul("tokens.fc", x, FEATURES)
    builder.gate(_each("tokens", "token", ROWS, x, (score.name, kept.name), y))
    return builder.finish()


def _each(  # the properties of a gate
    name: str, kind: GateKind, size: int, x: Tensor, computed_by: tuple[str, ...], y: Tensor
) -> Gate:
    return Gate(name=name, kind=kind, size=size, reads=x.name, computed_by=computed_by, guards=(y.name,))
