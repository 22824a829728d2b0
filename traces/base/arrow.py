"""Columns of Arrow files by their bytes: ``pyarrow.array`` and ``to_numpy`` import pandas, a quarter of a second."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_column(values: NDArray[Any] | Sequence[Any]) -> pa.Array:
    """Return values of one type as an Arrow array without nulls.

    Parameters
    ----------
    values
        Shape (n,): integers, floats, booleans or text.

    Raises
    ------
    TypeError
        If they are of another type, or of several.
    """
    import pyarrow as pa  # noqa: PLC0415  (slow to import, and only files need it)

    if not len(values):
        return pa.nulls(0, None if not isinstance(values, np.ndarray) else pa.from_numpy_dtype(values.dtype))
    array = np.ascontiguousarray(values)
    match array.dtype.kind:
        case "i" | "u" | "f":
            buffers, kind = [array], pa.from_numpy_dtype(array.dtype)
        case "b":
            buffers, kind = [np.packbits(array, bitorder="little")], pa.bool_()
        case "U" | "O":
            parts = [_utf8(value) for value in values]
            ends = np.cumsum([0, *map(len, parts)], dtype=np.int32)
            buffers, kind = [ends, np.frombuffer(b"".join(parts), np.uint8)], pa.string()
        case _:
            raise TypeError(f"a column of {array.dtype}: needs integers, floats, booleans or text")
    return pa.Array.from_buffers(kind, len(array), [None, *map(pa.py_buffer, buffers)])


def arrow_file(path: Path, mode: Literal["rb", "wb"]) -> pa.NativeFile:
    """Open a file for Arrow, whatever bytes its name has; from a name alone Arrow takes UTF-8 only."""
    import pyarrow as pa  # noqa: PLC0415  (as above)

    return pa.OSFile(os.fsencode(path), mode)


def numpy_column(column: pa.Array) -> NDArray[Any]:
    """Return an Arrow array of numbers or booleans, without nulls, as NumPy: a view wherever its bytes allow one."""
    import pyarrow as pa  # noqa: PLC0415  (as above)

    if not len(column):
        return np.empty(0, column.type.to_pandas_dtype())
    data = column.buffers()[1]
    if pa.types.is_boolean(column.type):
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[column.offset :][: len(column)].astype(np.bool_)
    dtype = np.dtype(column.type.to_pandas_dtype())
    return np.frombuffer(data, dtype, column.offset + len(column))[column.offset :]


def _utf8(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"a column that holds text and {value!r}: needs values of one type")
    return value.encode()
