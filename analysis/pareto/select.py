"""Rows that meet a constraint, in a wanted order: what is asked of a table of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.pareto.front import Objective, costs_of
from analysis.pareto.ranks import pareto_ranks
from analysis.sweeps.spaces.expressions import no_such, parse_expression
from traces import ConfigError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


def where(frame: pd.DataFrame, condition: str | None) -> pd.DataFrame:
    """Return the rows for which a condition over columns holds, e.g. ``latency_us_p99 <= 5000``.

    Numbers are in the columns' own units.  A row that lacks a value which the condition reads does not meet it.

    Raises
    ------
    ConfigError
        If it is no condition, or names no column.
    """
    if condition is None:
        return frame
    expression = parse_expression(condition)
    names = sorted(expression.names)
    for name in names:
        if name not in frame.columns:
            raise ConfigError(
                f"--where {condition!r}: {no_such(expression, name, 'column', list(frame.columns))}"
            )
    values = zip(*(frame[name].tolist() for name in names), strict=True) if names else [()] * len(frame)
    kept = []
    for row in values:
        known = all(value is not None and value == value for value in row)  # noqa: PLR0124  (NaN differs from itself)
        holds = expression(dict(zip(names, row, strict=True))) if known else False
        if not isinstance(holds, bool):
            raise ConfigError(
                f"--where {condition!r}: gives {holds!r}; needs a comparison, which is true or false"
            )
        kept.append(holds)
    return frame[np.array(kept, np.bool_)].reset_index(drop=True)


def ordered(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the rows by a column, smallest first; with a ``-`` before its name, largest first."""
    name = column.removeprefix("-")
    if name not in frame.columns:
        raise ConfigError(f"--sort {column!r}: no column {name!r}{did_you_mean(name, list(frame.columns))}")
    return frame.sort_values(name, ascending=name == column, kind="stable").reset_index(drop=True)


def ranked(frame: pd.DataFrame, objectives: Sequence[Objective], fronts: int) -> pd.DataFrame:
    """Return the feasible rows of the first ``fronts`` fronts, each found once those before it are gone.

    The column ``front`` counts from 1; rows without a value in some objective are left out.
    """
    fits = frame[frame["feasible"].astype(bool)].reset_index(drop=True)
    ranks = pareto_ranks(costs_of(fits, objectives))
    kept = (ranks >= 0) & (ranks < fronts)
    rows = fits[kept].assign(front=ranks[kept] + 1)
    return rows.sort_values("front", kind="stable").reset_index(drop=True)
