"""Unit: folders whose names are no text (bytes that are not UTF-8) hold traces, results and sweeps as others do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from accel_models import load_design
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.sweep import sweep
from simulator import Arrivals, StreamSettings, load_results, load_stream, replay, stream
from tests.analysis.sweeps.sweep_fakes import analytic, make_space
from tests.fuzz.home import SPACE, small_trace
from traces import load_trace, save_trace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of such a name; macOS has none."""
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\x80b"))
    try:
        named.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    return named


def test_what_is_written_there_is_read_again(folder: Path) -> None:
    trace, design = small_trace(), load_design("edge_npu_16x16")
    save_trace(trace, folder / "t.parquet")
    assert len(load_trace(folder / "t.parquet")) == len(trace)
    results = replay(trace, design)
    results.save(folder / "results")
    assert load_results(folder / "results").replayed == results.replayed
    settings = StreamSettings(arrivals=Arrivals(rate_hz=1e5), frames=20, queue=1)
    served = stream(trace, design, settings)
    served.save(folder / "stream")
    assert load_stream(folder / "stream").figures == served.figures


def test_a_sweep_is_written_there(folder: Path, tmp_path: Path) -> None:
    save_trace(small_trace(), tmp_path / "easy.parquet")
    rows = sweep(make_space(tmp_path, SPACE), folder / "sweep", workers=0, evaluator=analytic).rows
    assert len(rows) == len(
        sweep(make_space(tmp_path, SPACE), tmp_path / "s", workers=0, evaluator=analytic).rows
    )
    assert [row.key for row in load_sweep(folder / "sweep").rows] == [row.key for row in rows]
