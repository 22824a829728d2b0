"""A part of the kill campaign that `make fuzz` runs, and checks that it can fail."""

from __future__ import annotations

import time
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
def test_the_campaign_sees_what_is_lost_or_left(run: object) -> None:
    """A job that writes on and on where it stood, and one that leaves a hidden file."""
    job = Job("bad", lambda folder: None, run, _lines)  # type: ignore[arg-type]
    found = kills.campaign(4, 1, (job,))
    assert found["bad"]["wrong"] >= 3
