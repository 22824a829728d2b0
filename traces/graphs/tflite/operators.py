"""TFLite operators as imported operations: one function per kind, one row per kind in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.letters import matmul_letters
from traces.graphs.importing.ops import (
    Contraction,
    Convolution,
    Function,
    ImportedOp,
    Pooling,
    Reduction,
    Reshape,
)
from traces.graphs.importing.patches import WeightLayout, by_computed_weights
from traces.graphs.kinds import Activation
from traces.graphs.tflite.elements import ELEMENT_CONVERTERS, fused
from traces.graphs.tflite.model import Operator
from traces.graphs.tflite.moves import MOVE_CONVERTERS, OperatorConverter
from traces.graphs.tflite.recurrences import RECURRENCES


def _with(op: Convolution | Contraction, function: Activation, operator: Operator) -> list[ImportedOp]:
    """Return the product, and the function behind it, which the importer fuses where that is free."""
    if function == "none":
        return [op]
    inner = operator.made_up("sums", operator.out_shape)
    behind = Function(name=f"{operator.name}.act", x=inner, out=operator.outputs[0], activation=function)
    return [replace(op, out=inner), behind]


def _conv(operator: Operator) -> Sequence[ImportedOp]:
    weights, depthwise = operator.shape(operator.tensor(1)), operator.kind == "DEPTHWISE_CONV_2D"
    option = operator.options("DepthwiseConv2DOptions" if depthwise else "Conv2DOptions")
    if len(weights) != 4:
        raise UnsupportedError(f"weights {weights}; needs 4 axes")
    channels = operator.shape(operator.tensor(0))[-1]
    groups = channels if depthwise else channels // weights[3]
    if not depthwise and groups * weights[3] != channels:
        raise UnsupportedError(f"weights {weights} over {channels} channels")
    convolution = Convolution(
        name=operator.name,
        x=operator.tensor(0),
        out=operator.outputs[0],
        kernel=(weights[1], weights[2]),
        stride=(option.StrideH(), option.StrideW()),
        dilation=(option.DilationHFactor(), option.DilationWFactor()),
        groups=groups,
        channels_last=True,
    )
    layout: WeightLayout = "window groups out" if depthwise else "out window in"
    return [
        each
        for part in _with(convolution, fused(option), operator)
        for each in _multiplied(part, layout, operator)
    ]


def _multiplied(op: ImportedOp, layout: WeightLayout, operator: Operator) -> list[ImportedOp]:
    """Return a convolution as it is, or as a product of two activations where the network computes its weights."""
    weights = operator.tensor(1)
    if not isinstance(op, Convolution) or operator.is_constant(weights):
        return [op]
    return by_computed_weights(op, weights, layout, operator.model.shapes, operator.made_up)


def _conv_in_depth(operator: Operator) -> Sequence[ImportedOp]:
    """Return a convolution over three axes; weights (depth, height, width, in, out)."""
    weights, option = operator.weights(1), operator.options("Conv3DOptions")
    back = operator.kind == "CONV_3D_TRANSPOSE"
    convolution = Convolution(
        name=operator.name,
        x=operator.tensor(2 if back else 0),
        out=operator.outputs[0],
        kernel=weights[:3],
        stride=(option.StrideD(), option.StrideH(), option.StrideW()),
        dilation=(option.DilationDFactor(), option.DilationHFactor(), option.DilationWFactor()),
        groups=1 if back else operator.shape(operator.tensor(0))[-1] // weights[3],
        transposed=back,
        channels_last=True,
    )
    return _with(convolution, fused(option), operator)


def _transposed(operator: Operator) -> Sequence[ImportedOp]:
    weights, option = operator.shape(operator.tensor(1)), operator.options("TransposeConvOptions")
    convolution = Convolution(
        name=operator.name,
        x=operator.tensor(2),
        out=operator.outputs[0],
        kernel=(weights[1], weights[2]),
        stride=(option.StrideH(), option.StrideW()),
        transposed=True,
        channels_last=True,
    )
    return _multiplied(convolution, "out window in", operator)


def _fully_connected(operator: Operator) -> Sequence[ImportedOp]:
    """Return a product over the last axis; an input of more axes is rows of ``weights[1]`` features."""
    weights, option = operator.shape(operator.tensor(1)), operator.options("FullyConnectedOptions")
    x, shape = operator.tensor(0), operator.shape(operator.tensor(0))
    rows, (outputs, features) = prod(shape) // weights[1], weights
    before: list[ImportedOp] = []
    if shape != (rows, features):
        flat = operator.made_up("rows", (rows, features))
        before, x = [Reshape(name=f"{operator.name}.rows", x=x, out=flat)], flat
    product = Contraction(
        name=operator.name,
        a=x,
        b=operator.tensor(1),
        out=operator.outputs[0],
        a_axes="mk",
        b_axes="nk",
        out_axes="mn",
    )
    function = fused(option)
    if operator.out_shape == (rows, outputs):
        return [*before, *_with(product, function, operator)]
    flat_out = operator.made_up("products", (rows, outputs))
    found: list[ImportedOp] = [*before, replace(product, out=flat_out)]
    if function != "none":
        acted = operator.made_up("acted", (rows, outputs))
        found.append(Function(name=f"{operator.name}.act", x=flat_out, out=acted, activation=function))
        flat_out = acted
    return [*found, Reshape(name=f"{operator.name}.shape", x=flat_out, out=operator.outputs[0])]


def _batch_matmul(operator: Operator) -> Sequence[ImportedOp]:
    option = operator.options("BatchMatMulOptions")
    shapes = [list(operator.shape(operator.tensor(i))) for i in range(2)]
    flips = (bool(option.AdjX()), bool(option.AdjY()))
    for shape, flip in zip(shapes, flips, strict=True):
        if flip:
            shape[-1], shape[-2] = shape[-2], shape[-1]
    a_axes, b_axes, out_axes = matmul_letters(*shapes)
    a_axes, b_axes = (
        axes[:-2] + axes[:-3:-1] if flip else axes for axes, flip in zip((a_axes, b_axes), flips, strict=True)
    )
    return [
        Contraction(
            name=operator.name,
            a=operator.tensor(0),
            b=operator.tensor(1),
            out=operator.outputs[0],
            a_axes=a_axes,
            b_axes=b_axes,
            out_axes=out_axes,
        )
    ]


def _pool(operator: Operator) -> Sequence[ImportedOp]:
    option = operator.options("Pool2DOptions")
    return [
        Pooling(
            name=operator.name,
            x=operator.tensor(0),
            out=operator.outputs[0],
            kind="max_pool" if operator.kind == "MAX_POOL_2D" else "avg_pool",
            kernel=(option.FilterHeight(), option.FilterWidth()),
            stride=(option.StrideH(), option.StrideW()),
            channels_last=True,
        )
    ]


def _spectrum(operator: Operator) -> Sequence[ImportedOp]:
    """Return rows times sines and cosines.  Choice: no shipped design has a unit for butterflies."""
    shape, out = operator.shape(operator.tensor(0)), operator.out_shape
    rows, length = prod(shape[:-1]), operator.values(1)[-1]
    if length != shape[-1] or operator.values(1)[0] != 1:
        raise UnsupportedError(f"of {operator.values(1)} over {shape}; needs one axis, whole")
    flat, parts = operator.made_up("rows", (rows, length)), operator.made_up("parts", (rows, out[-1], 2))
    matrix, size = operator.made_up("matrix", (length, out[-1], 2)), operator.made_up("size", (rows, out[-1]))
    return [
        Reshape(name=f"{operator.name}.rows", x=operator.tensor(0), out=flat),
        Contraction(
            name=operator.name, a=flat, b=matrix, out=parts, a_axes="mk", b_axes="knp", out_axes="mnp"
        ),
        Reduction(name=f"{operator.name}.size", x=parts, out=size, axes=(2,)),
        Reshape(name=f"{operator.name}.out", x=size, out=operator.outputs[0]),
    ]


OPERATOR_CONVERTERS: dict[str, OperatorConverter] = {
    **ELEMENT_CONVERTERS,
    **MOVE_CONVERTERS,
    **RECURRENCES,
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _conv),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), _pool),
    **dict.fromkeys(("CONV_3D", "CONV_3D_TRANSPOSE"), _conv_in_depth),
    "BATCH_MATMUL": _batch_matmul,
    "FULLY_CONNECTED": _fully_connected,
    "RFFT2D": _spectrum,
    "TRANSPOSE_CONV": _transposed,
}
