"""Builds a :class:`traces.graph.NetworkGraph` op by op, from torch modules and the size of the image."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from traces.graph import INPUT, Activation, Gate, NetworkGraph, Op, OpKind


@dataclass(frozen=True, slots=True)
class Value:
    """The output of an op, or the network's input."""

    name: str
    channels: int
    height: int = 1
    width: int = 1


@dataclass(slots=True)
class GraphBuilder:
    """Collects ops in program order; every method adds one and returns its output."""

    name: str
    image_shape: tuple[int, int, int]  # channels, height, width
    ops: list[Op] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)

    @property
    def image(self) -> Value:
        """The network's input."""
        return Value(INPUT, *self.image_shape)

    def conv(self, name: str, module: nn.Conv2d, x: Value, activation: Activation = "none") -> Value:
        """Add a convolution; its batch norm counts as folded."""
        (kernel_height, kernel_width), (stride_height, stride_width) = module.kernel_size, module.stride
        assert not isinstance(module.padding, str)  # our convolutions pad by numbers
        pad_height, pad_width = module.padding
        op = Op(
            name=name,
            kind="conv",
            inputs=(x.name,),
            in_channels=module.in_channels,
            out_channels=module.out_channels,
            in_height=x.height,
            in_width=x.width,
            out_height=(x.height + 2 * pad_height - kernel_height) // stride_height + 1,
            out_width=(x.width + 2 * pad_width - kernel_width) // stride_width + 1,
            kernel_height=kernel_height,
            kernel_width=kernel_width,
            stride_height=stride_height,
            stride_width=stride_width,
            groups=module.groups,
            activation=activation,
        )
        return self._add(op)

    def linear(self, name: str, module: nn.Linear, x: Value, activation: Activation = "none") -> Value:
        """Add a matrix product of a flat tensor."""
        return self._add(
            Op(
                name=name,
                kind="linear",
                inputs=(x.name,),
                in_channels=module.in_features,
                out_channels=module.out_features,
                activation=activation,
            )
        )

    def lstm(self, name: str, module: nn.LSTMCell, x: Value) -> Value:
        """Add one step of an LSTM."""
        return self._add(
            Op(
                name=name,
                kind="lstm_cell",
                inputs=(x.name,),
                in_channels=module.input_size,
                out_channels=module.hidden_size,
            )
        )

    def pool(self, name: str, x: Value) -> Value:
        """Add a global average pool."""
        return self._add(
            Op(
                name=name,
                kind="global_avg_pool",
                inputs=(x.name,),
                in_channels=x.channels,
                out_channels=x.channels,
                in_height=x.height,
                in_width=x.width,
            )
        )

    def max_pool(self, name: str, x: Value, kernel: int, stride: int, padding: int = 0) -> Value:
        """Add a maximum pool over square windows."""
        return self._add(
            Op(
                name=name,
                kind="max_pool",
                inputs=(x.name,),
                in_channels=x.channels,
                out_channels=x.channels,
                in_height=x.height,
                in_width=x.width,
                out_height=(x.height + 2 * padding - kernel) // stride + 1,
                out_width=(x.width + 2 * padding - kernel) // stride + 1,
                kernel_height=kernel,
                kernel_width=kernel,
                stride_height=stride,
                stride_width=stride,
            )
        )

    def threshold(self, name: str, x: Value) -> Value:
        """Add the comparison that turns scores into decisions."""
        return self._elementwise(name, "threshold", (x,))

    def activation(self, name: str, x: Value, activation: Activation) -> Value:
        """Add a stand-alone activation."""
        return self._elementwise(name, "activation", (x,), activation)

    def softmax(self, name: str, x: Value) -> Value:
        """Add a softmax."""
        return self._elementwise(name, "softmax", (x,))

    def add(self, name: str, x: Value, y: Value, activation: Activation = "none") -> Value:
        """Add an elementwise sum."""
        return self._elementwise(name, "add", (x, y), activation)

    def scale(self, name: str, x: Value, scores: Value) -> Value:
        """Add a product with scores, per input or per channel."""
        return self._elementwise(name, "mul", (x, scores))

    def concat(self, name: str, parts: tuple[Value, ...]) -> Value:
        """Add a concatenation along channels; of one part it is that part."""
        if len(parts) == 1:
            return parts[0]
        channels = sum(part.channels for part in parts)
        joined = Value(parts[0].name, channels, parts[0].height, parts[0].width)
        out = self._elementwise(name, "concat", (joined, *parts[1:]))
        return out

    def gate(self, gate: Gate) -> None:
        """Add a gate over ops that are there already."""
        self.gates.append(gate)

    def finish(self) -> NetworkGraph:
        """Return the whole graph, validated."""
        channels, height, width = self.image_shape
        return NetworkGraph(
            name=self.name,
            input_channels=channels,
            input_height=height,
            input_width=width,
            ops=tuple(self.ops),
            gates=tuple(self.gates),
        )

    def names_since(self, mark: int) -> tuple[str, ...]:
        """Return the names of the ops added after ``mark`` ops were there."""
        return tuple(op.name for op in self.ops[mark:])

    def _elementwise(
        self, name: str, kind: OpKind, parts: tuple[Value, ...], activation: Activation = "none"
    ) -> Value:
        x = parts[0]
        op = Op(
            name=name,
            kind=kind,
            inputs=tuple(part.name for part in parts),
            in_channels=x.channels,
            out_channels=x.channels,
            in_height=x.height,
            in_width=x.width,
            out_height=x.height,
            out_width=x.width,
            activation=activation,
        )
        return self._add(op)

    def _add(self, op: Op) -> Value:
        self.ops.append(op)
        return Value(op.name, op.out_channels, op.out_height, op.out_width)
