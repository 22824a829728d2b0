"""Load: ``python -m tests.load workers|cluster|readers|stream``; prints what it found, fails if anything is lost.

``workers``   a sweep of 20,000 points whose worker processes are killed 50 times at random: no row lost, none twice
``cluster``   the same of the workers of a Dask cluster, which are sent the trace
``readers``   16 processes read a sweep's folder while it grows: each reading is whole, rows never become fewer
``stream``    2.6 million frames, a day at 30 a second: memory grows by the columns of the results alone
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import pyarrow.parquet as pq

from analysis.sweeps.cluster import keeping_workers
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.sweep import sweep
from simulator import Arrivals, StreamSettings, stream
from tests.analysis.sweeps.sweep_fakes import leaving_a_mark, make_space, slow
from tests.fuzz.home import design, small_trace
from traces import LacunaError

LOOKS_S = 0.5  # between two readings of one process, so that the sweep gets a share of the processors too
MOST_BYTES = 600  # of a frame: some twenty columns of eight bytes, and as many while they are made
SPACE = """designs: edge_npu_16x16
traces: [easy.parquet]
set: {array.rows: 1..40, array.cols: 1..50, clock: 100 MHz..1000 MHz step 100 MHz}
"""


def at_work(marks: Path) -> list[int]:
    """Return the processes that made the latest rows and live; one that only begins has nothing to lose."""
    lines = marks.read_text().splitlines()[-20:] if marks.exists() else []
    makers = {line.split()[0] for line in lines if " " in line}
    return [int(maker) for maker in sorted(makers) if _lives(Path("/proc", maker, "stat"))]


def _lives(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers(kills: int = 50, seed: int = 1) -> str:
    """Sweep while workers are killed; every row is there once."""
    return _under_fire(kills, seed, "")


def cluster(kills: int = 50, seed: int = 1) -> str:
    """Sweep on a Dask cluster while its workers are killed; every row is there once."""
    import distributed  # noqa: PLC0415  (an extra)

    made: Any = distributed
    ports = {"dashboard_address": "127.0.0.1:0"}  # of health checks: any free one
    with (
        keeping_workers(),
        made.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, scheduler_kwargs=ports
        ) as running,
    ):
        return _under_fire(kills, seed, running.scheduler_address)


def _under_fire(kills: int, seed: int, scheduler: str) -> str:
    """Sweep on workers, of a cluster if there is an address, while they are killed."""
    rng, killed, over = Random(seed), [0], Event()

    def kill() -> None:
        marks, seen = folder / "marks.txt", 0
        while not over.wait(rng.uniform(0.2, 2.0)) and killed[0] < kills:
            size = marks.stat().st_size if marks.exists() else 0
            if size > seen and (found := at_work(marks)):  # they work again
                os.kill(rng.choice(found), signal.SIGKILL)
                killed[0] += 1
            seen = size

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        space = make_space(folder, SPACE)
        killer = Thread(target=kill)
        killer.start()
        try:
            sweep(space, folder / "out", workers=2, scheduler=scheduler or None, evaluator=leaving_a_mark)
        finally:
            over.set()
            killer.join()
        keys = [row.key for row in load_sweep(folder / "out").rows]
        stored = sum(pq.read_metadata(part).num_rows for part in (folder / "out" / "rows").iterdir())
        marks = len((folder / "marks.txt").read_text().splitlines())
    if len(set(keys)) != space.size or stored != space.size:
        raise AssertionError(f"{len(set(keys))} rows, {stored} stored, of {space.size} points")
    again = marks - space.size
    return f"{space.size} points, {killed[0]} workers killed: 0 rows lost, 0 twice; {again} evaluated again"


def _read_on(folder: Path, until: Path) -> int:
    """Read a folder again and again; return how often, or fail."""
    seen = times = 0
    while not until.exists():
        try:
            rows = len(load_sweep(folder).rows)
        except LacunaError as problem:
            if "holds no sweep" not in str(problem):
                raise
            continue
        if rows < seen:
            raise AssertionError(f"{rows} rows after {seen}")
        seen, times = rows, times + 1
        time.sleep(LOOKS_S)
    return times


def readers(count: int = 16) -> str:
    """Read a folder from many processes while a sweep writes it."""
    with tempfile.TemporaryDirectory() as name, get_context("spawn").Pool(count) as pool:
        folder = Path(name)
        until = folder / "done"
        readings = [pool.apply_async(_read_on, (folder / "out", until)) for _ in range(count)]
        space = make_space(folder, SPACE.replace("1..40", "1..8").replace("1..50", "1..10"))
        sweep(space, folder / "out", workers=0, evaluator=slow)
        until.touch()
        times = [reading.get(timeout=900) for reading in readings]
    return f"{count} readers of {space.size} growing rows read {sum(times)} times, each reading whole"


def frames(count: int = 2_600_000) -> str:
    """Stream a day's frames; memory may grow by the columns of results alone."""
    parts = (count // 10, count)
    first, last = (_peak(lambda part=part: _streamed(part)) for part in parts)  # type: ignore[misc]
    each = (last - first) * (1 << 20) / (parts[1] - parts[0])
    if each > MOST_BYTES:
        raise AssertionError(f"{each:.0f} B more for each frame; its columns take {MOST_BYTES}")
    return (
        f"{parts[0]:,} frames: {first:.0f} MiB at most; {count:,} frames: {last:.0f} MiB: {each:.0f} B each"
    )


def _streamed(count: int) -> None:
    settings = StreamSettings(arrivals=Arrivals(rate_hz=30.0), frames=count, deadline_s=0.033)
    stream(small_trace(), design("edge_npu_16x16"), settings)


def _peak(work: Callable[[], object]) -> float:
    """Return the most memory that a process of its own needs for ``work`` [MiB]."""
    process = os.fork()
    if process == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status, used = os.wait4(process, 0)
    if status:
        raise AssertionError(f"ended with {status}")
    return used.ru_maxrss / 1024


def main() -> None:
    """Run one of the loads and print what it found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("load", choices=["workers", "cluster", "readers", "stream"])
    parser.add_argument("--count", type=int, help="kills, readers or frames")
    asked = parser.parse_args()
    loads: dict[str, Callable[..., str]] = {
        "workers": workers,
        "cluster": cluster,
        "readers": readers,
        "stream": frames,
    }
    run = loads[asked.load]
    began = time.monotonic()
    told = run(asked.count) if asked.count else run()
    sys.stdout.write(f"{told} ({time.monotonic() - began:.0f} s)\n")


if __name__ == "__main__":
    main()
