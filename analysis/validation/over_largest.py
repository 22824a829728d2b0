"""What fewer channels leave of a layer's cost: rows over the largest one of their staircase.

Absolute errors say little of what gates save: a constant miss of every row leaves no error here, and one of the largest
alone shows in all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from analysis.validation.comparison import Comparison, Promise
from traces import Floats, Ints


def over_largest(
    of: Comparison,
    name: str,
    stairs: Sequence[Hashable | None],
    channels: Sequence[int],
    promise: Promise,
) -> Comparison:
    """Return a comparison of ratios, each row's value over that of the row with most channels on its staircase.

    Parameters
    ----------
    of
        The absolute values.
    name
        Of the new comparison.
    stairs
        The staircase of each row, (n,): what of it does not change; None where it belongs to none.
    channels
        Input times output channels of each row, (n,).
    promise
        Of the ratios.
    """
    rows, tops = steps_and_tops(stairs, channels)
    return replace(
        of,
        name=name,
        labels=tuple(of.labels[row] for row in rows),
        measured=of.measured[rows] / of.measured[tops],
        predicted=of.predicted[rows] / of.predicted[tops],
        unit="ratio",
        bound_mean=promise.mean,
        bound_worst=promise.worst,
        constants=promise.constants,
        predicted_bounds=promise.left_out,
    )


def steps_and_tops(stairs: Sequence[Hashable | None], channels: Sequence[int]) -> tuple[Ints, Ints]:
    """Return the places of all rows of staircases but the largest, and of the largest for each, both (steps,)."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for row, stair in enumerate(stairs):
        if stair is not None:
            members[stair].append(row)
    pairs = []
    for rows in members.values():
        top = max(rows, key=lambda row: channels[row])
        pairs += [(row, top) for row in rows if channels[row] < channels[top]]
    steps, tops = np.array(pairs, np.int64).T
    return steps, tops


def rank_correlation(measured: Floats, predicted: Floats) -> float:
    """Return Spearman's: 1 where the model orders rows as the truth does; ties take their mean rank."""
    return float(np.corrcoef(_ranks(measured), _ranks(predicted))[0, 1])


def _ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places], np.float64)
