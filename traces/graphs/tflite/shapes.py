"""Shapes of what TFLite operators put out, where the file does not say them or inputs have other sizes than in it.

A file holds one shape per tensor, with ones in place of open axes.  These are the rules of TFLite's own kernels.

Source: tensorflow/lite/kernels of tensorflow/tensorflow, each kernel's ``Prepare``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from traces.base.arrays import Shape
from traces.base.errors import UnsupportedError
from traces.graphs.tflite.model import Operator
from traces.graphs.tflite.numbers import strides

_SAME_PADDING = 0  # Padding of schema.fbs
Rule = Callable[[Operator, Shape], Sequence[Shape]]  # of the first input's shape


def inferred(operator: Operator) -> Sequence[Shape] | None:
    """Return the shapes of the outputs; ``None`` where no rule stands here for the operator.

    Raises
    ------
    UnsupportedError
        Its inputs do not go together, or it needs a number that only a run tells.
    """
    place = 1 if operator.kind == "SPLIT" else 2 if operator.kind == "TRANSPOSE_CONV" else 0
    x = operator.inputs[place] if place < len(operator.inputs) else ""
    if operator.kind not in _RULES or not x:
        return None
    unsized = [name for name in operator.inputs if name and operator.model.is_unsized(name)]
    if unsized:
        raise UnsupportedError(f"the sizes of {unsized[0][:40]!r} are not known")
    try:
        return [tuple(int(n) for n in shape) for shape in _RULES[operator.kind](operator, operator.shape(x))]
    except (ValueError, IndexError) as problem:
        raise UnsupportedError(f"sizes that do not go together: {problem}"[:120]) from None


def _numbers(operator: Operator, place: int) -> list[int]:
    found = operator.model.numbers(operator.tensor(place))
    if found is None:
        raise UnsupportedError(f"input {place} is computed by the network; needs a constant")
    return [int(n) for n in np.reshape(found, -1)]


def _as_it_is(operator: Operator, shape: Shape) -> Sequence[Shape]:
    return [shape] * len(operator.outputs)


def _broadcast(operator: Operator, _: Shape) -> Sequence[Shape]:
    return [np.broadcast_shapes(*(operator.shape(name) for name in operator.inputs if name))]


def _window(table: str, names: tuple[str, str], kernel: Callable[[Operator, Any], Sequence[int]]) -> Rule:
    """Return the rule of a window: its options' table, the options of its stride, its kernel."""

    def rule(operator: Operator, shape: Shape) -> Sequence[Shape]:
        option = operator.options(table)
        sizes = []
        dilated = hasattr(option, "DilationHFactor")
        dilations = (option.DilationHFactor(), option.DilationWFactor()) if dilated else (1, 1)
        for n, k, stride, dilation in zip(
            shape[1:3],
            kernel(operator, option),
            (getattr(option, name)() for name in names),
            dilations,
            strict=True,
        ):
            reach = 0 if option.Padding() == _SAME_PADDING else (k - 1) * dilation
            sizes.append(-(-(n - reach) // stride))
        channels = shape[3]
        if table != "Pool2DOptions":
            weights = operator.shape(operator.tensor(1))
            channels = weights[3] if table.startswith("Depthwise") else weights[0]
        return [(shape[0], *sizes, channels)]

    return rule


def _weights(operator: Operator, _: Any) -> Sequence[int]:
    return operator.shape(operator.tensor(1))[1:3]


def _pooled(_: Operator, option: Any) -> Sequence[int]:
    return option.FilterHeight(), option.FilterWidth()


def _transposed(operator: Operator, _: Shape) -> Sequence[Shape]:
    wanted = _numbers(operator, 0)
    return [(operator.shape(operator.tensor(2))[0], *wanted[1:])]


def _fully_connected(operator: Operator, shape: Shape) -> Sequence[Shape]:
    outputs, features = operator.shape(operator.tensor(1))
    kept = operator.options("FullyConnectedOptions").KeepNumDims()
    return [(*shape[:-1], outputs) if kept else (prod(shape) // features, outputs)]


def _batch_matmul(operator: Operator, shape: Shape) -> Sequence[Shape]:
    option, other = operator.options("BatchMatMulOptions"), operator.shape(operator.tensor(1))
    rows = shape[-1] if option.AdjX() else shape[-2]
    columns = other[-2] if option.AdjY() else other[-1]
    return [(*np.broadcast_shapes(shape[:-2], other[:-2]), rows, columns)]


def _reshaped(operator: Operator, shape: Shape) -> Sequence[Shape]:
    """Return the new shape; one that begins with the file's own batch begins with the input's."""
    if len(operator.inputs) > 1 and operator.inputs[1]:
        wanted = _numbers(operator, 1)
    else:
        option = operator.options("ReshapeOptions")
        wanted = [int(option.NewShape(i)) for i in range(option.NewShapeLength())]
    if operator.model.batch > 1 and wanted and wanted[0] == operator.model.batch:
        wanted[0] = 1
    count, open_axes = prod(n for n in wanted if n >= 0), wanted.count(-1)
    if open_axes > 1 or (prod(shape) % count if open_axes else prod(shape) != count):
        raise UnsupportedError(f"makes {tuple(wanted)} of {shape}; needs as many elements")
    return [tuple(prod(shape) // count if n < 0 else n for n in wanted)]


def _reduced(operator: Operator, shape: Shape) -> Sequence[Shape]:
    axes = {axis % len(shape) for axis in _numbers(operator, 1)}
    kept = operator.kind not in {"ARG_MAX", "ARG_MIN"} and operator.options("ReducerOptions").KeepDims()
    return [tuple(1 if i in axes else n for i, n in enumerate(shape) if kept or i not in axes)]


def _joined(operator: Operator, shape: Shape) -> Sequence[Shape]:
    axis = operator.options("ConcatenationOptions").Axis() % len(shape)
    whole = sum(operator.shape(name)[axis] for name in operator.inputs if name)
    return [(*shape[:axis], whole, *shape[axis + 1 :])]


def _packed(operator: Operator, shape: Shape) -> Sequence[Shape]:
    axis = operator.options("PackOptions").Axis() % (len(shape) + 1)
    return [(*shape[:axis], len(operator.inputs), *shape[axis:])]


def _unpacked(operator: Operator, shape: Shape) -> Sequence[Shape]:
    axis = operator.options("UnpackOptions").Axis() % len(shape)
    return [(*shape[:axis], *shape[axis + 1 :])] * len(operator.outputs)


def _split(operator: Operator, shape: Shape) -> Sequence[Shape]:
    count = len(operator.outputs)
    if operator.kind == "SPLIT":
        axis = _numbers(operator, 0)[0] % len(shape)
        sizes = [shape[axis] // count] * count
    else:
        sizes, axis = _numbers(operator, 1), _numbers(operator, 2)[0] % len(shape)
        sizes = [shape[axis] - sum(n for n in sizes if n >= 0) if n < 0 else n for n in sizes]
    return [(*shape[:axis], n, *shape[axis + 1 :]) for n in sizes]


def _strided(operator: Operator, shape: Shape) -> Sequence[Shape]:
    begin, end, step = (np.array(_numbers(operator, i)) for i in (1, 2, 3))
    nothing = np.broadcast_to(np.int8(0), shape)
    return [nothing[strides(operator, len(shape), (begin, end, step))].shape]


def _cut(operator: Operator, shape: Shape) -> Sequence[Shape]:
    begin, size = _numbers(operator, 1), _numbers(operator, 2)
    return [tuple(n - a if wanted < 0 else wanted for n, a, wanted in zip(shape, begin, size, strict=True))]


def _gathered(operator: Operator, shape: Shape) -> Sequence[Shape]:
    option, places = operator.options("GatherOptions"), operator.shape(operator.tensor(1))
    axis = option.Axis() % len(shape)
    return [(*shape[:axis], *places[option.BatchDims() :], *shape[axis + 1 :])]


def _turned(operator: Operator, shape: Shape) -> Sequence[Shape]:
    return [tuple(shape[axis] for axis in _numbers(operator, 1))]


def _squeezed(operator: Operator, shape: Shape) -> Sequence[Shape]:
    option = operator.options("SqueezeOptions")
    axes = {int(option.SqueezeDims(i)) % len(shape) for i in range(option.SqueezeDimsLength())}
    axes = axes or {i for i, n in enumerate(shape) if n == 1}
    return [tuple(n for i, n in enumerate(shape) if i not in axes)]


def _expanded(operator: Operator, shape: Shape) -> Sequence[Shape]:
    axis = _numbers(operator, 1)[0] % (len(shape) + 1)
    return [(*shape[:axis], 1, *shape[axis:])]


def _padded(operator: Operator, shape: Shape) -> Sequence[Shape]:
    sides = _numbers(operator, 1)
    return [tuple(n + sides[2 * i] + sides[2 * i + 1] for i, n in enumerate(shape))]


def _resized(operator: Operator, shape: Shape) -> Sequence[Shape]:
    return [(shape[0], *_numbers(operator, 1), shape[3])]


def _tiled(operator: Operator, shape: Shape) -> Sequence[Shape]:
    return [tuple(n * times for n, times in zip(shape, _numbers(operator, 1), strict=True))]


def _written_out(operator: Operator, _: Shape) -> Sequence[Shape]:
    return [tuple(_numbers(operator, 1))]


def _to_depth(operator: Operator, shape: Shape) -> Sequence[Shape]:
    images, height, width, channels = shape
    if operator.kind == "SPACE_TO_DEPTH":
        block = operator.options("SpaceToDepthOptions").BlockSize()
        return [(images, height // block, width // block, channels * block * block)]
    block = operator.options("DepthToSpaceOptions").BlockSize()
    return [(images, height * block, width * block, channels // (block * block))]


def _steps(operator: Operator, shape: Shape) -> Sequence[Shape]:
    """Return as many steps as there are, of as many features as the file says."""
    return [(*shape[:-1], operator.shape(name)[-1]) for name in operator.outputs]


_SAME = (
    "ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "RELU",
    "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH", "SOFTMAX",
    "LOG_SOFTMAX", "L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION", "QUANTIZE", "DEQUANTIZE", "CAST", "FAKE_QUANT",
    "CUMSUM", "REVERSE_V2", "REVERSE_SEQUENCE", "LOGICAL_NOT", "ZEROS_LIKE", "BITCAST", "BUCKETIZE",
    "DYNAMIC_UPDATE_SLICE",
)  # fmt: skip
_PAIRS = (
    "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "POW", "PRELU", "SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD",
    "EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "SELECT",
    "SELECT_V2", "ATAN2", "ADD_N",
)  # fmt: skip
_SUMS = (
    "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ALL", "REDUCE_ANY", "ARG_MAX", "ARG_MIN",
)  # fmt: skip
_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, _as_it_is),
    **dict.fromkeys(_PAIRS, _broadcast),
    **dict.fromkeys(_SUMS, _reduced),
    **dict.fromkeys(
        ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"),
        _window("Pool2DOptions", ("StrideH", "StrideW"), _pooled),
    ),
    **dict.fromkeys(
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            "BIDIRECTIONAL_SEQUENCE_LSTM",
            "UNIDIRECTIONAL_SEQUENCE_RNN",
            "SVDF",
        ),
        _steps,
    ),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _padded),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resized),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), _split),
    **dict.fromkeys(("SPACE_TO_DEPTH", "DEPTH_TO_SPACE"), _to_depth),
    "BATCH_MATMUL": _batch_matmul,
    "BROADCAST_TO": _written_out,
    "CONCATENATION": _joined,
    "CONV_2D": _window("Conv2DOptions", ("StrideH", "StrideW"), _weights),
    "DEPTHWISE_CONV_2D": _window("DepthwiseConv2DOptions", ("StrideH", "StrideW"), _weights),
    "EXPAND_DIMS": _expanded,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gathered,
    "PACK": _packed,
    "RESHAPE": _reshaped,
    "SLICE": _cut,
    "SQUEEZE": _squeezed,
    "STRIDED_SLICE": _strided,
    "TILE": _tiled,
    "TRANSPOSE": _turned,
    "TRANSPOSE_CONV": _transposed,
    "UNPACK": _unpacked,
}
