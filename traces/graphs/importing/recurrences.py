"""Imported recurrent layers, step by step, and the state that they start from."""

from __future__ import annotations

from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.emit import Emitter
from traces.graphs.importing.ops import Recurrence
from traces.graphs.importing.views import (
    Piece,
    Pieces,
    View,
    flat,
    merged,
    whole,
)
from traces.graphs.kinds import OpKind


def add_recurrence(emitter: Emitter, op: Recurrence) -> None:
    """Add a recurrent cell for each direction, and a concatenation if there are two."""
    x = emitter.view(op.x)
    features, steps = x.axes[-1], x.axes[:-1]
    rows = emitter.request(x, ((features,), steps, ()))
    count = rows.size[1]
    sources = _started_from(emitter, op, rows.source)
    names = []
    for direction in range(op.directions):
        name = op.name if op.directions == 1 else f"{op.name}.{'backward' if direction else 'forward'}"
        names.append(emitter.emit(name, op.kind, sources, rows.size, (op.hidden, count, 1)))
    width = op.hidden * op.directions
    size = (width, count, 1)
    source = names[0]
    if len(names) > 1:
        source = emitter.emit(op.name, "concat", tuple(names), size, size)
    shape = emitter.shape(op.out)
    if prod(shape) == width and count > 1:
        source = emitter.emit(f"{op.name}.last", "slice", (source,), size, (width, 1, 1))
        size = (width, 1, 1)
    emitter.bind(op.out, _steps_out(source, size, shape, count, op))


def _started_from(emitter: Emitter, op: Recurrence, x: str) -> tuple[str, ...]:
    """Return what a cell reads: its input, and the states that the network computes, each of a direction's size."""
    sources = [x]
    for tensor in op.states:
        if emitter.is_constant(tensor):
            continue
        view = emitter.view(tensor)
        source = view.source
        if source == x:
            continue
        if view.size != (op.hidden, 1, 1):
            kind: OpKind = "slice" if prod(view.size) >= op.hidden else "copy"
            source = emitter.emit(f"{op.name}.state", kind, (source,), view.size, (op.hidden, 1, 1))
        if source not in sources:
            sources.append(source)
    return tuple(sources)


def _steps_out(
    source: str, size: tuple[int, int, int], shape: tuple[int, ...], count: int, op: Recurrence
) -> View:
    """Return the view of all steps, whose axis is the one of their length, or of the last one."""
    axes: list[Pieces] = []
    stride = op.hidden * op.directions
    left = [whole("height", size[1])] if size[1] > 1 else []
    for n in shape:
        if left and n == count:
            axes.append(left.pop())
            continue
        stride //= n
        axes.append((Piece("channels", stride, n),) if n > 1 else ())
    if left or stride != 1:
        raise UnsupportedError(f"puts out {shape}; needs steps x directions x hidden")
    return View(source, size, tuple(axes), merged(flat(axes)), private=False)
