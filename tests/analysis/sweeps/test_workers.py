"""Worker processes of this machine: whoever does the work and whatever dies, the rows are the same."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.sweeps.sweep import sweep
from tests.analysis.sweeps.sweep_fakes import (
    SMALL,
    dying,
    dying_once,
    leaving_a_mark,
    make_space,
    marks,
)
from traces import LacunaError


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    alone = sweep(space, tmp_path / "one", workers=0, evaluator=leaving_a_mark)
    both = sweep(space, tmp_path / "two", workers=2, evaluator=leaving_a_mark)
    assert repr(alone.rows) == repr(both.rows)
    assert len({pid for pid, _ in marks(tmp_path)}) >= 2


def test_a_killed_local_worker_costs_nothing(tmp_path: Path) -> None:
    results = sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=2, evaluator=dying_once)
    assert (tmp_path / "died").exists()
    assert [row.index for row in results.rows] == list(range(16))


def test_workers_that_keep_dying_end_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.sweeps.workers._MOST_DEATHS", 2)  # each is a start of Python
    with pytest.raises(LacunaError, match=r"a worker process died 3 times.*edge_npu_16x16.*resume"):
        sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=1, evaluator=dying)


def test_a_worker_leaves_with_its_parent() -> None:
    """A process whose parent is gone ends by itself."""
    code = (
        "import os, sys, subprocess\n"
        "inner = 'import os, time; from analysis.sweeps.workers import _begin_work; _begin_work(os.getppid()); "
        "print(os.getpid(), flush=True); time.sleep(900)'\n"
        "child = subprocess.Popen([sys.executable, '-c', inner], stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    worker = int(done.stdout)
    try:
        while not has_ended(worker):  # as long as pytest lets it
            time.sleep(0.1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def has_ended(process: int) -> bool:
    """Say whether a process is gone, or waits for somebody to ask how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
