"""What a results folder says twice must agree: its figures are those of its rows, and every row is one that can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from accel_models import ENERGY_PARTS, Design
from simulator.replays.op_times import OpRow
from simulator.summary import MODEL_VERSION, DoesNotFit, Spread, Summary
from traces import FileProblem, reading, shown

Columns = Mapping[str, NDArray[Any]]
_CLOSE: Final = 1e-9  # of a mean, relative: sums over a million inputs in another order
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {"str": str, "bool": bool, "float": (int, float)}
_SHARES: Final = ("rate", "utilization")
_DTYPES: Final = {"yes or no": "b", "whole numbers": "i", "numbers": "f"}
_NEEDED: Final = (
    "input", "label", "prediction", "correct", "macs", "latency_cycles", "latency_us", "energy_pj",
    *(f"energy_{part}" for part in ENERGY_PARTS), "dram_bytes", "wasted_bytes", "gate_wait_cycles", "batch",
)  # fmt: skip


class Stated(Protocol):
    """Figures that name the design they are of."""

    @property
    def model_version(self) -> str:
        """Of the model that made them."""

    @property
    def design_hash(self) -> str:
        """Of the design."""


def check_design(figures: Stated, design: Design, folder: Path) -> None:
    """Refuse a design that is not the one of the figures; an older model's hash covers other settings."""
    if figures.model_version == MODEL_VERSION and figures.design_hash != design.hash:
        raise FileProblem(
            f"{folder / 'design.yaml'}: is another design ({design.hash}) than the one of the results "
            f"({shown(figures.design_hash)})"
        )


def check_against_inputs(figures: Summary, columns: Columns, clock_hz: float, folder: Path) -> None:
    """Refuse figures that are not those of the rows beside them, and rows that contradict themselves."""
    path = folder / "per_input.parquet"
    if isinstance(figures, DoesNotFit):
        return
    with reading(path, "does not match summary.json"):
        rows = len(columns["input"])
        if rows != figures.inputs or rows == 0:
            raise FileProblem(f"{path}: has {rows} rows, summary.json says {figures.inputs} inputs")
        _check_kinds(columns, path)
        _check_columns(columns, clock_hz, path)
        for name in ("macs", "dram_bytes", "wasted_bytes"):
            check_same(f"mean of {name}", float(np.mean(columns[name])), getattr(figures, name), path)
        for name, factor in (("latency_us", 1.0), ("energy_pj", 1e6)):
            stated = figures.latency_us if name == "latency_us" else figures.energy_uj
            found = Spread.of(columns[name])
            for part in Spread.model_fields:
                check_same(f"{part} of {name}", getattr(found, part), getattr(stated, part) * factor, path)
        if figures.accuracy is not None:
            right = columns["label"] == columns["prediction"]
            check_same("share of right predictions", float(np.mean(right)), figures.accuracy, path)


def _check_kinds(columns: Columns, path: Path) -> None:
    """Refuse columns that are not there, not of their kind, or hold what no amount can be."""
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise FileProblem(f"{path}: has no column {missing[0]!r}; is no table of a replay")
    for name, values in columns.items():
        kind = (
            "yes or no"
            if name == "correct"
            else "numbers"
            if name.endswith(("_us", "_pj"))
            else "whole numbers"
        )
        if values.dtype.kind != _DTYPES[kind] or values.ndim != 1:
            raise FileProblem(f"{path}: column {shown(name)} holds {values.dtype}, needs {kind}")
        if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values >= 0).all()):
            raise FileProblem(f"{path}: column {shown(name)} holds NaN or negative numbers")
        if values.dtype.kind == "i" and values.min() < 0:
            raise FileProblem(f"{path}: column {shown(name)} holds negative numbers")


def _check_columns(columns: Columns, clock_hz: float, path: Path) -> None:
    """Refuse rows that contradict themselves."""
    rows = len(columns["input"])
    if not np.array_equal(columns["input"], np.arange(rows)) or columns["batch"].max() >= rows:
        raise FileProblem(f"{path}: column 'input' does not count the rows, or 'batch' counts beyond them")
    total = np.sum([columns[f"energy_{part}"] for part in ENERGY_PARTS], axis=0)
    if not np.allclose(total, columns["energy_pj"], rtol=_CLOSE, atol=0):
        raise FileProblem(f"{path}: energy_pj is not the sum of its parts")
    if not np.array_equal(columns["correct"], columns["label"] == columns["prediction"]):
        raise FileProblem(f"{path}: column 'correct' contradicts label and prediction")
    cycles = columns["latency_cycles"]
    if not np.allclose(columns["latency_us"], cycles * (1e6 / clock_hz), rtol=_CLOSE, atol=0):
        raise FileProblem(f"{path}: latency_us is not latency_cycles of the clock in design.yaml")
    for name, values in columns.items():
        if name.startswith("busy_") and (values > cycles).any():
            raise FileProblem(f"{path}: column {shown(name)} exceeds latency_cycles")
    if (columns["wasted_bytes"] > columns["dram_bytes"]).any():
        raise FileProblem(f"{path}: column 'wasted_bytes' exceeds dram_bytes")


def check_same(what: str, found: float, said: float, path: Path, source: str = "summary.json") -> None:
    """Refuse a figure of ``source`` that is not what the rows of ``path`` come to."""
    if not abs(found - said) <= _CLOSE * max(abs(found), 1.0):  # NaN is not close to anything
        raise FileProblem(f"{path}: the {what} is {found:.6g}, {source} says {said:.6g}")


def op_rows_of(columns: Columns, path: Path) -> tuple[OpRow, ...]:
    """Return the rows of ``per_op.parquet``; refuse a value that no row can hold."""
    with reading(path):
        rows = tuple(
            OpRow(**dict(zip(columns, row, strict=True)))
            for row in zip(*(values.tolist() for values in columns.values()), strict=True)
        )
        for row in rows:
            _check_row(row, path)
        _check_once((row.op for row in rows), path)
    return rows


def _check_row(row: OpRow, path: Path) -> None:
    for field in fields(row):
        value = getattr(row, field.name)
        fits = isinstance(value, _KINDS[str(field.type)]) and (
            isinstance(value, bool) == (field.type == "bool")
        )
        if fits and field.type == "float":
            most = 1 + _CLOSE if field.name in _SHARES else float("inf")
            fits = 0 <= value <= most and value < float("inf")
        if not fits:
            raise FileProblem(f"{path}: op {shown(row.op)}: {field.name} = {shown(value)} cannot be")


def _check_once(names: Iterable[str], path: Path) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FileProblem(f"{path}: op {shown(name)} is there twice")
        seen.add(name)
