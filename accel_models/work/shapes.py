"""Work as arrays of shapes: what every cost function takes.

One :class:`Shapes` holds ``n`` pieces of work of the same kind, each already reduced to what is left of it
after gating.  All arrays have shape ``(n,)`` and dtype int64.  A piece with no pixels, no input or no
output channels is skipped work and must cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.work.rows import rows_of
from traces import MAC_KINDS, RECURRENT, TRANSCENDENTAL, WEIGHTED, Bools, Floats, Ints, Op, OpKind

_CLIPS = frozenset({"none", "relu", "relu6", "relu1"})  # functions that compare alone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shapes:
    """``n`` pieces of work of one kind, sizes after gating (heights and widths in pixels)."""

    kind: OpKind
    in_channels: Ints  # active, over all groups
    out_channels: Ints  # active, over all groups
    in_height: Ints
    in_width: Ints
    out_height: Ints
    out_width: Ints
    kernel_height: Ints
    kernel_width: Ints
    stride_height: Ints
    stride_width: Ints
    dilation_height: Ints
    dilation_width: Ints
    groups: Ints  # active groups: a depthwise layer has in_channels = out_channels = groups
    batch: Ints  # inputs that share one fetch of the weights
    depthwise: Bools  # a depthwise layer, also when it is down to its last channel
    operands: Ints  # tensors read: 2 for a residual add, 1 for a convolution
    transcendental: Bools  # a function of elements that takes an exponential or a table
    table_behind: Bools  # ends in a function that takes a table (sigmoid, ...), not in a clip
    clipped_channels: Ints  # of the whole op, all kept, a group's, if it ends in a clip (ReLU, ...); 0 if not

    def __len__(self) -> int:
        return len(self.in_channels)

    @property
    def m(self) -> Ints:
        """Output pixels over the batch: M of the GEMM; of a transposed convolution the input's."""
        scattered = self.kind == "conv_transpose"
        height, width = (self.in_height, self.in_width) if scattered else (self.out_height, self.out_width)
        return height * width * self.batch

    @property
    def k(self) -> Ints:
        """Reduction length per group: K of the GEMM."""
        kernel = self.kernel_height * self.kernel_width
        if self.kind in RECURRENT:
            return self.in_channels + self.out_channels
        per_group = self.in_channels // np.maximum(self.groups, 1)
        return per_group if self.kind == "conv_transpose" else kernel * per_group

    @property
    def n(self) -> Ints:
        """Output channels per group: N of the GEMM."""
        per_group = self.out_channels // np.maximum(self.groups, 1)
        if self.kind == "conv_transpose":
            return self.kernel_height * self.kernel_width * per_group
        return RECURRENT.get(self.kind, 1) * per_group

    @property
    def macs(self) -> Ints:
        """Multiply-accumulates left to do [MAC]; 0 for kinds that do none."""
        if self.kind not in MAC_KINDS:
            return np.zeros(len(self), np.int64)
        return self.m * self.k * self.n * self.groups

    @property
    def weights(self) -> Ints:
        """Weights left to fetch [elements]."""
        if self.kind not in WEIGHTED:
            return np.zeros(len(self), np.int64)
        return self.k * self.n * self.groups

    @property
    def input_elements(self) -> Ints:
        """Elements of all input tensors, over the batch [elements]."""
        first = self.in_height * self.in_width * self.in_channels * self.operands * self.batch
        return first + self.second_elements

    @property
    def second_elements(self) -> Ints:
        """Elements of the second operand of a product of activations [elements]."""
        if self.kind != "matmul":
            return np.zeros(len(self), np.int64)
        return self.k * self.n * self.groups

    @property
    def steps(self) -> Ints:
        """Products that follow each other, each needing the one before: time steps of a recurrent cell."""
        pixels = self.out_height * self.out_width
        return pixels if self.kind in RECURRENT else np.ones_like(pixels)

    @property
    def output_elements(self) -> Ints:
        """Elements of the output tensor, over the batch [elements]."""
        return self.out_height * self.out_width * self.batch * self.out_channels

    def scattered(self) -> Shapes:
        """Return transposed convolutions as products of every input pixel with the whole kernel; others as they are.

        Choice: the products are written out and added where they overlap, as col2im does, so the output counts
        kernel area / stride^2 times; exactly once for kernels that do not overlap.
        """
        if self.kind != "conv_transpose":
            return self
        one = np.ones_like(self.groups)
        return replace(
            self,
            kind="linear",
            out_channels=self.n * self.groups,
            out_height=self.in_height,
            out_width=self.in_width,
            kernel_height=one,
            kernel_width=one,
            stride_height=one,
            stride_width=one,
            dilation_height=one,
            dilation_width=one,
        )

    def take(self, rows: NDArray[np.intp] | slice) -> Shapes:
        """Return the pieces at ``rows``."""
        return rows_of(self, rows)


def shapes_of(
    op: Op,
    in_channels: ArrayLike | None = None,
    out_channels: ArrayLike | None = None,
    *,
    out_height: ArrayLike | None = None,
    batch: ArrayLike = 1,
) -> Shapes:
    """Return the op's work for arrays of active channel counts, which broadcast against each other.

    Parameters
    ----------
    op
        The op with its dense sizes.
    in_channels, out_channels
        Active channels [channels]; dense when left out.  A depthwise op runs a group for every input channel
        that has an output, with all of the group's outputs.
        Other grouped ops keep their groups, so counts are rounded up to whole channels per group.
    out_height
        Rows of the output that are computed (spatial gates), dense when left out; the input rows
        shrink in proportion.
    batch
        Inputs that share one fetch of the weights.
    """
    cin, cout, rows, inputs = np.broadcast_arrays(
        np.atleast_1d(np.asarray(op.in_channels if in_channels is None else in_channels, np.int64)),
        np.asarray(op.out_channels if out_channels is None else out_channels, np.int64),
        np.asarray(op.out_height if out_height is None else out_height, np.int64),
        np.asarray(batch, np.int64),
    )
    found = shapes_of_ops([op], [cin.size], (cin.ravel(), cout.ravel()), rows.ravel(), inputs.ravel())
    if out_height is not None:
        return found
    return replace(found, in_height=np.full(cin.size, op.in_height, np.int64))


def shapes_of_ops(
    ops: Sequence[Op], states: Sequence[int], channels: tuple[Ints, Ints], out_rows: Ints, batch: Ints
) -> Shapes:
    """Return the work of states of several ops of one kind, end to end; see :func:`shapes_of`.

    Parameters
    ----------
    ops, states
        The ops, and how many states each has.
    channels, out_rows, batch
        Active input and output channels, computed rows of the output and inputs of every state, shape (s,).
    """

    def column(values: Iterable[int | bool]) -> NDArray[Any]:
        return np.repeat(np.array([*values]), states)

    cin, cout = channels
    groups, depthwise = column(op.groups for op in ops), column(op.is_depthwise for op in ops)
    if any(op.groups > 1 for op in ops):
        multiplier = column(op.out_channels for op in ops) // groups
        kept = np.minimum(cin, -(-cout // multiplier))  # groups of a depthwise op with an input and an output
        cin, cout = (
            np.where(depthwise, kept, -(-cin // groups) * groups),
            np.where(depthwise, kept * multiplier, -(-cout // groups) * groups),
        )
        groups = np.where(depthwise, kept, groups)
    in_height, out_height = column(op.in_height for op in ops), column(op.out_height for op in ops)
    kind = ops[0].kind
    if kind == "matmul":  # every input has both operands of its own, so inputs are groups too
        cin, cout, groups, batch = cin * batch, cout * batch, groups * batch, np.ones_like(batch)
    return Shapes(
        kind=kind,
        in_channels=cin,
        out_channels=cout,
        in_height=np.minimum(in_height, -(-out_rows * in_height // out_height)),
        in_width=column(op.in_width for op in ops),
        out_height=out_rows,
        out_width=column(op.out_width for op in ops),
        kernel_height=column(op.kernel_height for op in ops),
        kernel_width=column(op.kernel_width for op in ops),
        stride_height=column(op.stride_height for op in ops),
        stride_width=column(op.stride_width for op in ops),
        dilation_height=column(op.dilation_height for op in ops),
        dilation_width=column(op.dilation_width for op in ops),
        groups=groups,
        batch=batch,
        depthwise=depthwise,
        operands=column(len(op.inputs) if op.kind in {"add", "mul"} else 1 for op in ops),
        transcendental=column(op.kind == "activation" and op.activation in TRANSCENDENTAL for op in ops),
        table_behind=column(op.activation not in _CLIPS for op in ops),
        clipped_channels=column(_clipped(op) for op in ops),
    )


def _clipped(op: Op) -> int:
    """Return the channels of the whole op, of one group unless it is depthwise, that a clip comes behind."""
    if op.activation == "none" or op.activation not in _CLIPS:
        return 0
    return op.out_channels if op.is_depthwise else op.out_channels // op.groups


def element_operations(shapes: Shapes) -> Floats:
    """Elements that an op without MACs works on: window elements for pooling, outputs for the rest."""
    match shapes.kind:
        case "global_avg_pool" | "global_max_pool":
            return np.asarray(
                shapes.in_height * shapes.in_width * shapes.out_channels * shapes.batch, np.float64
            )
        case "reduce":
            return np.asarray(shapes.input_elements, np.float64)
        case "max_pool" | "avg_pool":
            return np.asarray(shapes.output_elements * shapes.kernel_height * shapes.kernel_width, np.float64)
        case (
            "add"
            | "mul"
            | "concat"
            | "layer_norm"
            | "activation"
            | "softmax"
            | "threshold"
            | "upsample"
            | "copy"
            | "slice"
            | "reshape"
        ):
            return np.asarray(shapes.output_elements, np.float64)
        case "conv" | "conv_transpose" | "linear" | "matmul" | "lstm_cell" | "gru_cell" | "rnn_cell":
            raise AssertionError(f"{shapes.kind} multiplies: its work is MACs")
        case _:
            assert_never(shapes.kind)
