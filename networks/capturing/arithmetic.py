"""Sums, products, functions, comparisons and reductions."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

from networks.capturing.calls import Ref
from networks.capturing.moving import rearrange, same
from networks.capturing.translation import CallStep
from traces import (
    Activation,
    Elementwise,
    Function,
    Move,
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
    "exp2": "exp",
    "expm1": "exp",
    "sinh": "exp",
    "cosh": "exp",
    "erfc": "exp",
    "erf": "exp",
    "log": "log",
    "log1p": "log",
    "log2": "log",
    "log10": "log",
    "logit": "log",
    "log_sigmoid_forward": "softplus",
    "sqrt": "sqrt",
    "rsqrt": "sqrt",
    "reciprocal": "divide",
    "sin": "sine",
    "cos": "sine",
    "tan": "sine",
    "asin": "sine",
    "acos": "sine",
    "atan": "sine",
    "celu": "elu",
    "hardshrink": "leaky_relu",
    "softshrink": "leaky_relu",
    "threshold": "leaky_relu",
    "rrelu_with_noise": "leaky_relu",
    "abs": "none",
    "neg": "none",
    "cumsum": "none",
    "cumprod": "none",
    "logcumsumexp": "exp",
    "erfinv": "exp",
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
    by_batch = step.call.op == "native_batch_norm" and step.argument(5, "training", False)
    if by_batch:  # statistics of the input itself
        norm(step)
        return
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


def power(step: CallStep) -> None:
    """Multiply by itself, take a root, or any other power."""
    base, exponent = step.call.args
    x, kind = step.all.tensor(step.dynamic()[0]), "power"
    if exponent == 2:
        step.add(Elementwise(name=step.name, inputs=(x, x), out=step.out, kind="mul"))
        return
    if exponent == 0.5:
        kind = "sqrt"
    elif not isinstance(base, Ref) or step.constant(base.id):
        kind = "exp"
    step.add(Function(name=step.name, x=shaped(step, x), out=step.out, activation=kind))  # type: ignore[arg-type]


def glu(step: CallStep) -> None:
    """Let the sigmoid of one half of an axis gate the other."""
    left, right, score = (step.all.new(step.out_shape) for _ in range(3))
    step.add(
        Move(name=f"{step.name}.left", x=step.x, out=left, kind="slice"),
        Move(name=f"{step.name}.right", x=step.x, out=right, kind="slice"),
        Function(name=f"{step.name}.sigmoid", x=right, out=score, activation="sigmoid"),
        Elementwise(name=step.name, inputs=(left, score), out=step.out, kind="mul"),
    )


# Of three tensors a, b, c: what is made of two of them first, then added to the first.
_PAIRS: dict[str, tuple[Literal["add", "mul", "divide"], ...]] = {
    "lerp": ("add", "mul"),  # a + c (b - a)
    "addcmul": ("mul",),  # a + b c
    "addcdiv": ("divide", "mul"),  # a + b / c
}


def pairs(step: CallStep, kind: str) -> None:
    """Add a product of two tensors to a third, one operation after the other."""
    rank = len(step.out_shape)
    a, b, c = (
        step.all.tensor(given.id, repeated=True) if isinstance(given, Ref) else step.all.new((1,) * rank)
        for given in step.call.args[:3]
    )
    for i, each in enumerate(_PAIRS[kind]):
        name = f"{step.name}.{i}"
        if each == "divide":
            inverse = step.all.new(step.all.shapes[c])
            step.add(Function(name=name, x=c, out=inverse, activation="divide"))
            c = inverse
            continue
        between = step.all.new(step.out_shape)
        operands = (b, a) if each == "add" else (b, c)
        step.add(Elementwise(name=name, inputs=operands, out=between, kind=each))
        b = between
    step.add(Elementwise(name=step.name, inputs=(a, b), out=step.out, kind="add"))


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
