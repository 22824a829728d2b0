"""Predicted rows: without fitted constants all of them, with constants those that a fit left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.validation.comparison import Comparison
from analysis.validation.left_out import predicted_errors, predicted_of

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
    found = predicted_of(TWO)
    assert found is not None
    assert (found.rows, found.mean, found.worst) == (2, pytest.approx(0.2), pytest.approx(0.3))
    assert 0.1 <= found.low <= found.mean <= found.high <= 0.3 + 1e-12


def test_a_fit_without_anything_left_out_predicts_nothing() -> None:
    assert predicted_of(replace(TWO, constants=1)) is None


def test_equal_errors_leave_no_doubt() -> None:
    found = predicted_errors("a chip", [0.1, -0.1, 0.1])
    assert found.low == pytest.approx(0.1) == pytest.approx(found.high)


def test_instruction_counts_are_within_three_percent_where_left_out() -> None:
    found = predicted_of(replace(TWO, name="instructions of CMSIS-NN kernels", constants=219))
    assert found is not None
    assert found.rows > 370
    assert found.high < 0.03
