"""PyTorch's operations as the importer's: one small function per family of operations.

What no function here knows is listed, all at once, never counted as no work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from networks.capture.living import living_calls
from networks.capture.naming import operation_names
from networks.capture.tracing import Call, Ref, Tracing
from traces import (
    Activation,
    Concat,
    Contraction,
    Convolution,
    Elementwise,
    Function,
    ImportedOp,
    Missing,
    Move,
    Pooling,
    Recurrence,
    Reduction,
    Reshape,
    Transpose,
)

Shape = tuple[int, ...]


@dataclass(slots=True)
class Translation:
    """The operations of a forward pass in the importer's words."""

    tracing: Tracing
    ops: list[ImportedOp] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    macs: dict[str, int] = field(default_factory=dict)  # of operations, as torch counts them [MAC]
    broadcast: dict[int, int] = field(default_factory=dict)  # tensors that only repeat another one

    def tensor(self, number: int, *, repeated: bool = False) -> str:
        """Return the name of a tensor; one that only repeats another is made unless ``repeated`` is welcome."""
        if number in self.broadcast and repeated:
            return self._smaller(number)
        name = f"t{number}"
        if number in self.broadcast and name not in self.shapes:
            source = self._smaller(number)
            self.shapes[name] = self.tracing.values[number].shape
            self.ops.append(Move(name=f"expand.{name}", x=source, out=name, kind="copy"))
        self.shapes[name] = self.tracing.values[number].shape
        return name

    def new(self, shape: Sequence[int]) -> str:
        """Return a tensor between two operations that stand for one of PyTorch's, or a constant."""
        name = f"x{len(self.shapes)}"
        self.shapes[name] = tuple(shape)
        return name

    def _smaller(self, number: int) -> str:
        """Return the repeated tensor with as many axes as the one that repeats it."""
        source, rank = self.broadcast[number], len(self.tracing.values[number].shape)
        name = self.tensor(source, repeated=True)
        shape = self.shapes[name]
        if len(shape) >= rank:
            return name
        out = self.new((1,) * (rank - len(shape)) + shape)
        self.ops.append(Reshape(name=f"reshape.{out}", x=name, out=out))
        return out


@dataclass(slots=True)
class _Step:
    """One call on its way into the importer's words."""

    all: Translation
    call: Call
    name: str

    @property
    def x(self) -> str:
        return self.all.tensor(self.number(0))

    @property
    def out(self) -> str:
        return self.all.tensor(self.call.outputs[0])

    @property
    def x_shape(self) -> Shape:
        return self.all.tracing.values[self.number(0)].shape

    @property
    def out_shape(self) -> Shape:
        return self.all.tracing.values[self.call.outputs[0]].shape

    def number(self, place: int) -> int:
        """Return the tensor that is the argument at ``place``."""
        given = self.call.args[place]
        assert isinstance(given, Ref)  # these operations' own signature
        return given.id

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """Return an argument given by place or by name."""
        return self.call.args[place] if place < len(self.call.args) else self.call.options.get(name, default)

    def add(self, *ops: ImportedOp) -> None:
        self.all.ops.extend(ops)

    def constant(self, number: int) -> bool:
        return self.all.tracing.values[number].constant

    def dynamic(self) -> list[int]:
        """Return the tensors it reads that depend on the input."""
        return [number for number in self.call.inputs if not self.constant(number)]


class _Unknown(Exception):  # noqa: N818  (never leaves this module)
    """Nothing here stands for the call, and why."""


def translate(tracing: Tracing) -> Translation:
    """Return what the answer of the network needs, in the importer's words."""
    result = Translation(tracing)
    calls = living_calls(tracing)
    for number in tracing.inputs:
        result.tensor(number)
    for call, name in zip(calls, operation_names(calls), strict=True):
        step = _Step(result, call, name)
        before = len(result.ops)
        try:
            _convert(step)
        except _Unknown as problem:
            del result.ops[before:]
            outs = tuple(result.tensor(number) for number in call.outputs)
            result.missing.append(Missing(type=call.op, name=name, outputs=outs, why=str(problem)))
        if call.macs:
            result.macs[name] = call.macs
    return result


def _convert(step: _Step) -> None:
    name = step.call.op
    plain = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    convert = _TABLE.get(plain)
    if convert is None and plain in _ACTIVATIONS:
        convert = _activation
    if convert is None:
        raise _Unknown("not known")
    convert(step)


def _activation(step: _Step) -> None:
    plain = step.call.op.removesuffix("_")
    step.add(Function(name=step.name, x=step.x, out=step.out, activation=_ACTIVATIONS[plain]))


def _clamp(step: _Step) -> None:
    low, high = step.argument(1, "min"), step.argument(2, "max")
    if step.call.op.startswith("hardtanh"):
        low, high = step.argument(1, "min_val", -1.0), step.argument(2, "max_val", 1.0)
    known: dict[tuple[Any, Any], Activation] = {(0, None): "relu", (0, 6): "relu6", (0, 1): "relu1"}
    kind = known.get((low, high), "relu") if not isinstance(low, Ref) and not isinstance(high, Ref) else "relu"
    step.add(Function(name=step.name, x=step.x, out=step.out, activation=kind))


def _convolution(step: _Step) -> None:
    if not step.constant(step.number(1)):
        raise _Unknown("its weights are computed from the input")
    weight = step.all.tracing.values[step.number(1)].shape
    _, _, _, stride, _, dilation, transposed, _, groups = step.call.args
    axes = len(weight) - 2
    step.add(
        Convolution(
            name=step.name,
            x=step.x,
            out=step.out,
            kernel=weight[2:],
            stride=_all_axes(stride, axes),
            dilation=_all_axes(dilation, axes),
            groups=groups,
            transposed=transposed,
        )
    )


def _all_axes(values: Sequence[int], axes: int) -> tuple[int, ...]:
    return tuple(values) * axes if len(values) == 1 else tuple(values)


def _product(a: int, b: int, letters: str) -> Callable[[_Step], None]:
    """Convert a product of the arguments at ``a`` and ``b``; letters name the axes: ``"mk,kn,mn"``."""
    a_axes, b_axes, out_axes = letters.split(",")

    def convert(step: _Step) -> None:
        step.add(
            Contraction(
                name=step.name,
                a=step.all.tensor(step.number(a)),
                b=step.all.tensor(step.number(b)),
                out=step.out,
                a_axes=a_axes,
                b_axes=b_axes,
                out_axes=out_axes,
            )
        )

    return convert


def _batch_norm(step: _Step) -> None:
    """A scale and a shift per channel, with statistics that do not change: constants to fold."""
    shape = (1, step.x_shape[1], *([1] * (len(step.x_shape) - 2)))
    step.add(Elementwise(name=step.name, inputs=(step.x, step.all.new(shape)), out=step.out, kind="mul"))


def _norm(step: _Step) -> None:
    step.add(Function(name=step.name, x=step.x, out=step.out, kind="layer_norm"))


def _softmax(step: _Step) -> None:
    step.add(Function(name=step.name, x=step.x, out=step.out, kind="softmax"))


def _pair(step: _Step, kind: str) -> None:
    """A sum or product of two tensors, or of one and a constant."""
    numbers = [given.id for given in step.call.args[:2] if isinstance(given, Ref)]
    operands = [step.all.tensor(number, repeated=True) for number in numbers]
    if len(operands) == 1:
        scalar = step.call.args[1] if isinstance(step.call.args[0], Ref) else step.call.args[0]
        if scalar == (0 if kind == "add" else 1) and step.call.op.removesuffix("_") != "rsub":
            _same(step)
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


def _divide(step: _Step) -> None:
    divisor = step.call.args[1]
    if not isinstance(divisor, Ref) or step.constant(divisor.id):
        _pair(step, "mul")
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


def _compare(step: _Step) -> None:
    """A decision: a comparison with a number, or of two tensors (their difference first)."""
    dynamic = step.dynamic()
    if len(set(dynamic)) < 2:
        source = step.all.tensor(dynamic[0], repeated=True)
        if prod(step.all.shapes[source]) != prod(step.out_shape):
            source = step.all.tensor(dynamic[0])
            if prod(step.all.shapes[source]) != prod(step.out_shape):
                wide = step.all.new(step.out_shape)
                _rearrange(step, source, wide)
                source = wide
        step.add(Function(name=step.name, x=_shaped(step, source), out=step.out, kind="threshold"))
        return
    operands = tuple(step.all.tensor(number, repeated=True) for number in dynamic[:2])
    between = step.all.new(step.out_shape)
    step.add(
        Elementwise(name=f"{step.name}.difference", inputs=operands, out=between, kind="add"),
        Function(name=step.name, x=between, out=step.out, kind="threshold"),
    )


def _shaped(step: _Step, source: str) -> str:
    """Return the tensor in the shape of the call's result."""
    if step.all.shapes[source] == step.out_shape:
        return source
    out = step.all.new(step.out_shape)
    step.add(Reshape(name=f"{step.name}.{out}", x=source, out=out))
    return out


def _choose(step: _Step) -> None:
    """``where``: one tensor where a mask is set, the other elsewhere; a product with the mask of each, and their sum."""
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


def _masked_fill(step: _Step) -> None:
    operands = [step.all.tensor(number, repeated=True) for number in step.dynamic()[:2]]
    if len(operands) == 1:
        operands.append(step.all.new((1,) * len(step.out_shape)))
    step.add(Elementwise(name=step.name, inputs=tuple(operands), out=step.out, kind="mul"))


def _reduce(step: _Step, place: int = 1, *, extreme: bool = False) -> None:
    axes = step.argument(place, "dim")
    rank = len(step.x_shape)
    if axes is None or axes == []:
        axes = list(range(rank))
    axes = [axes] if isinstance(axes, int) else axes
    chosen = tuple(sorted(axis % rank for axis in axes)) if rank else ()
    kept = tuple(1 if axis in chosen else size for axis, size in enumerate(step.x_shape))
    if kept == step.x_shape:
        _same(step)
    else:
        step.add(Reduction(name=step.name, x=step.x, out=step.out, axes=chosen, extreme=extreme))
    for other in step.call.outputs[1:]:
        if step.all.tracing.values[other].shape == step.out_shape:
            step.add(Reshape(name=f"{step.name}.index", x=step.out, out=step.all.tensor(other)))


def _ranked(step: _Step) -> None:
    """The largest ones, or all in order: comparisons of every element, of which a part may be kept."""
    sorted_ = step.all.new(step.x_shape)
    step.add(Function(name=step.name, x=step.x, out=sorted_, kind="threshold"))
    for k, number in enumerate(step.call.outputs):
        shape = step.all.tracing.values[number].shape
        if not step.all.tracing.values[number].constant:
            _take(step, sorted_, step.all.tensor(number), shape, f"{step.name}.{k}")


def _take(step: _Step, source: str, out: str, shape: Shape, name: str) -> None:
    """Keep neighbours, and drop an axis of one place where one is missing."""
    have = step.all.shapes[source]
    if prod(have) == prod(shape):
        step.add(Reshape(name=name, x=source, out=out))
        return
    if len(have) == len(shape):
        step.add(Move(name=name, x=source, out=out, kind="slice"))
        return
    wide = _with_axes(have, shape)
    between = step.all.new(wide)
    step.add(Move(name=name, x=source, out=between, kind="slice"))
    step.add(Reshape(name=f"{name}.reshape", x=between, out=out))


def _with_axes(have: Shape, shape: Shape) -> Shape:
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


def _select(step: _Step) -> None:
    axis = step.argument(1, "dim", 0) % len(step.x_shape)
    between = step.all.new(tuple(1 if i == axis else size for i, size in enumerate(step.x_shape)))
    if step.x_shape[axis] == 1:
        step.add(Reshape(name=step.name, x=step.x, out=step.out))
        return
    step.add(Move(name=step.name, x=step.x, out=between, kind="slice"))
    step.add(Reshape(name=f"{step.name}.reshape", x=between, out=step.out))


def _parts(step: _Step) -> None:
    """Split along an axis, each part an output."""
    for k, number in enumerate(step.call.outputs):
        shape = step.all.tracing.values[number].shape
        _take(step, step.x, step.all.tensor(number), shape, f"{step.name}.{k}")


def _slice(step: _Step) -> None:
    _take(step, step.x, step.out, step.out_shape, step.name)


def _same(step: _Step) -> None:
    step.add(Reshape(name=step.name, x=step.x, out=step.out))


def _copied(step: _Step) -> None:
    """``x.copy_(y)``: x is y from here on, repeated if y is smaller."""
    source = step.number(1)
    if prod(step.all.tracing.values[source].shape) == prod(step.out_shape):
        step.add(Reshape(name=step.name, x=step.all.tensor(source), out=step.out))
    else:
        _rearrange(step, step.all.tensor(source), step.out)


def _expand(step: _Step) -> None:
    number = step.number(0)
    if prod(step.x_shape) == prod(step.out_shape):
        step.add(Reshape(name=step.name, x=step.x, out=step.out))
    else:
        step.all.broadcast[step.call.outputs[0]] = number


def _transpose(step: _Step) -> None:
    rank = len(step.x_shape)
    order = list(range(rank))
    if step.call.op == "permute":
        order = [axis % rank for axis in step.call.args[1]]
    elif rank > 1:
        a, b = (0, 1) if step.call.op in {"t", "numpy_T"} else (step.call.args[1] % rank, step.call.args[2] % rank)
        order[a], order[b] = order[b], order[a]
    step.add(Transpose(name=step.name, x=step.x, out=step.out, permutation=tuple(order)))


def _cat(step: _Step) -> None:
    numbers = [given.id for given in step.call.args[0]]
    axis = step.argument(1, "dim", 0) % len(step.out_shape)
    names = [step.all.tensor(number) for number in numbers if prod(step.all.tracing.values[number].shape)]
    if step.call.op == "stack":
        shape = tuple(1 if i == axis else size for i, size in enumerate(step.out_shape))
        wide = [step.all.new(shape) for _ in names]
        step.add(*(Reshape(name=f"{step.name}.{b}", x=a, out=b) for a, b in zip(names, wide, strict=True)))
        names = wide
    step.add(Concat(name=step.name, inputs=tuple(names), out=step.out, axis=axis))


def _pool(step: _Step) -> None:
    axes = len(step.x_shape) - 2
    kernel = _all_axes(step.call.args[1], axes)
    stride = _all_axes(step.argument(2, "stride", []) or kernel, axes)
    is_max = step.call.op.startswith("max")
    dilation = _all_axes(step.argument(4, "dilation", [1]), axes) if is_max else (1,) * axes
    step.add(
        Pooling(
            name=step.name,
            x=step.x,
            out=step.out,
            kind="max_pool" if is_max else "avg_pool",
            kernel=kernel,
            stride=stride,
            dilation=dilation,
        )
    )


def _adaptive_pool(step: _Step) -> None:
    inside, outside = step.x_shape[2:], step.out_shape[2:]
    stride = tuple(a // b for a, b in zip(inside, outside, strict=True))
    kernel = tuple(a - (b - 1) * s for a, b, s in zip(inside, outside, stride, strict=True))
    kind = "max_pool" if "max" in step.call.op else "avg_pool"
    step.add(
        Pooling(name=step.name, x=step.x, out=step.out, kind="max_pool" if kind == "max_pool" else "avg_pool", kernel=kernel, stride=stride)
    )


def _upsample(step: _Step) -> None:
    step.add(Move(name=step.name, x=step.x, out=step.out, kind="upsample"))


def _copy(step: _Step) -> None:
    """Elements moved to other places, repeated or padded."""
    if len(step.x_shape) == len(step.out_shape):
        step.add(Move(name=step.name, x=step.x, out=step.out, kind="copy"))
    else:
        _rearrange(step, step.x, step.out)


def _lookup(step: _Step) -> None:
    """A look-up by an index: from a tensor of the network, or from a table of weights by what it computed."""
    source = step.all.tensor(step.dynamic()[0])
    if len(step.all.shapes[source]) == len(step.out_shape) and source == step.x:
        step.add(Move(name=step.name, x=source, out=step.out, kind="copy"))
    else:
        _rearrange(step, source, step.out)


def _rearrange(step: _Step, source: str, out: str) -> None:
    """Move elements from any shape to any other, by way of one long axis."""
    count, wanted = prod(step.all.shapes[source]), prod(step.all.shapes[out])
    line = step.all.new((1, count))
    step.add(Reshape(name=f"{step.name}.{line}", x=source, out=line))
    moved = step.all.new((1, wanted))
    step.add(Move(name=f"{step.name}.{moved}", x=line, out=moved, kind="copy"))
    step.add(Reshape(name=f"{step.name}.{out}", x=moved, out=out))


def _overlay(step: _Step) -> None:
    """Part of a tensor was written: the rest stays where it is."""
    dynamic = step.dynamic()
    same = [number for number in dynamic if step.all.tracing.values[number].shape == step.out_shape]
    if same:
        step.add(Reshape(name=step.name, x=step.all.tensor(same[0]), out=step.out))
    else:
        _rearrange(step, step.all.tensor(dynamic[0]), step.out)


def _recurrent_cell(step: _Step) -> None:
    features, hidden = step.x_shape[-1], step.out_shape[-1]
    x = step.all.new((1, 1, features))
    step.add(
        Reshape(name=f"{step.name}.{x}", x=step.x, out=x),
        Recurrence(name=step.name, x=x, out=step.out, kind=_CELLS[step.call.op], hidden=hidden),
    )
    for other in step.call.outputs[1:]:
        step.add(Reshape(name=f"{step.name}.state", x=step.out, out=step.all.tensor(other)))


def _recurrent_layers(step: _Step) -> None:
    """Layers of a recurrent network, one after the other over all steps."""
    layers, both, first = step.call.args[4], step.call.args[7], step.call.args[8]
    hidden = step.out_shape[-1] // (2 if both else 1)
    steps = step.x_shape[1 if first else 0]
    between = step.x
    for k in range(layers):
        shape = (1, steps, hidden * (2 if both else 1)) if first else (steps, 1, hidden * (2 if both else 1))
        out = step.out if k == layers - 1 else step.all.new(shape)
        name = step.name if k == 0 else f"{step.name}.{k}"
        directions = 2 if both else 1
        step.add(
            Recurrence(name=name, x=between, out=out, kind=_CELLS[step.call.op], hidden=hidden, directions=directions)
        )
        between = out
    for k, number in enumerate(step.call.outputs[1:]):
        source, wanted = step.all.new((1, steps * hidden * (2 if both else 1))), step.all.tensor(number)
        shape = step.all.tracing.values[number].shape
        step.add(Reshape(name=f"{step.name}.line{k}", x=step.out, out=source))
        last = step.all.new((1, min(prod(shape), steps * hidden * (2 if both else 1))))
        step.add(Move(name=f"{step.name}.last{k}", x=source, out=last, kind="slice"))
        if prod(shape) == step.all.shapes[last][1]:
            step.add(Reshape(name=f"{step.name}.state{k}", x=last, out=wanted))
        else:
            _rearrange(step, last, wanted)


_CELLS: Mapping[str, Any] = {
    "lstm_cell": "lstm_cell",
    "gru_cell": "gru_cell",
    "rnn_tanh_cell": "rnn_cell",
    "rnn_relu_cell": "rnn_cell",
    "lstm": "lstm_cell",
    "gru": "gru_cell",
}
_ACTIVATIONS: dict[str, Activation] = {
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


def _each(names: str, convert: Callable[[_Step], None]) -> dict[str, Callable[[_Step], None]]:
    return dict.fromkeys(names.split(), convert)


_TABLE: dict[str, Callable[[_Step], None]] = {
    **_each("clamp clamp_min clamp_max hardtanh", _clamp),
    "convolution": _convolution,
    "addmm": _product(1, 2, "mk,kn,mn"),
    "mm": _product(0, 1, "mk,kn,mn"),
    "mv": _product(0, 1, "mk,k,m"),
    "dot": _product(0, 1, "k,k,"),
    "bmm": _product(0, 1, "bmk,bkn,bmn"),
    "baddbmm": _product(1, 2, "bmk,bkn,bmn"),
    **_each(
        "native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm batch_norm", _batch_norm
    ),
    **_each("native_layer_norm native_group_norm _fused_rms_norm", _norm),
    **_each("_softmax _safe_softmax _log_softmax", _softmax),
    **_each("add sub rsub maximum minimum", lambda step: _pair(step, "add")),
    "mul": lambda step: _pair(step, "mul"),
    "div": _divide,
    **_each("gt ge lt le eq ne logical_and logical_or logical_xor logical_not bitwise_not", _compare),
    **_each("bitwise_and bitwise_or round floor ceil sign bernoulli heaviside floor_divide", _compare),
    "where": _choose,
    "masked_fill": _masked_fill,
    **_each("mean sum nansum prod norm linalg_vector_norm var std all any logsumexp", _reduce),
    **_each("var_mean std_mean", _reduce),
    **_each("amax amin max min argmax argmin", lambda step: _reduce(step, extreme=True)),
    **_each("topk sort kthvalue", _ranked),
    "select": _select,
    "slice": _slice,
    **_each("split split_with_sizes unbind chunk", _parts),
    **_each("view _unsafe_view reshape _reshape_alias squeeze unsqueeze flatten", _same),
    **_each("detach alias clone contiguous _to_copy dropout lift_fresh native_dropout", _same),
    "copy": _copied,
    "expand": _expand,
    **_each("permute transpose t numpy_T", _transpose),
    **_each("cat stack", _cat),
    **_each("max_pool2d_with_indices max_pool2d avg_pool2d", _pool),
    **_each("_adaptive_avg_pool2d adaptive_max_pool2d", _adaptive_pool),
    **_each("upsample_nearest2d upsample_bilinear2d upsample_nearest1d upsample_bicubic2d", _upsample),
    **_each("_upsample_nearest_exact2d upsample_linear1d", _upsample),
    **_each("constant_pad_nd reflection_pad2d replication_pad2d repeat roll flip", _copy),
    **_each("pixel_shuffle pixel_unshuffle channel_shuffle im2col col2im tril triu", _copy),
    **_each("index index_select gather embedding take_along_dim nonzero", _lookup),
    **_each("scatter scatter_add scatter_reduce index_put index_copy index_add index_fill", _overlay),
    **_each("lacuna_overlay slice_scatter select_scatter masked_scatter one_hot", _overlay),
    **_each("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", _recurrent_cell),
    **_each("lstm gru", _recurrent_layers),
    **_each("_local_scalar_dense is_nonzero equal", lambda step: None),
}
