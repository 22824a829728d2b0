"""Sums, products, functions, comparisons and reductions."""

from __future__ import annotations

from math import prod
from typing import Any

from networks.capturing.calls import Ref
from networks.capturing.moving import rearrange, same
from networks.capturing.translation import CallStep
from traces import (
    Activation,
    Elementwise,
    Function,
    Reduction,
    Reshape,
)

ACTIVATIONS: dict[str, Activation] = {
    "relu": "relu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "leaky_relu": "leaky_relu",
    "_prelu_kernel": "prelu",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_swish",
    "elu": "elu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "silu",
    "softplus": "softplus",
    "exp": "exp",
    "expm1": "exp",
    "erf": "exp",
    "log": "log",
    "log1p": "log",
    "sqrt": "sqrt",
    "rsqrt": "sqrt",
    "reciprocal": "divide",
    "pow": "power",
    "sin": "sine",
    "cos": "sine",
    "abs": "none",
    "neg": "none",
    "cumsum": "none",
    "nan_to_num": "none",
}


def activation(step: CallStep) -> None:
    plain = step.call.op.removesuffix("_")
    step.add(Function(name=step.name, x=step.x, out=step.out, activation=ACTIVATIONS[plain]))


def clamp(step: CallStep) -> None:
    low, high = step.argument(1, "min"), step.argument(2, "max")
    if step.call.op.startswith("hardtanh"):
        low, high = step.argument(1, "min_val", -1.0), step.argument(2, "max_val", 1.0)
    known: dict[tuple[Any, Any], Activation] = {(0, None): "relu", (0, 6): "relu6", (0, 1): "relu1"}
    kind = (
        known.get((low, high), "relu") if not isinstance(low, Ref) and not isinstance(high, Ref) else "relu"
    )
    step.add(Function(name=step.name, x=step.x, out=step.out, activation=kind))


def batch_norm(step: CallStep) -> None:
    """Scale and shift each channel by statistics that do not change: constants to fold."""
    shape = (1, step.x_shape[1], *([1] * (len(step.x_shape) - 2)))
    step.add(Elementwise(name=step.name, inputs=(step.x, step.all.new(shape)), out=step.out, kind="mul"))


def norm(step: CallStep) -> None:
    step.add(Function(name=step.name, x=step.x, out=step.out, kind="layer_norm"))


def softmax(step: CallStep) -> None:
    step.add(Function(name=step.name, x=step.x, out=step.out, kind="softmax"))


def pair(step: CallStep, kind: str) -> None:
    """Add or multiply two tensors, or one and a constant."""
    numbers = [given.id for given in step.call.args[:2] if isinstance(given, Ref)]
    operands = [step.all.tensor(number, repeated=True) for number in numbers]
    if len(operands) == 1:
        scalar = step.call.args[1] if isinstance(step.call.args[0], Ref) else step.call.args[0]
        if scalar == (0 if kind == "add" else 1) and step.call.op.removesuffix("_") != "rsub":
            same(step)
            return
        operands.append(step.all.new((1,) * max(len(step.out_shape), 1)))
    step.add(
        Elementwise(
            name=step.name,
            inputs=tuple(operands),
            out=step.out,
            kind="add" if kind == "add" else "mul",
        )
    )


def divide(step: CallStep) -> None:
    divisor = step.call.args[1]
    if not isinstance(divisor, Ref) or step.constant(divisor.id):
        pair(step, "mul")
        return
    inverse = step.all.new(step.all.tracing.values[divisor.id].shape)
    below = step.all.tensor(divisor.id, repeated=True)
    inverse = step.all.new(step.all.shapes[below])
    step.add(Function(name=f"{step.name}.divide", x=below, out=inverse, activation="divide"))
    if step.constant(step.number(0)):
        step.add(Reshape(name=step.name, x=inverse, out=step.out))
        return
    above = step.all.tensor(step.number(0), repeated=True)
    step.add(Elementwise(name=step.name, inputs=(above, inverse), out=step.out, kind="mul"))


def compare(step: CallStep) -> None:
    """Compare with a number, or two tensors (their difference first): a decision."""
    dynamic = step.dynamic()
    if len(set(dynamic)) < 2:
        source = step.all.tensor(dynamic[0], repeated=True)
        if prod(step.all.shapes[source]) != prod(step.out_shape):
            source = step.all.tensor(dynamic[0])
            if prod(step.all.shapes[source]) != prod(step.out_shape):
                wide = step.all.new(step.out_shape)
                rearrange(step, source, wide)
                source = wide
        step.add(Function(name=step.name, x=shaped(step, source), out=step.out, kind="threshold"))
        return
    operands = tuple(step.all.tensor(number, repeated=True) for number in dynamic[:2])
    between = step.all.new(step.out_shape)
    step.add(
        Elementwise(name=f"{step.name}.difference", inputs=operands, out=between, kind="add"),
        Function(name=step.name, x=between, out=step.out, kind="threshold"),
    )


def shaped(step: CallStep, source: str) -> str:
    """Return the tensor in the shape of the call's result."""
    if step.all.shapes[source] == step.out_shape:
        return source
    out = step.all.new(step.out_shape)
    step.add(Reshape(name=f"{step.name}.{out}", x=source, out=out))
    return out


def choose(step: CallStep) -> None:
    """Take one tensor where a mask is set, the other elsewhere: a product of each with the mask, and their sum."""
    mask, *others = (given.id if isinstance(given, Ref) else None for given in step.call.args)
    sides = [number for number in others if number is not None and not step.constant(number)]
    if mask is None or step.constant(mask):
        operands = [step.all.tensor(number, repeated=True) for number in sides]
    else:
        operands = []
        for k, number in enumerate(sides):
            half = step.all.new(step.out_shape)
            pair = (step.all.tensor(number, repeated=True), step.all.tensor(mask, repeated=True))
            step.add(Elementwise(name=f"{step.name}.side{k}", inputs=pair, out=half, kind="mul"))
            operands.append(half)
        if not operands:
            operands = [step.all.tensor(mask, repeated=True)]
    if len(operands) == 1:
        operands.append(step.all.new((1,) * len(step.out_shape)))
    step.add(Elementwise(name=step.name, inputs=tuple(operands), out=step.out, kind="add"))


def masked_fill(step: CallStep) -> None:
    operands = [step.all.tensor(number, repeated=True) for number in step.dynamic()[:2]]
    if len(operands) == 1:
        operands.append(step.all.new((1,) * len(step.out_shape)))
    step.add(Elementwise(name=step.name, inputs=tuple(operands), out=step.out, kind="mul"))


def reduce(step: CallStep, place: int = 1, *, extreme: bool = False) -> None:
    axes = step.argument(place, "dim")
    rank = len(step.x_shape)
    if axes is None or axes == []:
        axes = list(range(rank))
    axes = [axes] if isinstance(axes, int) else axes
    chosen = tuple(sorted(axis % rank for axis in axes)) if rank else ()
    kept = tuple(1 if axis in chosen else size for axis, size in enumerate(step.x_shape))
    if kept == step.x_shape:
        same(step)
    else:
        step.add(Reduction(name=step.name, x=step.x, out=step.out, axes=chosen, extreme=extreme))
    for other in step.call.outputs[1:]:
        if step.all.tracing.values[other].shape == step.out_shape:
            step.add(Reshape(name=f"{step.name}.index", x=step.out, out=step.all.tensor(other)))
