"""Decisions in arrays and tables that somebody recorded: what :func:`lacuna.from_masks` reads."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.fuzz.home import small_network, small_trace
from tests.fuzz.kind import Kind, bytes_of
from tests.fuzz.oracles import counted_macs
from traces import Trace, from_masks, lower, unpack

CELLS = (
    "",
    "0",
    "1",
    "2",
    "-1",
    "nan",
    "inf",
    "true",
    "0.5",
    "1e400",
    "x",
    "\x1b[2J",
    "9" * 400,
    "²",
    "0,0",
    "a" * 3000,
)


@cache
def _masks() -> dict[str, Any]:
    """Return the decisions of the small trace, a bit per channel, with its labels."""
    trace = small_trace()
    found: dict[str, Any] = {"labels": trace.labels, "predictions": trace.predictions}
    for gate in trace.graph.gates:
        decided = trace.decisions[gate.name]
        found[gate.name] = (
            unpack(decided.view(np.uint8), gate.size) if gate.rules.stored == "bits" else decided
        )
    return found


def _archive(arrays: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def _arrays(rng: Random) -> bytes:
    """Draw the arrays with one or two of another type, shape, number or name."""
    arrays = dict(_masks())
    for _ in range(rng.choice([1, 1, 2])):
        if not arrays:
            break
        name = rng.choice(list(arrays))
        array = _masks()[name] if name in _masks() else arrays[name]  # as it was, so that it converts
        match rng.choice(["type", "value", "shape", "drop", "name"]):
            case "type":
                arrays[name] = array.astype(
                    rng.choice(["f4", "f8", "i8", "u8", "c8", "bool", "S3", "U2", "M8[s]"])
                )
            case "value" if array.dtype.kind in "biuf":
                other = array.astype(np.float64)
                other.flat[rng.randrange(other.size)] = rng.choice([2, -1, 0.5, np.nan, np.inf, 1e300, 2**40])
                arrays[name] = other
            case "shape":
                arrays[name] = rng.choice(
                    [array[:-1], array[None], array.reshape(-1), array[:, None], array[:0]]
                )
            case "drop":
                del arrays[name]
            case _:
                arrays[rng.choice(["x", "", "\x1b[2J", "labels"])] = array
    return _archive(arrays)


def _table(rng: Random) -> bytes:
    """Draw the table of a channel gate with one or two cells or rows changed."""
    rows = [line.split(",") for line in _tables()[0].decode().splitlines()]
    for _ in range(rng.choice([1, 1, 2])):
        row = rng.choice(rows)
        match rng.choice(["cell", "cell", "short", "row"]):
            case "cell" if row:
                row[rng.randrange(len(row))] = rng.choice(CELLS)
            case "short" if row:
                row.pop()
            case _:
                rows.insert(rng.randrange(len(rows) + 1), list(row))
    return "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogateescape")


def _tables() -> list[bytes]:
    mask = _masks()["b.C"].astype(int)
    return ["\n".join(",".join(map(str, row)) for row in mask.tolist()).encode()]


def _wrong(trace: Trace) -> str:
    """Judge a trace: what its decisions leave of the network, counted another way."""
    found = lower(trace).macs.tolist()
    counted = counted_macs(trace)
    return "" if found == counted else f"{found} MACs, counted {counted}"


def _read_archive(path: Path) -> str:
    return _wrong(from_masks(small_network(), path))


def _read_table(path: Path) -> str:
    arrays = {name: array for name, array in _masks().items() if name not in {"labels", "predictions"}}
    return _wrong(from_masks(small_network(), {**arrays, "b.C": path}))


KINDS = (
    Kind(
        "masks",
        "m.npz",
        bytes_of(lambda: [_archive(_masks())], text=False),
        _read_archive,
        lambda: [_archive(_masks())],
    ),
    Kind("masks, arrays", "m.npz", _arrays, _read_archive, lambda: [_archive(_masks())]),
    Kind("masks, table", "m.csv", bytes_of(_tables), _read_table, _tables),
    Kind("masks, cells", "m.csv", _table, _read_table, _tables),
)
