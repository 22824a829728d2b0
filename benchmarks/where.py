"""Where the time of a replay, an estimate, a sweep's design and a report goes: shares by room of the house.

python benchmarks/where.py

Each is run once to import and to warm caches, then profiled; a share is time inside the files of a room, with what
NumPy and the rest of Python do counted for the room that called them.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import lacuna as lc
from simulator import Views

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    # part of a path: what is done there; the first that fits counts
    ("traces/files", "read traces"),
    ("traces/work", "lower"),
    ("traces/", "graphs"),
    ("accel_models/work/skipping", "skip"),
    ("accel_models/work", "place"),
    ("accel_models/compiling", "compile"),
    ("accel_models/design", "designs"),
    ("accel_models/", "price"),
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


def main() -> None:
    """Print all tables."""
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
