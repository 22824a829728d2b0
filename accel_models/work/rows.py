"""Values that hold one array per field, a row for each piece of work: rows of them, and several end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from traces import Bools

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RowWise = TypeVar("RowWise", bound="DataclassInstance")


def rows_of(value: RowWise, rows: NDArray[np.intp] | Bools | slice) -> RowWise:
    """Return the value with these rows of each of its arrays; what is no array stays."""
    return each_array(value, lambda array: array[rows])


def each_array(value: RowWise, change: Callable[[NDArray[Any]], NDArray[Any]]) -> RowWise:
    """Return the value with each of its arrays changed; what is no array stays."""
    values = [getattr(value, name) for name in _names(type(value))]
    return _made(value, [change(one) if isinstance(one, np.ndarray) else one for one in values])


def joined(parts: Sequence[RowWise]) -> RowWise:
    """Lay the arrays of the parts end to end; what is no array is the first part's."""
    return parts[0] if len(parts) == 1 else together(parts, np.concatenate)


def together(parts: Sequence[RowWise], make: Callable[[list[NDArray[Any]]], NDArray[Any]]) -> RowWise:
    """Make one value of several, array by array; what is no array is the first part's."""
    columns = [[getattr(part, name) for part in parts] for name in _names(type(parts[0]))]
    return _made(parts[0], [make(each) if isinstance(each[0], np.ndarray) else each[0] for each in columns])


def arrays_of(value: DataclassInstance) -> dict[str, NDArray[Any]]:
    """Return the arrays that a value holds, by name."""
    found = {name: getattr(value, name) for name in _names(type(value))}
    return {name: array for name, array in found.items() if isinstance(array, np.ndarray)}


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _made(value: RowWise, values: Sequence[Any]) -> RowWise:
    """Return a value of the same class with these fields."""
    kind = type(value)
    return kind(**dict(zip(_names(kind), values, strict=True)))
