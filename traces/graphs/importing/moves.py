"""Imported operations that only move elements: concatenations, reshapes, transpositions, slices."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.arranging import are_whole, arranged, rows_of_features, size_of
from traces.graphs.importing.emit import Emitter
from traces.graphs.importing.ops import (
    Concat,
    Move,
    Reshape,
    Transpose,
)
from traces.graphs.importing.views import (
    ROLES,
    Role,
    View,
    laid_out,
    length,
    regrouped,
    whole,
)
from traces.graphs.kinds import OpKind, TensorSize


def add_concat(emitter: Emitter, op: Concat) -> None:
    """Add a concatenation along an axis that is all there is of its role; constants are neighbours of no cost."""
    views = [emitter.view(tensor) for tensor in op.inputs if not emitter.is_constant(tensor)]
    shape = emitter.shape(op.out)
    reference = max(views, key=lambda view: prod(view.size))
    grown = _joinable(emitter, reference, op.axis, shape)
    place = [() if i == op.axis else axis for i, axis in enumerate(grown.axes)]
    role = grown.axes[op.axis][0].role if grown.axes[op.axis] else "width"
    parts = []
    for view in views:
        own = list(place)
        own[op.axis] = whole(role, length(view.axes[op.axis]))
        parts.append(arranged(emitter, view, own))
    joined = sum(length(view.axes[op.axis]) for view in views)
    size = _with(size_of(grown.axes), role, joined)
    if len(parts) == 1:
        source, given = parts[0].source, parts[0].size
        emitter.put(op.out, op.name, "copy", (source,), given, grown)
        return
    if joined != shape[op.axis]:
        inner = emitter.emit(f"{op.name}.joined", "concat", tuple(p.source for p in parts), size, size)
        emitter.put(op.out, op.name, "copy", (inner,), size, grown)
        return
    emitter.put(op.out, op.name, "concat", tuple(part.source for part in parts), size, grown)


def _joinable(emitter: Emitter, view: View, axis: int, shape: tuple[int, ...]) -> View:
    """Return the result's view: as its largest part lies, or as rows of features where that cannot grow."""
    try:
        grown = emitter.resized(view, shape)
    except UnsupportedError:
        grown = None
    if grown is not None:
        pieces = grown.axes[axis]
        if len(pieces) == 1 and pieces[0].stride == 1 and are_whole(pieces, grown.size):
            return grown
    rest = [whole("channels", n) if i != axis else () for i, n in enumerate(shape)]
    axes = list(laid_out(rest, "channels"))
    axes[axis] = whole("height", shape[axis])
    return View.of("", (prod(shape) // shape[axis], shape[axis], 1), axes)


def _with(size: TensorSize, role: Role, n: int) -> TensorSize:
    channels, height, width = (n if own == role else old for own, old in zip(ROLES, size, strict=True))
    return channels, height, width


def add_reshape(emitter: Emitter, op: Reshape) -> None:
    """Look at the same elements along other axes."""
    x = emitter.view(op.x)
    shape = emitter.shape(op.out)
    if prod(shape) != prod(x.shape):
        raise UnsupportedError(f"makes {shape} of {x.shape}; needs as many elements")
    cut = regrouped(x.axes, shape)
    if cut is None:
        x = emitter.request(x, (list(x.axes), [], []))
        cut = regrouped(x.axes, shape)
    if cut is None:
        raise UnsupportedError(f"makes {shape} of {x.shape}")
    emitter.pass_on(op.out, replace(x, axes=cut))


def add_transpose(emitter: Emitter, op: Transpose) -> None:
    """Look at the same axes in another order."""
    x = emitter.view(op.x)
    if sorted(op.permutation) != list(range(len(x.axes))):
        raise UnsupportedError(f"permutation {op.permutation} of {len(x.axes)} axes; needs each once")
    emitter.pass_on(op.out, replace(x, axes=tuple(x.axes[i] for i in op.permutation)))


def add_move(emitter: Emitter, op: Move) -> None:
    """Add what takes, repeats or pads elements; padding waits for a window that does it itself."""
    x = emitter.view(op.x)
    shape = emitter.shape(op.out)
    chosen = [emitter.view(tensor).source for tensor in op.by if not emitter.is_constant(tensor)]
    sources = tuple(dict.fromkeys((x.source, *chosen)))
    if shape == x.shape and op.kind != "copy" and len(sources) == 1:
        emitter.pass_on(op.out, x)
        return
    if op.kind == "pad":
        emitter.padded[op.out] = (op.name, x)
        return
    try:
        out = emitter.resized(x, shape) if len(shape) == len(x.axes) else None
    except UnsupportedError:
        out = None
    if out is None or (op.kind == "upsample" and out.size[0] != x.size[0]):
        kind: OpKind = "copy" if op.kind == "upsample" else op.kind
        rows = rows_of_features(shape)
        emitter.put(op.out, op.name, kind, sources, x.size, View.of("", size_of(rows), rows))
        return
    emitter.put(op.out, op.name, op.kind, sources, x.size, out)
