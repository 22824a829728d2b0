"""ONNX nodes that multiply: convolutions, matrix products, recurrent layers, attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.letters import matmul_letters
from traces.graphs.importing.ops import (
    Contraction,
    Convolution,
    Elementwise,
    Function,
    ImportedOp,
    Move,
    Recurrence,
    Reshape,
)
from traces.graphs.kinds import Activation
from traces.graphs.onnx.node import Node


def _conv(node: Node) -> Sequence[ImportedOp]:
    weights = node.weights(1)
    rank = len(node.shape(node.tensor(0))) - 2
    if len(weights) != rank + 2 or not 1 <= rank <= 3:
        raise UnsupportedError(
            f"weights {weights} over an input of {rank + 2} axes; needs 1 to 3 axes of pixels"
        )
    channels, groups = node.shape(node.tensor(0))[1], node.integer("group", 1)
    transposed = node.kind == "ConvTranspose"
    if weights[0 if transposed else 1] * (1 if transposed else groups) != channels:
        raise UnsupportedError(f"weights {weights} in {groups} groups over {channels} channels")
    name, out = node.name, node.out
    window = node.window(weights[2:])
    found: list[ImportedOp] = [
        Convolution(
            name=name,
            x=node.tensor(0),
            out=out,
            kernel=window["kernel"],
            stride=window["stride"],
            dilation=window["dilation"],
            groups=groups,
            transposed=transposed,
        )
    ]
    return _with_fused(node, found)


_FUSED_FUNCTIONS: dict[str, Activation] = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Clip": "relu6",
    "LeakyRelu": "leaky_relu",
    "HardSigmoid": "hard_sigmoid",
}


def _with_fused(node: Node, found: list[ImportedOp]) -> list[ImportedOp]:
    """Return the operations, and the activation that a fused node names."""
    function = node.text("activation", "")
    if not function:
        return found
    if function not in _FUSED_FUNCTIONS:
        raise UnsupportedError(f"activation {function!r} is not known")
    inner = node.made_up("linear", node.out_shape)
    last = found[-1]
    if isinstance(last, Convolution):
        found[-1] = Convolution(
            name=last.name,
            x=last.x,
            out=inner,
            kernel=last.kernel,
            stride=last.stride,
            dilation=last.dilation,
            groups=last.groups,
            transposed=last.transposed,
        )
        found.append(
            Function(name=f"{node.name}.act", x=inner, out=node.out, activation=_FUSED_FUNCTIONS[function])
        )
    return found


def _gemm(node: Node) -> Sequence[ImportedOp]:
    a_axes = "km" if node.integer("transA", 0) else "mk"
    b_axes = "nk" if node.integer("transB", 0) else "kn"
    bias = node.has(2) and not node.is_constant(node.tensor(2))
    out = node.made_up("product", node.out_shape) if bias else node.out
    found: list[ImportedOp] = [
        Contraction(
            name=node.name,
            a=node.tensor(0),
            b=node.tensor(1),
            out=out,
            a_axes=a_axes,
            b_axes=b_axes,
            out_axes="mn",
        )
    ]
    if bias:
        inputs = (out, node.tensor(2))
        found.append(Elementwise(name=f"{node.name}.bias", inputs=inputs, out=node.out, kind="add"))
    return found


def _matmul(node: Node) -> Sequence[ImportedOp]:
    """Name the axes: matching ones of both operands share a letter, those of one place have their own."""
    shapes = node.shape(node.tensor(0)), node.shape(node.tensor(1))
    transposed = [bool(node.integer(name, 0)) for name in ("transA", "transB")]
    a_axes, b_axes, out_axes = matmul_letters(*shapes)
    if transposed[0]:
        a_axes = a_axes[:-2] + a_axes[:-3:-1]
    if transposed[1]:
        b_axes = b_axes[:-2] + b_axes[:-3:-1]
    return [
        Contraction(
            name=node.name,
            a=node.tensor(0),
            b=node.tensor(1),
            out=node.out,
            a_axes=a_axes,
            b_axes=b_axes,
            out_axes=out_axes,
        )
    ]


def _einsum(node: Node) -> Sequence[ImportedOp]:
    equation = node.text("equation", "").replace(" ", "")
    sides, arrow, out = equation.partition("->")
    operands = sides.split(",")
    plain = all(part.isalpha() and len(set(part)) == len(part) for part in operands)
    if len(operands) != 2 or not arrow or not plain or not (out.isalpha() or not out):
        raise UnsupportedError(
            f"equation {equation[:60]!r}; needs two operands and '->', no letter twice in one"
        )
    return [
        Contraction(
            name=node.name,
            a=node.tensor(0),
            b=node.tensor(1),
            out=node.out,
            a_axes=operands[0],
            b_axes=operands[1],
            out_axes=out,
        )
    ]


_CELLS = {"LSTM": ("lstm_cell", 4), "GRU": ("gru_cell", 3), "RNN": ("rnn_cell", 1)}


def _recurrence(node: Node) -> Sequence[ImportedOp]:
    kind, gates = _CELLS[node.kind]
    weights = node.weights(1)
    shape = node.shape(node.tensor(0))
    if len(weights) != 3 or len(shape) != 3:
        raise UnsupportedError(f"weights {weights} over {shape}; needs three axes each")
    directions, rows, _ = weights
    hidden = node.weights(2)[2] if not node.integer("hidden_size", 0) else node.integer("hidden_size", 0)
    if node.kind == "LSTM" and rows != gates * hidden and weights[2] == gates * hidden:
        rows = weights[2]  # DynamicQuantizeLSTM keeps weights transposed
    if rows != gates * hidden or directions not in {1, 2}:
        raise UnsupportedError(
            f"weights {weights} for a hidden size of {hidden}; needs {gates} x as many rows"
        )
    batch = shape[0] if node.integer("layout", 0) else shape[1]
    if batch != 1:
        raise UnsupportedError(f"runs {batch} sequences at once; needs one")
    steps, read = prod(shape[:2]), [name for name in node.outputs if name]
    first = node.outputs[0] or node.made_up("all", (steps, directions, 1, hidden))
    found: list[ImportedOp] = [
        Recurrence(
            name=node.name,
            x=node.tensor(0),
            out=first,
            kind=kind,  # type: ignore[arg-type]  # the table's first column is of that type
            hidden=hidden,
            directions=directions,
        )
    ]
    for name in read:
        if name != first:
            last = node.made_up("last", (1, *node.shape(first)[1:]))
            found += [
                Move(name=f"{node.name}.last", x=first, out=last, kind="slice"),
                Reshape(name=f"{node.name}.state", x=last, out=name),
            ]
    return found


def _attention(node: Node) -> Sequence[ImportedOp]:
    """Return scaled dot products of queries, keys and values, each (batch, heads, rows, size)."""
    shapes = [node.shape(node.tensor(i)) for i in range(3)]
    if any(len(shape) != 4 for shape in shapes) or len({shape[1] for shape in shapes}) > 1:
        raise UnsupportedError(f"queries, keys and values of shapes {shapes}; needs 4 axes and equal heads")
    (batch, heads, rows, _), keys = shapes[0], shapes[1][2]
    scores, weights = (node.made_up(what, (batch, heads, rows, keys)) for what in ("scores", "weights"))
    q, k, v = (node.tensor(i) for i in range(3))
    return [
        Contraction(
            name=f"{node.name}.qk", a=q, b=k, out=scores, a_axes="bhmd", b_axes="bhnd", out_axes="bhmn"
        ),
        Function(name=f"{node.name}.softmax", x=scores, out=weights, kind="softmax"),
        Contraction(
            name=f"{node.name}.av",
            a=weights,
            b=v,
            out=node.out,
            a_axes="bhmn",
            b_axes="bhnd",
            out_axes="bhmd",
        ),
    ]


PRODUCTS: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {
    "Attention": _attention,
    "Conv": _conv,
    "ConvTranspose": _conv,
    "Einsum": _einsum,
    "GRU": _recurrence,
    "Gemm": _gemm,
    "LSTM": _recurrence,
    "MatMul": _matmul,
    "com.microsoft.FusedMatMul": _matmul,
    "RNN": _recurrence,
}
