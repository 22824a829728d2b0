"""What is large: a front and a report of 4,000 rows, frames in flight, what workers cost beside the work, 10^7 inputs.

python benchmarks/large.py                rows and frames (some 40 s of CPU)
python benchmarks/large.py --workers      CPU time of a sweep by processes and by Dask, over that of the work alone
python benchmarks/large.py --ten-million  ten million inputs, streamed in parts
python benchmarks/large.py --hundred-thousand   100,000 cheap designs on Dask, stopped half-way (ten minutes of CPU)

All is CPU time, user and system, children included, so a busy machine says nearly the same.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import product, repeat
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from accel_models import load_design
from analysis.pareto.front import find_front
from analysis.reports.report import write_report
from analysis.sweeps.evaluate import evaluate
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.spaces.file import parse_space
from analysis.sweeps.spaces.space import Space
from analysis.sweeps.sweep import Progress, model_version, request_of, sweep, task_of
from simulator import Arrivals, StreamSettings, replay, stream
from tests.report_folders import sweep_folder
from traces import cifar_resnet, load_trace, save_trace, synthetic_trace

ROWS = 4000
PART = 32_768
PARTS = 306  # of 32,768: ten million inputs
DESIGNS = 200
FRAMES = 10_000  # enough that a stream of frames that meet is compiled
MANY = """
designs: systolic_bare
set:
  clock: 10 MHz..1000 MHz step 1 MHz
  array.rows: 4..104 step 1
traces: trace.parquet
"""
BLOCKS, BLOCK = 20, 256  # of designs evaluated alone, from all over the space
LOADS = (
    0.07,
    0.27,
    2.0,
)  # mean time of a frame alone over the mean time between two: few meet, many do, too many come


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU time of a piece of work [s]."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def rows() -> None:
    """Print what a front and a report take."""
    with tempfile.TemporaryDirectory() as name:
        folder = sweep_folder(Path(name) / "sweep", ROWS)
        frame = load_sweep(folder).frame
        goals = ["latency_us", "energy_uj", "area_mm2"]
        find_front(frame, goals)
        print(f"front of {len(frame):,} rows    {cpu(lambda: find_front(frame, goals)):8.2f} s")
        write_report(folder)
        print(f"report of {len(frame):,} rows   {cpu(lambda: write_report(folder)):8.2f} s")


def frames() -> None:
    """Print what a frame takes, alone on the machine and two in flight, at three loads; two in flight are compiled."""
    trace, design = load_trace("lcnet_resnet20_30_cifar10"), load_design("edge_npu_16x16")
    alone_us = replay(trace, design, explain=False).replayed.latency_us.mean
    for load, in_flight in product(LOADS, (1, 2)):
        arrivals = Arrivals(kind="poisson", rate_hz=load * 1e6 / alone_us, seed=1)
        asked = StreamSettings(arrivals=arrivals, frames=FRAMES, queue=None, in_flight=in_flight)
        stream(trace, design, asked)
        took = cpu(partial(stream, trace, design, asked))
        print(f"load {load:.2f}, {in_flight} in flight  {took / FRAMES * 1e3:8.3f} ms a frame")


def workers() -> None:
    """Print the CPU time of a sweep's design: the work alone, and with all that spreads it over processes."""
    from benchmarks.sweep import INPUTS, _cut  # noqa: PLC0415  (Dask is slow to import)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_trace(synthetic_trace(cifar_resnet(20, "both"), INPUTS), folder / "trace.parquet")
        space = _cut(folder, DESIGNS)
        requests = [request_of(space, point, model_version()) for point in space.points()]
        evaluate(task_of(space, 0, 0, requests[:1]))
        alone = cpu(lambda: evaluate(task_of(space, 0, 0, requests)))
        print(f"alone          {alone / len(requests) * 1e3:6.1f} ms a design, {len(requests)} designs")
        for count in (1, 2):
            took = cpu(partial(sweep, space, folder / f"out{count}", workers=count))
            print(f"{count} process(es)  {took / len(requests) * 1e3:6.1f} ms a design, their start included")
        took = cpu(lambda: sweep(space, folder / "dask", workers=2, scheduler="local"))
        print(f"Dask, 2        {took / len(requests) * 1e3:6.1f} ms a design, the cluster's start included")


class _HalfWay(Exception):
    """Raised by who is told of a sweep's progress, to stop it."""


def hundred_thousand() -> None:
    """Print what Dask and the folder add to the work of a design, and how soon a stopped sweep is at work again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_trace(synthetic_trace(cifar_resnet(8, "both"), 4), folder / "trace.parquet")
        space = parse_space(MANY, folder)
        before = _alone_ms(space)
        began = perf_counter()
        half = cpu(lambda: _until_half(space, folder / "out"))
        rest = cpu(lambda: _go_on(space, folder / "out"))
        again = cpu(lambda: sweep(space, folder / "out", scheduler="local", workers=1, resume=True))
        wall = perf_counter() - began
        after = _alone_ms(space)
    each, alone = (half + rest) / space.size * 1e3, (before + after) / 2
    print(f"{space.size:,} designs, one Dask worker: {each:.2f} ms of CPU a design, {wall:.0f} s in all")
    print(f"the work alone: {before:.2f} ms before, {after:.2f} after; {each / alone - 1:+.1%} on top of it")
    print(f"with every row there: {again:.1f} s of CPU")


def _alone_ms(space: Space) -> float:
    """Return what a design takes in this process, its making included, without workers or disk [ms of CPU]."""
    points, version, step = list(space.points()), model_version(), space.size // BLOCKS
    blocks = [points[k * step :][:BLOCK] for k in range(BLOCKS)]

    def work() -> None:
        for block in blocks:
            evaluate(task_of(space, 0, 0, [request_of(space, point, version) for point in block]))

    evaluate(task_of(space, 0, 0, [request_of(space, blocks[0][0], version)]))
    return cpu(work) / (BLOCKS * BLOCK) * 1e3


def _until_half(space: Space, out: Path) -> None:
    def told(progress: Progress) -> None:
        if progress.done >= progress.total // 2:
            raise _HalfWay

    with suppress(_HalfWay):
        sweep(space, out, scheduler="local", workers=1, progress=told)


def _go_on(space: Space, out: Path) -> None:
    began, first = perf_counter(), list[float]()

    def told(progress: Progress) -> None:
        if not first:
            first.append(perf_counter() - began)
            print(f"a new row {first[0]:.1f} s after the sweep went on from {progress.reused:,} rows")

    rows = sweep(space, out, scheduler="local", workers=1, resume=True, progress=told).rows
    assert len(rows) == space.size


def ten_million() -> None:
    """Print what ten million inputs take, streamed: the same part of 32,768 again and again, looked at anew."""
    part = synthetic_trace(cifar_resnet(20, "both"), PART)
    took = cpu(lambda: replay(repeat(part, PARTS), load_design("edge_npu_16x16"), explain=False))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{PART * PARTS:,} inputs {took:.1f} s, {took / PARTS / PART * 1e6:.2f} us each, {most:.2f} GiB at most"
    )


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", action="store_true", help="a sweep by processes and by Dask")
    parser.add_argument("--hundred-thousand", action="store_true", help="100,000 designs on Dask")
    parser.add_argument("--ten-million", action="store_true", help="ten million inputs")
    asked = parser.parse_args()
    if asked.workers:
        workers()
    elif asked.hundred_thousand:
        hundred_thousand()
    elif asked.ten_million:
        ten_million()
    else:
        rows()
        frames()


if __name__ == "__main__":
    main()
