"""ONNX nodes that multiply: convolutions, matrix products, recurrent layers, attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.letters import einsum_letters, matmul_letters
from traces.graphs.importing.ops import (
    Contraction,
    Convolution,
    Elementwise,
    Function,
    ImportedOp,
    Move,
    Recurrence,
    Reshape,
    Transpose,
)
from traces.graphs.importing.patches import WeightLayout, by_computed_weights
from traces.graphs.onnx.node import Node
from traces.graphs.onnx.norms import with_operands


def _conv(node: Node) -> Sequence[ImportedOp]:
    weights = node.shape(node.tensor(1))
    rank = len(node.shape(node.tensor(0))) - 2
    if len(weights) != rank + 2 or not 1 <= rank <= 3:
        raise UnsupportedError(
            f"weights {weights} over an input of {rank + 2} axes; needs 1 to 3 axes of pixels"
        )
    channels, groups = node.shape(node.tensor(0))[1], node.integer("group", 1)
    transposed = node.kind == "ConvTranspose"
    if weights[0 if transposed else 1] * (1 if transposed else groups) != channels:
        raise UnsupportedError(f"weights {weights} in {groups} groups over {channels} channels")
    window = node.window(weights[2:])
    layout: WeightLayout = "in out window" if transposed else "out in window"

    def made(out: str) -> list[ImportedOp]:
        convolution = Convolution(
            name=node.name,
            x=node.tensor(0),
            out=out,
            kernel=window["kernel"],
            stride=window["stride"],
            dilation=window["dilation"],
            groups=groups,
            transposed=transposed,
        )
        if node.is_constant(node.tensor(1)):
            return [convolution]
        shapes = node.context.model.shapes
        return by_computed_weights(convolution, node.tensor(1), layout, shapes, node.made_up)

    return with_operands(node, made, {2: "add"})


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
    a_axes, b_axes, out_axes = matmul_letters(*shapes)
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
    """Return a product of two operands, axes that ``...`` stands for under letters of their own."""
    shapes = [node.shape(tensor) for tensor in node.tensors()]
    operands, out = einsum_letters(node.text("equation", ""), [len(shape) for shape in shapes])
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


def _grid(node: Node) -> Sequence[ImportedOp]:
    """Return the places of pixels, each from its constant coordinates by a small matrix that the network computes."""
    (_, axes, given), pixels = node.shape(node.tensor(0)), prod(node.out_shape[1:-1])
    places, product = node.made_up("places", (pixels, given)), node.made_up("grid", (1, pixels, axes))
    return [
        Contraction(
            name=node.name, a=node.tensor(0), b=places, out=product, a_axes="bac", b_axes="pc", out_axes="bpa"
        ),
        Reshape(name=f"{node.name}.shape", x=product, out=node.out),
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
            states=tuple(
                node.tensor(i) for i in (5, 6) if node.has(i) and not node.is_constant(node.tensor(i))
            ),
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
    """Return scaled dot products of queries, keys and values; several heads of queries may share keys.

    Each is (batch, heads, rows, size), or (batch, rows, heads x size) with the heads counted by an attribute.
    """
    if node.has(4):
        raise UnsupportedError("reads keys of earlier steps; needs those of this one alone")
    found: list[ImportedOp] = []
    q, k, v = (_by_heads(node, i, found) for i in range(3))
    (batch, heads, rows, size), (_, shared, keys, _), wide = node.shape(q), node.shape(k), node.shape(v)[3]
    if heads % shared:
        raise UnsupportedError(f"{heads} heads of queries over {shared} of keys; needs a multiple")
    each = (batch, shared, heads // shared, rows)
    grouped, scores, weights = (
        node.made_up(what, (*each, n)) for what, n in (("q", size), ("scores", keys), ("weights", keys))
    )
    mixed, joined = node.made_up("mixed", (*each, wide)), node.made_up("joined", (batch, heads, rows, wide))
    found += [
        Reshape(name=f"{node.name}.q", x=q, out=grouped),
        Contraction(
            name=f"{node.name}.qk",
            a=grouped,
            b=k,
            out=scores,
            a_axes="bhgmd",
            b_axes="bhnd",
            out_axes="bhgmn",
        ),
        Function(name=f"{node.name}.softmax", x=scores, out=weights, kind="softmax"),
        Contraction(
            name=f"{node.name}.av", a=weights, b=v, out=mixed, a_axes="bhgmn", b_axes="bhnd", out_axes="bhgmd"
        ),
        Reshape(name=f"{node.name}.heads", x=mixed, out=joined),
    ]
    if len(node.out_shape) == 4:
        return [*found, Reshape(name=f"{node.name}.out", x=joined, out=node.out)]
    turned = node.made_up("turned", (batch, rows, heads, wide))
    return [
        *found,
        Transpose(name=f"{node.name}.turn", x=joined, out=turned, permutation=(0, 2, 1, 3)),
        Reshape(name=f"{node.name}.out", x=turned, out=node.out),
    ]


def _by_heads(node: Node, place: int, found: list[ImportedOp]) -> str:
    """Return an input of attention as (batch, heads, rows, size)."""
    shape = node.shape(node.tensor(place))
    if len(shape) == 4:
        return node.tensor(place)
    heads = node.integer("kv_num_heads" if place else "q_num_heads", 0)
    if len(shape) != 3 or heads < 1 or shape[2] % heads:
        raise UnsupportedError(f"input {place} of shape {shape} in {heads} heads; needs 3 or 4 axes")
    batch, rows, width = shape
    apart = node.made_up(f"apart{place}", (batch, rows, heads, width // heads))
    turned = node.made_up(f"heads{place}", (batch, heads, rows, width // heads))
    found += [
        Reshape(name=f"{node.name}.apart{place}", x=node.tensor(place), out=apart),
        Transpose(name=f"{node.name}.heads{place}", x=apart, out=turned, permutation=(0, 2, 1, 3)),
    ]
    return turned


PRODUCTS: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {
    "AffineGrid": _grid,
    "Attention": _attention,
    "Conv": _conv,
    "ConvTranspose": _conv,
    "Einsum": _einsum,
    "GRU": _recurrence,
    "Gemm": _gemm,
    "LSTM": _recurrence,
    "MatMul": _matmul,
    "RNN": _recurrence,
}
