"""Stand-ins for replays: cheap, exact, importable by worker processes."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from accel_models.design.unit_sections import Array
from analysis.sweeps.evaluate import SweepTask
from analysis.sweeps.row import Evaluation, SweepRow, infeasible_row
from analysis.sweeps.spaces.file import parse_space
from analysis.sweeps.spaces.space import Space
from traces import SyntheticSettings, cifar_resnet, save_trace, synthetic_trace

SPACE = """
designs: edge_npu_16x16
set:
  array.rows: 1..20
  array.cols: 1..10
  clock: 100 MHz..500 MHz step 100 MHz
traces: [easy.parquet]
"""
SMALL = """
designs: edge_npu_16x16
set: {array.rows: 1..4, array.cols: [2, 100], clock: [100 MHz, 200 MHz]}
traces: easy.parquet
"""  # 16 points, 6 of which are too big for `analytic`


def make_trace(folder: Path, name: str = "easy", inputs: int = 8, rate: float = 0.5) -> Path:
    """Store a small synthetic trace."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        graph = cifar_resnet(8, "layer")
        save_trace(synthetic_trace(graph, inputs, SyntheticSettings(rates=rate)), path)
    return path


def make_space(folder: Path, text: str = SPACE) -> Space:
    make_trace(folder)
    return parse_space(text, folder)


def analytic(task: SweepTask, trace: object = None) -> list[SweepRow]:
    """Latency falls with size and clock, energy has its best size in the middle, area grows with size."""
    return [_row(asked) for asked in task.evaluations]


def slow(task: SweepTask, trace: object = None) -> list[SweepRow]:
    """As ``analytic``, 50 ms per design."""
    time.sleep(0.05 * len(task))
    return analytic(task, trace)


def leaving_a_mark(task: SweepTask, trace: object = None) -> list[SweepRow]:
    """As ``analytic``; counts evaluations and tells who made them, in the folder of the trace."""
    for request in task.requests:
        with (task.trace.path.parent / "marks.txt").open("a") as marks:
            marks.write(f"{os.getpid()} {request.key}\n")
    time.sleep(0.005 * len(task))
    return analytic(task, trace)


def dying_once(task: SweepTask, trace: object = None) -> list[SweepRow]:
    """Kill the worker process the first time it is called."""
    mark = task.trace.path.parent / "died"
    if not mark.exists():
        mark.touch()
        os._exit(9)
    return analytic(task, trace)


def dying(task: SweepTask, trace: object = None) -> list[SweepRow]:
    """Kill the worker process every time."""
    os._exit(9)


def breaking_after_five(task: SweepTask, trace: object = None) -> list[SweepRow]:
    """Fail as a bug would, once five rows exist."""
    if max(request.index for request in task.requests) >= 5:
        raise RuntimeError("a bug")
    return analytic(task, trace)


def _row(asked: Evaluation) -> SweepRow:
    design = asked.request.design
    if design is None:
        return infeasible_row(asked, asked.request.problem)
    array = design.section(Array)
    rows, cols, clock = array.rows, array.cols, design.clock / 1e8
    if rows * cols > 150:
        return infeasible_row(asked, "too big", demand=float(rows * cols), bound=150.0)
    return replace(
        asked.unanswered(),
        feasible=True,
        inputs=8,
        accuracy=0.9,
        latency_us=1000 / (min(rows, 16) * cols * clock),
        energy_uj=(1 + clock) * (10 + abs(rows - 8) + abs(cols - 4)),
        area_mm2=0.01 * rows * cols + 0.1,
    )


def marks(folder: Path) -> list[tuple[str, ...]]:
    """Return who evaluated what, as `leaving_a_mark` noted it: process and key."""
    return [tuple(line.split()) for line in (folder / "marks.txt").read_text().splitlines()]
