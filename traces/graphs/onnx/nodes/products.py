"""ONNX nodes that multiply: matrix products, recurrent layers, attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.letters import einsum_letters, matmul_letters
from traces.graphs.importing.ops import (
    Concat,
    Contraction,
    Elementwise,
    Function,
    ImportedOp,
    Move,
    Recurrence,
    Reduction,
    Reshape,
    Transpose,
)
from traces.graphs.onnx.nodes.node import Node


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
    """Return products of two operands at a time, axes that ``...`` stands for under letters of their own.

    Choice: from the left, as NumPy does without an optimised path.
    """
    tensors = node.tensors()
    operands, out = einsum_letters(node.text("equation", ""), [len(node.shape(x)) for x in tensors])
    size = {
        letter: n
        for axes, x in zip(operands, tensors, strict=True)
        for letter, n in zip(axes, node.shape(x), strict=True)
    }
    if len(tensors) == 1:
        return _rearranged(node, operands[0], out)
    found: list[ImportedOp] = []
    a, axes = tensors[0], operands[0]
    for i, (b, own) in enumerate(zip(tensors[1:], operands[1:], strict=True)):
        last = i == len(tensors) - 2
        needed = set(out).union(*operands[i + 2 :])
        made = out if last else "".join(x for x in dict.fromkeys(axes + own) if x in needed)
        name = node.out if last else node.made_up(f"product{i}", tuple(size[x] for x in made))
        found.append(
            Contraction(
                name=node.name if last else f"{node.name}.{i}",
                a=a,
                b=b,
                out=name,
                a_axes=axes,
                b_axes=own,
                out_axes=made,
            )
        )
        a, axes = name, made
    return found


def _rearranged(node: Node, axes: str, out: str) -> Sequence[ImportedOp]:
    """Return sums over the axes that are not put out, and the others in their order."""
    x, shape = node.tensor(0), node.shape(node.tensor(0))
    found: list[ImportedOp] = []
    summed = tuple(i for i, letter in enumerate(axes) if letter not in out)
    if summed:
        rest = node.made_up("sums", tuple(n for i, n in enumerate(shape) if i not in summed))
        found.append(Reduction(name=node.name, x=x, out=rest, axes=summed))
        x, axes = rest, "".join(letter for letter in axes if letter in out)
    order = tuple(axes.index(letter) for letter in out)
    return [*found, Transpose(name=f"{node.name}.out", x=x, out=node.out, permutation=order)]


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
    found: list[ImportedOp] = []
    q, k, v = (_by_heads(node, i, found) for i in range(3))
    k, v = (_behind_earlier(node, i, x, found) for i, x in enumerate((k, v)))
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


def _behind_earlier(node: Node, which: int, x: str, found: list[ImportedOp]) -> str:
    """Return keys (0) or values (1) behind those of earlier steps, under the name of the output they are."""
    own = node.outputs[1 + which] if len(node.outputs) > 1 + which else ""
    if not node.has(4 + which):
        if own:
            found.append(Reshape(name=f"{node.name}.present{which}", x=x, out=own))
        return x
    earlier, shape = node.tensor(4 + which), node.shape(x)
    rows = node.shape(earlier)[2] + shape[2]
    joined = own or node.made_up(f"present{which}", (*shape[:2], rows, shape[3]))
    found.append(Concat(name=f"{node.name}.present{which}", inputs=(earlier, x), out=joined, axis=2))
    return joined


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
    "Einsum": _einsum,
    "GRU": _recurrence,
    "Gemm": _gemm,
    "LSTM": _recurrence,
    "MatMul": _matmul,
    "RNN": _recurrence,
}
