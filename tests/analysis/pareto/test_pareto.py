"""Dominance, ranks, knee, thinning and energy bands, against hand-worked fronts and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis.pareto.ranks import band_masks, epsilon_front, knee_point, pareto_mask, pareto_ranks

INF, NAN = float("inf"), float("nan")
VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([INF, -INF, NAN, -0.0]))
COSTS = hnp.arrays(float, st.tuples(st.integers(0, 25), st.integers(1, 4)), elements=VALUES)


def dominates(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.all(a <= b) and np.any(a < b))


def slow_ranks(costs: np.ndarray) -> list[int]:
    """Peel fronts by comparing every pair."""
    ranks = [-1] * len(costs)
    left = [i for i in range(len(costs)) if not np.isnan(costs[i]).any()]
    rank = 0
    while left:
        front = [i for i in left if not any(dominates(costs[j], costs[i]) for j in left)]
        for i in front:
            ranks[i] = rank
        left = [i for i in left if i not in front]
        rank += 1
    return ranks


def test_a_front_by_hand() -> None:
    costs = np.array([[1, 5], [2, 4], [3, 4], [4, 1], [5, 5]], float)
    assert pareto_mask(costs).tolist() == [True, True, False, True, False]
    assert pareto_ranks(costs).tolist() == [0, 0, 1, 0, 2]


@settings(deadline=None, max_examples=150)
@given(COSTS)
def test_ranks_are_those_of_comparing_every_pair(costs: np.ndarray) -> None:
    assert pareto_ranks(costs).tolist() == slow_ranks(costs)
    assert pareto_mask(costs).tolist() == [rank == 0 for rank in slow_ranks(costs)]


def test_equal_points_share_the_front() -> None:
    assert pareto_mask(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]])).tolist() == [True, True, False]


def test_minus_zero_is_zero() -> None:
    assert pareto_mask(np.array([[-0.0, 1.0], [0.0, 1.0]])).all()


def test_a_point_with_nan_neither_dominates_nor_is_ranked() -> None:
    costs = np.array([[0.0, NAN], [1.0, 1.0]])
    assert pareto_ranks(costs).tolist() == [-1, 0]


def test_infinity_is_the_worst_value_there_is() -> None:
    assert pareto_ranks(np.array([[1.0, INF], [1.0, 9.0], [0.0, INF]])).tolist() == [1, 0, 0]


def test_no_points_have_no_front() -> None:
    assert pareto_mask(np.empty((0, 3))).shape == (0,)
    assert knee_point(np.empty((0, 3))) is None


def test_the_knee_is_the_point_nearest_the_corner() -> None:
    costs = np.array([[0.0, 10.0], [1.0, 2.0], [5.0, 1.0], [10.0, 0.0]])
    assert knee_point(costs) == 1


def test_the_knee_does_not_depend_on_units() -> None:
    costs = np.array([[0.0, 10.0], [1.0, 2.0], [5.0, 1.0], [10.0, 0.0]])
    assert knee_point(costs * [1000.0, 0.001]) == 1


def test_a_tied_knee_is_the_first() -> None:
    assert knee_point(np.array([[0.0, 1.0], [1.0, 0.0]])) == 0


def test_only_the_front_can_hold_the_knee() -> None:
    """Points off the front, and infinite ones, would change the scale."""
    costs = np.array([[0.0, 10.0], [1.0, 2.0], [10.0, 0.0], [11.0, 11.0], [-1.0, INF]])
    assert knee_point(costs) == 1


def test_thinning_by_hand() -> None:
    """The knee (2, 2) stays and stands for its neighbours up to one unit away."""
    costs = np.array([[0.0, 9.0], [1.5, 2.8], [2.0, 2.0], [3.0, 1.5], [9.0, 0.0]])
    assert epsilon_front(costs, 1.0).tolist() == [True, False, True, False, True]
    assert epsilon_front(costs, 0.4).all()


@settings(deadline=None, max_examples=80)
@given(
    hnp.arrays(float, st.tuples(st.integers(0, 20), st.integers(1, 3)), elements=st.floats(-5, 5)),
    st.floats(0, 3),
)
def test_every_point_left_out_is_matched_by_a_kept_one(costs: np.ndarray, epsilon: float) -> None:
    kept, front = epsilon_front(costs, epsilon), pareto_mask(costs)
    assert not (kept & ~front).any()
    for i in np.flatnonzero(front & ~kept):
        assert ((costs[kept] - epsilon <= costs[i]).all(axis=1)).any()


def test_thinning_by_nothing_keeps_one_of_equal_points() -> None:
    assert epsilon_front(np.array([[1.0, 2.0], [1.0, 2.0]]), 0.0).tolist() == [True, False]


@pytest.mark.parametrize(
    ("rival", "certain", "possible"),
    [
        ([1.0, 1.0], [True, True], [True, True]),  # known exactly: no band, no doubt
        ([1.0, 1.9], [False, True], [True, True]),  # 1.9 may be 0.95 and then beats the first
    ],
)
def test_a_band_puts_a_point_in_doubt(rival: list[float], certain: list[bool], possible: list[bool]) -> None:
    """Two points at equal latency; energy in the second column, the second one known to a factor of two."""
    costs = np.array([[1.0, 1.0], rival])
    width = np.array([1.0, 1.0]) if rival[1] == 1.0 else np.array([1.0, 2.0])
    low, high = costs.copy(), costs.copy()
    low[:, 1] /= width
    high[:, 1] *= width
    sure, may = band_masks(costs, low, high, np.array([0, 1]))
    assert may.tolist() == possible
    assert sure.tolist() == [certain[0], rival[1] == 1.0]


def test_a_dominated_point_beyond_the_band_is_certainly_out() -> None:
    costs = np.array([[1.0, 1.0], [1.0, 4.1]])
    sure, may = band_masks(costs, costs / [1, 2], costs * [1, 2], np.array([0, 1]))
    assert sure.tolist() == [True, False]
    assert may.tolist() == [True, False]


def test_one_family_errs_together() -> None:
    """The same scaled table prices both: whatever its error, the cheaper one stays cheaper."""
    costs = np.array([[1.0, 1.0], [1.0, 1.5]])
    apart = band_masks(costs, costs / 2, costs * 2, np.array([0, 1]))
    together = band_masks(costs, costs / 2, costs * 2, np.array([5, 5]))
    assert [mask.tolist() for mask in apart] == [[False, False], [True, True]]
    assert [mask.tolist() for mask in together] == [[True, False], [True, False]]


@settings(deadline=None, max_examples=80)
@given(COSTS, st.floats(1, 3), st.integers(1, 3))
def test_the_stated_front_lies_between_certain_and_possible(
    costs: np.ndarray, band: float, families: int
) -> None:
    positive = np.where(np.isfinite(costs), np.abs(costs) + 0.5, costs)
    positive = np.where(np.isneginf(positive), 0.1, positive)
    family = np.arange(len(costs)) % families
    certain, possible = band_masks(positive, positive / band, positive * band, family)
    stated = pareto_mask(positive)
    assert not (certain & ~stated).any()
    assert not (stated & ~possible).any()
    if families == 1:
        assert (certain == stated).all()
        assert (possible == stated).all()


@settings(deadline=None, max_examples=80)
@given(COSTS, st.lists(st.sampled_from([1.0, 1.5, 3.0]), min_size=1, max_size=4), st.integers(1, 12))
def test_bands_say_what_comparing_every_pair_says(
    costs: np.ndarray, bands: list[float], families: int
) -> None:
    """Widths differ from point to point, so a point may beat at its best what nobody else beats."""
    positive = np.where(np.isfinite(costs), np.abs(costs) + 0.5, costs)
    positive = np.where(np.isneginf(positive), 0.1, positive)
    width = np.array([bands[i % len(bands)] for i in range(len(costs))])[:, None]
    family = np.arange(len(costs)) % families
    low, high = positive / width, positive * width
    certain, possible = band_masks(positive, low, high, family)
    for i, point in enumerate(positive):
        own = [j for j in range(len(costs)) if family[j] == family[i]]
        others = [j for j in range(len(costs)) if family[j] != family[i]]
        known = not np.isnan(point).any()
        alone = known and not any(dominates(positive[j], point) for j in own)
        assert certain[i] == (alone and not any(dominates(low[j], high[i]) for j in others))
        assert possible[i] == (alone and not any(dominates(high[j], low[i]) for j in others))
