"""What was fitted against what was predicted: errors of rows that had no part in a fit (``reference/left_out.csv``).

The programs that fit (``benchmarks/fit_*.py --write``) leave out a chip, a version or a tenth of the rows in turn and
record here what they miss.  A comparison without fitted constants predicts all of its rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from traces import atomic_write

SAMPLES, SEED = 2000, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Absolute relative errors of rows that were predicted, not fitted [1]."""

    left_out: str  # what was left out of the fit in turn; "nothing was fitted" else
    rows: int
    mean: float
    worst: float
    low: float  # 95 % confidence interval of the mean, by resampling rows
    high: float


def predicted_errors(left_out: str, errors: ArrayLike) -> Predicted:
    """Return the figures of some rows' errors; the interval is that of 2,000 resamplings, seed 1."""
    misses = np.abs(np.asarray(errors, np.float64))
    picks = np.random.default_rng(SEED).integers(0, len(misses), (SAMPLES, len(misses)))
    low, high = np.quantile(misses[picks].mean(axis=1), [0.025, 0.975])
    return Predicted(
        left_out=left_out,
        rows=len(misses),
        mean=float(misses.mean()),
        worst=float(misses.max()),
        low=float(low),
        high=float(high),
    )


def predicted_of(comparison: Comparison) -> Predicted | None:
    """Return what is known of predicted rows; None where constants were fitted and nothing was left out."""
    if not comparison.constants:
        return predicted_errors("nothing was fitted", comparison.relative_errors)
    return _recorded().get(comparison.name)


@cache
def _recorded() -> dict[str, Predicted]:
    return _parsed(reference_rows("left_out"))


def _parsed(rows: Iterable[Row]) -> dict[str, Predicted]:
    found = {}
    for row in rows:
        numbers = {name: float(row[name]) for name in ("mean", "worst", "low", "high")}
        found[row["comparison"]] = Predicted(left_out=row["left_out"], rows=int(row["rows"]), **numbers)
    return found


def record(comparison: str, predicted: Predicted) -> Path:
    """Write or replace the line of a comparison."""
    path = Path(__file__).parent / "reference" / "left_out.csv"
    with path.open(encoding="utf-8", newline="") as file:  # not the cached rows: a program may record twice
        lines = {name: asdict(one) for name, one in _parsed(csv.DictReader(file)).items()}
    lines[comparison] = asdict(predicted)
    columns = ["comparison", *(field.name for field in fields(Predicted))]
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for name, line in sorted(lines.items()):
            cells = {
                key: f"{value:.4f}" if isinstance(value, float) else value for key, value in line.items()
            }
            writer.writerow({"comparison": name, **cells})
    return path
