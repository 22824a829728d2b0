"""Builds a network graph op by op from plain numbers; sizes follow from the op before."""

from __future__ import annotations

from dataclasses import dataclass, field

from traces.graphs.files import parse_op
from traces.graphs.kinds import Activation, OpKind
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, Gate, Op


@dataclass(frozen=True, slots=True)
class Tensor:
    """The output of an op, or the network's input (heights and widths in pixels)."""

    name: str
    channels: int
    height: int = 1
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A sliding window: kernel, stride and padding, each (height, width) in pixels.

    ``padding`` is that of both sides together; ``out`` gives the output size outright instead.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    out: tuple[int, int] | None = None

    @classmethod
    def square(cls, kernel: int, stride: int = 1, *, same: bool = True) -> Window:
        """Return a square window, padded by half a kernel on every side if ``same``."""
        padding = 2 * (kernel // 2) if same else 0
        return cls(kernel=(kernel, kernel), stride=(stride, stride), padding=(padding, padding))

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the output size over an input of ``height`` x ``width``."""
        if self.out is not None:
            return self.out
        axes = zip((height, width), self.kernel, self.stride, self.padding, self.dilation, strict=True)
        sizes = [(size + pad - d * (k - 1) - 1) // s + 1 for size, k, s, pad, d in axes]
        return sizes[0], sizes[1]


@dataclass(slots=True)
class GraphBuilder:
    """Collects ops in program order; every method adds one and returns its output."""

    name: str
    input_channels: int
    input_height: int
    input_width: int
    ops: list[Op] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)

    @property
    def input(self) -> Tensor:
        """The network's input."""
        return Tensor(INPUT, self.input_channels, self.input_height, self.input_width)

    def conv(  # noqa: PLR0913  # a convolution has these six properties
        self,
        name: str,
        x: Tensor,
        channels: int,
        window: Window,
        *,
        groups: int = 1,
        activation: Activation = "none",
    ) -> Tensor:
        """Add a convolution to ``channels`` outputs, its batch norm folded."""
        return self._add("conv", name, (x,), channels, window, groups=groups, activation=activation)

    def linear(self, name: str, x: Tensor, features: int, activation: Activation = "none") -> Tensor:
        """Add a fully connected layer over the flattened tensor."""
        flat = Tensor(x.name, x.channels * x.height * x.width)
        return self._add("linear", name, (flat,), features, activation=activation)

    def matmul(self, name: str, x: Tensor, features: int, activation: Activation = "none") -> Tensor:
        """Add a fully connected layer over the channels of every pixel: a GEMM of height x width rows."""
        return self._add("linear", name, (x,), features, activation=activation)

    def pool(self, kind: OpKind, name: str, x: Tensor, window: Window) -> Tensor:
        """Add a ``max_pool`` or ``avg_pool``."""
        return self._add(kind, name, (x,), x.channels, window)

    def global_pool(self, name: str, x: Tensor) -> Tensor:
        """Add a global average pool."""
        return self._add("global_avg_pool", name, (x,), x.channels, Window(kernel=(1, 1), out=(1, 1)))

    def elementwise(
        self, kind: OpKind, name: str, operands: tuple[Tensor, ...], activation: Activation = "none"
    ) -> Tensor:
        """Add an op that keeps the shape of its first operand: add, mul, activation, softmax, threshold."""
        return self._add(kind, name, operands, operands[0].channels, activation=activation)

    def concat(self, name: str, operands: tuple[Tensor, ...]) -> Tensor:
        """Add a concatenation along channels."""
        first = operands[0]
        channels = sum(operand.channels for operand in operands)
        joined = (Tensor(first.name, channels, first.height, first.width), *operands[1:])
        return self._add("concat", name, joined, channels)

    def gate(self, gate: Gate) -> None:
        """Add a gate."""
        self.gates.append(gate)

    def names_since(self, mark: int) -> tuple[str, ...]:
        """Return the names of the ops added after the first ``mark``."""
        return tuple(op.name for op in self.ops[mark:])

    def finish(self, *, chained: bool = True) -> NetworkGraph:
        """Return the whole graph, checked."""
        return NetworkGraph(
            name=self.name,
            input_channels=self.input_channels,
            input_height=self.input_height,
            input_width=self.input_width,
            ops=tuple(self.ops),
            gates=tuple(self.gates),
            chained=chained,
        )

    def _add(  # noqa: PLR0913  # the properties that ops have
        self,
        kind: OpKind,
        name: str,
        operands: tuple[Tensor, ...],
        channels: int,
        window: Window | None = None,
        *,
        groups: int = 1,
        activation: Activation = "none",
    ) -> Tensor:
        x = operands[0]
        shape = window or Window(kernel=(1, 1), out=(x.height, x.width))
        height, width = shape.size(x.height, x.width)
        values = {
            "name": name,
            "kind": kind,
            "inputs": tuple(operand.name for operand in operands),
            "in_channels": x.channels,
            "out_channels": channels,
            "in_height": x.height,
            "in_width": x.width,
            "out_height": height,
            "out_width": width,
            "kernel_height": shape.kernel[0],
            "kernel_width": shape.kernel[1],
            "stride_height": shape.stride[0],
            "stride_width": shape.stride[1],
            "dilation_height": shape.dilation[0],
            "dilation_width": shape.dilation[1],
            "groups": groups,
            "activation": activation,
        }
        self.ops.append(parse_op(values))
        return Tensor(name, channels, height, width)
