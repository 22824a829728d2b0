"""Imported operations without products: pools, reductions, sums and functions of elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.arranging import are_whole, arranged, rows_of_features, size_of
from traces.graphs.importing.emit import Emitter, KernelSizes
from traces.graphs.importing.ops import (
    Elementwise,
    Function,
    Pooling,
    Reduction,
)
from traces.graphs.importing.products import image, within_reach
from traces.graphs.importing.views import (
    ROLES,
    Piece,
    Pieces,
    View,
    flat,
    image_out,
    in_place,
    length,
    merged,
)
from traces.graphs.kinds import OpKind


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
    window = KernelSizes.of(op.kernel, op.stride, op.dilation)
    x = within_reach(emitter, op.name, x, out.size, window, several=shape[0] > 1)
    emitter.put(op.out, op.name, op.kind, (x.source,), x.size, out, window)


def _add_pooling_in_depth(emitter: Emitter, op: Pooling, x: View, shape: tuple[int, ...]) -> None:
    """Add a pool over (depth, height, width).  Choice: maxima and means of three axes are taken one by one."""
    channels, deep, tall, wide = shape
    before = emitter.shape(op.x)
    height, width = before[2:4] if op.channels_last else before[3:]
    full = [tuple(sizes) or (1, 1, 1) for sizes in (op.kernel, op.stride, op.dilation)]
    along = KernelSizes.of(*((first, 1) for first, *_ in full))
    across = KernelSizes.of(*(tuple(rest) for _, *rest in full))
    flat_pixels = (channels, prod(x.size[1:]) // (height * width), height * width)
    source = emitter.emit(f"{op.name}.planes", "reshape", (x.source,), x.size, flat_pixels)
    given = (channels, deep, height * width)
    source = emitter.emit(f"{op.name}.depth", op.kind, (source,), flat_pixels, given, along)
    images = (channels * deep, height, width)
    source = emitter.emit(f"{op.name}.images", "reshape", (source,), given, images)
    pooled = (channels * deep, tall, wide)
    source = emitter.emit(f"{op.name}.pixels", op.kind, (source,), images, pooled, across)
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
    if not are_whole(reduced, x.size):
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
    place = _reference(ranked, out_shape) or rows_of_features(out_shape)
    size = size_of(place)
    parts = [arranged(emitter, view, place) for view in ranked]
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
        rows = rows_of_features(shape)
        out = View.of("", size_of(rows), rows)
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
