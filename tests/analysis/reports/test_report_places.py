"""What a report is about: folders and files, one or several; what is none is refused with what is missing."""

from pathlib import Path

import pytest

from accel_models import load_design
from analysis.reports.report import write_report
from simulator import (
    Arrivals,
    StreamSettings,
    estimate,
    load_results,
    load_stream,
    stream,
)
from tests.analysis.reports.report_reader import Reader
from tests.report_folders import (
    sweep_folder,
)
from traces.base.errors import FileProblem
from traces.files.storage import load_trace


def test_several_folders_and_files_are_reported_together(replays: Path, tmp_path: Path) -> None:
    """Replays are paired by input, streams have their tails, an estimate its ops, a sweep its explorer."""
    trace = load_trace(replays / "trace.parquet")
    npu = load_design("edge_npu_16x16")
    stream(trace, npu, StreamSettings(arrivals=Arrivals(rate_hz=2000.0), deadline_s=1e-3)).save(
        tmp_path / "s"
    )
    (tmp_path / "ops.csv").write_text(estimate(trace.graph, npu).to_csv(), encoding="utf-8")
    places = (
        replays / "npu",
        replays / "core",
        tmp_path / "s",
        tmp_path / "ops.csv",
        sweep_folder(tmp_path / "x", 30),
    )
    text = write_report(places, tmp_path / "all.html").read_text(encoding="utf-8")
    reader = Reader(text)
    words = "".join(reader.words)
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    of = "Op by op: LC-Net ResNet-8 on Edge NPU 16\u00a0x\u00a016"
    for told in ("Input by input", "Frames that arrive in time", of, "26 of them fit", "30 designs explored"):
        assert told in words
    assert words.count("Where the numbers come from") == 2  # in the list of sections, and above them all
    a, b = (load_results(replays / name).replayed.latency_us.mean for name in ("npu", "core"))
    assert f"{100 * (b / a - 1):+.1f} %" in words
    figures = load_stream(tmp_path / "s").figures
    assert f"{100 * figures.miss_rate:.1f}\u00a0%" in words
    with pytest.raises(FileProblem, match="--out"):
        write_report(places)
    with pytest.raises(FileProblem, match="second sweep"):
        write_report((tmp_path / "x", tmp_path / "x"), tmp_path / "two.html")


def test_a_folder_of_streams_is_a_report(replays: Path, tmp_path: Path) -> None:
    trace = load_trace(replays / "trace.parquet")
    for name, rate in (("slow", 100.0), ("fast", 1e6)):
        asked = StreamSettings(arrivals=Arrivals(rate_hz=rate), deadline_s=1e-3, frames=30)
        stream(trace, load_design("edge_npu_16x16"), asked).save(tmp_path / name)
    words = "".join(Reader(write_report(tmp_path).read_text(encoding="utf-8")).words)
    assert "2 streams" in words
    assert "faster than they can be served" in words
    (tmp_path / "slow" / "stream.json").write_text("{}")
    with pytest.raises(FileProblem, match=r"stream\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "layer,op\n"])
def test_a_table_that_is_no_estimate_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(FileProblem, match="no table of `lacuna estimate"):
        write_report(tmp_path / "t.csv", tmp_path / "page.html")


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_results_is_refused_with_what_was_looked_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileProblem, match=name) as problem:
        write_report(tmp_path / name)
    assert "folder" in str(problem.value)
    assert not (tmp_path / name / "report.html").exists()


def test_a_report_into_a_missing_folder_is_refused(replays: Path, tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such folder"):
        write_report(replays / "npu", tmp_path / "nowhere" / "report.html")
