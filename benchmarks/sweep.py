"""How fast a grid goes: 1,000 designs on 10,000 inputs of a ResNet-20, all rows on disk.

``python benchmarks/sweep.py [DESIGNS]`` prints wall time, CPU time per design, what two processes are worth
over one, and what two Dask workers are worth over one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from analysis.sweeps.evaluate import evaluate
from analysis.sweeps.spaces.file import parse_space
from analysis.sweeps.spaces.space import Space
from analysis.sweeps.sweep import model_version, request_of, sweep, task_of
from traces import cifar_resnet, save_trace, synthetic_trace

SPACE = """
designs: edge_npu_16x16
set:
  array.rows: 4..40 step 4
  array.cols: 4..40 step 4
  memory.dram.bandwidth: 0.8 GB/s..8 GB/s step 0.8 GB/s
traces: trace.parquet
"""
INPUTS = 10_000
WORKERS = 2
ALONE = 20  # designs evaluated in this process, to compare with
DASK_DESIGNS = 500  # a large sweep: long enough that the last tasks do not show


def main() -> None:
    """Run the sweep and print its figures."""
    designs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_trace(synthetic_trace(cifar_resnet(20, "both"), INPUTS), folder / "trace.parquet")
        space = _cut(folder, designs)
        alone = _alone(space)
        began = time.perf_counter()
        rows = sweep(space, folder / "out", workers=WORKERS).rows
        wall = time.perf_counter() - began
        cpu = os.times().children_user + os.times().children_system
        dask = _dask(folder)
        size = sum(part.stat().st_size for part in (folder / "out" / "rows").iterdir())
    print(
        f"{len(rows)} designs x {INPUTS} inputs in {wall:.1f} s with {WORKERS} processes (goal: 1,000 in 30 s)"
    )
    print(
        f"  {cpu / len(rows) * 1e3:.0f} ms of CPU per design, start of the processes included; "
        f"load {os.getloadavg()[0]:.1f}; {size / 1e3:.0f} kB of rows"
    )
    print(
        f"  ratio of one Dask worker to two on {DASK_DESIGNS} designs: {dask:.2f} x (goal: 1.8)\n"
        f"  ratio of one process alone, {alone * 1e3:.0f} ms per design, to this: {alone / (wall / len(rows)):.2f} x"
    )


def _dask(folder: Path) -> float:
    """Return how much sooner two Dask workers are done than one; both have loaded all code before."""
    from distributed import Client, LocalCluster  # noqa: PLC0415  (slow to import)

    many = _cut(folder, DASK_DESIGNS)
    took = []
    for workers in (1, 2):
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                client.run(_warm, many)
            began = time.perf_counter()
            sweep(many, folder / f"dask{workers}", scheduler=cluster.scheduler_address)
            took.append(time.perf_counter() - began)
    return took[0] / took[1]


def _warm(space: Space) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    _alone(space)


def _cut(folder: Path, designs: int) -> Space:
    """Return the space with as many designs, by fewer bandwidths."""
    bandwidths = max(1, designs // 100)
    return parse_space(SPACE.replace("8 GB/s step", f"{0.8 * bandwidths:.1f} GB/s step"), folder)


def _alone(space: Space) -> float:
    """Return seconds per design in this process, without workers or disk."""
    version = model_version()
    requests = [
        request_of(space, point, version) for _, point in zip(range(ALONE + 1), space.points(), strict=False)
    ]
    evaluate(task_of(space, 0, 0, requests[:1]))  # loads the trace and the compiled engine
    began = time.perf_counter()
    evaluate(task_of(space, 0, 0, requests[1:]))
    return (time.perf_counter() - began) / ALONE


if __name__ == "__main__":
    main()
