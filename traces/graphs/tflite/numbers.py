"""Whole numbers that a TFLite file works out of constants and sizes: shapes, places, counters of loops."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from traces.graphs.tflite.model import LARGEST_VALUE, Operator


def numbers_of(operator: Operator) -> Any | None:
    """Return what an operator puts out, if it is a few whole numbers that no input of the network decides."""
    if operator.kind in {"SHAPE", "RANK"}:
        shape = operator.shape(operator.tensor(0))
        if operator.model.is_unsized(operator.tensor(0)):
            return None
        return np.array(shape if operator.kind == "SHAPE" else len(shape), np.int64)
    if operator.kind not in _RULES:
        return None
    given = [operator.model.numbers(name) for name in operator.inputs if name]
    if not given or any(value is None for value in given):
        return None
    if operator.kind in {"FILL", "RANGE"} and _size(operator.kind, given) > LARGEST_VALUE:
        return None
    with np.errstate(all="ignore"):
        made = np.asarray(_RULES[operator.kind](operator, *given))
    return made if made.size <= LARGEST_VALUE else None


def _size(kind: str, given: list[Any]) -> float:
    """Return how many numbers an operator makes that makes many of few."""
    if kind == "FILL":
        return float(np.prod(given[0].astype(np.float64)))
    start, stop, step = (float(np.reshape(value, -1)[0]) for value in given)
    return abs((stop - start) / step) if step else float("inf")


def _strided(operator: Operator, x: Any, begin: Any, end: Any, step: Any) -> Any:
    return x[strides(operator, x.ndim, (begin, end, step))]


def strides(operator: Operator, rank: int, given: tuple[Any, Any, Any]) -> tuple[Any, ...]:
    """Return the index of a ``STRIDED_SLICE``, whose masks say which of its numbers count."""
    option = operator.options("StridedSliceOptions")
    begin, end, step = (np.reshape(value, -1) for value in given)
    found: list[Any] = []
    for i in range(len(begin)):
        if option.EllipsisMask() >> i & 1:
            found.append(Ellipsis)
        elif option.NewAxisMask() >> i & 1:
            found.append(None)
        elif option.ShrinkAxisMask() >> i & 1:
            found.append(int(begin[i]))
        else:
            first = None if option.BeginMask() >> i & 1 else int(begin[i])
            last = None if option.EndMask() >> i & 1 else int(end[i])
            found.append(slice(first, last, int(step[i])))
    return tuple(found)


def _gathered(operator: Operator, x: Any, places: Any) -> Any:
    return np.take(x, places, axis=operator.options("GatherOptions").Axis())


def _packed(operator: Operator, *parts: Any) -> Any:
    return np.stack(parts, axis=operator.options("PackOptions").Axis())


def _joined(operator: Operator, *parts: Any) -> Any:
    return np.concatenate(parts, axis=operator.options("ConcatenationOptions").Axis())


def _reduced(how: Callable[..., Any]) -> Callable[..., Any]:
    def rule(operator: Operator, x: Any, axes: Any) -> Any:
        kept = bool(operator.options("ReducerOptions").KeepDims())
        return how(x, axis=tuple(int(axis) for axis in np.reshape(axes, -1)), keepdims=kept)

    return rule


def _cut(_: Operator, x: Any, begin: Any, size: Any) -> Any:
    sides = zip(np.reshape(begin, -1), np.reshape(size, -1), strict=True)
    return x[tuple(slice(int(a), None if n < 0 else int(a + n)) for a, n in sides)]


def _reshaped(operator: Operator, x: Any, *shape: Any) -> Any:
    if shape:
        return np.reshape(x, [int(n) for n in np.reshape(shape[0], -1)])
    return np.reshape(x, operator.out_shape if prod(operator.out_shape) == x.size else (-1,))


def _plain(how: Callable[..., Any]) -> Callable[..., Any]:
    return lambda operator, *given: how(*given)


_RULES: dict[str, Callable[..., Any]] = {
    "ADD": _plain(np.add),
    "CAST": _plain(np.asarray),
    "CONCATENATION": _joined,
    "DIV": _plain(np.floor_divide),
    "EQUAL": _plain(np.equal),
    "EXPAND_DIMS": lambda operator, x, axis: np.expand_dims(x, int(np.reshape(axis, -1)[0])),
    "FILL": lambda operator, shape, x: np.full([int(n) for n in np.reshape(shape, -1)], np.reshape(x, -1)[0]),
    "FLOOR_DIV": _plain(np.floor_divide),
    "FLOOR_MOD": _plain(np.mod),
    "GATHER": _gathered,
    "GREATER": _plain(np.greater),
    "GREATER_EQUAL": _plain(np.greater_equal),
    "LESS": _plain(np.less),
    "LESS_EQUAL": _plain(np.less_equal),
    "LOGICAL_AND": _plain(np.logical_and),
    "LOGICAL_NOT": _plain(np.logical_not),
    "LOGICAL_OR": _plain(np.logical_or),
    "MAXIMUM": _plain(np.maximum),
    "MINIMUM": _plain(np.minimum),
    "MUL": _plain(np.multiply),
    "NEG": _plain(np.negative),
    "NOT_EQUAL": _plain(np.not_equal),
    "PACK": _packed,
    "RANGE": lambda operator, *given: np.arange(*(int(np.reshape(value, -1)[0]) for value in given)),
    "REDUCE_ALL": _reduced(np.all),
    "REDUCE_ANY": _reduced(np.any),
    "REDUCE_MAX": _reduced(np.max),
    "REDUCE_MIN": _reduced(np.min),
    "REDUCE_PROD": _reduced(np.prod),
    "RESHAPE": _reshaped,
    "SELECT": _plain(np.where),
    "SELECT_V2": _plain(np.where),
    "SLICE": _cut,
    "SQUEEZE": _reshaped,
    "STRIDED_SLICE": _strided,
    "SUB": _plain(np.subtract),
    "SUM": _reduced(np.sum),
}
