"""ONNX nodes that only move, take or repeat elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import Concat, Function, ImportedOp, Move, Reshape, Transpose
from traces.graphs.onnx.nodes.node import Node


def _view(node: Node) -> Sequence[ImportedOp]:
    return [Reshape(name=node.name, x=node.tensor(0), out=node.out)]


def _transpose(node: Node) -> Sequence[ImportedOp]:
    rank = len(node.shape(node.tensor(0)))
    order = node.integers("perm") or tuple(reversed(range(rank)))
    return [Transpose(name=node.name, x=node.tensor(0), out=node.out, permutation=order)]


def _concat(node: Node) -> Sequence[ImportedOp]:
    axis = node.axis(1, len(node.out_shape))
    if len(node.tensors()) == 1:
        return _view(node)
    return [Concat(name=node.name, inputs=node.tensors(), out=node.out, axis=axis)]


def _slice(node: Node) -> Sequence[ImportedOp]:
    steps = node.values(4) if node.has(4) else (1,)
    kind = "slice" if steps is not None and set(steps) <= {1} else "copy"
    return [Move(name=node.name, x=node.tensor(0), out=node.out, kind="slice" if kind == "slice" else "copy")]


def _cropped(node: Node) -> Sequence[ImportedOp]:
    smaller = all(a >= b for a, b in zip(node.shape(node.tensor(0)), node.out_shape, strict=True))
    return [Move(name=node.name, x=node.tensor(0), out=node.out, kind="slice" if smaller else "copy")]


def _split(node: Node) -> Sequence[ImportedOp]:
    return [
        Move(name=node.name if i == 0 else f"{node.name}.{i}", x=node.tensor(0), out=out, kind="slice")
        for i, out in enumerate(node.outputs)
        if out
    ]


def _pad(node: Node) -> Sequence[ImportedOp]:
    """Return padding that a window can do itself, if it is of pixels alone."""
    before, after = node.shape(node.tensor(0)), node.out_shape
    pixels = (
        len(before) >= 3
        and before[:2] == after[:2]
        and all(a <= b for a, b in zip(before, after, strict=True))
    )
    return [Move(name=node.name, x=node.tensor(0), out=node.out, kind="pad" if pixels else "copy")]


def _copy(node: Node) -> Sequence[ImportedOp]:
    return [Move(name=node.name, x=node.tensor(0), out=node.out, kind="copy")]


def _repeat(node: Node) -> Sequence[ImportedOp]:
    if node.shape(node.tensor(0)) == node.out_shape:
        return _view(node)
    x, shape = node.tensor(0), node.shape(node.tensor(0))
    if len(shape) < len(node.out_shape):
        wide = (*(1,) * (len(node.out_shape) - len(shape)), *shape)
        x = node.made_up("wide", wide)
        view = Reshape(name=f"{node.name}.wide", x=node.tensor(0), out=x)
        return [view, Move(name=node.name, x=x, out=node.out, kind="copy")]
    return _copy(node)


def _resize(node: Node) -> Sequence[ImportedOp]:
    return [Move(name=node.name, x=node.tensor(0), out=node.out, kind="upsample")]


def _picked(node: Node) -> Sequence[ImportedOp]:
    """Return a taking or placing of elements where further inputs say, a constant table's rows by an index."""
    data = node.data()
    by = tuple(name for name in data[1:] if name != data[0])
    return [Move(name=node.name, x=data[0], out=node.out, kind="copy", by=by)]


def _sample(node: Node) -> Sequence[ImportedOp]:
    """Blend pixels at places that the network may compute.  Choice: as much work as resizing to that many pixels."""
    places = node.tensor(1)
    by = () if node.is_constant(places) else (places,)
    return [Move(name=node.name, x=node.tensor(0), out=node.out, kind="upsample", by=by)]


def _gather(node: Node) -> Sequence[ImportedOp]:
    """Return a look-up in a constant table (rows are copied), or a taking of places from a tensor."""
    if node.is_constant(node.tensor(0)):
        return [Move(name=node.name, x=node.tensor(1), out=node.out, kind="copy")]
    if not node.is_constant(node.tensor(1)):
        return _picked(node)
    shape = node.shape(node.tensor(0))
    axis, indices = node.axis(0, len(shape)), node.shape(node.tensor(1))
    count = 1
    for n in indices:
        count *= n
    kept = node.made_up("kept", (*shape[:axis], count, *shape[axis + 1 :]))
    kind = "slice" if count == 1 else "copy"
    return [
        Move(name=node.name, x=node.tensor(0), out=kept, kind="slice" if kind == "slice" else "copy"),
        Reshape(name=f"{node.name}.shape", x=kept, out=node.out),
    ]


def _largest(node: Node) -> Sequence[ImportedOp]:
    """Compare every element, and keep the largest: values, and where they were."""
    x = node.tensor(0)
    compared = node.made_up("compared", node.shape(x))
    found: list[ImportedOp] = [Function(name=node.name, x=x, out=compared, kind="threshold")]
    for i, out in enumerate(node.outputs):
        if out:
            name = f"{node.name}.{('values', 'indices')[i]}"
            found.append(Move(name=name, x=compared, out=out, kind="slice"))
    return found


def _shape_only(node: Node) -> Sequence[ImportedOp]:
    if not node.data():
        return []
    raise UnsupportedError("makes something of sizes that are not fixed")


MOVES: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {
    **dict.fromkeys(
        ("BitCast", "Cast", "CastLike", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"), _view
    ),
    **dict.fromkeys(("Expand", "Tile"), _repeat),
    **dict.fromkeys(("Col2Im", "CumProd", "CumSum", "DepthToSpace", "OneHot"), _copy),
    **dict.fromkeys(("ReverseSequence", "SpaceToDepth", "Trilu"), _copy),
    **dict.fromkeys(("GatherElements", "GatherND", "ScatterElements", "ScatterND", "Scatter"), _picked),
    **dict.fromkeys(("MaxUnpool", "TensorScatter"), _picked),
    **dict.fromkeys(
        ("Shape", "Size", "ConstantOfShape", "Range", "RandomNormalLike", "EyeLike"), _shape_only
    ),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "CenterCropPad": _cropped,
    "Concat": _concat,
    "GridSample": _sample,
    "Gather": _gather,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
    "TopK": _largest,
    "Transpose": _transpose,
}
