"""Figures as values, worked out by hand: no pixel is tested here."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.figures.report.energy import EnergyInfo, energy_info
from analysis.figures.report.heat import ROWS_SHOWN, HeatAxis, HeatInfo, heat_info
from analysis.figures.report.latency import CDF_POINTS, LatencyInfo, Mark, latency_info
from analysis.figures.report.tails import CLASSES_SHOWN, Tail, spread_info, tail_info
from analysis.figures.rows import RELATIVE, RowName


def test_latency_of_four_inputs() -> None:
    """Sorted 100, 200, 300, 400 us: p50 lies halfway between the middle two, p95 at 0.95 x 3 = 2.85 steps."""
    info = latency_info([300, 100, 400, 200], {"dense": 500.0, "oracle": math.nan})
    assert (info.unit, info.references) == ("µs", (Mark("dense", 500.0),))
    assert info.latency == (100.0, 200.0, 300.0, 400.0)
    assert info.share == (0.25, 0.5, 0.75, 1.0)
    assert [mark.name for mark in info.percentiles] == ["p50", "p95", "p99"]
    assert [mark.value for mark in info.percentiles] == pytest.approx([250.0, 385.0, 397.0])


def test_latency_takes_the_unit_that_fits_its_largest_line() -> None:
    info = latency_info([900.0], {"dense": 1500.0})
    assert (info.unit, info.latency, info.references) == ("ms", (0.9,), (Mark("dense", 1.5),))


def test_latency_of_no_inputs_is_empty() -> None:
    assert latency_info([], {}) == LatencyInfo("µs", (), (), (), ())


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=1500))
@settings(deadline=None, max_examples=40)
def test_a_distribution_rises_to_one_and_stays_small(values: list[float]) -> None:
    info = latency_info(values, {})
    assert len(info.latency) <= CDF_POINTS
    assert list(info.latency) == sorted(info.latency)
    assert list(info.share) == sorted(info.share)
    assert info.share[-1] == 1.0
    scale = max(values) / info.latency[-1]
    assert info.latency[0] * scale == pytest.approx(min(values))


def test_tail_by_class() -> None:
    info = tail_info([10.0, 30.0, 20.0, 40.0], [7, 7, 2, 7])
    assert (info.unit, info.left_out) == ("µs", 0)
    one, three = info.tails
    assert one == Tail(RowName("class 2"), 1, 20.0, 20.0, 20.0, 20.0)
    assert (three.name.label, three.inputs, three.p50, three.largest) == ("class 7", 3, 30.0, 40.0)
    assert (three.p95, three.p99) == pytest.approx((39.0, 39.8))


def test_of_many_classes_the_slowest_are_shown_in_order_of_labels() -> None:
    labels = np.arange(100)
    info = tail_info(100.0 - labels, labels)  # class 0 is the slowest
    assert [tail.name.label for tail in info.tails] == [f"class {label}" for label in range(CLASSES_SHOWN)]
    assert info.left_out == 100 - CLASSES_SHOWN


def test_tails_of_replays_stand_against_their_own_dense_network() -> None:
    """10 to 40 us of 20 are 50 to 200 %; p50 lies halfway between the middle two."""
    names = [RowName("npu", "net"), RowName("core", "net")]
    info = spread_info(names, [[40.0, 10.0, 20.0, 30.0], [5.0]], [20.0, 10.0])
    assert info.unit == RELATIVE
    assert [(tail.inputs, tail.p50, tail.largest) for tail in info.tails] == [
        (4, 125.0, 200.0),
        (1, 50.0, 50.0),
    ]
    assert info.tails[0].p95 == pytest.approx(100 * 38.5 / 20)


def test_energy_by_part_adds_up_and_drops_what_is_zero_everywhere() -> None:
    info = energy_info(
        {"MACs": [1e6, 3e6], "DRAM": [0.0, 0.0], "static": [0.0, 1e6]}, ["a", "b"], [2.0, math.nan]
    )
    assert [name.label for name in info.rows.names] == ["a", "b"]
    assert info.parts == (("MACs", (1.0, 3.0)), ("static", (0.0, 1.0)))
    assert info.unit == "µJ"
    assert info.dense[0] == 2.0
    assert math.isnan(info.dense[1])


def test_designs_far_apart_are_drawn_against_their_own_dense_network() -> None:
    """40 of 50 uJ and 1 of 4 uJ are 80 % and 25 %; at a ratio of 20 they would still share an axis."""
    near = energy_info({"MACs": [20e6, 1e6]}, ["core", "npu"], [50.0, 4.0])
    assert near.unit == "µJ"
    far = energy_info({"MACs": [40e6, 1e6]}, ["core", "npu"], [50.0, 4.0])
    assert (far.unit, far.parts, far.dense) == (RELATIVE, (("MACs", (80.0, 25.0)),), (100.0, 100.0))
    unknown = energy_info({"MACs": [40e6, 1e6]}, ["core", "npu"], [50.0, math.nan])
    assert unknown.unit == "µJ"


def test_energy_takes_the_unit_of_its_largest_total() -> None:
    info = energy_info({"MACs": [600e6], "DRAM": [600e6]}, ["a"], [math.nan])
    assert isinstance(info, EnergyInfo)
    assert (info.unit, info.parts) == ("mJ", (("MACs", (0.6,)), ("DRAM", (0.6,))))


def test_heat_map_keeps_unknown_values_and_its_scale_from_zero_to_one() -> None:
    info = heat_info([[0.5, math.nan]], HeatAxis("Layer", ("row",)), HeatAxis("Class", ("x", "y")), "Share")
    assert isinstance(info, HeatInfo)
    assert info.values[0][0] == 0.5
    assert math.isnan(info.values[0][1])
    assert (info.top, info.left_out) == (1.0, 0)


def test_heat_map_of_very_many_rows_says_how_many_it_leaves_out() -> None:
    rows = HeatAxis("", tuple(map(str, range(ROWS_SHOWN + 5))))
    info = heat_info(np.full((len(rows.names), 1), 2.0), rows, HeatAxis("", ("x",)), "")
    shown = (len(info.rows.names), len(info.values), info.left_out, info.top)
    assert shown == (ROWS_SHOWN, ROWS_SHOWN, 5, 2.0)
