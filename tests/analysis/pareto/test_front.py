"""Fronts of tables: directions, marks, what is left out."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.pareto.front import Objective, find_front, objectives_of
from traces import ConfigError


def table(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"feasible": [True] * rows} | columns)


def test_a_front_by_hand() -> None:
    """Fast, accurate and in between stay; slow and inaccurate goes; the infeasible one never counts."""
    frame = table(
        name=["fast", "middle", "accurate", "bad", "broken"],
        latency_us=[1.0, 2.0, 8.0, 9.0, float("nan")],
        accuracy=[0.5, 0.8, 0.9, 0.8, 0.99],
        feasible=[True, True, True, True, False],
    )
    front = find_front(frame, ["latency_us"], ["accuracy"])
    assert front.frame["name"].tolist() == ["fast", "middle", "accurate"]
    assert front.frame["knee"].tolist() == [False, True, False]
    assert (front.dominated, front.infeasible, front.unknown) == (1, 1, 0)


def test_the_hypervolume_by_hand() -> None:
    """Costs (1, 4) and (3, 2) below the reference (3.2, 4.2): 2.2 x 0.2 + 0.2 x 2.2 - 0.2 x 0.2."""
    front = find_front(table(a=[1.0, 3.0], b=[4.0, 2.0]), ["a", "b"])
    assert front.reference == pytest.approx((3.2, 4.2))
    assert front.hypervolume == pytest.approx(2.2 * 0.2 + 0.2 * 2.2 - 0.2 * 0.2)


def test_rows_without_a_value_are_counted_apart() -> None:
    front = find_front(table(a=[1.0, float("nan"), float("inf")], b=[1.0, 0.0, 0.0]), ["a", "b"])
    assert front.frame.index.tolist() == [0]
    assert front.unknown == 2


def test_the_energy_band_marks_what_it_could_swap() -> None:
    """All at one latency: 10 uJ scaled, 15 exact, 25 scaled from another table, 45 scaled."""
    frame = table(
        latency_us=[1.0] * 4,
        energy_uj=[10.0, 15.0, 25.0, 45.0],
        energy_scaled=[True, False, True, True],
        energy_table=["a", "b", "c", "d"],
    )
    front = find_front(frame, ["latency_us", "energy_uj"])
    assert front.frame["energy_uj"].tolist() == [10.0]
    assert front.frame["doubtful"].tolist() == [True]
    assert front.possible["energy_uj"].tolist() == [15.0, 25.0]


def test_one_scaled_table_errs_alike_for_all_its_designs() -> None:
    frame = table(
        energy_uj=[10.0, 15.0], energy_scaled=[True, True], energy_table=["a", "a"], latency_us=[1.0, 1.0]
    )
    front = find_front(frame, ["latency_us", "energy_uj"])
    assert front.frame["doubtful"].tolist() == [False]
    assert len(front.possible) == 0


def test_the_band_of_a_maximised_column_is_left_alone() -> None:
    frame = table(accuracy=[0.9, 0.8], energy_uj=[1.0, 1.0], energy_scaled=[True, True])
    assert find_front(frame, [], ["accuracy"]).frame["accuracy"].tolist() == [0.9]


def test_a_thinned_front_is_a_part_of_the_front() -> None:
    frame = table(a=[float(i) for i in range(11)], b=[10.0 - i for i in range(11)])
    thin = find_front(frame, ["a", "b"], epsilon=0.25)
    assert 2 <= len(thin.frame) < 11
    assert thin.dominated == 0


def test_a_table_without_feasible_rows_has_an_empty_front() -> None:
    front = find_front(table(a=[1.0, 2.0], feasible=[False, False]), ["a"])
    assert (len(front.frame), front.infeasible, front.hypervolume) == (0, 2, 0.0)


@pytest.mark.parametrize(
    ("minimize", "maximize", "why"),
    [
        (["latency"], [], "objective 'latency': no such column of numbers; did you mean 'latency_us'"),
        (["name"], [], "no such column of numbers"),
        ([], [], "no objective"),
        (["latency_us"], ["latency_us"], "named twice"),
    ],
)
def test_objectives_that_are_none_are_refused(minimize: list[str], maximize: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        find_front(table(latency_us=[1.0], name=["x"]), minimize, maximize)


def test_epsilon_is_a_share() -> None:
    with pytest.raises(ConfigError, match=r"epsilon = 1\.5: must be from 0 to 1"):
        find_front(table(a=[1.0]), ["a"], epsilon=1.5)


def test_objectives_by_name() -> None:
    assert objectives_of(["a"], ["b"]) == (Objective("a"), Objective("b", True))
