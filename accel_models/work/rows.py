"""Values whose arrays all have one row per state: pick rows, lay several end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Rows = TypeVar("Rows", bound="DataclassInstance")


def rows_of(value: Rows, rows: NDArray[np.intp] | slice) -> Rows:
    """Return the value with these rows of each of its arrays; what is no array stays."""
    arrays = _arrays(value)
    return replace(value, **{name: array[rows] for name, array in arrays.items()}) if arrays else value


def joined(parts: Sequence[Rows]) -> Rows:
    """Lay the arrays of the parts end to end; what is no array is the first part's."""
    if len(parts) == 1:
        return parts[0]
    columns = [_arrays(part) for part in parts]
    return replace(parts[0], **{name: np.concatenate([c[name] for c in columns]) for name in columns[0]})


def _arrays(value: DataclassInstance) -> dict[str, NDArray[np.generic]]:
    assert is_dataclass(value)
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: array for name, array in found.items() if isinstance(array, np.ndarray)}
