"""Adds torch modules to a graph that is being built: sizes come from the modules, names from the caller."""

from __future__ import annotations

from torch import nn

from traces import Activation, GraphBuilder, Op, Tensor, Window


def start_graph(name: str, image_shape: tuple[int, int, int]) -> tuple[GraphBuilder, Tensor]:
    """Return a builder and the network's input, for images of (channels, height, width)."""
    builder = GraphBuilder(name, *image_shape)
    return builder, builder.input


def add_conv(
    builder: GraphBuilder, name: str, module: nn.Conv2d, x: Tensor, activation: Activation = "none"
) -> Tensor:
    """Add a convolution; its batch norm counts as folded."""
    assert not isinstance(module.padding, str)  # our convolutions pad by numbers
    assert len(module.kernel_size) == len(module.stride) == len(module.padding) == 2  # Conv2d's own
    window = Window(
        kernel=module.kernel_size,
        stride=module.stride,
        padding=(2 * module.padding[0], 2 * module.padding[1]),
    )
    return builder.conv(name, x, module.out_channels, window, groups=module.groups, activation=activation)


def add_linear(
    builder: GraphBuilder, name: str, module: nn.Linear, x: Tensor, activation: Activation = "none"
) -> Tensor:
    """Add a fully connected layer."""
    return builder.linear(name, x, module.out_features, activation)


def add_lstm_cell(builder: GraphBuilder, name: str, module: nn.LSTMCell, x: Tensor) -> Tensor:
    """Add one step of an LSTM; its state stays where it is and is no tensor of the graph."""
    builder.ops.append(
        Op(
            name=name,
            kind="lstm_cell",
            inputs=(x.name,),
            in_channels=module.input_size,
            out_channels=module.hidden_size,
        )
    )
    return Tensor(name, module.hidden_size)
