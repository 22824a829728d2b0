"""Arrays in NumPy's files, which may come from anywhere: no pickles, no bombs, each name once."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.base.errors import FileProblem, shown
from traces.base.guard import check_file, reading

MOST_NPZ = 1 << 32  # bytes unpacked; Choice: a million inputs with 2,000 gates of a byte
_MOST_NAMES = 10_000  # Choice: of arrays, among which a name that stands twice is looked for


def npz_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` file by name; :class:`FileProblem` if they cannot be read whole."""
    check_file(path)
    damaged = "is damaged or not an .npz file"
    with reading(path, damaged), zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist()]
        unpacked = sum(entry.file_size for entry in archive.infolist())
    double = (
        next((name for name in names if names.count(name) > 1), None)
        if len(names) < _MOST_NAMES
        else "thousands"
    )
    if double is not None or unpacked > MOST_NPZ:
        what = f"holds {shown(double)} twice" if double is not None else f"unpacks to {unpacked:,} bytes"
        raise FileProblem(f"{path}: {what}; needs an array per name, at most {MOST_NPZ:,} bytes")
    with reading(path, damaged), np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def npy_array(path: Path) -> NDArray[Any]:
    """Return the array of an ``.npy`` file; :class:`FileProblem` if it cannot be read whole."""
    check_file(path, MOST_NPZ)
    with reading(path, "is damaged or not an .npy file"):
        found: NDArray[Any] = np.load(path, allow_pickle=False)
        return found
