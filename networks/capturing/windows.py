"""Convolutions, matrix products, pools and recurrent cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from networks.capturing.calls import Ref
from networks.capturing.moving import rearrange
from networks.capturing.translation import CallStep, Unknown
from traces import (
    Contraction,
    Convolution,
    Elementwise,
    Function,
    Move,
    Pooling,
    Recurrence,
    Reshape,
    by_computed_weights,
)

CELLS: Mapping[str, Any] = {
    "lstm_cell": "lstm_cell",
    "gru_cell": "gru_cell",
    "rnn_tanh_cell": "rnn_cell",
    "rnn_relu_cell": "rnn_cell",
    "lstm": "lstm_cell",
    "gru": "gru_cell",
    "rnn_tanh": "rnn_cell",
    "rnn_relu": "rnn_cell",
}


def convolution(step: CallStep) -> None:
    weight = step.all.tracing.values[step.number(1)].shape
    _, _, _, stride, _, dilation, transposed, _, groups = step.call.args[:9]
    axes = len(weight) - 2
    found = Convolution(
        name=step.name,
        x=step.x,
        out=step.out,
        kernel=weight[2:],
        stride=all_axes(stride, axes),
        dilation=all_axes(dilation, axes),
        groups=groups,
        transposed=transposed,
    )
    if step.constant(step.number(1)):
        step.add(found)
        return
    step.add(
        *by_computed_weights(
            found,
            step.all.tensor(step.number(1)),
            "in out window" if transposed else "out in window",
            step.all.shapes,
            lambda _, shape: step.all.new(shape),
        )
    )


def all_axes(values: Sequence[int], axes: int) -> tuple[int, ...]:
    return tuple(values) * axes if len(values) == 1 else tuple(values)


def product(a: int, b: int, letters: str) -> Callable[[CallStep], None]:
    """Convert a product of the arguments at ``a`` and ``b``; letters name the axes: ``"mk,kn,mn"``."""
    a_axes, b_axes, out_axes = letters.split(",")

    def convert(step: CallStep) -> None:
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


def pool(step: CallStep) -> None:
    axes = len(step.x_shape) - 2
    kernel = all_axes(step.call.args[1], axes)
    stride = all_axes(step.argument(2, "stride", []) or kernel, axes)
    is_max = step.call.op.startswith("max")
    dilation = all_axes(step.argument(4, "dilation", [1]), axes) if is_max else (1,) * axes
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


def adaptive_pool(step: CallStep) -> None:
    inside, outside = step.x_shape[2:], step.out_shape[2:]
    stride = tuple(a // b for a, b in zip(inside, outside, strict=True))
    kernel = tuple(a - (b - 1) * s for a, b, s in zip(inside, outside, stride, strict=True))
    step.add(
        Pooling(
            name=step.name,
            x=step.x,
            out=step.out,
            kind="max_pool" if "max" in step.call.op else "avg_pool",
            kernel=kernel,
            stride=stride,
        )
    )


def attention(step: CallStep) -> None:
    """Weigh values by queries times keys; their scale folds into whatever made the queries.

    Several heads of queries may share one of keys (``enable_gqa``).
    """
    q, k, v = (step.all.tensor(step.number(place)) for place in range(3))
    shape = step.all.shapes
    letters, each, out = "abcdefg"[: len(shape[q]) - 2], "", step.out
    if shape[q][-3:-2] != shape[k][-3:-2]:
        *outer, heads, rows, size = shape[q]
        shared = shape[k][-3]
        apart = step.all.new((*outer, shared, heads // shared, rows, size))
        step.add(Reshape(name=f"{step.name}.shared", x=q, out=apart))
        q, each, out = apart, "x", step.all.new((*shape[apart][:-1], shape[v][-1]))
    scores = step.all.new((*shape[q][:-1], shape[k][-2]))
    weights = step.all.new(shape[scores])
    step.add(
        Contraction(
            name=f"{step.name}.scores",
            a=q,
            b=k,
            out=scores,
            a_axes=f"{letters}{each}mk",
            b_axes=f"{letters}nk",
            out_axes=f"{letters}{each}mn",
        )
    )
    mask = step.argument(3, "attn_mask")
    if isinstance(mask, Ref) and not step.constant(mask.id):
        masked, hidden = step.all.new(shape[scores]), step.all.tensor(mask.id)
        if shape[hidden] != shape[scores]:  # the same for every head, or for every query
            repeated = step.all.new(shape[scores])
            rearrange(step, hidden, repeated)
            hidden = repeated
        step.add(Elementwise(name=f"{step.name}.mask", inputs=(scores, hidden), out=masked, kind="add"))
        scores = masked
    step.add(
        Function(name=f"{step.name}.softmax", x=scores, out=weights, kind="softmax"),
        Contraction(
            name=f"{step.name}.values",
            a=weights,
            b=v,
            out=out,
            a_axes=f"{letters}{each}mk",
            b_axes=f"{letters}kn",
            out_axes=f"{letters}{each}mn",
        ),
    )
    if each:
        step.add(Reshape(name=f"{step.name}.heads", x=out, out=step.out))


def recurrent_cell(step: CallStep) -> None:
    features, hidden = step.x_shape[-1], step.out_shape[-1]
    x = step.all.new((1, 1, features))
    step.add(
        Reshape(name=f"{step.name}.{x}", x=step.x, out=x),
        Recurrence(
            name=step.name, x=x, out=step.out, kind=CELLS[step.call.op], hidden=hidden, states=_states(step)
        ),
    )
    for other in step.call.outputs[1:]:
        step.add(Reshape(name=f"{step.name}.state", x=step.out, out=step.all.tensor(other)))


def _states(step: CallStep) -> tuple[str, ...]:
    """Return the states that a recurrent call starts from, where the network computes them."""
    given = step.call.args[1]
    states = given if isinstance(given, tuple | list) else (given,)
    found = [state.id for state in states if isinstance(state, Ref) and not step.constant(state.id)]
    return tuple(step.all.tensor(number) for number in found)


def recurrent_layers(step: CallStep) -> None:
    """Run the layers of a recurrent network one after the other over all steps."""
    if not isinstance(step.call.args[3], bool):  # weights, behind the lengths of what is packed
        raise Unknown("reads packed sequences; needs padded ones, (batch, steps, features)")
    states = _states(step)
    layers, both, first = step.call.args[4], step.call.args[7], step.call.args[8]
    directions = 2 if both else 1
    hidden = step.out_shape[-1] // directions
    recurrent = step.all.tracing.values[step.call.args[2][1].id].shape  # of the first layer: gates x state
    if recurrent[0] not in {hidden, 3 * hidden, 4 * hidden}:
        raise Unknown("its state is projected; needs proj_size = 0")
    steps = step.x_shape[1 if first else 0]
    between = step.x
    for k in range(layers):
        out = step.out if k == layers - 1 else step.all.new(step.out_shape)
        name = step.name if k == 0 else f"{step.name}.{k}"
        kind = CELLS[step.call.op]
        step.add(
            Recurrence(
                name=name,
                x=between,
                out=out,
                kind=kind,
                hidden=hidden,
                directions=directions,
                states=states,
            )
        )
        between = out
    for k, number in enumerate(step.call.outputs[1:]):
        last_state(step, number, steps * hidden * directions, k)


def last_state(step: CallStep, number: int, count: int, k: int) -> None:
    """Take a recurrent network's last state out of its ``count`` outputs."""
    shape, wanted = step.all.tracing.values[number].shape, step.all.tensor(number)
    line = step.all.new((1, count))
    last = step.all.new((1, min(prod(shape), count)))
    step.add(
        Reshape(name=f"{step.name}.line{k}", x=step.out, out=line),
        Move(name=f"{step.name}.last{k}", x=line, out=last, kind="slice"),
    )
    if prod(shape) == step.all.shapes[last][1]:
        step.add(Reshape(name=f"{step.name}.state{k}", x=last, out=wanted))
    else:
        rearrange(step, last, wanted)
