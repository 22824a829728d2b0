"""TFLite operators that work on elements: sums, products, functions, norms, reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import Elementwise, Function, ImportedOp, Reduction
from traces.graphs.kinds import Activation
from traces.graphs.tflite.model import Operator
from traces.graphs.tflite.moves import OperatorConverter

# ActivationFunctionType of schema.fbs.
_FUSED: dict[int, Activation] = {0: "none", 1: "relu", 2: "relu1", 3: "relu6", 4: "tanh"}
_FUNCTIONS: dict[str, Activation] = {
    "ABS": "leaky_relu", "CEIL": "none", "COS": "sine", "ELU": "elu", "EXP": "exp", "FLOOR": "none", "GELU": "gelu",
    "HARD_SWISH": "hard_swish", "LEAKY_RELU": "leaky_relu", "LOG": "log", "LOGISTIC": "sigmoid", "NEG": "none",
    "COMPLEX_ABS": "sqrt",
    "POW": "power", "PRELU": "prelu", "RELU": "relu", "RELU6": "relu6", "RELU_0_TO_1": "relu1", "RELU_N1_TO_1": "relu1",
    "ROUND": "none", "RSQRT": "sqrt", "SIGN": "none", "SIN": "sine", "SQRT": "sqrt", "TANH": "tanh",
}  # fmt: skip


def fused(option: Any) -> Activation:
    number = int(option.FusedActivationFunction())
    if number not in _FUSED:
        raise UnsupportedError(f"fused activation {number} is not known")
    return _FUSED[number]


_SUMS = {"ADD": "AddOptions", "SUB": "SubOptions"}


def _sum(operator: Operator) -> Sequence[ImportedOp]:
    function: Activation = "none"
    if operator.kind in _SUMS:
        function = fused(operator.options(_SUMS[operator.kind]))
    return [_elementwise(operator, "add", function)]


def _product(operator: Operator) -> Sequence[ImportedOp]:
    if operator.kind == "SQUARE":
        x = operator.tensor(0)
        return [Elementwise(name=operator.name, inputs=(x, x), out=operator.outputs[0], kind="mul")]
    function = fused(operator.options("MulOptions")) if operator.kind == "MUL" else "none"
    return [_elementwise(operator, "mul", function)]


def _quotient(operator: Operator) -> Sequence[ImportedOp]:
    """Return a product with a constant's inverse, or with an inverse that is computed first."""
    above, below = operator.tensor(0), operator.tensor(1)
    found: list[ImportedOp] = []
    if not operator.is_constant(below):
        inverse = operator.made_up("inverse", operator.shape(below))
        found = [Function(name=f"{operator.name}.inverse", x=below, out=inverse, activation="divide")]
        below = inverse
    function = fused(operator.options("DivOptions"))
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


ELEMENT_CONVERTERS: dict[str, OperatorConverter] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(("ADD", "SUB", "ADD_N", "ATAN2", "MAXIMUM", "MINIMUM", "FLOOR_DIV", "FLOOR_MOD"), _sum),
    **dict.fromkeys(("SELECT", "SELECT_V2", "LOGICAL_AND", "LOGICAL_OR", "BITWISE_XOR", "RIGHT_SHIFT"), _sum),
    **dict.fromkeys(("MUL", "SQUARE"), _product),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX"), _softmax),
    **dict.fromkeys(("L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION"), _norm),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), _decision),
    **dict.fromkeys(("LOGICAL_NOT", "BUCKETIZE"), _decision),
    **dict.fromkeys(
        ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "ARG_MAX", "ARG_MIN"), _reduction
    ),
    **dict.fromkeys(("REDUCE_ALL", "REDUCE_ANY"), _reduction),
    "DIV": _quotient,
    "SQUARED_DIFFERENCE": _squared_difference,
}
