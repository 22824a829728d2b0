"""Ratios over the largest row of a staircase, and how alike two orders are."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.validation.comparison import Comparison, Promise
from analysis.validation.over_largest import over_largest, rank_correlation


def test_a_staircase_by_hand() -> None:
    """Steps of 40 and 60 over 80, and of 5 over 10; what belongs to no staircase is left out, a constant miss too."""
    whole = Comparison(
        name="cycles",
        truth="made up",
        labels=("a 4", "a 8", "b 2", "alone", "a 6", "b 1"),
        measured=np.array([40.0, 80, 10, 7, 60, 5]),
        predicted=np.array([44.0, 88, 10, 7, 33, 4]),
        unit="cycles",
        bound_mean=1,
        bound_worst=1,
    )
    found = over_largest(
        whole, "ratios", ["a", "a", "b", None, "a", "b"], [4, 8, 2, 9, 6, 1], Promise(0.3, 0.4)
    )
    assert found.labels == ("a 4", "a 6", "b 1")
    assert found.measured.tolist() == [0.5, 0.75, 0.5]
    assert found.predicted.tolist() == [0.5, 0.375, 0.4]
    assert found.relative_errors == pytest.approx([0, -0.5, -0.2])
    assert (found.name, found.unit, found.promised) == ("ratios", "ratio", (0.3, 0.4))


@pytest.mark.parametrize(
    ("predicted", "found"),
    [([1, 20, 300, 300], 1.0), ([9, 7, 1, 1], -1.0), ([2, 1, 3, 3], 3.5 / 4.5)],
)
def test_ranks_by_hand(predicted: list[float], found: float) -> None:
    """Ranks 1, 2, 3.5, 3.5; two neighbours swapped: covariance 3.5 of 4.5."""
    assert rank_correlation(np.array([1.0, 5, 8, 8]), np.array(predicted, float)) == pytest.approx(found)
