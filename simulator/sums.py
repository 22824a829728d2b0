"""A results folder as one thing: written beside its place, its bytes summed, its figures checked against its rows."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.summary import Summary
from traces import PART, FileProblem, atomic_write, clear_parts, reading

SUMS: Final = "SHA256SUMS"  # as ``sha256sum --check`` reads it
_REPLACED: Final = ("timeline.json.gz",)  # of an earlier replay, where this one has none
_CLOSE: Final = 1e-9  # of a mean, relative: sums over a million inputs in another order


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a folder beside ``target`` whose files take their place in it when the block ends well."""
    clear_parts(target.parent)
    clear_parts(target)
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}.{os.getpid()}.", suffix=PART, dir=target.absolute().parent
        ) as name:
            stage = Path(name)
            yield stage
            for left in _REPLACED:
                if not (stage / left).exists():
                    (target / left).unlink(missing_ok=True)
            for file in sorted(stage.iterdir(), key=lambda path: path.name == SUMS):
                file.replace(target / file.name)
    except OSError as problem:
        raise FileProblem(f"{target}: cannot be written: {problem.strerror or problem}") from None


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of every file of a folder."""
    lines = [f"{_sum(path)}  {path.name}\n" for path in sorted(folder.iterdir()) if path.name != SUMS]
    with atomic_write(folder / SUMS) as part:
        part.write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path, *, needed: bool) -> None:
    """Refuse a folder whose files differ from what was written; ``needed``: it must have sums."""
    path = folder / SUMS
    if not path.is_file():
        if needed:
            raise FileProblem(f"{folder}: is damaged: has no {SUMS}; replay again")
        return
    with reading(path):
        known = dict(line.split("  ")[::-1] for line in path.read_text("utf-8").splitlines())
    for name in (
        "summary.json",
        "per_input.parquet",
        "per_op.parquet",
        "design.yaml",
        "policy.json",
        *_REPLACED,
    ):
        file = folder / name
        if file.is_file() and _sum(file) != known.get(name):
            raise FileProblem(f"{file}: is damaged or of another replay: does not match {SUMS}; replay again")


def check_against_inputs(figures: Summary, columns: Mapping[str, NDArray[Any]], folder: Path) -> None:
    """Refuse figures that are not the means of the rows beside them."""
    path = folder / "per_input.parquet"
    if not figures.feasible:
        return
    with reading(path, "does not match summary.json"):
        rows = len(columns["input"])
        if rows != figures.inputs or rows == 0:
            raise FileProblem(f"{path}: has {rows} rows, summary.json says {figures.inputs} inputs")
        means = {
            "macs": (figures.macs, 1.0),
            "latency_us": (figures.latency_us.mean, 1.0),
            "energy_pj": (figures.energy_uj.mean, 1e6),
            "dram_bytes": (figures.dram_bytes, 1.0),
            "wasted_bytes": (figures.wasted_bytes, 1.0),
        }
        for name, (stated, factor) in means.items():
            found = float(np.mean(columns[name]))
            said = stated * factor
            if not abs(found - said) <= _CLOSE * max(abs(found), 1.0):  # NaN is not close to anything
                raise FileProblem(f"{path}: the mean of {name} is {found:.6g}, summary.json says {said:.6g}")
        for name, values in columns.items():
            if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values >= 0).all()):
                raise FileProblem(f"{path}: column {name!r} holds NaN or negative numbers")


def _sum(path: Path) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    raise AssertionError  # reading() never swallows
