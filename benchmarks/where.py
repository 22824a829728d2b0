"""Where the time of a replay, an estimate, a sweep's design and a report goes: shares by room of the house.

python benchmarks/where.py

Then the files of this repository that a replay of 256 inputs enters, and how often it changes from one to another: the
first time, and again, when what follows from the inputs alone is known.  Before there were rooms (c4cb21f~1) nothing
was remembered, and a replay without explanations entered 50 files and changed 10,039 times, first or again.

Each is run once to import and to warm caches, then profiled; a share is time inside the files of a room, with what
NumPy and the rest of Python do counted for the room that called them.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import lacuna as lc
from simulator import Views

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    # part of a path: what is done there; the first that fits counts
    ("traces/files", "read traces"),
    ("traces/work", "lower"),
    ("traces/", "graphs"),
    ("accel_models/work/skipping", "skip"),
    ("accel_models/work/kept_data", "skip"),
    ("accel_models/work/groups", "skip"),
    ("accel_models/work/tiles", "skip"),
    ("accel_models/work/shapes", "price"),
    ("accel_models/work", "compile and place"),
    ("accel_models/compiling", "compile and place"),
    ("accel_models/design", "designs"),
    ("accel_models/", "price"),
    ("simulator/policy", "schedule"),
    ("simulator/schedules", "schedule"),
    ("simulator/engines", "engine"),
    ("simulator/", "collect and explain"),
    ("analysis/", "analysis"),
    ("lacuna/", "command line"),
)
TRACE, DESIGN = "lcnet_resnet20_50_cifar10", "edge_npu_16x16"

Stat = tuple[int, int, float, float, dict[tuple[str, int, str], tuple[int, int, float, float]]]


def room_of(path: str) -> str:
    """Return what is done in a file; of others nothing."""
    if not path.startswith(str(ROOT)) or ".venv" in path:
        return ""
    inside = path.removeprefix(f"{ROOT}/")
    return next((name for part, name in ROOMS if inside.startswith(part)), "else")


def shares(work: Callable[[], object]) -> tuple[float, dict[str, float]]:
    """Return the seconds that a piece of work takes under the profiler, and how they are shared by rooms."""
    profile = cProfile.Profile()
    profile.runcall(work)
    stats: dict[tuple[str, int, str], Stat] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    found: defaultdict[str, float] = defaultdict(float)
    for (path, _, _), (_, _, own, _, callers) in stats.items():
        room = room_of(path)
        if room:
            found[room] += own
            continue
        for (caller, _, _), (_, _, part, _) in callers.items():
            found[room_of(caller) or "libraries"] += part
    return sum(found.values()), found


def show(name: str, work: Callable[[], object]) -> None:
    """Print one table."""
    work()
    total, found = shares(work)
    print(f"{name}: {total * 1e3:.0f} ms under the profiler")
    for room, seconds in sorted(found.items(), key=lambda item: -item[1]):
        if seconds > 0.005 * total:
            print(f"  {seconds / total:6.1%}  {room}")


def entered(work: Callable[[], object]) -> tuple[int, int]:
    """Return how many files of this repository a piece of work enters, and how often a call changes the file."""
    files: set[str] = set()
    last, changes = "", 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal last, changes
        path = frame.f_code.co_filename
        if event == "call" and room_of(path):
            files.add(path)
            changes += path != last
            last = path

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return len(files), changes


def show_files() -> None:
    """Print what a replay walks through: the first of these inputs, and those after it."""
    trace, design = lc.load_trace("lcnet_resnet20_30_cifar10"), lc.load_design(DESIGN)
    for explain in (False, True):
        inputs = trace.rows(0, 256)
        replay = partial(lc.replay, inputs, design, explain=explain)
        partial(
            lc.replay, trace.rows(0, 256), design, explain=explain
        )()  # imports, and fills caches of a graph
        told = "explained" if explain else "not explained"
        for when in ("first", "again"):
            files, changes = entered(replay)
            print(f"replay of 256 inputs, {told}, {when}: {files} files entered, {changes:,} changes of file")


def main() -> None:
    """Print all tables."""
    show_files()
    trace, design = lc.load_trace(TRACE), lc.load_design(DESIGN)
    graph, views = trace.graph, Views(trace)
    results = lc.replay(trace, design)
    show(f"replay of {len(trace):,} inputs, explained", lambda: lc.replay(trace, design))
    show("one design of a sweep", lambda: lc.replay(trace, design, explain=False, views=views))
    show("static estimate", lambda: lc.estimate(graph.without_gates(), design))
    with tempfile.TemporaryDirectory() as folder:
        results.save(folder)
        show("report of one replay", lambda: lc.report(Path(folder)))


if __name__ == "__main__":
    main()
