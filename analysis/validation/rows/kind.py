"""One kind of measured row: which columns it needs, what the model says of it, and how a file of them is scored."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from analysis.validation.reference_rows import Row
from traces import (
    ConfigError,
    FileProblem,
    Floats,
    LacunaError,
    csv_columns,
    csv_rows,
    file_text,
    first_line,
    reading,
    shown,
)

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf|nan", re.ASCII | re.IGNORECASE)
RowText = Callable[[Row], str]
MOST_WHOLE = (1 << 31) - 1  # of a size
MOST_ROWS = 100_000  # Choice: a file of rows is measured by people
# What a cell raises that is no number, no word of ours, or far out of range.
_UNREADABLE = (ValueError, ArithmeticError, LookupError, TypeError, MemoryError)


class NotCovered(LacunaError):
    """No design, network or rule of ours claims to cover a row; the message says which is missing."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A measured value and the model's, in one unit."""

    label: str
    group: str
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """Absolute relative error [1]."""
        return abs(self.predicted / self.measured - 1.0)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that was not compared, and why."""

    label: str
    reason: str


Outcome = Pair | Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKind:
    """How rows with ``columns`` are compared; a file may lack the ``optional`` ones, and have further ones."""

    what: str  # in a few words: what is compared, in which unit
    columns: tuple[str, ...]  # that are read
    evaluate: Callable[[Sequence[Row]], Sequence[Outcome]]  # one outcome per row, in the file's order
    optional: tuple[str, ...] = ()  # of the columns: an empty cell says nothing


@dataclass(frozen=True, slots=True)
class GroupScore:
    """Absolute relative errors of some rows [1]."""

    rows: int
    mean: float
    median: float
    worst: float


@dataclass(frozen=True, slots=True)
class Score:
    """What a file of rows says of the model; ``overall`` is None when every row was skipped."""

    overall: GroupScore | None
    skipped: tuple[Skipped, ...]
    groups: dict[str, GroupScore]


def compared(label: str, group: str, predict: Callable[[], tuple[float, float]]) -> Outcome:
    """Return measured and predicted value, or why a row is skipped: an error that a user could mend in its cells."""
    try:
        measured, predicted = predict()
    except LacunaError as error:
        return Skipped(label, str(error))
    except _UNREADABLE as error:
        return Skipped(label, str(LacunaError(f"a cell does not read: {first_line(error)}")))
    return Pair(label, group, measured, predicted)


def each(
    predict: Callable[[Row], tuple[float, float]], *, label: RowText, group: RowText
) -> Callable[[Sequence[Row]], list[Outcome]]:
    """Return the evaluation of rows that do not need each other; ``predict`` returns measured and predicted value."""
    return lambda rows: [compared(label(row), group(row), partial(predict, row)) for row in rows]


def number(row: Row, column: str) -> float:
    """Return a cell as a finite number above 0; a row without it is not covered."""
    text = row.get(column) or ""
    if not text.strip():
        raise NotCovered(f"no {column}")
    if not _NUMBER.fullmatch(text.strip()):
        raise ConfigError(f"{column} = {shown(text)}: must be a number")
    value = float(text)
    if not 0 < value < math.inf:
        raise ConfigError(f"{column} = {shown(text)}: must be a finite number above 0")
    return value


def whole(row: Row, column: str) -> int:
    """Return a cell as a whole number above 0."""
    value = number(row, column)
    if value != int(value) or value > MOST_WHOLE:
        raise ConfigError(f"{column} = {shown(row[column])}: must be a whole number up to {MOST_WHOLE:,}")
    return int(value)


def read_measured_rows(path: Path, kind: RowKind) -> list[Row]:
    """Return the rows of a CSV file that has the columns of ``kind``."""
    if not path.is_file():
        raise FileProblem(f"{path}: no such file")
    with reading(path, "not a CSV file in UTF-8"):
        text = file_text(path)
        rows = csv_rows(text, MOST_ROWS)
    if len(rows) > MOST_ROWS:
        raise FileProblem(f"{path}: has more than {MOST_ROWS:,} rows")
    names = csv_columns(text)
    needed = [column for column in kind.columns if column not in kind.optional]
    missing = [column for column in needed if column not in names]
    if missing:
        raise FileProblem(f"{path}: no column {', '.join(missing)}; needed are {', '.join(needed)}")
    unsaid = dict.fromkeys(kind.optional, "")
    return [unsaid | row for row in rows]


def score_rows(kind: RowKind, rows: Sequence[Row]) -> Score:
    """Compare every row with the model."""
    try:
        outcomes = [_checked(outcome) for outcome in kind.evaluate(rows)]
    except _UNREADABLE as error:  # of kinds whose rows need each other, no row can be left out
        raise ConfigError(f"rows of {kind.what}: a cell does not read: {first_line(error)}") from None
    pairs = [outcome for outcome in outcomes if isinstance(outcome, Pair)]
    names = sorted({pair.group for pair in pairs})
    return Score(
        overall=_summary(pairs) if pairs else None,
        skipped=tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped)),
        groups={name: _summary([pair for pair in pairs if pair.group == name]) for name in names},
    )


def _checked(outcome: Outcome) -> Outcome:
    """Return an outcome, or why it cannot be compared: numbers beyond all sense."""
    if isinstance(outcome, Skipped):
        return outcome
    if 0 < outcome.measured < math.inf and 0 <= outcome.predicted / outcome.measured < math.inf:
        return outcome
    return Skipped(
        outcome.label,
        f"measured {outcome.measured:.4g}, predicted {outcome.predicted:.4g}: needs numbers above 0",
    )


def _summary(pairs: Sequence[Pair]) -> GroupScore:
    errors: Floats = np.array([pair.error for pair in pairs])
    return GroupScore(len(pairs), float(errors.mean()), float(np.median(errors)), float(errors.max()))
