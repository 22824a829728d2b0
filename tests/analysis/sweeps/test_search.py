"""Searches find what a grid finds with a fifth of the work, and take the same path every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.pareto.front import costs_of, find_front
from analysis.pareto.hypervolume import hypervolume
from analysis.sweeps.folder.results import SweepResults
from analysis.sweeps.search import choices_of, point_of, search
from analysis.sweeps.sweep import sweep
from tests.analysis.sweeps.sweep_fakes import analytic, leaving_a_mark, make_space, make_trace
from traces import ConfigError, FileProblem

SMALL = """
designs: edge_npu_16x16
set: {array.rows: 1..6, array.cols: 1..6}
traces: easy.parquet
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> SweepResults:
    folder = tmp_path_factory.mktemp("grid")
    return sweep(make_space(folder), folder / "grid", workers=0, evaluator=analytic)


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_fifth_of_the_work_finds_nearly_all(
    tmp_path: Path, grid: SweepResults, sampler: str, seed: int
) -> None:
    """1,000 points in 4 objectives, 55 infeasible: 200 evaluations reach 95 % of the true hypervolume."""
    space = make_space(tmp_path)
    found = search(
        space,
        tmp_path / "found",
        evaluations=200,
        sampler=sampler,  # type: ignore[arg-type]
        seed=seed,
        workers=0,
        evaluator=analytic,
    )
    assert len(found.rows) == 200
    truth = find_front(grid.frame, space.minimize, space.maximize)
    frame = found.frame
    costs = costs_of(frame[frame["feasible"]], truth.objectives)
    assert hypervolume(costs, truth.reference) >= 0.95 * truth.hypervolume


def test_the_same_seed_takes_the_same_path(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    runs = [
        search(space, tmp_path / name, evaluations=40, seed=seed, workers=workers, evaluator=analytic)
        for name, seed, workers in [("a", 3, 0), ("b", 3, 2), ("c", 4, 0)]
    ]
    assert repr(runs[0].rows) == repr(runs[1].rows)
    assert repr(runs[0].rows) != repr(runs[2].rows)


def test_a_resumed_search_goes_on_where_it_stopped(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    whole = search(space, tmp_path / "whole", evaluations=60, workers=0, evaluator=analytic)
    search(space, tmp_path / "parts", evaluations=25, workers=0, evaluator=leaving_a_mark)
    with pytest.raises(FileProblem, match="holds results already"):
        search(space, tmp_path / "parts", evaluations=60, workers=0, evaluator=analytic)
    parts = search(
        space, tmp_path / "parts", evaluations=60, workers=0, resume=True, evaluator=leaving_a_mark
    )
    keys = [line.split()[1] for line in (tmp_path / "marks.txt").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 60
    assert {row.key for row in parts.rows} == {row.key for row in whole.rows}


def test_a_search_may_begin_with_the_rows_of_a_sweep(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    search(space, tmp_path / "out", evaluations=20, workers=0, resume=True, evaluator=leaving_a_mark)
    assert not (tmp_path / "marks.txt").exists()


def test_a_space_smaller_than_the_budget_is_found_whole(tmp_path: Path) -> None:
    found = search(make_space(tmp_path, SMALL), tmp_path / "o", evaluations=36, workers=0, evaluator=analytic)
    assert [row.index for row in found.rows] == list(range(36))


def test_forbidden_points_are_never_evaluated(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL + "where: [array.rows + array.cols <= 5]")
    found = search(space, tmp_path / "out", evaluations=10, workers=0, evaluator=analytic)
    frame = found.frame
    assert len(frame) == space.size == 10
    assert (frame["array.rows"] + frame["array.cols"] <= 5).all()


def test_designs_with_axes_of_their_own_are_searched_together(tmp_path: Path) -> None:
    make_trace(tmp_path, "hard", rate=0.9)
    text = """
designs:
  - {base: edge_npu_16x16, set: {array.rows: 1..3}}
  - {base: edge_npu_32x32, set: {array.rows: 1..5}}
traces: [easy.parquet, hard.parquet]
policies: {prefetch: [wait, speculate]}
"""
    space = make_space(tmp_path, text)
    found = search(space, tmp_path / "out", evaluations=32, workers=0, evaluator=analytic)
    assert {row.index for row in found.rows} == set(range(32))


def test_a_sampler_reaches_every_value_of_a_shorter_axis(tmp_path: Path) -> None:
    text = """
designs:
  - {base: edge_npu_16x16, set: {array.rows: 1..3}}
  - {base: edge_npu_32x32, set: {array.rows: 1..5}}
traces: easy.parquet
"""
    space = make_space(tmp_path, text)
    assert {c.name: c.count for c in choices_of(space)} == {
        ":design": 2,
        ":trace": 1,
        ":policy": 1,
        "array.rows": 5,
    }
    chosen = [
        point_of(space, {":design": 0, ":trace": 0, ":policy": 0, "array.rows": i}).choices[0]
        for i in range(5)
    ]
    assert chosen == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("change", "settings", "why"),
    [
        ("", {"evaluations": 0}, "evaluations = 0: must be at least 1"),
        (
            "",
            {"evaluations": 5, "sampler": "nsga3"},
            "sampler 'nsga3': no such sampler; did you mean 'nsga2'",
        ),
        (
            "objectives: {minimize: array.rows}",
            {"evaluations": 5},
            "objective 'array.rows': no result of a replay",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: str, settings: dict[str, object], why: str) -> None:
    space = make_space(tmp_path, SMALL + change)
    with pytest.raises(ConfigError, match=why):
        search(space, tmp_path / "out", workers=0, evaluator=analytic, **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_sampler_takes_is_refused(tmp_path: Path, seed: int) -> None:
    with pytest.raises(ConfigError, match=rf"seed = {seed}: must be 0 to 4294967295"):
        search(
            make_space(tmp_path), tmp_path / "out", evaluations=4, seed=seed, workers=0, evaluator=analytic
        )
