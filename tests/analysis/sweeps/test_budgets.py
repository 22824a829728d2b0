"""Budgets are held against rows when they are read: changing one replays nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sweeps.budgets import changed_budget, held_against, is_over, limit_of, parse_limit
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.search import search
from analysis.sweeps.spaces.ranges import Limit
from analysis.sweeps.sweep import sweep
from tests.analysis.sweeps.sweep_fakes import analytic, make_space
from traces import ConfigError

SPACE = "designs: edge_npu_16x16\nset: {array.rows: 1..8, array.cols: [4, 8]}\ntraces: [easy.parquet]\n"


def never(task: object, trace: object = None) -> list[object]:
    raise AssertionError("evaluated")


@pytest.mark.parametrize(
    ("quantity", "text", "limit"),
    [
        ("latency_p99", "5 ms", Limit("latency_p99", "latency_us_p99", 5000.0)),
        ("energy", "20 uJ", Limit("energy", "energy_uj", 20.0)),
        ("power", "0.1 W", Limit("power", "power_mw", 100.0)),
        ("area", "2 mm2", Limit("area", "area_mm2", 2.0)),
        ("latency_us_p99", "5000", Limit("latency_us_p99", "latency_us_p99", 5000.0)),
        ("dram_bytes", 4096, Limit("dram_bytes", "dram_bytes", 4096.0)),
    ],
)
def test_a_bound_is_in_the_unit_of_its_column(quantity: str, text: object, limit: Limit) -> None:
    found = parse_limit(quantity, text)
    assert (found.quantity, found.column) == (limit.quantity, limit.column)
    assert found.limit == pytest.approx(limit.limit)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency_p98=5 ms", "no such quantity; did you mean 'latency_p99'"),
        ("latency_p99", "write it as QUANTITY=VALUE"),
        ("latency_p99=5", "has no unit"),
        ("latency_us_p99=five", "needs a number"),
        ("latency_us_p99=-1", "must be above 0"),
        ("latency_us_p99=nan", "must be above 0"),
        ("design=cortex_m4", "no such quantity"),
    ],
)
def test_what_is_no_bound_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed_budget((), [text])


def test_a_changed_bound_takes_the_place_of_the_one_on_its_column() -> None:
    budget = (limit_of("area", 2.0), limit_of("latency_p99", 5000.0))
    assert changed_budget(budget, ["latency_us_p99=1000"]) == (budget[0], limit_of("latency_us_p99", 1000.0))
    assert changed_budget(budget, {"area": "3 mm2"})[0].limit == pytest.approx(3.0)
    assert changed_budget(budget, ["none"]) == ()
    assert changed_budget(budget, ["none", "power_mw=7"]) == (limit_of("power_mw", 7.0),)


def test_rows_at_a_bound_are_within_it_and_those_beyond_keep_their_figures(tmp_path: Path) -> None:
    row = sweep(make_space(tmp_path, SPACE), tmp_path / "out", workers=0, evaluator=analytic).rows[0]
    at = limit_of("latency", row.latency_us)
    assert held_against(row, [at]) == row
    beyond = held_against(row, [replace(at, limit=row.latency_us * 0.999)])
    assert not beyond.feasible
    assert is_over(beyond.reason)
    assert (beyond.demand, beyond.bound) == (row.latency_us, row.latency_us * 0.999)
    assert beyond.latency_us == row.latency_us
    assert " us, the budget is " in beyond.reason


def test_a_budget_is_changed_after_the_sweep_without_another_run(tmp_path: Path) -> None:
    """Loosened and tightened, the points are those of a sweep that had the budget from the start."""
    free = sweep(make_space(tmp_path, SPACE), tmp_path / "free", workers=0, evaluator=analytic)
    middle = float(free.frame["area_mm2"].median())
    text = SPACE + f"budget: {{area: {middle:.6f} mm2}}\n"
    tight = sweep(make_space(tmp_path, text), tmp_path / "tight", workers=0, evaluator=analytic)
    assert 0 < tight.frame["feasible"].sum() < len(tight.rows)
    again = load_sweep(tmp_path / "tight")
    assert again.budget == tight.budget
    assert repr(again.under(["none"]).rows) == repr(free.rows)  # NaN differs from itself
    assert repr(free.under({"area": f"{middle:.6f} mm2"}).rows) == repr(tight.rows)
    assert free.front().over_budget == 0
    assert tight.front().over_budget == tight.front().infeasible - free.front().infeasible > 0


def test_resuming_under_another_budget_evaluates_nothing_and_remembers_it(tmp_path: Path) -> None:
    sweep(make_space(tmp_path, SPACE), tmp_path / "out", workers=0, evaluator=analytic)
    text = SPACE + "budget: {latency_us_p99: 40}\n"
    found = sweep(make_space(tmp_path, text), tmp_path / "out", resume=True, workers=0, evaluator=never)  # type: ignore[arg-type]
    assert [bound.words for bound in found.budget] == ["latency_us_p99 <= 40"]
    assert load_sweep(tmp_path / "out").budget == found.budget


def test_a_search_looks_within_the_budget(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    free = sweep(make_space(tmp_path, SPACE), tmp_path / "free", workers=0, evaluator=analytic)
    limit = float(free.frame["area_mm2"].quantile(0.3))
    space = make_space(tmp_path, SPACE + f"budget: {{area_mm2: {limit}}}\n")
    found = search(space, tmp_path / "search", evaluations=30, seed=1, workers=0, evaluator=analytic)
    assert (found.front().frame["area_mm2"] <= limit).all()
    assert 0 < found.frame["feasible"].sum() < len(found.rows)  # those beyond it are in the folder, too


@given(limits=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=5))
def test_of_bounds_on_one_column_the_last_holds(limits: list[float]) -> None:
    (found,) = changed_budget((), [f"latency_us={limit!r}" for limit in limits])
    assert found.limit == limits[-1]
