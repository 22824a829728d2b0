"""Imported operations that multiply: convolutions, contractions, recurrent cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_letters

from traces.base.arrays import Shape
from traces.base.errors import UnsupportedError
from traces.graphs.importing.emit import PIXEL, Emitter, KernelSizes, pixels_cover
from traces.graphs.importing.ops import Contraction, Convolution
from traces.graphs.importing.views import (
    Piece,
    Pieces,
    View,
    covers,
    flat,
    image_out,
    merged,
    whole,
)
from traces.graphs.kinds import OpKind, TensorSize


def add_convolution(emitter: Emitter, op: Convolution) -> None:
    """Add a convolution over one or two axes, or over three as a product of patches."""
    rank = len(op.kernel)
    given = emitter.view(op.x) if op.transposed else emitter.unpadded(op.x)
    shape = emitter.shape(op.out)
    x = image(given, emitter, shape, op.channels_last, any_order=op.groups == 1)
    channels = shape[-1] if op.channels_last else shape[1]
    pixels = shape[1:-1] if op.channels_last else shape[2:]
    if len(pixels) != rank:
        raise UnsupportedError(f"kernel {op.kernel} over {len(pixels)} axes; needs one size per axis")
    out = image_out(channels, pixels, op.channels_last, shape[0])
    if rank > 2:
        _add_patches(emitter, op, x, out)
        return
    kind: OpKind = "conv_transpose" if op.transposed else "conv"
    window = KernelSizes.of(op.kernel, op.stride, op.dilation)
    if not op.transposed:
        x = within_reach(emitter, op.name, x, out.size, window, several=shape[0] > 1)
    emitter.put(op.out, op.name, kind, (x.source,), x.size, out, window, op.groups, op.activation)


def _add_patches(emitter: Emitter, op: Convolution, x: View, out: View) -> None:
    """Add a convolution over three axes.  Choice: patches are copied out, then multiplied by the weights.

    Of a transposed one every input is multiplied first, and what it gives copied to where it is added up.
    """
    if op.transposed:
        spread = (out.size[0] * prod(op.kernel), *x.size[1:])
        made = emitter.emit(op.name, "linear", (x.source,), x.size, spread, PIXEL, op.groups, op.activation)
        emitter.put(op.out, f"{op.name}.place", "copy", (made,), spread, out)
        return
    source, size = x.source, x.size
    if prod(op.kernel) > 1 or size[1:] != out.size[1:]:
        size = (size[0] * prod(op.kernel), *out.size[1:])
        source = emitter.emit(f"{op.name}.patches", "copy", (source,), x.size, size)
    emitter.put(op.out, op.name, "linear", (source,), size, out, PIXEL, op.groups, op.activation)


def within_reach(  # noqa: PLR0913, PLR0917  # an image, and what a window makes of it
    emitter: Emitter, name: str, x: View, out: TensorSize, window: KernelSizes, several: bool
) -> View:
    """Return an image that such windows can make ``out`` pixels of.

    Some lie in padding alone where it is wider than a window: such padding is written out, as a copy.  Where
    ``several`` images lie one above the other no window reaches from one to the next: rows that none begins at are
    left out.
    """
    fitting = list(x.size)
    each = zip(window.kernel, window.stride, window.dilation, strict=True)
    for i, (kernel, stride, dilation) in enumerate(each, 1):
        reach = dilation * (kernel - 1) + 1
        least, most = (x.size[i] - reach) // stride + 1, -(-(x.size[i] + reach - 2) // stride) + 1
        if out[i] > most or (several and i == 1 and out[i] < least):
            fitting[i] = (out[i] - 1) * stride + reach
    if tuple(fitting) == x.size:
        return x
    size = (fitting[0], fitting[1], fitting[2])
    grows = any(new > old for new, old in zip(size, x.size, strict=True))
    kind: OpKind = "copy" if grows else "slice"
    made = emitter.emit(f"{name}.{'pad' if grows else 'rows'}", kind, (x.source,), x.size, size)
    return replace(x, source=made, size=size)


def image(view: View, emitter: Emitter, out: Shape, channels_last: bool, *, any_order: bool = False) -> View:
    """Return a tensor as an image: its channels, rows and columns where a window looks for them.

    Several images (the frames of a video) lie one above the other, as a window over each of them counts the same;
    ``out`` is the shape of what it makes of them.

    ``any_order``: weights can be permuted as channels are, so any order of all channels is the right one.
    """
    if len(view.axes) != len(out) or view.shape[0] != out[0]:
        raise UnsupportedError(f"makes {out} of {view.shape}; needs as many images, of as many axes")
    many, *rest = view.axes
    channels, pixels = (rest[-1], rest[:-1]) if channels_last else (rest[0], rest[1:])
    tall, wide = pixels[:-1], pixels[-1:]
    if any_order and covers(channels, view.size, ("channels",)):
        channels = whole("channels", view.size[0])
    return emitter.request(view, ((channels,), (many, *tall), tuple(wide)))


@dataclass(frozen=True, slots=True)
class _Letters:
    """What the letters of a contraction stand for."""

    groups: str
    reduced: str
    rows: str  # of the first operand alone
    columns: str  # of the second alone
    size: dict[str, int]

    def count(self, letters: str) -> int:
        return prod(self.size[letter] for letter in letters)


def add_contraction(emitter: Emitter, op: Contraction) -> None:
    """Add a product with constant weights, or of two activations."""
    a, b = zip((op.a, op.b), _repeated(emitter, op), strict=True)
    if emitter.is_constant(op.a):
        a, b = b, a
    letters = _letters(emitter, (a, b), op.out_axes)
    if emitter.is_constant(b[0]):
        _add_linear(emitter, op, _axes(emitter, *a), letters)
    else:
        _add_matmul(emitter, op, (_axes(emitter, *a), _axes(emitter, *b)), letters)


def _repeated(emitter: Emitter, op: Contraction) -> tuple[str, str]:
    """Return the letters of both operands; an axis of one place that meets a longer one gets a letter of its own."""
    sides = (op.a_axes, op.b_axes)
    sizes = [
        dict(zip(axes, emitter.shape(x), strict=False)) for axes, x in zip(sides, (op.a, op.b), strict=True)
    ]
    free = (x for x in ascii_letters if x not in op.a_axes + op.b_axes + op.out_axes)
    a, b = (
        "".join(next(free) if mine[x] == 1 < other.get(x, 1) else x for x in axes)
        for axes, mine, other in zip(sides, sizes, reversed(sizes), strict=True)
    )
    return a, b


def _letters(emitter: Emitter, operands: Sequence[tuple[str, str]], out: str) -> _Letters:
    size: dict[str, int] = {}
    for tensor, axes in operands:
        shape = emitter.shape(tensor)
        if len(shape) != len(axes):
            raise UnsupportedError(f"{tensor!r} has shape {shape}; needs {len(axes)} axes")
        for letter, n in zip(axes, shape, strict=True):
            if size.setdefault(letter, n) != n:
                raise UnsupportedError(
                    f"operands of lengths {size[letter]} and {n} along one axis; needs equal ones"
                )
    first, second = (axes for _, axes in operands)
    lonely = [x for x in {*first} ^ {*second} if x not in out and size[x] > 1]
    if lonely:
        raise UnsupportedError("sums an operand alone; needs axes that both have")
    return _Letters(
        groups="".join(x for x in first if x in second and x in out),
        reduced="".join(x for x in first if x in second and x not in out),
        rows="".join(x for x in out if x in first and x not in second),
        columns="".join(x for x in out if x in second and x not in first),
        size=size,
    )


Lettered = tuple[View, dict[str, Pieces]]


def _axes(emitter: Emitter, tensor: str, axes: str) -> Lettered:
    view = emitter.view(tensor)
    return view, dict(zip(axes, view.axes, strict=True))


def _request(emitter: Emitter, operand: Lettered, channels: str, rows: str) -> Lettered:
    """Return an operand with these letters as channels and rows; as it is, if its pixels are the rows in any order."""
    view, axes = operand
    deep = flat(axes[x] for x in channels)
    if merged(deep) == whole("channels", view.size[0]) and pixels_cover(view, flat(axes[x] for x in rows)):
        return operand
    moved = emitter.request(view, ([axes[x] for x in channels], [axes[x] for x in rows], []))
    return moved, dict(zip((*channels, *rows), moved.axes, strict=True))


def _add_linear(emitter: Emitter, op: Contraction, operand: Lettered, letters: _Letters) -> None:
    """Add a product with weights; they are permuted to whatever order their input has."""
    view, axes = operand
    source, size = view.source, view.size
    reduced = flat(axes[x] for x in letters.reduced)
    rows = {x: axes[x] for x in letters.rows}
    pixels = size[1:]
    alone = letters.count(letters.groups) == 1
    in_rows = covers(reduced, size, ("channels",)) and pixels_cover(view, flat(rows.values()))
    if alone and letters.count(letters.rows) == 1 and covers(reduced, size, ("channels", "height", "width")):
        size, pixels = (prod(size), 1, 1), (1, 1)
    elif not (alone and in_rows):
        view, moved = _request(emitter, operand, letters.groups + letters.reduced, letters.rows)
        source, size, pixels = view.source, view.size, view.size[1:]
        rows = {x: moved[x] for x in letters.rows}
    out = _out(letters, rows, (letters.count(letters.groups + letters.columns), *pixels), op.out_axes)
    groups = letters.count(letters.groups)
    emitter.put(op.out, op.name, "linear", (source,), size, out, PIXEL, groups, op.activation)


def _add_matmul(
    emitter: Emitter, op: Contraction, operands: tuple[Lettered, Lettered], letters: _Letters
) -> None:
    """Add a product of two activations; groups (heads) are parts of the channels."""
    first = _request(emitter, operands[0], letters.groups + letters.reduced, letters.rows)
    second = _second(emitter, operands[1], letters)
    view, axes = first
    rows = {x: axes[x] for x in letters.rows}
    out = _out(letters, rows, (letters.count(letters.groups + letters.columns), *view.size[1:]), op.out_axes)
    groups, sources = letters.count(letters.groups), (view.source, second.source)
    emitter.put(op.out, op.name, "matmul", sources, view.size, out, PIXEL, groups, op.activation)


def _second(emitter: Emitter, operand: Lettered, letters: _Letters) -> View:
    """Return the second operand: rows of the reduced axis as they are (values), or of its own (keys)."""
    view, axes = operand
    groups, reduced, columns = letters.groups, letters.reduced, letters.columns
    for channels, rows in ((groups + columns, reduced), (groups + reduced, columns)):
        deep = merged(flat(axes[x] for x in channels))
        if deep == whole("channels", view.size[0]) and pixels_cover(view, flat(axes[x] for x in rows)):
            return view
    return _request(emitter, operand, groups + reduced, columns)[0]


def _out(letters: _Letters, rows: dict[str, Pieces], size: tuple[int, int, int], out_axes: str) -> View:
    deep = letters.groups + letters.columns
    axes = {**rows}
    stride = size[0]
    for letter in deep:
        n = letters.size[letter]
        stride //= n
        axes[letter] = (Piece("channels", stride, n),) if n > 1 else ()
    return View.of("", size, [axes.get(letter, ()) for letter in out_axes])
