"""What the explorer shows, and what a slider does, without a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from accel_models.design.unit_sections import Array
from analysis.sweeps.spaces.file import load_space
from analysis.sweeps.sweep import sweep
from analysis.ui.sources import live, shown_points
from simulator import Policy, load_results, replay
from tests.report_folders import replay_folder, small_trace
from traces import ConfigError, FileProblem, save_trace


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    designs = {"npu": "edge_npu_16x16", "core": "cortex_m7"}
    return replay_folder(tmp_path_factory.mktemp("replays"), designs, timeline=0)


def test_replays_are_points_with_their_trace_found_beside_them(replays: Path) -> None:
    points = shown_points(replays)
    assert [point.name.replace("\u00a0", " ") for point in points] == [
        "LC-Net ResNet-8 on Edge NPU 16 x 16",
        "LC-Net ResNet-8 on Cortex-M7",
    ]
    assert points[0].on_front
    assert not points[1].on_front
    assert points[0].latency_us == load_results(replays / "npu").replayed.latency_us.mean
    assert points[0].setup().network == replays / "trace.parquet"


def test_a_slider_replays_the_design_with_that_resource_scaled(replays: Path) -> None:
    setup = shown_points(replays)[0].setup()
    trace = small_trace()
    same, design = live(trace, setup, {"array.rows": 1.0}, "wait", 60)
    assert design.hash == setup.design.hash
    assert same.replayed.latency_us == load_results(replays / "npu").replayed.latency_us
    half, design = live(trace, setup, {"array.rows": 0.5, "array.cols": 0.5}, "speculate", 20)
    array = design.section(Array)
    assert (array.rows, array.cols) == (8, 8)
    direct = replay(trace, design, policy=Policy(prefetch="speculate"), limit=20)
    assert half.replayed.latency_us == direct.replayed.latency_us
    assert half.replayed.inputs == 20
    with pytest.raises(ConfigError):
        live(trace, setup, {"memory.dram.bandwidth": 1e-30}, "wait", 5)


def test_points_of_a_sweep_can_be_replayed(tmp_path: Path) -> None:
    save_trace(small_trace(), tmp_path / "t.parquet")
    (tmp_path / "space.yaml").write_text(
        "designs: [edge_npu_16x16]\nset: {array.rows: [8, 16]}\nnetworks: [t.parquet]\ninputs: 20\n"
    )
    results = sweep(load_space(tmp_path / "space.yaml"), tmp_path / "sweep", workers=0)
    points = shown_points(tmp_path / "sweep")
    assert len(points) == 2
    for point in points:
        again, _ = live(small_trace(), point.setup(), {}, "wait", 20)
        assert again.replayed.latency_us.mean == pytest.approx(point.latency_us)
    assert {row.latency_us for row in results.rows} == {point.latency_us for point in points}


def test_a_network_without_a_trace_at_hand_is_refused_when_it_is_chosen(
    replays: Path, tmp_path: Path
) -> None:
    load_results(replays / "npu").save(tmp_path / "alone" / "deep" / "npu")
    (point,) = shown_points(tmp_path / "alone" / "deep" / "npu")
    with pytest.raises(FileProblem, match="--trace"):
        point.setup()
    (told,) = shown_points(tmp_path / "alone" / "deep" / "npu", replays / "trace.parquet")
    assert told.setup().network == replays / "trace.parquet"


def test_without_bokeh_the_command_says_what_to_install(replays: Path) -> None:
    code = (
        "import sys; sys.modules['bokeh'] = None; sys.argv = ['lacuna', 'ui', sys.argv[1]]; "
        "from lacuna.__main__ import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(replays)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "install lacuna[ui]" in ran.stderr


def test_what_it_does_not_show_it_does_not_ask_for(tmp_path: Path) -> None:
    """Neither tables of estimates nor streams; a missing place is missing."""
    table = tmp_path / "table.csv"
    table.write_text("op\n")
    for place, words in ((table, "is a file; name a folder"), (tmp_path, "holds no replay that fits")):
        with pytest.raises(FileProblem, match=words) as problem:
            shown_points(place)
        assert "estimate" not in str(problem.value)
        assert "stream" not in str(problem.value)
    with pytest.raises(FileProblem, match="no such folder"):
        shown_points(tmp_path / "nowhere")
