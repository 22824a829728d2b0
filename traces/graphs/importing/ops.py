"""Operations of a network as every framework has them, over named tensors of known shape.

A reader (of PyTorch, ONNX, TFLite) turns its nodes into these, in program order; :mod:`traces.graphs.importing.core`
turns these into a graph.  Tensors are named; their shapes, with the batch axis of size 1, stand in one mapping
beside.  A tensor that no operation makes and that is no input is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from traces.graphs.kinds import Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """A convolution over ``(1, channels, *pixels)``, or ``(1, *pixels, channels)`` if ``channels_last``."""

    name: str
    x: str
    out: str
    kernel: tuple[int, ...]  # one to three axes
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    transposed: bool = False
    channels_last: bool = False
    activation: Activation = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraction:
    """A sum of products over shared axes, each axis named by a letter as in ``einsum``.

    ``MatMul`` of (1, 4, 49, 16) and (1, 4, 16, 49) is ``ahmk, ahkn -> ahmn``.  One operand may be constant.
    An axis of one place is repeated along one of the other operand that is longer, as ``matmul`` does.
    """

    name: str
    a: str
    b: str
    out: str
    a_axes: str
    b_axes: str
    out_axes: str
    activation: Activation = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling:
    """A maximum or mean over windows of the pixels."""

    name: str
    x: str
    out: str
    kind: Literal["max_pool", "avg_pool"]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    channels_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A mean, sum or extreme over whole axes; ``axes`` count from 0."""

    name: str
    x: str
    out: str
    axes: tuple[int, ...]
    extreme: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise:
    """A sum or product of tensors that broadcast as in NumPy; what is constant is folded where it can be."""

    name: str
    inputs: tuple[str, ...]
    out: str
    kind: Literal["add", "mul"]
    activation: Activation = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """Something done to every element without another tensor: ``activation``, ``softmax``, ``layer_norm``, ...."""

    name: str
    x: str
    out: str
    kind: Literal["activation", "softmax", "layer_norm", "threshold"] = "activation"
    activation: Activation = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """Steps of a recurrent cell over ``(steps, 1, features)`` or ``(1, steps, features)``, one after the other."""

    name: str
    x: str
    out: str  # any shape that holds steps x directions x hidden, or the last step alone
    kind: Literal["lstm_cell", "gru_cell", "rnn_cell"]
    hidden: int
    directions: int = 1
    states: tuple[str, ...] = ()  # what it starts from, where the network computes that


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat:
    """Tensors one behind the other along an axis (from 0)."""

    name: str
    inputs: tuple[str, ...]
    out: str
    axis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape:
    """The same elements, in the same order, in another shape."""

    name: str
    x: str
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose:
    """Axes in another order: axis i of the result is axis ``permutation[i]``."""

    name: str
    x: str
    out: str
    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Elements taken, repeated or padded: the result has the axes of ``x`` in other lengths.

    ``slice`` keeps neighbours (slices, splits), ``copy`` does not (look-ups, tiles), ``pad`` is done by the window
    behind it, if there is one, ``upsample`` repeats or blends pixels.
    """

    name: str
    x: str
    out: str
    kind: Literal["slice", "copy", "pad", "upsample"]
    by: tuple[str, ...] = ()  # where the network computes which elements are taken


ImportedOp = (
    Convolution
    | Contraction
    | Pooling
    | Reduction
    | Elementwise
    | Function
    | Recurrence
    | Concat
    | Reshape
    | Transpose
    | Move
)


def reads(op: ImportedOp) -> tuple[str, ...]:
    """Return the tensors that an operation reads."""
    match op:
        case Contraction():
            return op.a, op.b
        case Elementwise() | Concat():
            return op.inputs
        case Recurrence():
            return (op.x, *op.states)
        case Move():
            return (op.x, *op.by)
        case _:
            return (op.x,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A node that no operation stands for: its type, its name, its outputs, and why."""

    type: str
    name: str
    outputs: tuple[str, ...]
    why: str = ""
