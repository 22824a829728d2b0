"""One comparison of the model with truth from outside: RTL, another simulator, a chip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from traces import ConfigError, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """``n`` measured values beside the model's, and the errors we promise to stay within."""

    name: str
    truth: str  # source of the measurements, as it should be cited
    labels: tuple[str, ...]  # (n,) what each row is
    measured: Floats  # (n,) [unit]
    predicted: Floats  # (n,) [unit]
    unit: str
    bound_mean: float  # largest mean absolute relative error allowed [1]
    bound_worst: float  # largest absolute relative error allowed [1]
    constants: int = 0  # that were fitted on these very rows
    predicted_bounds: tuple[float, float] | None = (
        None  # mean, worst of rows left out of a fit; None: as above
    )
    part: str = (
        ""  # of the model that predicts, where ``estimate`` and ``replay`` say no such thing; else they do
    )
    note: str = ""  # what else the rows show, a sentence
    spread: Floats | None = None  # (n,) of the truth: half the range of repeated runs over their mean [1]

    def __post_init__(self) -> None:
        n = len(self.labels)
        if not n or len(self.measured) != n or len(self.predicted) != n:
            raise ConfigError(
                f"comparison {self.name!r}: {n} labels, {len(self.measured)} measured, "
                f"{len(self.predicted)} predicted; need one each and at least one"
            )

    @property
    def promised(self) -> tuple[float, float]:
        """Largest mean and worst error of predicted rows [1]."""
        return self.predicted_bounds or (self.bound_mean, self.bound_worst)

    @property
    def relative_errors(self) -> Floats:
        """Signed error of each row over its measurement [1]."""
        return self.predicted / self.measured - 1.0

    @property
    def mean_error(self) -> float:
        """Mean absolute relative error [1]."""
        return float(np.mean(np.abs(self.relative_errors)))

    @property
    def worst_error(self) -> float:
        """Largest absolute relative error [1]."""
        return float(np.max(np.abs(self.relative_errors)))

    @property
    def holds(self) -> bool:
        """Both bounds are kept."""
        return self.mean_error <= self.bound_mean and self.worst_error <= self.bound_worst


@dataclass(frozen=True, slots=True)
class Promise:
    """The errors that some rows stay within, and what was fitted on them."""

    mean: float  # largest mean absolute relative error [1]
    worst: float  # largest absolute relative error [1]
    constants: int = 0  # that were fitted on these very rows
    left_out: tuple[float, float] | None = None  # mean, worst of rows left out of a fit; None: as above


def published_group(  # noqa: PLR0913  # a group, its column, and what is promised of it
    name: str,
    rows: Sequence[Mapping[str, str]],
    column: str,
    predict: Callable[[Mapping[str, str]], float],
    *,
    unit: str,
    promise: Promise,
    part: str = "",
) -> Comparison:
    """Compare one published figure per chip, the ``column`` of its row, with what ``predict`` says of the row."""
    return Comparison(
        name=name,
        truth="; ".join(row["source"] for row in rows if "as above" not in row["source"]),
        labels=tuple(row["chip"] for row in rows),
        measured=np.array([float(row[column]) for row in rows]),
        predicted=np.array([predict(row) for row in rows]),
        unit=unit,
        bound_mean=promise.mean,
        bound_worst=promise.worst,
        constants=promise.constants,
        predicted_bounds=promise.left_out,
        part=part,
    )
