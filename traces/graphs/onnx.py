"""ONNX models as network graphs (the ``onnx`` extra).

Sizes come from ONNX shape inference.  Batch norm and constant additions or products behind a convolution or
fully connected layer are folded into it, activations are fused behind the op they follow when nobody else
reads it, and reshaping nodes are looked through.  A node of another type is an error that names it, never
zero work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from traces.base.errors import FileProblem, GraphError, LacunaError, UnsupportedError
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.kinds import Activation, OpKind
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT

_TRANSPARENT = frozenset(
    {
        "Cast",
        "DequantizeLinear",
        "Dropout",
        "Flatten",
        "Identity",
        "QuantizeLinear",
        "Reshape",
        "Squeeze",
        "Unsqueeze",
    }
)
_LAYOUTS = {
    (0, 3, 1, 2),
    (0, 2, 3, 1),
}  # channels first or last: how a tensor lies in memory, no work of its own
_ACTIVATIONS: dict[str, Activation] = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Clip": "relu6"}
_FUSABLE = frozenset({"conv", "linear", "add"})


def load_onnx(path: str | Path) -> NetworkGraph:
    """Read an ONNX model with one image-like or flat input of known size; batch size does not matter."""
    try:
        import onnx  # noqa: PLC0415  (an optional extra)
        from onnx import shape_inference  # noqa: PLC0415  (as above)
    except ImportError:
        raise UnsupportedError(f"{path}: reading ONNX needs the extra: pip install 'lacuna[onnx]'") from None
    if not Path(path).exists():
        raise FileProblem(f"{path}: no such file")
    try:
        model = shape_inference.infer_shapes(onnx.load(str(path), load_external_data=False))
    except Exception as problem:  # protobuf and onnx raise kinds of their own
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise FileProblem(f"{path}: is not an ONNX model: {reason}") from None
    try:
        return _Reader(model.graph, Path(path).stem).read()
    except LacunaError as problem:
        raise type(problem)(f"{path}: {problem}") from None


class _Reader:
    """Walks the nodes in order and adds an op for each that works."""

    def __init__(self, graph: Any, name: str) -> None:
        self.graph = graph
        self.constants = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        self.shapes = {info.name: _dims(info) for info in (*graph.value_info, *graph.input, *graph.output)}
        self.readers = Counter(name for node in graph.node for name in node.input)
        self.readers.update(info.name for info in graph.output)
        inputs = [info for info in graph.input if info.name not in self.constants]
        if len(inputs) != 1:
            names = ", ".join(info.name for info in inputs)
            raise UnsupportedError(f"has {len(inputs)} inputs ({names}); needs one")
        self.builder = GraphBuilder(name, *self._size(inputs[0].name))
        self.tensors = {inputs[0].name: Tensor(INPUT, *self._size(inputs[0].name))}
        self.names: Counter[str] = Counter()
        self.own: dict[str, int] = {}  # tensors that only their op's last reader sees: place of that op

    def read(self) -> NetworkGraph:
        for node in self.graph.node:
            operands = [name for name in node.input if name]
            if node.op_type == "Shape" or all(name in self.constants for name in operands):
                self._constant(node)
                continue
            made = len(self.builder.ops)
            self.tensors[node.output[0]] = self._convert(node)
            place = self._fusable(node) if len(self.builder.ops) == made else made
            if place is not None:
                self.own[node.output[0]] = place
        if not self.builder.ops:
            raise GraphError("has no node that works; needs at least one convolution or product")
        return self.builder.finish()

    def _convert(self, node: Any) -> Tensor:
        """Add the node's op, if it has one, and return its output."""
        data = [self._tensor(name, node) for name in node.input if name and name not in self.constants]
        kind = node.op_type
        if kind in _TRANSPARENT:
            return data[0]
        if kind in _ACTIVATIONS:
            return self._activation(node, data[0])
        handlers: dict[str, Callable[[Any, list[Tensor]], Tensor]] = {
            "Add": self._sum_or_product,
            "AveragePool": self._pool,
            "BatchNormalization": self._scale,
            "Concat": self._concat,
            "Conv": self._conv,
            "Gemm": self._linear,
            "GlobalAveragePool": lambda node, data: self.builder.global_pool(self._name(node), data[0]),
            "MatMul": self._linear,
            "MaxPool": self._pool,
            "Mul": self._sum_or_product,
            "ReduceMean": self._mean,
            "Transpose": self._transpose,
            "Softmax": lambda node, data: self.builder.elementwise("softmax", self._name(node), (data[0],)),
        }
        if kind not in handlers:
            known = ", ".join(sorted([*handlers, *_ACTIVATIONS, *_TRANSPARENT, "Constant"]))
            raise UnsupportedError(f"node {self._label(node)}: op {kind!r} is not supported; known: {known}")
        return handlers[kind](node, data)

    def _conv(self, node: Any, data: list[Tensor]) -> Tensor:
        weights = self._weights(node)
        if len(weights) != 4:
            raise UnsupportedError(f"node {self._label(node)}: weights {weights}; needs a 2-D convolution")
        groups = int(_attribute(node, "group", 1))
        window = self._window(node, (weights[2], weights[3]))
        return self.builder.conv(self._name(node), data[0], weights[0], window, groups=groups)

    def _linear(self, node: Any, data: list[Tensor]) -> Tensor:
        weights = self._weights(node)
        if len(weights) != 2 or (node.op_type == "Gemm" and _attribute(node, "transA", 0)):
            raise UnsupportedError(f"node {self._label(node)}: weights {weights}; needs a plain 2-D matrix")
        transposed = node.op_type == "Gemm" and bool(_attribute(node, "transB", 0))
        features, outputs = reversed(weights) if transposed else weights
        x = data[0]
        if x.channels == features:
            return self.builder.matmul(self._name(node), x, outputs)
        return self.builder.linear(self._name(node), x, outputs)

    def _pool(self, node: Any, data: list[Tensor]) -> Tensor:
        kernel = tuple(_attribute(node, "kernel_shape", ()))
        if len(kernel) != 2:
            raise UnsupportedError(f"node {self._label(node)}: kernel {kernel}; needs a 2-D pool")
        kind: OpKind = "max_pool" if node.op_type == "MaxPool" else "avg_pool"
        return self.builder.pool(kind, self._name(node), data[0], self._window(node, (kernel[0], kernel[1])))

    def _mean(self, node: Any, data: list[Tensor]) -> Tensor:
        if self._size(node.output[0]) != (data[0].channels, 1, 1):
            raise UnsupportedError(f"node {self._label(node)}: ReduceMean must be over height and width")
        return self.builder.global_pool(self._name(node), data[0])

    def _concat(self, node: Any, data: list[Tensor]) -> Tensor:
        if _attribute(node, "axis", 1) not in {1, -3}:
            raise UnsupportedError(f"node {self._label(node)}: Concat must be over channels (axis 1)")
        return self.builder.concat(self._name(node), tuple(data))

    def _transpose(self, node: Any, data: list[Tensor]) -> Tensor:
        """Look through a change of layout; one of the network's input says how its sizes are to be read."""
        if tuple(_attribute(node, "perm", ())) not in _LAYOUTS:
            raise UnsupportedError(f"node {self._label(node)}: Transpose must be between NCHW and NHWC")
        if data[0].name != INPUT or self.builder.ops:
            return data[0]
        channels, height, width = self._size(node.output[0])
        self.builder.input_channels = channels
        self.builder.input_height, self.builder.input_width = height, width
        return self.builder.input

    def _sum_or_product(self, node: Any, data: list[Tensor]) -> Tensor:
        if len(data) < 2:
            return self._scale(node, data)
        largest_first = sorted(data, key=lambda x: -x.channels * x.height * x.width)
        kind: OpKind = "add" if node.op_type == "Add" else "mul"
        return self.builder.elementwise(kind, self._name(node), tuple(largest_first))

    def _scale(self, node: Any, data: list[Tensor]) -> Tensor:
        """Fold a constant sum, product or batch norm into the op before it; elsewhere it is an op itself."""
        place = self._fusable(node)
        if place is not None and self._is_bare(place):
            return data[0]
        return self.builder.elementwise("activation", self._name(node), (data[0],))

    def _activation(self, node: Any, x: Tensor) -> Tensor:
        activation = _ACTIVATIONS[node.op_type]
        place = self._fusable(node)
        if place is None or not self._is_bare(place):
            return self.builder.elementwise("activation", self._name(node), (x,), activation)
        self.builder.ops[place] = self.builder.ops[place].model_copy(update={"activation": activation})
        return x

    def _fusable(self, node: Any) -> int | None:
        """Return the place of the op whose output only this node reads, perhaps through reshaping nodes."""
        source = next(name for name in node.input if name not in self.constants)
        return self.own.get(source) if self.readers[source] == 1 else None

    def _is_bare(self, place: int) -> bool:
        """Whether something can be fused behind the op: it has no activation yet."""
        op = self.builder.ops[place]
        return op.kind in _FUSABLE and op.activation == "none"

    def _window(self, node: Any, kernel: tuple[int, int]) -> Window:
        _, height, width = self._size(node.output[0])
        stride = tuple(_attribute(node, "strides", (1, 1)))
        dilation = tuple(_attribute(node, "dilations", (1, 1)))
        return Window(
            kernel=kernel,
            stride=(stride[0], stride[1]),
            dilation=(dilation[0], dilation[1]),
            out=(height, width),
        )

    def _constant(self, node: Any) -> None:
        """Follow constants through nodes that only make or reshape them."""
        value = _attribute(node, "value", None)
        if value is not None:
            self.constants[node.output[0]] = tuple(value.dims)
        elif node.input and node.op_type in {"Cast", "DequantizeLinear", "Identity"}:
            self.constants[node.output[0]] = self.constants[node.input[0]]
        else:
            self.constants[node.output[0]] = self.shapes.get(node.output[0]) or ()

    def _weights(self, node: Any) -> tuple[int, ...]:
        if len(node.input) < 2 or node.input[1] not in self.constants:
            raise UnsupportedError(f"node {self._label(node)}: its second operand must be constant weights")
        return self.constants[node.input[1]]

    def _tensor(self, name: str, node: Any) -> Tensor:
        if name not in self.tensors:
            raise GraphError(f"node {self._label(node)}: reads {name!r}, which no node before it makes")
        return self.tensors[name]

    def _size(self, name: str) -> tuple[int, int, int]:
        """Return channels, height and width of a tensor without its batch."""
        shape = (self.shapes.get(name) or ())[1:]
        if not 1 <= len(shape) <= 3 or any(size < 1 for size in shape):
            raise UnsupportedError(
                f"tensor {name!r}: shape {self.shapes.get(name)}; needs fixed sizes, 2-D or 4-D"
            )
        if len(shape) == 2:  # rows of features: (batch, rows, features)
            return shape[1], shape[0], 1
        return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0], 1, 1)

    def _name(self, node: Any) -> str:
        base = node.name or node.output[0]
        self.names[base] += 1
        return base if self.names[base] == 1 else f"{base}#{self.names[base]}"

    @staticmethod
    def _label(node: Any) -> str:
        return repr(node.name or node.output[0])


def _dims(info: Any) -> tuple[int, ...]:
    """Return a tensor's shape, 0 for sizes that are not fixed."""
    return tuple(int(dim.dim_value) for dim in info.type.tensor_type.shape.dim)


def _attribute(node: Any, name: str, default: Any) -> Any:
    import onnx  # noqa: PLC0415  (an optional extra)

    found: Iterable[Any] = (attribute for attribute in node.attribute if attribute.name == name)
    for attribute in found:
        return onnx.helper.get_attribute_value(attribute)
    return default
