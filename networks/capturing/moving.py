"""Elements at other places: views, slices, joins, copies."""

from __future__ import annotations

from math import prod

from networks.capturing.calls import Ref
from networks.capturing.translation import CallStep, Unknown, Written
from traces import (
    Concat,
    Function,
    Move,
    Reshape,
    Shape,
    Transpose,
)


def ranked(step: CallStep) -> None:
    """Compare every element, and keep the largest ones or all in order."""
    sorted_ = step.all.new(step.x_shape)
    step.add(Function(name=step.name, x=step.x, out=sorted_, kind="threshold"))
    for k, number in enumerate(step.call.outputs):
        shape = step.all.tracing.values[number].shape
        if not step.all.tracing.values[number].constant:
            take(step, sorted_, step.all.tensor(number), shape, f"{step.name}.{k}")


def take(step: CallStep, source: str, out: str, shape: Shape, name: str) -> None:
    """Keep neighbours, and drop an axis of one place where one is missing."""
    have = step.all.shapes[source]
    if prod(have) == prod(shape):
        step.add(Reshape(name=name, x=source, out=out))
        return
    if len(have) == len(shape):
        step.add(Move(name=name, x=source, out=out, kind="slice"))
        return
    wide = with_axes(have, shape)
    between = step.all.new(wide)
    step.add(Move(name=name, x=source, out=between, kind="slice"))
    step.add(Reshape(name=f"{name}.reshape", x=between, out=out))


def with_axes(have: Shape, shape: Shape) -> Shape:
    """Return the shape with the axes that a selection dropped: 1 where the lengths stop agreeing."""
    rest, wide = list(shape), []
    left = len(have) - len(shape)
    for size in have:
        if left and (not rest or rest[0] != size):
            wide.append(1)
            left -= 1
        else:
            wide.append(rest.pop(0))
    return tuple(wide)


def select(step: CallStep) -> None:
    axis = step.argument(1, "dim", 0) % len(step.x_shape)
    between = step.all.new(tuple(1 if i == axis else size for i, size in enumerate(step.x_shape)))
    if step.x_shape[axis] == 1:
        step.add(Reshape(name=step.name, x=step.x, out=step.out))
        return
    step.add(Move(name=step.name, x=step.x, out=between, kind="slice"))
    step.add(Reshape(name=f"{step.name}.reshape", x=between, out=step.out))


def parts(step: CallStep) -> None:
    """Split along an axis, each part an output."""
    for k, number in enumerate(step.call.outputs):
        shape = step.all.tracing.values[number].shape
        take(step, step.x, step.all.tensor(number), shape, f"{step.name}.{k}")


def cut(step: CallStep) -> None:
    take(step, step.x, step.out, step.out_shape, step.name)


def same(step: CallStep) -> None:
    step.add(Reshape(name=step.name, x=step.x, out=step.out))


def copied(step: CallStep) -> None:
    """``x.copy_(y)``: x is y from here on, repeated if y is smaller."""
    source = step.number(1)
    if prod(step.all.tracing.values[source].shape) == prod(step.out_shape):
        step.add(Reshape(name=step.name, x=step.all.tensor(source), out=step.out))
    else:
        rearrange(step, step.all.tensor(source), step.out)


def expand(step: CallStep) -> None:
    number = step.number(0)
    if prod(step.x_shape) == prod(step.out_shape):
        step.add(Reshape(name=step.name, x=step.x, out=step.out))
    else:
        step.all.broadcast[step.call.outputs[0]] = number


def transpose(step: CallStep) -> None:
    rank = len(step.x_shape)
    order = list(range(rank))
    if step.call.op == "permute":
        order = [axis % rank for axis in step.call.args[1]]
    elif rank > 1:
        a, b = (
            (0, 1)
            if step.call.op in {"t", "numpy_T"}
            else (step.call.args[1] % rank, step.call.args[2] % rank)
        )
        order[a], order[b] = order[b], order[a]
    step.add(Transpose(name=step.name, x=step.x, out=step.out, permutation=tuple(order)))


def cat(step: CallStep) -> None:
    numbers = [given.id for given in step.call.args[0]]
    axis = step.argument(1, "dim", 0) % len(step.out_shape)
    names = [step.all.tensor(number) for number in numbers if prod(step.all.tracing.values[number].shape)]
    if step.call.op == "stack":
        shape = tuple(1 if i == axis else size for i, size in enumerate(step.out_shape))
        wide = [step.all.new(shape) for _ in names]
        step.add(*(Reshape(name=f"{step.name}.{b}", x=a, out=b) for a, b in zip(names, wide, strict=True)))
        names = wide
    step.add(Concat(name=step.name, inputs=tuple(names), out=step.out, axis=axis))


def upsample(step: CallStep) -> None:
    step.add(Move(name=step.name, x=step.x, out=step.out, kind="upsample"))


def copy(step: CallStep) -> None:
    """Move elements to other places, repeat or pad them."""
    if len(step.x_shape) == len(step.out_shape):
        step.add(Move(name=step.name, x=step.x, out=step.out, kind="copy"))
    else:
        rearrange(step, step.x, step.out)


def padded(step: CallStep) -> None:
    """Copy into a tensor of another size, if it is one."""
    if step.x_shape == step.out_shape:
        same(step)
    else:
        copy(step)


def sample(step: CallStep) -> None:
    """Blend pixels at places that the network may compute.  Choice: as much work as resizing to that many pixels."""
    x, places = step.number(0), step.number(1)
    by = () if step.constant(places) else (step.all.tensor(places),)
    if step.constant(x):
        raise Unknown("its image is constant")
    step.add(Move(name=step.name, x=step.x, out=step.out, kind="upsample", by=by))


def lookup(step: CallStep) -> None:
    """Look up by an index: in a tensor of the network, or in a table of weights by what it computed."""
    first, *others = dict.fromkeys(step.dynamic())
    source, by = step.all.tensor(first), tuple(step.all.tensor(number) for number in others)
    if len(step.all.shapes[source]) == len(step.out_shape) and source == step.x:
        step.add(Move(name=step.name, x=source, out=step.out, kind="copy", by=by))
    else:
        step.all.rearrange(step.name, source, step.out, by)


def rearrange(step: CallStep, source: str, out: str) -> None:
    """Move elements from any shape to any other, by way of one long axis."""
    step.all.rearrange(step.name, source, out)


def overlay(step: CallStep) -> None:
    """Note that part of a tensor was written; what is written piece by piece is joined when it is read."""
    words, out = step.all, step.call.outputs[0]
    under, *rest = (given.id for given in step.call.args if isinstance(given, Ref))
    over = rest[-1] if rest else under  # indices come before what is written there
    before = words.written.get(under)
    if before is None or f"t{under}" in words.shapes:
        base = None if step.constant(under) or over == under else under
        before = Written(step.name, base, ())
    parts = before.parts if step.constant(over) else (*before.parts, over)
    if not parts and before.under is None:  # only where was computed
        parts = tuple(step.dynamic()[:1])
    words.written[out] = Written(before.name, before.under, parts)
