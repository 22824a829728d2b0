"""TFLite operators as imported operations: one function per kind, one row per kind in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from traces.base.errors import UnsupportedError
from traces.graphs.importing.letters import matmul_letters
from traces.graphs.importing.ops import (
    Contraction,
    Convolution,
    Elementwise,
    Function,
    ImportedOp,
    Pooling,
    Reduction,
    Reshape,
)
from traces.graphs.importing.patches import WeightLayout, by_computed_weights
from traces.graphs.kinds import Activation
from traces.graphs.tflite.model import Operator
from traces.graphs.tflite.moves import MOVE_CONVERTERS, OperatorConverter
from traces.graphs.tflite.recurrences import RECURRENCES

# ActivationFunctionType of schema.fbs.
_FUSED: dict[int, Activation] = {0: "none", 1: "relu", 2: "relu1", 3: "relu6", 4: "tanh"}
_FUNCTIONS: dict[str, Activation] = {
    "ABS": "leaky_relu", "CEIL": "none", "COS": "sine", "ELU": "elu", "EXP": "exp", "FLOOR": "none", "GELU": "gelu",
    "HARD_SWISH": "hard_swish", "LEAKY_RELU": "leaky_relu", "LOG": "log", "LOGISTIC": "sigmoid", "NEG": "none",
    "POW": "power", "PRELU": "prelu", "RELU": "relu", "RELU6": "relu6", "RELU_0_TO_1": "relu1", "RELU_N1_TO_1": "relu1",
    "ROUND": "none", "RSQRT": "sqrt", "SIGN": "none", "SIN": "sine", "SQRT": "sqrt", "TANH": "tanh",
}  # fmt: skip


def _fused(option: Any) -> Activation:
    number = int(option.FusedActivationFunction())
    if number not in _FUSED:
        raise UnsupportedError(f"fused activation {number} is not known")
    return _FUSED[number]


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
        for part in _with(convolution, _fused(option), operator)
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
    return _with(convolution, _fused(option), operator)


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
    function = _fused(option)
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


_SUMS = {"ADD": "AddOptions", "SUB": "SubOptions"}


def _sum(operator: Operator) -> Sequence[ImportedOp]:
    function: Activation = "none"
    if operator.kind in _SUMS:
        function = _fused(operator.options(_SUMS[operator.kind]))
    return [_elementwise(operator, "add", function)]


def _product(operator: Operator) -> Sequence[ImportedOp]:
    if operator.kind == "SQUARE":
        x = operator.tensor(0)
        return [Elementwise(name=operator.name, inputs=(x, x), out=operator.outputs[0], kind="mul")]
    function = _fused(operator.options("MulOptions")) if operator.kind == "MUL" else "none"
    return [_elementwise(operator, "mul", function)]


def _quotient(operator: Operator) -> Sequence[ImportedOp]:
    """Return a product with a constant's inverse, or with an inverse that is computed first."""
    above, below = operator.tensor(0), operator.tensor(1)
    found: list[ImportedOp] = []
    if not operator.is_constant(below):
        inverse = operator.made_up("inverse", operator.shape(below))
        found = [Function(name=f"{operator.name}.inverse", x=below, out=inverse, activation="divide")]
        below = inverse
    function = _fused(operator.options("DivOptions"))
    product = Elementwise(
        name=operator.name, inputs=(above, below), out=operator.outputs[0], kind="mul", activation=function
    )
    return [*found, product]


def _squared_difference(operator: Operator) -> Sequence[ImportedOp]:
    difference = operator.made_up("difference", operator.out_shape)
    inputs, out = (operator.tensor(0), operator.tensor(1)), operator.outputs[0]
    return [
        Elementwise(name=f"{operator.name}.difference", inputs=inputs, out=difference, kind="add"),
        Elementwise(name=operator.name, inputs=(difference, difference), out=out, kind="mul"),
    ]


def _elementwise(operator: Operator, kind: str, function: Activation) -> Elementwise:
    return Elementwise(
        name=operator.name,
        inputs=tuple(name for name in operator.inputs if name),
        out=operator.outputs[0],
        kind="add" if kind == "add" else "mul",
        activation=function,
    )


def _function(operator: Operator) -> Sequence[ImportedOp]:
    activation = _FUNCTIONS[operator.kind]
    return [
        Function(name=operator.name, x=operator.tensor(0), out=operator.outputs[0], activation=activation)
    ]


def _softmax(operator: Operator) -> Sequence[ImportedOp]:
    return [Function(name=operator.name, x=operator.tensor(0), out=operator.outputs[0], kind="softmax")]


def _norm(operator: Operator) -> Sequence[ImportedOp]:
    return [Function(name=operator.name, x=operator.tensor(0), out=operator.outputs[0], kind="layer_norm")]


def _decision(operator: Operator) -> Sequence[ImportedOp]:
    return [Function(name=operator.name, x=operator.tensor(0), out=operator.outputs[0], kind="threshold")]


def _reduction(operator: Operator) -> Sequence[ImportedOp]:
    rank = len(operator.shape(operator.tensor(0)))
    axes = tuple(sorted({axis % rank for axis in operator.values(1)}))
    extreme = operator.kind in {"REDUCE_MAX", "REDUCE_MIN", "ARG_MAX", "ARG_MIN"}
    return [
        Reduction(
            name=operator.name, x=operator.tensor(0), out=operator.outputs[0], axes=axes, extreme=extreme
        )
    ]


OPERATOR_CONVERTERS: dict[str, OperatorConverter] = {
    **MOVE_CONVERTERS,
    **RECURRENCES,
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _conv),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), _pool),
    **dict.fromkeys(
        (
            "ADD",
            "SUB",
            "ADD_N",
            "ATAN2",
            "MAXIMUM",
            "MINIMUM",
            "FLOOR_DIV",
            "FLOOR_MOD",
            "SELECT",
            "SELECT_V2",
        ),
        _sum,
    ),
    **dict.fromkeys(("LOGICAL_AND", "LOGICAL_OR", "BITWISE_XOR", "RIGHT_SHIFT"), _sum),
    **dict.fromkeys(("CONV_3D", "CONV_3D_TRANSPOSE"), _conv_in_depth),
    **dict.fromkeys(("MUL", "SQUARE"), _product),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX"), _softmax),
    **dict.fromkeys(("L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION"), _norm),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), _decision),
    **dict.fromkeys(("LOGICAL_NOT", "BUCKETIZE"), _decision),
    **dict.fromkeys(
        ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "ARG_MAX", "ARG_MIN"), _reduction
    ),
    **dict.fromkeys(("REDUCE_ALL", "REDUCE_ANY"), _reduction),
    "BATCH_MATMUL": _batch_matmul,
    "DIV": _quotient,
    "FULLY_CONNECTED": _fully_connected,
    "SQUARED_DIFFERENCE": _squared_difference,
    "TRANSPOSE_CONV": _transposed,
}
