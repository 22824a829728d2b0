"""Sweeps: every point of a space once, as a row that tells its design and its policy."""

from __future__ import annotations

from pathlib import Path

from analysis.sweeps.sweep import Progress, sweep
from tests.analysis.sweeps.sweep_fakes import (
    SMALL,
    analytic,
    leaving_a_mark,
    make_space,
    marks,
)


def test_every_point_gets_its_row(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    results = sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    assert [row.index for row in results.rows] == list(range(16))
    frame = results.frame
    assert frame["array.rows"].tolist() == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    best = frame.sort_values("latency_us").iloc[0]
    assert (best["array.rows"], best["array.cols"], best["clock"]) == (1, 100, "200 MHz")


def test_a_policy_has_its_columns(tmp_path: Path) -> None:
    text = "designs: edge_npu_16x16\ntraces: easy.parquet\nset: {array.rows: 4}\npolicies: {batch: [1, 2]}"
    frame = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic).frame
    assert frame["batch"].tolist() == [1, 2]
    assert frame["prefetch"].tolist() == ["wait", "wait"]
    assert frame["theta"].tolist() == [0.5, 0.5]


def test_infeasible_designs_are_rows(tmp_path: Path) -> None:
    frame = sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic).frame
    infeasible = frame[~frame["feasible"]]
    assert len(infeasible) == 6
    assert set(infeasible["reason"]) == {"too big"}
    assert (infeasible["demand"] > infeasible["bound"]).all()


def test_values_that_do_not_go_together_are_infeasible(tmp_path: Path) -> None:
    axes = "set: {skip.channels: tile, skip.group: [1, 4], array.rows: 4}"
    text = f"designs: edge_npu_16x16\ntraces: easy.parquet\n{axes}"
    frame = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic).frame
    assert frame["feasible"].tolist() == [False, True]
    assert "needs 2 or more" in frame["reason"][0]


def test_points_that_are_the_same_design_are_replayed_once(tmp_path: Path) -> None:
    text = "designs: edge_npu_16x16\ntraces: easy.parquet\nset: {clock: [500 MHz, 0.5 GHz]}"
    results = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=leaving_a_mark)
    assert len(results.rows) == len(marks(tmp_path)) == 1


def test_a_row_gives_its_design_back(tmp_path: Path) -> None:
    text = """
designs: edge_npu_16x16
traces: easy.parquet
set: {memory.weight_buffer: [16 KiB, 32 KiB]}
link: {shape: {to: [array.rows, array.cols], values: [[4, 8], [8, 8]]}}
"""
    results = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic)
    assert [results.design(row.key).hash for row in results.rows] == [r.design_hash for r in results.rows]


def test_progress_tells_how_far_it_is(tmp_path: Path) -> None:
    seen: list[Progress] = []
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic, progress=seen.append)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    last = seen[-1]
    assert (last.done, last.total, last.reused, last.infeasible, last.seconds_left) == (16, 16, 0, 6, 0)
    assert last.rate_per_s > 0
