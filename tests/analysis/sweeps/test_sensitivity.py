"""Which parameter matters, on a function whose answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.pareto.front import Objective
from analysis.sweeps.sensitivity import Effect, front_sensitivity, importances, one_at_a_time
from analysis.sweeps.sweep import sweep
from tests.analysis.sweeps.sweep_fakes import analytic, make_space
from traces import ConfigError

SPACE = """
designs: edge_npu_16x16
set: {array.rows: [4, 8, 16], array.cols: [4, 8], clock: [100 MHz, 500 MHz], memory.dram.latency: [50 ns, 100 ns]}
traces: easy.parquet
"""


def effects(folder: Path, text: str, **settings: object) -> dict[tuple[str, str], Effect]:
    space = make_space(folder, text)
    found = one_at_a_time(space, evaluator=analytic, **settings)  # type: ignore[arg-type]
    return {(effect.axis, effect.column): effect for effect in found}


def test_one_axis_moves_while_the_others_rest(tmp_path: Path) -> None:
    """Base 8 x 4 at 500 MHz: 1000 / (8 * 4 * 5) = 6.25 us; rows 4, 16 give 12.5, 3.125."""
    text = SPACE.replace("edge_npu_16x16", "small.yaml")
    _write_small(tmp_path)
    found = effects(tmp_path, text)
    rows = found["array.rows", "latency_us"]
    assert rows.base == 6.25
    assert dict(rows.values) == {"4": 12.5, "8": 6.25, "16": 3.125}
    assert rows.swing == pytest.approx((12.5 - 3.125) / 6.25)
    assert found["memory.dram.latency", "latency_us"].swing == 0
    assert found["array.rows", "area_mm2"].swing > 0


def test_effects_come_by_falling_swing(tmp_path: Path) -> None:
    _write_small(tmp_path)
    found = effects(tmp_path, SPACE.replace("edge_npu_16x16", "small.yaml"), columns=("latency_us",))
    assert list(found)[-1] == ("memory.dram.latency", "latency_us")
    swings = [effect.swing for effect in found.values()]
    assert swings == sorted(swings, reverse=True)


def test_an_infeasible_choice_has_no_value(tmp_path: Path) -> None:
    _write_small(tmp_path)
    text = "designs: small.yaml\ntraces: easy.parquet\nset: {array.cols: [4, 100]}"
    effect = effects(tmp_path, text)["array.cols", "latency_us"]
    assert effect.values[0] == ("4", 6.25)
    assert effect.values[1][1] != effect.values[1][1]  # NaN
    assert effect.swing == 0


def test_a_value_that_the_front_does_not_need_keeps_all_of_it(tmp_path: Path) -> None:
    """DRAM latency changes nothing here; of the clocks only the fast one reaches low latency."""
    frame = sweep(make_space(tmp_path, SPACE), tmp_path / "out", workers=0, evaluator=analytic).frame
    axes = ["memory.dram.latency", "clock"]
    pins = {(p.axis, p.label): p for p in front_sensitivity(frame, axes, ["latency_us", "area_mm2"])}
    assert pins["memory.dram.latency", "50 ns"].kept == pytest.approx(1)
    assert pins["memory.dram.latency", "100 ns"].kept == pytest.approx(1)
    assert pins["clock", "500 MHz"].kept == pytest.approx(1)
    assert pins["clock", "100 MHz"].kept < 0.9
    assert pins["clock", "100 MHz"].on_front == 0


def test_values_stand_as_the_space_names_them(tmp_path: Path) -> None:
    """By their letters 100 ns would come before 50 ns."""
    values = "set: {memory.dram.latency: [50 ns, 100 ns], array.cols: [8, 4]}"
    text = f"designs: edge_npu_16x16\ntraces: easy.parquet\n{values}"
    frame = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic).frame
    pins = front_sensitivity(frame, ["memory.dram.latency", "array.cols"], ["latency_us"])
    assert [p.label for p in pins] == ["50 ns", "100 ns", "4", "8"]


def test_importance_goes_to_what_decides(tmp_path: Path) -> None:
    frame = sweep(make_space(tmp_path, SPACE), tmp_path / "out", workers=0, evaluator=analytic).frame
    axes = ["array.rows", "array.cols", "clock", "memory.dram.latency"]
    shares = importances(frame, axes, Objective("latency_us"))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["clock"] > 0.2
    assert shares["memory.dram.latency"] == min(shares.values()) < 0.05
    assert shares == importances(frame, axes, Objective("latency_us"))


def test_what_does_not_vary_has_no_importance(tmp_path: Path) -> None:
    text = "designs: edge_npu_16x16\ntraces: easy.parquet\nset: {array.rows: 4, array.cols: [4, 8]}"
    frame = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic).frame
    assert importances(frame, ["array.rows", "array.cols"], Objective("latency_us"))["array.rows"] == 0
    assert importances(frame, ["array.rows"], Objective("latency_us")) == {"array.rows": 0}


def test_an_unknown_axis_is_named(tmp_path: Path) -> None:
    frame = sweep(make_space(tmp_path, SPACE), tmp_path / "out", workers=0, evaluator=analytic).frame
    with pytest.raises(ConfigError, match=r"axis 'array.row': no such column; did you mean 'array.rows'"):
        importances(frame, ["array.row"], Objective("latency_us"))


def _write_small(folder: Path) -> None:
    """An 8 x 4 array at 500 MHz."""
    shipped = Path("accel_models/designs/edge_npu_16x16.yaml").read_text()
    text = shipped.replace("rows: 16", "rows: 8").replace("cols: 16", "cols: 4")
    (folder / "small.yaml").write_text(text)
