"""Speed and memory of the engines, with the ratios that the project promises.

The two engines, reading of counts, 1,000 designs; a million inputs are ``benchmarks/scale.py --million``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from accel_models.design.load import load_design
from simulator.engines import events, fast
from simulator.policy import Policy
from simulator.replays.prepare import Prepared, Setting, prepare
from simulator.schedules.durations import mapped
from traces import Ints
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace
from traces.work.lowering import lower
from traces.work.workload import Workload

INPUTS, DEPTH, DESIGNS = 10_000, 110, 1_000


def slower(k: int, _: str, cycles: Ints) -> Ints:
    """Return the cycles of the ``k``-th of designs that differ by a percent each."""
    return cycles * (100 + k) // 100


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the shortest of several runs [s]."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def read_counts(workload: Workload) -> int:
    """Read every count of the workload once, as NumPy does it."""
    return int(workload.in_channels.sum() + workload.out_channels.sum() + workload.tiles.sum())


def compare_engines(prepared: Prepared, workload: Workload) -> None:
    """Print the ratio of the engines per layer, and the fast one's time over reading the counts."""
    index, few = prepared.work.state_index, 10
    quick = best_of(5, lambda: fast.simulate(prepared.tables, index))
    slow = best_of(2, lambda: events.simulate(prepared.tables, index[:few])) * INPUTS / few
    read_counts(workload)  # spreads the counts, which is not reading
    read = best_of(5, lambda: read_counts(workload))
    layers = INPUTS * DEPTH
    print(f"ResNet-{DEPTH} with L-Net, {INPUTS:,} inputs, {len(prepared.schedule.tasks)} tasks each")
    print(f"  fast engine    {quick / layers * 1e9:10.1f} ns per layer and input")
    print(f"  SimPy engine   {slow / layers * 1e9:10.1f} ns per layer and input ({few} inputs run)")
    print(f"  ratio          {slow / quick:10.0f}    (target: at least 2,000)")
    print(f"  reading counts {read * 1e3:10.1f} ms; fast engine {quick * 1e3:.1f} ms")
    print(f"  ratio          {quick / read:10.1f}    (target: at most 10)")


def many_designs(workload: Workload) -> None:
    """Print the time of 1,000 designs over the same inputs."""
    start = time.perf_counter()
    shapes = [(rows, cols) for rows in (8, 16) for cols in (8, 16)]
    priced = [
        prepare(
            Setting(workload, load_design("edge_npu_16x16", {"array.rows": r, "array.cols": c})), Policy()
        )
        for r, c in shapes
    ]
    pricing = (time.perf_counter() - start) / len(shapes)
    designs = [mapped(priced[k % len(priced)].tables, partial(slower, k)) for k in range(DESIGNS)]
    index = priced[0].work.state_index
    busy = time.process_time()
    seconds = best_of(1, lambda: [fast.simulate(tables, index) for tables in designs])
    busy = time.process_time() - busy
    print(f"{DESIGNS:,} designs x {INPUTS:,} inputs x {DEPTH} layers on one core")
    print(f"  {seconds:.1f} s   (target: under 20 s), {busy:.1f} s of processor time")
    print(f"  pricing is {pricing * 1e3:.0f} ms per design on top")


def main() -> None:
    """Run both comparisons."""
    graph = cifar_resnet(DEPTH, "layer")
    trace = synthetic_trace(graph, INPUTS, seed=1)
    workload = lower(trace)
    print(f"lowering {INPUTS:,} inputs: {best_of(3, lambda: lower(trace)):.2f} s  (target: under 0.8 s)")
    compare_engines(prepare(Setting(workload, load_design("edge_npu_16x16")), Policy()), workload)
    many_designs(workload)


if __name__ == "__main__":
    main()
