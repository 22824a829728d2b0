"""What was fitted against what was predicted: errors of rows that had no part in a fit (``reference/left_out.csv``).

The programs that fit (``benchmarks/fit_*.py --write``) leave out a chip, a version or a tenth of the rows in turn and
record here what they miss.  A comparison without fitted constants predicts all of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from traces import Bools, Floats, atomic_write, csv_columns, csv_rows, csv_text

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


def first_order_refit(
    errors: Floats, slopes: Floats, groups: NDArray[np.str_], seen: Bools
) -> tuple[Floats, Floats]:
    """Return the errors of rows whose group was left out of a refit, and how far the constants moved for it.

    With relative errors e and slopes S (relative change of a prediction per that of a constant), moving the
    constants by d changes the errors to ``e + (1 + e) S d``; d has the least squares of the rows that are left.
    Choice: a constant twice as large weighs like a typical miss as shipped, so what is not determined stays.

    Parameters
    ----------
    errors
        Of each row as shipped, shape (n,) [1].
    slopes
        Shape (n, constants) [1].
    groups
        What is left out together, shape (n,).
    seen
        Rows that a fit sees when they are not left out, shape (n,).

    Returns
    -------
    Errors, shape (n,); moves, shape (groups, constants) [1].
    """
    found, moves = np.empty_like(errors), []
    change = (1 + errors)[:, None] * slopes
    for group in np.unique(groups):
        out = groups == group
        left = seen & ~out
        hold = np.sqrt(np.mean(errors[seen] ** 2)) * np.eye(slopes.shape[1])
        wanted = np.concatenate([-errors[left], np.zeros(len(hold))])
        move = np.linalg.lstsq(np.vstack([change[left], hold]), wanted, rcond=None)[0]
        found[out] = errors[out] + change[out] @ move
        moves.append(move)
    return found, np.array(moves)


def predicted_of(comparison: Comparison) -> Predicted | None:
    """Return what is known of predicted rows; None where constants were fitted and nothing was left out."""
    if not comparison.constants:
        return predicted_errors("nothing was fitted", comparison.relative_errors)
    return _recorded().get(comparison.name)


def kept(comparison: Comparison) -> bool:
    """Whether both bounds are kept, on all rows as shipped and on the rows that were predicted."""
    predicted, (mean, worst) = predicted_of(comparison), comparison.promised
    if not comparison.holds or predicted is None:
        return comparison.holds
    return predicted.mean <= mean and predicted.worst <= worst


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
    text = path.read_text(encoding="utf-8")  # not the cached rows: a program may record twice
    lines = {name: asdict(one) for name, one in _parsed(csv_rows(text)).items()}
    lines[comparison] = asdict(predicted)
    rows = [
        {"comparison": name, **{key: _cell(value) for key, value in line.items()}}
        for name, line in sorted(lines.items())
    ]
    with atomic_write(path) as part:
        part.write_text(csv_text(csv_columns(text), rows), encoding="utf-8")
    return path


def _cell(value: object) -> object:
    return f"{value:.4f}" if isinstance(value, float) else value
