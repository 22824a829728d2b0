"""The picture of a front: who is on it, how it is drawn, and where the energy band leaves doubt."""

import math

from analysis.figures.report.pareto import BANDED, NAMED, Candidate, PlotAxis, pareto_info

LATENCY = PlotAxis("Mean latency", "us")
ENERGY = PlotAxis("Mean energy", "uJ")
ACCURACY = PlotAxis("Accuracy", "%", maximize=True)


def test_front_of_four_designs() -> None:
    """d is slower and hungrier than b; the front is a, b, c in order of latency."""
    designs = [
        Candidate("c", 30.0, 1.0),
        Candidate("a", 10.0, 9.0),
        Candidate("d", 25.0, 5.0),
        Candidate("b", 20.0, 4.0),
    ]
    info = pareto_info(designs, LATENCY, ENERGY)
    assert [info.points[i].name for i in info.front] == ["a", "b", "c"]
    assert [point.on_front for point in info.points] == [True, True, False, True]
    assert (info.x_title, info.y_title, info.step) == ("Mean latency [µs]", "Mean energy [µJ]", "hv")


def test_accuracy_is_better_when_higher() -> None:
    info = pareto_info(
        [Candidate("a", 10.0, 90.0), Candidate("b", 20.0, 95.0), Candidate("c", 30.0, 91.0)],
        LATENCY,
        ACCURACY,
    )
    assert [info.points[i].name for i in info.front] == ["a", "b"]
    assert info.y_title == "Accuracy [%]"


def test_values_that_are_not_known_are_left_out() -> None:
    info = pareto_info([Candidate("a", 1.0, math.nan), Candidate("b", 2.0, 3.0)], LATENCY, ENERGY)
    assert [point.name for point in info.points] == ["b"]


def test_equal_designs_share_the_front() -> None:
    info = pareto_info([Candidate("a", 1.0, 2.0), Candidate("b", 1.0, 2.0)], LATENCY, ENERGY)
    assert info.front == (0, 1)


def test_a_band_is_half_to_double_and_only_where_tables_were_scaled() -> None:
    info = pareto_info([Candidate("a", 10.0, 8.0, y_scaled=True), Candidate("b", 5.0, 20.0)], LATENCY, ENERGY)
    a, b = info.points
    assert (a.x_low, a.x_high, a.y_low, a.y_high) == (10.0, 10.0, 4.0, 16.0)
    assert (b.y_low, b.y_high) == (20.0, 20.0)


def test_a_band_that_could_swap_two_designs_marks_both() -> None:
    """b is beaten by a as valued, but at half its energy it would not be; c is out of reach of both bands."""
    designs = [
        Candidate("a", 10.0, 10.0, y_scaled=True, family="45 nm"),
        Candidate("b", 11.0, 12.0, y_scaled=True, family="28 nm"),
        Candidate("c", 12.0, 99.0, family="measured"),
    ]
    info = pareto_info(designs, LATENCY, ENERGY)
    assert {p.name: (p.on_front, p.unsure) for p in info.points} == {
        "a": (True, False),  # the fastest stays on the front whatever its energy
        "b": (False, True),
        "c": (False, False),
    }


def test_one_scaled_table_shifts_its_designs_alike() -> None:
    designs = [
        Candidate("a", 10.0, 10.0, y_scaled=True, family="45 nm"),
        Candidate("b", 11.0, 12.0, y_scaled=True, family="45 nm"),
    ]
    assert not any(point.unsure for point in pareto_info(designs, LATENCY, ENERGY).points)


def test_designs_far_apart_get_logarithmic_axes() -> None:
    info = pareto_info([Candidate("a", 10.0, 1.0), Candidate("b", 301.0, 2.0)], LATENCY, ENERGY)
    assert (info.x_log, info.y_log) == (True, False)
    info = pareto_info([Candidate("a", 10.0, 1.0), Candidate("b", 300.0, 2.0)], LATENCY, ENERGY)
    assert not info.x_log


def test_no_design_is_an_empty_picture() -> None:
    assert pareto_info([], LATENCY, ENERGY).points == ()


def test_names_do_not_cover_each_other_and_the_front_comes_first() -> None:
    """b lies close beside a, which is on the front: only a is named; c, far right, is named on its left."""
    designs = [Candidate("b", 1.05, 1.02), Candidate("a", 1.0, 1.0), Candidate("c", 10.0, 10.0)]
    labels = {point.name: point.label for point in pareto_info(designs, LATENCY, ENERGY).points}
    assert labels == {"a": "right", "b": "", "c": "left"}


def test_many_points_carry_no_names() -> None:
    designs = [Candidate(str(i), float(i), float(i)) for i in range(NAMED + 1)]
    assert {point.label for point in pareto_info(designs, LATENCY, ENERGY).points} == {""}
    assert {point.label for point in pareto_info(designs[:NAMED], LATENCY, ENERGY).points} != {""}


def test_of_many_points_only_the_front_and_what_could_join_it_show_their_band() -> None:
    """Point i lies at (i + 1, 10 i + 10): 0 is the front, 1 could cost less than 0 if their tables differ."""
    designs = [
        Candidate(str(i), i + 1.0, 10.0 * i + 10.0, y_scaled=True, family=str(i)) for i in range(BANDED + 1)
    ]
    banded = {p.name for p in pareto_info(designs, LATENCY, ENERGY).points if p.y_low < p.y}
    assert banded == {p.name for p in pareto_info(designs, LATENCY, ENERGY).points if p.on_front or p.unsure}
    assert "0" in banded
    assert str(BANDED) not in banded
    assert all(p.y_low < p.y for p in pareto_info(designs[:BANDED], LATENCY, ENERGY).points)
