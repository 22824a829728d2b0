"""The task of a sweep holds what replays say, and says why a design is out."""

from __future__ import annotations

from pathlib import Path

import pytest

from accel_models.design.load import load_design
from accel_models.units.kinds import design_area
from analysis.sweeps.evaluate import evaluate
from analysis.sweeps.row import SweepRow
from analysis.sweeps.spaces.space import Space
from analysis.sweeps.sweep import model_version, request_of, task_of
from simulator import Policy, replay
from tests.analysis.sweeps.sweep_fakes import make_space
from traces import find_trace, load_trace

BASE = "designs: edge_npu_16x16\ntraces: easy.parquet\n"


def rows_of(space: Space) -> list[SweepRow]:
    requests = [request_of(space, point, model_version()) for point in space.points()]
    return evaluate(task_of(space, 0, 0, requests))


def test_a_row_is_its_replay(tmp_path: Path) -> None:
    space = make_space(
        tmp_path, BASE + "set: {array.rows: [8, 16]}\npolicies: {prefetch: speculate}\ninputs: 5"
    )
    trace = load_trace(space.traces[0].path, 5)
    for row, rows in zip(rows_of(space), (8, 16), strict=True):
        design = load_design("edge_npu_16x16", {"array.rows": rows})
        summary = replay(trace, design, policy=Policy(prefetch="speculate")).replayed
        assert (row.latency_us, row.latency_us_p99) == (summary.latency_us.mean, summary.latency_us.p99)
        assert (row.energy_uj, row.energy_uj_max) == (summary.energy_uj.mean, summary.energy_uj.max)
        assert (row.accuracy, row.inputs) == (summary.accuracy, 5)
        assert row.dense_latency_us == summary.dense.latency_us
        assert row.power_mw == pytest.approx(1000 * summary.energy_uj.mean / summary.latency_us.mean)
        assert row.area_mm2 == design_area(design).total_mm2
        assert row.design_hash == design.hash


def test_a_trace_that_is_sent_gives_the_rows_of_one_that_is_read(tmp_path: Path) -> None:
    space = make_space(tmp_path, BASE)
    task = task_of(space, 0, 0, [request_of(space, next(space.points()), model_version())])
    assert repr(evaluate(task, load_trace(space.traces[0].path))) == repr(evaluate(task))


def test_what_does_not_fit_has_reason_demand_and_bound(tmp_path: Path) -> None:
    side = "link: {side: {to: [array.rows, array.cols], values: 50}}"
    space = make_space(tmp_path, BASE + f"set: {{memory.weight_buffer: [512 B, 64 KiB]}}\n{side}")
    small, large = rows_of(space)
    assert large.feasible
    assert not small.feasible
    assert "enlarge memory.weight_buffer" in small.reason
    assert small.demand > small.bound > 0
    assert small.area_mm2 > 0


def test_a_design_that_cannot_do_it_is_a_row(tmp_path: Path) -> None:
    """SRAM prices do not reach down to 16 B: the replay refuses, the sweep goes on."""
    rows = rows_of(make_space(tmp_path, BASE + "set: {memory.activation_buffer: [16 B, 96 KiB]}"))
    assert [row.feasible for row in rows] == [False, True]
    assert "SRAM prices reach from" in rows[0].reason


def test_the_accuracy_is_that_of_the_whole_trace_though_few_inputs_are_replayed(tmp_path: Path) -> None:
    """The first 20 images are all answered rightly, of all 10,000 86.72 %: a front must not show 100 %."""
    path = find_trace("lcnet_resnet20_50_cifar10")
    space = make_space(tmp_path, f"designs: cortex_m4\ntraces: {path}\ninputs: 20")
    (row,) = rows_of(space)
    assert row.inputs == 20
    assert row.accuracy == pytest.approx(0.8672)
    assert load_trace(space.traces[0].path, 20).accuracy != pytest.approx(0.8672, abs=0.01)
