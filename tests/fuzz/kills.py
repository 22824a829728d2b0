"""A seeded campaign of kills: ``python -m tests.fuzz.kills --kills 200 --seed 1``.

Each kill begins a job (:mod:`tests.fuzz.jobs`) in a process of its own and ends that process with SIGKILL at a random
moment of the time that the job takes.  What it leaves must be whole or refused in one message.  Then the job is started
again, as a user would: it must end well and leave exactly what a run that nobody killed leaves (nothing lost, nothing
twice), no hidden or unfinished file, and no process of the killed run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from tests.fuzz.jobs import Job, jobs, warm
from traces import LacunaError

LEAVES_S = (
    60.0  # for a worker that looks every second whether its parent lives: how soon is the machine's business
)
GOOD = "as if nobody had killed it"


def begun(work: Callable[[], str]) -> tuple[int, int]:
    """Run ``work`` in a new process that leads a session of its own; return its id, and where its answer is read."""
    source, sink = os.pipe()
    process = os.fork()
    if process:
        os.close(sink)
        return process, source
    os.close(source)
    os.setsid()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    status = 1
    try:
        os.write(sink, work().encode()[:60_000])  # a pipe holds 64 KiB
        status = 0
    except LacunaError as problem:
        os.write(sink, str(problem).encode())
        status = 2
    except BaseException as problem:  # told to the parent, whatever it is
        os.write(sink, f"{type(problem).__name__}: {problem}".encode()[:1000])
    finally:
        os._exit(status)


def ended(process: int, source: int) -> tuple[int, str]:
    """Wait for a process; return how it ended (negative: the signal) and its answer."""
    _, status = os.waitpid(process, 0)
    with os.fdopen(source, "rb") as file:
        answer = file.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(status), answer


def whole(work: Callable[[], str]) -> str:
    """Run ``work`` to its end and return its answer; ``AssertionError`` if it fails."""
    status, answer = ended(*begun(work))
    if status != 0:
        raise AssertionError(f"ends with {status}: {answer}")
    return answer


def unfinished(folder: Path) -> list[str]:
    """Return hidden and temporary files in a folder and those below."""
    return [
        str(p.relative_to(folder))
        for p in folder.rglob("*")
        if p.name.startswith(".") or p.suffix in {".tmp", ".part"}
    ]


def alive(session: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and int(fields[3]) == session:
                found.append(int(entry.name))
    return found


class Reference:
    """A job that nobody killed: what it starts from, what it leaves, how long it takes."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job = job
        self.start = folder / "start"
        self.start.mkdir(parents=True)
        whole(lambda: _done(job.prepare, self.start))
        shutil.copytree(self.start, folder / "whole")
        began = time.monotonic()
        whole(lambda: _done(job.run, folder / "whole"))
        self.seconds = time.monotonic() - began
        self.left = whole(lambda: job.left(folder / "whole"))

    def kill(self, folder: Path, wait: Callable[[], None]) -> tuple[str, bool]:
        """Kill the job after a wait, start it again; return what is wrong, and whether it was killed."""
        shutil.copytree(self.start, folder)
        process, source = begun(lambda: _done(self.job.run, folder))
        wait()
        os.kill(process, signal.SIGKILL)
        status, _ = ended(process, source)
        return self._wrong(folder, process), status < 0

    def _wrong(self, folder: Path, session: int) -> str:
        status, said = ended(*begun(lambda: self.job.left(folder)))
        if status not in {0, 2} or (status == 2 and len(said) > 500):
            return f"what was left is not refused in one message: {said[:300]}"
        deadline = time.monotonic() + LEAVES_S
        while (left := alive(session)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            return f"processes {left} outlive their parent"
        try:
            whole(lambda: _done(self.job.run, folder))
            found = whole(lambda: self.job.left(folder))
        except AssertionError as problem:
            return f"the next start {problem}"
        if found != self.left:
            return f"leaves {found[:200]!r}, needs {self.left[:200]!r}"
        hidden = unfinished(folder)
        return f"unfinished files stay: {hidden}" if hidden else ""


def _done(work: Callable[[Path], None], folder: Path) -> str:
    work(folder)
    return ""


def campaign(kills: int, seed: int, chosen: tuple[Job, ...] | None = None) -> dict[str, Counter[str]]:
    """Kill the jobs in turn, the first at once, so that one is killed for certain; what is wrong is printed."""
    found: dict[str, Counter[str]] = {}
    warm()
    with tempfile.TemporaryDirectory(prefix="lacuna_kills_") as name:
        place = Path(name)
        known = [Reference(job, place / job.name) for job in chosen or jobs()]
        for number in range(kills):
            reference = known[number % len(known)]
            ends = found.setdefault(reference.job.name, Counter())
            after = Random(f"{seed} {number}").uniform(0, 1.05) * reference.seconds if number else 0.0
            folder = place / reference.job.name / str(number)
            wrong, was_killed = reference.kill(folder, partial(time.sleep, after))
            ends["killed" if was_killed else "had ended"] += 1
            ends["wrong" if wrong else GOOD] += 1
            if wrong:
                sys.stderr.write(
                    f"{reference.job.name} {number} of seed {seed}, after {after:.3f} s: {wrong}\n"
                )
            shutil.rmtree(folder)
    return found


def main() -> None:
    """Run a campaign and print a summary per job."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="jobs whose names begin so")
    asked = parser.parse_args()
    chosen = tuple(job for job in jobs() if job.name.startswith(asked.only))
    found = campaign(asked.kills, asked.seed, chosen)
    for job, ends in found.items():
        sys.stdout.write(f"{job:20} {', '.join(f'{end} {n}' for end, n in sorted(ends.items()))}\n")
    wrong = sum(ends["wrong"] for ends in found.values())
    sys.stdout.write(f"{asked.kills} kills, {wrong} wrong\n")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
