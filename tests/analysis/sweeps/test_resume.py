"""Sweeps that stop and go on: nothing is lost, repeated or mixed with what is not of the same space."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.sweeps.folder.manifest import FolderRun, Manifest
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.folder.store import Store
from analysis.sweeps.sweep import Progress, sweep
from tests.analysis.sweeps.sweep_fakes import (
    SMALL,
    analytic,
    breaking_after_five,
    leaving_a_mark,
    make_space,
    make_trace,
    marks,
)
from traces import FileProblem, verify_seal

RUN = FolderRun(kind="sweep")


def test_what_a_bug_interrupts_is_resumed_without_repeating(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    with pytest.raises(RuntimeError, match="a bug"):
        sweep(space, tmp_path / "out", workers=0, evaluator=breaking_after_five)
    kept = {row.key for row in load_sweep(tmp_path / "out").rows}
    assert 0 < len(kept) < 16
    seen: list[Progress] = []
    results = sweep(
        space, tmp_path / "out", workers=0, resume=True, evaluator=leaving_a_mark, progress=seen.append
    )
    assert not kept & {key for _, key in marks(tmp_path)}
    assert len(results.rows) == len({row.key for row in results.rows}) == 16
    assert seen[-1].reused == len(kept)


def test_a_finished_sweep_resumes_to_nothing_to_do(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=leaving_a_mark)
    sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=leaving_a_mark)
    assert len(marks(tmp_path)) == 16


def test_what_is_there_is_found_without_its_design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a sweep of 100,000 designs goes on within seconds."""
    space = make_space(tmp_path, SMALL)
    whole = sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    monkeypatch.setattr(type(space), "design", None)
    again = sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=analytic)
    assert repr(again.rows) == repr(whole.rows)
    assert again.evaluated == whole.evaluated


def test_what_was_there_before_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space, out = make_space(tmp_path, SMALL), tmp_path / "out"
    with pytest.raises(RuntimeError, match="a bug"):
        sweep(space, out, workers=0, evaluator=breaking_after_five)
    there = len(list((out / "rows").iterdir()))
    opened: list[Path] = []

    def noting(path: Path) -> bool:
        opened.append(path)
        return verify_seal(path)

    monkeypatch.setattr("analysis.sweeps.folder.parts.verify_seal", noting)
    again = sweep(space, out, workers=0, resume=True, evaluator=analytic)
    parts = sorted((out / "rows").iterdir())
    assert (len(parts) > there, opened) == (True, parts)
    fresh = load_sweep(out)
    assert (repr(again.rows), again.evaluated) == (repr(fresh.rows), fresh.evaluated)


def test_results_are_not_overwritten_unasked(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    with pytest.raises(FileProblem, match="holds results already"):
        sweep(space, tmp_path / "out", workers=0, evaluator=analytic)


def test_another_space_is_refused_with_what_differs(tmp_path: Path) -> None:
    make_trace(tmp_path, "hard", rate=0.9)
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    other = make_space(tmp_path, SMALL.replace("easy", "hard"))
    with pytest.raises(FileProblem, match="of another space: trace_file_hashes differ"):
        sweep(other, tmp_path / "out", workers=0, resume=True, evaluator=analytic)


def test_another_model_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    monkeypatch.setattr("simulator.MODEL_VERSION", "99.0", raising=False)
    with pytest.raises(FileProblem, match=r"results of model version .*, this is 99\.0"):
        sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=analytic)


def test_a_full_disk_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space(tmp_path, SMALL)

    def full(table: object, file: pa.NativeFile, **settings: object) -> None:
        file.write(b"PAR1 half a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        with pytest.raises(FileProblem, match="No space left on device"):
            sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    assert list((tmp_path / "out" / "rows").iterdir()) == []
    again = sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=analytic)
    assert len(again.rows) == 16


def test_two_writers_do_not_share_a_folder(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    first = Store.open(tmp_path / "out", Manifest.of(space, "1", RUN), resume=False)
    with pytest.raises(FileProblem, match="another sweep or search is writing here"):
        Store.open(tmp_path / "out", Manifest.of(space, "1", RUN), resume=True)
    first.close()
    (tmp_path / "out" / "rows" / ".part-000000.parquet.99999999.x.part").touch()
    Store.open(tmp_path / "out", Manifest.of(space, "1", RUN), resume=True).close()
    assert list((tmp_path / "out" / "rows").iterdir()) == []
