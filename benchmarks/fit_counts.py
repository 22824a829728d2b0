"""Fit the prices of the loop bodies of CMSIS-NN's kernels, and say how well they carry to rows left out.

    python benchmarks/fit_counts.py            fit, print errors in the fit and left out
    python benchmarks/fit_counts.py --write    and write `accel_models/tables/kernel_counts.csv`

Least squares of relative errors, no price below 0.  Terms that few rows tell apart are held near what the code says
of its other blocks (`LIKE`: one filter of a pair costs about 0.6 of two) or near a similar kernel's (`NEAR`), as
weakly as a miss of a few tenths of a percent.  Every tenth row is left out in turn.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from accel_models import CountedIsa, CountedKernel, kernel_terms
from analysis.validation.left_out import predicted_errors, record
from analysis.validation.over_largest import steps_and_tops
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.ops import COUNTED, counted_call
from analysis.validation.simd.instructions import (
    BESIDE_OPS,
    KERNELS_BESIDE_OPS,
    KERNELS_OF_OPS,
    SHRINKING,
    stairs_of,
)
from traces import Floats

TABLE = Path(__file__).parents[1] / "accel_models" / "tables" / "kernel_counts.csv"
FOLDS = 10
HELD = 0.01  # weight of what holds a price: a price 30 % off weighs like a row missed by 0.3 %
# A term beside another of its kernel, in instructions: half a block does more than half of the work.
LIKE = {
    "step21": ("step22", 0.6),
    "step1": ("step22", 0.5),
    "block21": ("block22", 0.6),
    "block1": ("block22", 0.4),
    "tail22": ("step22", 0.35),
    "tail21": ("tail22", 0.6),
    "tail1": ("tail22", 0.4),
    "copy_rest": ("copy", 0.4),
    "tap_rest": ("tap4", 0.3),
    "output_rest": ("quad", 0.3),
    "tail": ("step", 0.3),
    "tail1_": ("step1", 0.3),
}
# A term's price where few rows see it [instructions]: read off the rows that do, or off the kernel of another core.
NEAR: dict[str, dict[str, float]] = {
    "copy": {"pixel": 23, "block": 12, "word": 4, "byte": 3.3, "call": 11},
    "gather": {"element": 5, "pixel": 7, "call": 11},
    "gather mve": {"element": 4, "pixel": 12, "call": 11},
    "add": {"call": 100},
    "mul": {"call": 200},
    "requantise": {"call": 400},
    "softmax": {"element": 500, "call": 200},
    "softmax v6m": {"element": 1840, "call": 600},
    "pool": {"element": 9, "window_row": 21, "output": 34, "tap": 30, "pixel": 64, "call": 300},
}
# Kernels that no row counts.  MVE's add: 34 instructions per four elements in its source, two of them loads.
ASSUMED = (
    {"isa": "mve", "kernel": "add", "term": "element", "instructions": "8.5"}
    | {"mac": "0.18", "load": "0.06", "store": "0.03", "branch": "0", "part": "elementwise"},
    {"isa": "mve", "kernel": "add", "term": "call", "instructions": "100"}
    | {"mac": "0", "load": "0.2", "store": "0.1", "branch": "0.05", "part": "row"},
)
CLASSES = {  # t_ columns by class; a branch is a taken one
    "mac": ("t_mul", "t_mac", "t_vmac", "t_vmul"),
    "load": ("t_load", "t_vload"),
    "store": ("t_store", "t_vstore"),
    "branch": ("t_taken",),
}
PARTS = {
    "copy": "im2col",
    "copy_rest": "im2col",
    "tap": "im2col",
    "quad_call": "im2col",
    "channel_sum": "im2col",
}
_BESIDE_OPS = {COUNTED[kind][0] for kind in BESIDE_OPS}
ROW_PARTS = ("pixel", "call", "blocked", "product")


def main() -> None:
    """Fit every kernel on every instruction set, print, leave out, and write if asked."""
    calls: dict[tuple[CountedIsa, CountedKernel], list[Row]] = {}
    for row in reference_rows("simd_instructions"):
        kernel, isa, _ = counted_call(row)
        calls.setdefault((isa, kernel), []).append(row)
    lines: list[dict[str, str]] = []
    inside, outside, shrinking = {}, {}, list[Floats]()
    for (isa, kernel), rows in sorted(calls.items()):
        terms, counted = columns(rows)
        prices = fit(kernel, isa, terms, counted)
        misses = np.abs(predict(terms, prices) / counted - 1)
        signed = left_out(kernel, isa, terms, counted)
        left = np.abs(signed)
        inside[isa, kernel], outside[isa, kernel] = misses, left
        shrinking.append(over_most_channels(rows, signed))
        apart = f"left out {left.mean():.4f} worst {left.max():.3f}" if len(left) else "a single row"
        print(
            f"{isa:7s}{kernel:11s}{len(rows):3d} rows {len(prices):3d} terms: {misses.mean():.4f} worst "
            f"{misses.max():.3f}, {apart}"
        )
        lines += table_lines(isa, kernel, rows, terms, prices)
    for name, errors in (("in the fit", inside), ("left out", outside)):
        for isa in sorted({key[0] for key in errors}):
            own = np.concatenate([e for key, e in errors.items() if key[0] == isa])
            print(f"{name} {isa}: mean {own.mean():.4f}, worst {own.max():.3f}")
        every = np.concatenate(list(errors.values()))
        print(f"{name}: {len(every)} rows, mean {every.mean():.4f}, median {np.median(every):.4f}")
    lines += ASSUMED
    if "--write" in sys.argv:
        for name, beside in ((KERNELS_OF_OPS, False), (KERNELS_BESIDE_OPS, True)):
            these = [e for (_, kernel), e in outside.items() if (kernel in _BESIDE_OPS) == beside]
            record(name, predicted_errors("a tenth of the rows", np.concatenate(these)))
        record(SHRINKING, predicted_errors("a tenth of the rows", np.concatenate(shrinking)))
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)


def columns(rows: list[Row]) -> tuple[dict[str, Floats], Floats]:
    """Return every term of the rows and their counted instructions."""
    found = [kernel_terms(*counted_call(row)) for row in rows]
    terms = {name: np.array([float(one[name][0]) for one in found]) for name in found[0]}
    return terms, np.array([float(row["instructions"]) for row in rows])


def fit(kernel: str, isa: str, terms: dict[str, Floats], counted: Floats) -> dict[str, float]:
    """Return the price of each term; what holds them is scaled by a first fit without."""
    names = list(terms)
    relative = np.array([terms[name] for name in names]).T / counted[:, None]
    near = NEAR.get(f"{kernel} {isa}", NEAR.get(kernel, {}))
    start = dict(zip(names, _solve(relative, np.ones(len(counted))), strict=True))
    for _ in range(3):
        held, goal = [], []
        for i, name in enumerate(names):
            row = np.zeros(len(names))
            if name in near:
                row[i], aim = 1 / near[name], 1.0
            elif name in LIKE and LIKE[name][0] in names:
                other, ratio = LIKE[name]
                scale = max(ratio * start[other], 1.0)
                row[i], row[names.index(other)], aim = 1 / scale, -ratio / scale, 0.0
            else:
                row[i], aim = 0.1 / max(start[name], 10.0), 0.1
            held.append(HELD * row)
            goal.append(HELD * aim)
        prices = _solve(np.vstack([relative, *held]), np.concatenate([np.ones(len(counted)), goal]))
        start = dict(zip(names, prices, strict=True))
    return start


def _solve(matrix: Floats, goal: Floats) -> Floats:
    size = np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    return np.asarray(nnls(matrix / size, goal)[0] / size)


def predict(terms: dict[str, Floats], prices: dict[str, float]) -> Floats:
    """Return the instructions of every row."""
    return np.sum([terms[name] * price for name, price in prices.items()], axis=0)


def left_out(kernel: str, isa: str, terms: dict[str, Floats], counted: Floats) -> Floats:
    """Return the signed errors of rows that had no part in the fit, a tenth of them at a time; none of a single row."""
    errors = np.zeros(len(counted))
    if len(counted) < 2:
        return np.zeros(0)
    for fold in range(min(FOLDS, len(counted))):
        out = np.arange(len(counted)) % min(FOLDS, len(counted)) == fold
        prices = fit(kernel, isa, {name: values[~out] for name, values in terms.items()}, counted[~out])
        errors[out] = predict({n: v[out] for n, v in terms.items()}, prices) / counted[out] - 1
    return errors


def over_most_channels(rows: list[Row], errors: Floats) -> Floats:
    """Return the errors of ratios, each step of a staircase over its largest, of the rows' own left-out errors."""
    if not len(errors) or not any("staircase" in row["group"] for row in rows):
        return np.zeros(0)
    steps, tops = steps_and_tops(*stairs_of(rows))
    return np.asarray((1 + errors[steps]) / (1 + errors[tops]) - 1)


def table_lines(
    isa: str, kernel: str, rows: list[Row], terms: dict[str, Floats], prices: dict[str, float]
) -> list[dict[str, str]]:
    """Return the table's lines of a kernel, with the shares of each class in each term.

    The shares are fitted term by term on the rows whose classes are known.
    """
    known = np.array([bool(row["t_alu"]) for row in rows])
    shares = {name: dict.fromkeys(CLASSES, 0.0) for name in prices}
    counts = np.array([float(row["instructions"]) for row in rows])[known]
    spent = np.array([terms[name][known] * price for name, price in prices.items()]).T / counts[:, None]
    for cls, names in CLASSES.items():
        goal = np.array([sum(float(row[n] or 0) for n in names) for row in rows])[known] / counts
        mean = goal.mean()
        held = 0.05 * np.eye(len(prices))
        found = nnls(np.vstack([spent, held]), np.concatenate([goal, np.full(len(prices), 0.05 * mean)]))[0]
        for name, share in zip(prices, found, strict=True):
            shares[name][cls] = float(share)
    lines = []
    for name, price in prices.items():
        total = max(sum(shares[name].values()), 1.0)
        part = "row" if name in ROW_PARTS else PARTS.get(name, "elementwise" if kernel in NEAR else "mac")
        if kernel == "depthwise" and name in {"tap", "copy"}:
            part = "mac"
        lines.append(
            {"isa": isa, "kernel": kernel, "term": name, "instructions": f"{price:.4g}"}
            | {cls: f"{share / total:.3f}" for cls, share in shares[name].items()}
            | {"part": part}
        )
    return lines


if __name__ == "__main__":
    main()
