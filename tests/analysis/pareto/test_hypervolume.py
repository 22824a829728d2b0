"""Hypervolume against hand-worked areas, inclusion-exclusion, and Optuna's implementation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis.pareto.hypervolume import hypervolume
from traces import ConfigError

COSTS = hnp.arrays(
    float, st.tuples(st.integers(0, 7), st.integers(1, 5)), elements=st.integers(0, 8).map(float)
)


def inclusion_exclusion(costs: np.ndarray, corner: np.ndarray) -> float:
    """Add boxes, take away their overlaps, add what three share, and so on."""
    total = 0.0
    for size in range(1, len(costs) + 1):
        for chosen in itertools.combinations(range(len(costs)), size):
            overlap = np.clip(corner - costs[list(chosen)].max(axis=0), 0, None).prod()
            total += (-1) ** (size + 1) * overlap
    return total


def test_two_steps_by_hand() -> None:
    """Boxes 2 x 1 and 1 x 3 below (3, 4), sharing 1 x 1."""
    assert hypervolume(np.array([[1.0, 3.0], [2.0, 1.0]]), [3.0, 4.0]) == 2 + 3 - 1


def test_a_point_on_the_reference_adds_nothing() -> None:
    assert hypervolume(np.array([[3.0, 0.0], [4.0, -9.0]]), [3.0, 4.0]) == 0


def test_a_point_with_nan_or_plus_infinity_adds_nothing() -> None:
    costs = np.array([[np.nan, 0.0], [np.inf, 0.0], [1.0, 1.0]])
    assert hypervolume(costs, [2.0, 2.0]) == 1


def test_minus_infinity_is_refused() -> None:
    with pytest.raises(ConfigError, match="minus infinity"):
        hypervolume(np.array([[-np.inf, 0.0]]), [1.0, 1.0])


@pytest.mark.parametrize("reference", [[1.0], [1.0, np.inf], [1.0, np.nan]])
def test_a_bad_reference_is_refused(reference: list[float]) -> None:
    with pytest.raises(ConfigError, match="needs 2 finite numbers"):
        hypervolume(np.zeros((1, 2)), reference)


@settings(deadline=None, max_examples=100)
@given(COSTS)
def test_equals_inclusion_and_exclusion(costs: np.ndarray) -> None:
    corner = np.full(costs.shape[1], 7.0)
    assert hypervolume(costs, corner.tolist()) == inclusion_exclusion(costs, corner)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_agrees_with_optuna(objectives: int) -> None:
    wfg = pytest.importorskip("optuna._hypervolume")
    points = np.random.default_rng(objectives).random((60, objectives)) ** 3
    expected = wfg.compute_hypervolume(points, np.ones(objectives))
    assert hypervolume(points, [1.0] * objectives) == pytest.approx(expected, rel=1e-12)
