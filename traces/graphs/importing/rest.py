"""Imported operations without products: pools, sums, functions of elements, and what only moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.emit import Emitter
from traces.graphs.importing.ops import (
    Concat,
    Elementwise,
    Function,
    Move,
    Pooling,
    Reduction,
    Reshape,
    Transpose,
)
from traces.graphs.importing.products import image, window, within_reach
from traces.graphs.importing.views import (
    ROLES,
    Piece,
    Pieces,
    Role,
    View,
    flat,
    image_out,
    in_place,
    laid_out,
    length,
    merged,
    regrouped,
    whole,
)
from traces.graphs.kinds import OpKind, TensorSize


def add_pooling(emitter: Emitter, op: Pooling) -> None:
    """Add a pool over windows of one axis or two; one over three is a pool over the first and one over the others."""
    shape = emitter.shape(op.out)
    x = image(emitter.unpadded(op.x), emitter, shape, op.channels_last)
    channels = shape[-1] if op.channels_last else shape[1]
    pixels = shape[1:-1] if op.channels_last else shape[2:]
    if len(pixels) > 2:
        _add_pooling_in_depth(emitter, op, x, (channels, *pixels))
        return
    out = image_out(channels, pixels, op.channels_last, shape[0])
    sizes = window(op.kernel, op.stride, op.dilation)
    x = within_reach(emitter, op.name, x, out.size, sizes, several=shape[0] > 1)
    emitter.put(op.out, op.name, op.kind, (x.source,), x.size, out, **sizes)


def _add_pooling_in_depth(emitter: Emitter, op: Pooling, x: View, shape: tuple[int, ...]) -> None:
    """Add a pool over (depth, height, width).  Choice: maxima and means of three axes are taken one by one."""
    channels, deep, tall, wide = shape
    before = emitter.shape(op.x)
    height, width = before[2:4] if op.channels_last else before[3:]
    full = [tuple(sizes) or (1, 1, 1) for sizes in (op.kernel, op.stride, op.dilation)]
    along = window(*((first, 1) for first, *_ in full))
    across = window(*(tuple(rest) for _, *rest in full))
    flat_pixels = (channels, prod(x.size[1:]) // (height * width), height * width)
    source = emitter.emit(f"{op.name}.planes", "reshape", (x.source,), x.size, flat_pixels)
    given = (channels, deep, height * width)
    source = emitter.emit(f"{op.name}.depth", op.kind, (source,), flat_pixels, given, **along)
    images = (channels * deep, height, width)
    source = emitter.emit(f"{op.name}.images", "reshape", (source,), given, images)
    pooled = (channels * deep, tall, wide)
    source = emitter.emit(f"{op.name}.pixels", op.kind, (source,), images, pooled, **across)
    out = image_out(channels, (deep, tall, wide), op.channels_last)
    emitter.put(op.out, op.name, "reshape", (source,), pooled, out)


def add_reduction(emitter: Emitter, op: Reduction) -> None:
    """Add a global pool where all pixels are reduced, a ``reduce`` elsewhere."""
    x = emitter.view(op.x)
    reduced = flat(x.axes[i] for i in op.axes)
    if not reduced:
        emitter.pass_on(op.out, replace(x, axes=_without(x.axes, op.axes, len(emitter.shape(op.out)))))
        return
    kept = [axis for i, axis in enumerate(x.axes) if i not in op.axes]
    if not _are_whole(reduced, x.size):
        x = emitter.request(x, (kept, [x.axes[i] for i in op.axes], []))
        kept, reduced = list(x.axes[: len(kept)]), (Piece("height", 1, x.size[1]),)
    roles = {piece.role for piece in reduced}
    channels, height, width = (1 if role in roles else n for role, n in zip(ROLES, x.size, strict=True))
    pooled = "channels" not in roles and (height, width) == (1, 1)
    kind: OpKind = ("global_max_pool" if op.extreme else "global_avg_pool") if pooled else "reduce"
    rank = len(emitter.shape(op.out))
    shape = emitter.shape(op.x)
    axes: list[Pieces] = []
    left = iter(kept)
    for i in range(len(shape)):
        if i not in op.axes:
            axes.append(next(left))
        elif rank == len(shape):
            axes.append(())
    emitter.put(op.out, op.name, kind, (x.source,), x.size, View.of("", (channels, height, width), axes))


def _without(axes: Sequence[Pieces], dropped: Sequence[int], rank: int) -> tuple[Pieces, ...]:
    return (
        tuple(axes) if rank == len(axes) else tuple(axis for i, axis in enumerate(axes) if i not in dropped)
    )


def _are_whole(pieces: Pieces, size: TensorSize) -> bool:
    """Whether the pieces are all places of every role that they touch."""
    counts: dict[Role, int] = {}
    for piece in pieces:
        counts[piece.role] = counts.get(piece.role, 1) * piece.size
    return all(count == size[ROLES.index(role)] for role, count in counts.items())


def add_function(emitter: Emitter, op: Function) -> None:
    """Add a function of every element, or fuse it behind the op before it."""
    x = emitter.view(op.x)
    if op.kind == "activation" and emitter.fuse(x, op.activation):
        emitter.pass_on(op.out, x)
        return
    emitter.put(op.out, op.name, op.kind, (x.source,), x.size, x, activation=op.activation)


def add_elementwise(emitter: Emitter, op: Elementwise) -> None:
    """Add a sum or product; with constants alone it is folded, or a function of every element."""
    data = [tensor for tensor in op.inputs if not emitter.is_constant(tensor)]
    views = [emitter.view(tensor) for tensor in data]
    out_shape = emitter.shape(op.out)
    if len(views) == 1:
        _add_scale(emitter, op, _widened(emitter, op, views[0], out_shape))
        return
    ranked = [replace(view, axes=((),) * (len(out_shape) - len(view.axes)) + view.axes) for view in views]
    for view in ranked:
        if len(view.axes) != len(out_shape) or any(
            a not in {1, b} for a, b in zip(view.shape, out_shape, strict=True)
        ):
            raise UnsupportedError(f"makes {out_shape} of {view.shape}; needs axes as long, or of one place")
    place = _reference(ranked, out_shape) or _rows_of_features(out_shape)
    size = _size_of(place)
    parts = [_arranged(emitter, view, place) for view in ranked]
    whole_first = sorted(parts, key=lambda part: -prod(part.size))
    out = View.of("", size, place)
    sources = tuple(part.source for part in whole_first)
    emitter.put(op.out, op.name, op.kind, sources, size, out, activation=op.activation)


def _widened(emitter: Emitter, op: Elementwise, view: View, shape: tuple[int, ...]) -> View:
    """Return the tensor repeated along the axes in which a constant is longer."""
    view = replace(view, axes=((),) * (len(shape) - len(view.axes)) + view.axes)
    if view.shape == shape:
        return view
    try:
        out = emitter.resized(view, shape)
    except UnsupportedError:
        rows = _rows_of_features(shape)
        out = View.of("", _size_of(rows), rows)
    made = emitter.emit(f"{op.name}.repeat", "copy", (view.source,), view.size, out.size)
    return replace(out, source=made, private=False)


def _add_scale(emitter: Emitter, op: Elementwise, x: View) -> None:
    constants = [tensor for tensor in op.inputs if emitter.is_constant(tensor)]
    scalar = all(prod(emitter.shape(tensor)) == 1 for tensor in constants)
    if op.activation == "none" and emitter.folds(x, scalar):
        emitter.pass_on(op.out, x)
        return
    emitter.put(op.out, op.name, "activation", (x.source,), x.size, x, activation=op.activation)


def _reference(views: Sequence[View], shape: tuple[int, ...]) -> list[Pieces] | None:
    """Return the axes that a result has if it lies as its operands do: each as the first that is that long."""
    axes: list[Pieces] = []
    for i, n in enumerate(shape):
        axes.append(next((view.axes[i] for view in views if length(view.axes[i]) == n), ()))
    if [length(axis) for axis in axes] != list(shape):
        return None
    for role, pieces in in_place(flat(axes)).items():
        joined = merged(pieces)
        if len(joined) > 1 or joined[0] != Piece(role, 1, joined[0].size):
            return None
    return axes


def _rows_of_features(shape: tuple[int, ...]) -> list[Pieces]:
    """Return axes with the last as channels and the others as rows; none of a single number."""
    if not shape:
        return []
    rows = laid_out([whole("height", n) for n in shape[:-1]], "height")
    return [*rows, whole("channels", shape[-1])]


def _size_of(axes: Sequence[Pieces]) -> TensorSize:
    sizes = {role: prod(piece.size for piece in pieces) for role, pieces in in_place(flat(axes)).items()}
    return sizes.get("channels", 1), sizes.get("height", 1), sizes.get("width", 1)


def _arranged(emitter: Emitter, view: View, place: Sequence[Pieces]) -> View:
    """Return an operand as it lies over the result's axes, whole or of size 1 in each role."""
    size = _size_of(place)
    pieces: list[tuple[Piece, Pieces]] = []  # where of the result, and of the operand
    for mine, axis in zip(view.axes, place, strict=True):
        if not mine or not axis:
            continue
        cut = regrouped((mine,), [piece.size for piece in axis])
        if cut is None:
            return _arranged(emitter, _flattened(emitter, view), place)
        pieces += list(zip(axis, cut, strict=True))
    by_role = {
        role: sorted((pair for pair in pieces if pair[0].role == role), key=lambda pair: -pair[0].stride)
        for role in ROLES
    }
    counts = {role: prod(at.size for at, _ in pairs) for role, pairs in by_role.items()}
    if any(counts[role] not in {1, n} for role, n in zip(ROLES, size, strict=True)):
        repeated = emitter.emit(f"{view.source}.repeat", "copy", (view.source,), view.size, size)
        return View.of(repeated, size, place)  # over parts of a role: written out in full
    wanted = [[axis for _, axis in by_role[role]] for role in ROLES]
    return emitter.request(view, (wanted[0], wanted[1], wanted[2]))


def _flattened(emitter: Emitter, view: View) -> View:
    """Return the tensor as one run of elements, which can be cut anywhere."""
    one = emitter.request(view, (list(view.axes), [], []))
    cut = regrouped(one.axes, view.shape)
    return replace(one, axes=cut or one.axes)


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
        parts.append(_arranged(emitter, view, own))
    joined = sum(length(view.axes[op.axis]) for view in views)
    size = _with(_size_of(grown.axes), role, joined)
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
        if len(pieces) == 1 and pieces[0].stride == 1 and _are_whole(pieces, grown.size):
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
        rows = _rows_of_features(shape)
        emitter.put(op.out, op.name, kind, sources, x.size, View.of("", _size_of(rows), rows))
        return
    emitter.put(op.out, op.name, op.kind, sources, x.size, out)
