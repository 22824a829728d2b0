"""Predicted rows: without fitted constants all of them, with constants those that a fit left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.validation.comparison import Comparison
from analysis.validation.left_out import first_order_refit, kept, predicted_errors, predicted_of
from analysis.validation.simd.instructions import KERNELS_BESIDE_OPS, KERNELS_OF_OPS
from tests.shared import Comparisons, there

TWO = Comparison(
    name="two rows",
    truth="by hand",
    labels=("a", "b"),
    measured=np.array([10.0, 10.0]),
    predicted=np.array([11.0, 7.0]),
    unit="ms",
    bound_mean=0.3,
    bound_worst=0.3,
)


def test_what_nothing_was_fitted_on_is_predicted_whole() -> None:
    found = there(predicted_of(TWO))
    assert (found.rows, found.mean, found.worst) == (2, pytest.approx(0.2), pytest.approx(0.3))
    assert 0.1 <= found.low <= found.mean <= found.high <= 0.3 + 1e-12


def test_a_fit_without_anything_left_out_predicts_nothing() -> None:
    assert predicted_of(replace(TWO, constants=1)) is None


def test_equal_errors_leave_no_doubt() -> None:
    found = predicted_errors("a chip", [0.1, -0.1, 0.1])
    assert found.low == pytest.approx(0.1) == pytest.approx(found.high)


def test_instruction_counts_are_within_three_percent_where_left_out() -> None:
    both = [
        predicted_of(replace(TWO, name=name, constants=1)) for name in (KERNELS_OF_OPS, KERNELS_BESIDE_OPS)
    ]
    found = [one for one in both if one is not None]
    assert sum(one.rows for one in found) > 370
    assert [one.mean < 0.02 for one in found] == [True, True]
    assert found[0].high < 0.03


def test_a_bound_on_predicted_rows_breaks_alone() -> None:
    fitted = replace(
        TWO, name="NVDLA area, 28 nm", constants=3, bound_worst=0.4, predicted_bounds=(0.05, 0.11)
    )
    assert kept(fitted)
    assert not kept(replace(fitted, predicted_bounds=(0.03, 0.11)))
    assert not kept(replace(fitted, predicted_bounds=(0.05, 0.08)))
    assert not kept(replace(TWO, bound_mean=0.1))


def test_a_refit_without_a_row_by_hand() -> None:
    """One constant scales all rows.  Rows 1 and 2 are 10 % low; without row 3 the constant rises by a ninth."""
    errors, slopes = np.array([-0.1, -0.1, 0.2]), np.ones((3, 1))
    groups = np.array(["a", "a", "b"])
    found, moves = first_order_refit(errors, slopes, groups, np.ones(3, np.bool_))
    held = np.mean(errors**2)  # what a move of 100 % weighs
    move = 2 * 0.9 * 0.1 / (2 * 0.9**2 + held)
    assert moves[1, 0] == pytest.approx(move)
    assert found[2] == pytest.approx(0.2 + 1.2 * move)


def test_every_comparison_with_constants_says_what_it_predicts(every_comparison: Comparisons) -> None:
    silent = [c.name for c in every_comparison if c.constants and predicted_of(c) is None]
    assert silent == []
