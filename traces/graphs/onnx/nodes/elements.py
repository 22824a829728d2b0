"""ONNX nodes that work on elements: functions, sums, norms, pools, reductions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import Elementwise, Function, ImportedOp, Move, Pooling, Reduction, Reshape
from traces.graphs.kinds import Activation
from traces.graphs.onnx.nodes.node import Node

# Functions of one element.  Choice: one that is only rescaling, a sign or a rounding is "none": it folds into what is
# before it; what takes a table or an exponential is the nearest that does.
_FUNCTIONS: dict[str, Activation] = {
    "Abs": "leaky_relu",
    "Acos": "sine",
    "Acosh": "log",
    "Asin": "sine",
    "Asinh": "log",
    "Atan": "sine",
    "Atanh": "log",
    "Ceil": "none",
    "Celu": "elu",
    "Clip": "relu6",
    "Cos": "sine",
    "Elu": "elu",
    "Erf": "exp",
    "Exp": "exp",
    "Floor": "none",
    "Gelu": "gelu",
    "HardSigmoid": "hard_sigmoid",
    "HardSwish": "hard_swish",
    "LeakyRelu": "leaky_relu",
    "Log": "log",
    "Mish": "silu",
    "Neg": "none",
    "PRelu": "prelu",
    "Reciprocal": "divide",
    "Relu": "relu",
    "Round": "none",
    "Selu": "elu",
    "Shrink": "leaky_relu",
    "Sigmoid": "sigmoid",
    "Sign": "none",
    "Sin": "sine",
    "Sinh": "exp",
    "Cosh": "exp",
    "Softplus": "softplus",
    "Softsign": "divide",
    "Sqrt": "sqrt",
    "Swish": "silu",
    "Tan": "sine",
    "Tanh": "tanh",
    "ThresholdedRelu": "leaky_relu",
}
_DECISIONS = (
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "And",
    "Or",
    "Xor",
    "Not",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "BitShift",
    "Bernoulli",
    "IsNaN",
    "IsInf",
)
_SUMS = (
    "Add",
    "Sub",
    "Sum",
    "Mean",
    "Max",
    "Min",
    "Mod",
)  # Choice: an extreme or remainder of two costs as much as a sum
_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare",
)  # fmt: skip


def _function(node: Node) -> Sequence[ImportedOp]:
    return [Function(name=node.name, x=node.tensor(0), out=node.out, activation=_FUNCTIONS[node.kind])]


def _decision(node: Node) -> Sequence[ImportedOp]:
    data = node.data()
    if len(data) > 1:
        return [Elementwise(name=node.name, inputs=data, out=node.out, kind="add")]
    return _same_shape(node, data[0], "threshold")


def _same_shape(node: Node, x: str, kind: str) -> Sequence[ImportedOp]:
    if node.shape(x) != node.out_shape:
        return [Elementwise(name=node.name, inputs=node.tensors(), out=node.out, kind="add")]
    return [
        Function(name=node.name, x=x, out=node.out, kind="threshold" if kind == "threshold" else "activation")
    ]


def _softmax(node: Node) -> Sequence[ImportedOp]:
    return [Function(name=node.name, x=node.tensor(0), out=node.out, kind="softmax")]


def _sum(node: Node) -> Sequence[ImportedOp]:
    if len(node.tensors()) == 1:
        return [Reshape(name=node.name, x=node.tensor(0), out=node.out)]
    return [Elementwise(name=node.name, inputs=node.tensors(), out=node.out, kind="add")]


def _product(node: Node) -> Sequence[ImportedOp]:
    return [Elementwise(name=node.name, inputs=node.tensors(), out=node.out, kind="mul")]


def _quotient(node: Node) -> Sequence[ImportedOp]:
    """Return a product with a constant's inverse, or with an inverse that is computed first."""
    below = node.tensor(1)
    if node.is_constant(below):
        return _product(node)
    inverse = node.made_up("inverse", node.shape(below))
    found: list[ImportedOp] = [
        Function(name=f"{node.name}.inverse", x=below, out=inverse, activation="divide")
    ]
    return [*found, Elementwise(name=node.name, inputs=(node.tensor(0), inverse), out=node.out, kind="mul")]


def _power(node: Node) -> Sequence[ImportedOp]:
    exponent = node.values(1)
    if exponent == (2,) and node.context.model.values[node.tensor(1)].reshape(-1)[0] == 2:
        x = node.tensor(0)
        return [Elementwise(name=node.name, inputs=(x, x), out=node.out, kind="mul")]
    if node.is_constant(node.tensor(0)):
        return [Function(name=node.name, x=node.tensor(1), out=node.out, activation="exp")]
    return [Function(name=node.name, x=node.tensor(0), out=node.out, activation="power")]


def _where(node: Node) -> Sequence[ImportedOp]:
    """Choice: choosing between two tensors costs as much as adding them."""
    return [Elementwise(name=node.name, inputs=node.tensors(), out=node.out, kind="add")]


def _swiglu(node: Node) -> Sequence[ImportedOp]:
    """Return the first operand through a SiLU, times the second."""
    x, score = node.tensor(0), node.made_up("swish", node.out_shape)
    return [
        Function(name=f"{node.name}.swish", x=x, out=score, activation="silu"),
        Elementwise(name=node.name, inputs=(score, node.tensor(1)), out=node.out, kind="mul"),
    ]


def _rotary(node: Node) -> Sequence[ImportedOp]:
    """Return a rotation of pairs of features: the partner of each is fetched, two products are added."""
    x, shape = node.tensor(0), node.out_shape
    partner, *sides = (node.made_up(what, shape) for what in ("partner", "cosine", "sine"))
    angles = node.made_up("angles", shape)  # constant, or as cheap as if they were
    return [
        Move(name=f"{node.name}.partner", x=x, out=partner, kind="copy"),
        *(
            Elementwise(name=f"{node.name}.{k}", inputs=(side, angles), out=out, kind="mul")
            for k, (side, out) in enumerate(zip((x, partner), sides, strict=True))
        ),
        Elementwise(name=node.name, inputs=tuple(sides), out=node.out, kind="add"),
    ]


def _pool(node: Node) -> Sequence[ImportedOp]:
    kernel = node.integers("kernel_shape")
    if kernel is None:
        raise UnsupportedError("has no kernel_shape")
    window = node.window(kernel)
    return [
        Pooling(
            name=node.name,
            x=node.tensor(0),
            out=node.out,
            kind="max_pool" if node.kind == "MaxPool" else "avg_pool",
            kernel=window["kernel"],
            stride=window["stride"],
            dilation=window["dilation"],
        )
    ]


def _global_pool(node: Node) -> Sequence[ImportedOp]:
    axes = tuple(range(2, len(node.shape(node.tensor(0)))))
    extreme = node.kind == "GlobalMaxPool"
    return [Reduction(name=node.name, x=node.tensor(0), out=node.out, axes=axes, extreme=extreme)]


def _reduction(node: Node) -> Sequence[ImportedOp]:
    rank = len(node.shape(node.tensor(0)))
    axes = node.axes("axes", 1, rank)
    if not axes:
        if node.integer("noop_with_empty_axes", 0):
            return [Reshape(name=node.name, x=node.tensor(0), out=node.out)]
        axes = tuple(range(rank))
    extreme = node.kind in {"ReduceMax", "ReduceMin"}
    return [Reduction(name=node.name, x=node.tensor(0), out=node.out, axes=axes, extreme=extreme)]


def _arg_extreme(node: Node) -> Sequence[ImportedOp]:
    axis = node.axis(0, len(node.shape(node.tensor(0))))
    return [Reduction(name=node.name, x=node.tensor(0), out=node.out, axes=(axis,), extreme=True)]


ELEMENTS: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(_DECISIONS, _decision),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), _softmax),
    **dict.fromkeys(_SUMS, _sum),
    **dict.fromkeys(_REDUCTIONS, _reduction),
    "ArgMax": _arg_extreme,
    "ArgMin": _arg_extreme,
    "AveragePool": _pool,
    "Div": _quotient,
    "GlobalAveragePool": _global_pool,
    "GlobalLpPool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "LpPool": _pool,
    "MaxPool": _pool,
    "Mul": _product,
    "Pow": _power,
    "RotaryEmbedding": _rotary,
    "SwiGLU": _swiglu,
    "Where": _where,
}
