"""TFLite operators that remember: recurrent layers, one step of them, and filters over time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import (
    Contraction,
    Convolution,
    Function,
    ImportedOp,
    Move,
    Recurrence,
    Reduction,
    Reshape,
)
from traces.graphs.kinds import Activation
from traces.graphs.tflite.model import Operator
from traces.graphs.tflite.moves import OperatorConverter

_Cell = Literal["lstm_cell", "gru_cell", "rnn_cell"]
_FORGET, _FULL = (
    6,
    20,
)  # place of the recurrent weights of the forget gate; inputs of an LSTM that has all its gates


def _cell(operator: Operator, recurrent: int) -> tuple[_Cell, int]:
    """Return the cell and its size.  Choice: an LSTM whose input gate is coupled has the three products of a GRU."""
    hidden = operator.out_shape[-1]
    if "LSTM" not in operator.kind:
        return "rnn_cell", hidden
    if len(operator.inputs) < _FULL:  # x, last output, all weights together
        return "lstm_cell", hidden
    size = operator.weights(recurrent)
    if size != (size[0], size[0]):
        raise UnsupportedError(f"recurrent weights {size}: its state is projected; needs square ones")
    return "lstm_cell" if operator.inputs[1] else "gru_cell", size[0]


def _sequence(operator: Operator, directions: int = 1) -> Sequence[ImportedOp]:
    """Return the steps of one sequence in one direction, or in both."""
    shape = operator.shape(operator.tensor(0))
    if len(shape) != 3 or 1 not in shape[:2]:
        raise UnsupportedError(f"runs over {shape}; needs steps of one sequence")
    kind, hidden = _cell(operator, _FORGET)
    if kind == "rnn_cell":
        hidden = operator.weights(2)[0]
    together = directions == 2 and operator.out_shape[-1] == 2 * hidden
    return [
        Recurrence(
            name=operator.name if i == 0 else f"{operator.name}.{i}",
            x=operator.tensor(0),
            out=out,
            kind=kind,
            hidden=hidden,
            directions=2 if together else 1,
        )
        for i, out in enumerate(operator.outputs[: 1 if together else directions])
    ]


def _step(operator: Operator) -> Sequence[ImportedOp]:
    """Return one step of a cell, over features that all axes but the batch hold."""
    shape = operator.shape(operator.tensor(0))
    if shape[0] != 1:
        raise UnsupportedError(f"runs over {shape}; needs a batch of 1")
    kind, hidden = _cell(operator, _FORGET)
    row = operator.made_up("row", (1, 1, prod(shape)))
    return [
        Reshape(name=f"{operator.name}.row", x=operator.tensor(0), out=row),
        Recurrence(name=operator.name, x=row, out=operator.outputs[0], kind=kind, hidden=hidden),
    ]


def _svdf(operator: Operator) -> Sequence[ImportedOp]:
    """Return features, each filtered over the steps that are remembered, and added up by rank.

    Nakkiran et al., "Compressing deep neural networks using a rank-constrained topology", Interspeech 2015.
    """
    filters, features = operator.weights(1)
    steps, units, name = operator.weights(2)[1], operator.out_shape[-1], operator.name
    x, made = operator.tensor(0), operator.made_up
    if operator.shape(x) != (1, features) or filters % units:
        raise UnsupportedError(
            f"{filters} filters over {operator.shape(x)} to {units}; needs one row, whole ranks"
        )
    now, image, memory = (
        made("now", (1, filters)),
        made("image", (1, filters, 1)),
        made("memory", (1, filters, steps)),
    )
    line, ranks = made("line", (1, filters, 1)), made("ranks", (1, units, filters // units))
    total = made("total", (1, units))
    functions: dict[int, Activation] = {0: "none", 1: "relu", 3: "relu6"}
    function = functions.get(int(operator.options("SVDFOptions").FusedActivationFunction()), "relu")
    return [
        Contraction(
            name=name, a=x, b=operator.tensor(1), out=now, a_axes="mk", b_axes="nk", out_axes="mn"
        ),
        Reshape(name=f"{name}.image", x=now, out=image),
        Move(name=f"{name}.memory", x=image, out=memory, kind="copy"),
        Convolution(name=f"{name}.time", x=memory, out=line, kernel=(steps,), groups=filters),
        Reshape(name=f"{name}.ranks", x=line, out=ranks),
        Reduction(name=f"{name}.sum", x=ranks, out=total, axes=(2,)),
        Function(name=f"{name}.act", x=total, out=operator.outputs[0], activation=function),
    ]  # fmt: skip


RECURRENCES: dict[str, OperatorConverter] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": lambda operator: _sequence(operator, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": lambda operator: _sequence(operator, 2),
    "LSTM": _step,
    "RNN": _step,
    "SVDF": _svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _sequence,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _sequence,
}
