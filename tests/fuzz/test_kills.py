"""A part of the kill campaign that `make fuzz` runs, and checks that it can fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import kills
from tests.fuzz.jobs import Job, jobs

QUICK = ("replay", "sweep", "search", "stream")


def test_what_is_killed_is_whole_after_the_next_start() -> None:
    found = kills.campaign(8, 2, tuple(job for job in jobs() if job.name in QUICK))
    assert sum(ends[kills.GOOD] for ends in found.values()) == 8, found
    assert sum(ends["killed"] for ends in found.values()) > 0


@pytest.mark.slow
def test_every_job_survives_kills() -> None:
    found = kills.campaign(40, 3)
    assert sum(ends[kills.GOOD] for ends in found.values()) == 40, found


def _lines(folder: Path) -> str:
    return (folder / "out.txt").read_text()


def _appends(folder: Path) -> None:
    with (folder / "out.txt").open("a") as file:
        for i in range(40):
            file.write(f"{i}\n")
            file.flush()
            time.sleep(0.01)


def _hides(folder: Path) -> None:
    (folder / ".out.txt.part").touch()
    (folder / "out.txt").write_text("done")


@pytest.mark.parametrize("run", [_appends, _hides])
def test_the_campaign_sees_what_is_lost_or_left(run: Callable[[Path], None], tmp_path: Path) -> None:
    """A job that writes on where it stood, and one that leaves a hidden file, killed once they have begun to write."""
    reference = kills.Reference(Job("bad", lambda folder: None, run, _lines), tmp_path / "bad")
    written = tmp_path / "killed" / "out.txt"

    def wait() -> None:
        while not (written.exists() and written.stat().st_size):  # as long as pytest lets it
            time.sleep(0.001)

    wrong, _ = reference.kill(written.parent, wait)
    assert wrong
