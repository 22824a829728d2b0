"""Work as arrays of shapes: what every cost function takes.

One :class:`Shapes` holds ``n`` pieces of work of the same kind, each already reduced to what is left of it
after gating.  All arrays have shape ``(n,)`` and dtype int64.  A piece with no pixels, no input or no
output channels is skipped work and must cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.work.rows import rows_of
from traces import MAC_KINDS, RECURRENT, TRANSCENDENTAL, WEIGHTED, Bools, Ints, Op, OpKind

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

    def full(value: int) -> Ints:
        return np.full(cin.shape, value, np.int64)

    groups = full(op.groups)
    if op.is_depthwise:
        multiplier = op.out_channels // op.groups
        groups = np.minimum(cin, -(-cout // multiplier))
        cin, cout = groups, groups * multiplier
    elif op.groups > 1:
        cin, cout = (-(-c // op.groups) * op.groups for c in (cin, cout))
    in_rows = full(op.in_height)
    if out_height is not None:
        in_rows = np.minimum(op.in_height, -(-rows * op.in_height // op.out_height))
    if op.kind == "matmul":  # every input has both operands of its own, so inputs are groups too
        cin, cout, groups, inputs = cin * inputs, cout * inputs, groups * inputs, np.ones_like(inputs)
    return Shapes(
        kind=op.kind,
        in_channels=cin,
        out_channels=cout,
        in_height=in_rows,
        in_width=full(op.in_width),
        out_height=rows.astype(np.int64),
        out_width=full(op.out_width),
        kernel_height=full(op.kernel_height),
        kernel_width=full(op.kernel_width),
        stride_height=full(op.stride_height),
        stride_width=full(op.stride_width),
        dilation_height=full(op.dilation_height),
        dilation_width=full(op.dilation_width),
        groups=groups,
        batch=inputs.astype(np.int64),
        depthwise=np.full(cin.shape, op.is_depthwise),
        operands=full(len(op.inputs) if op.kind in {"add", "mul"} else 1),
        transcendental=np.full(cin.shape, op.kind == "activation" and op.activation in TRANSCENDENTAL),
        table_behind=np.full(cin.shape, op.activation not in _CLIPS),
    )
