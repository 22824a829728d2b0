"""A tree against a commit: CPU time of what people wait for, as ratios in one run.

``python benchmarks/against.py [COMMIT]`` checks the commit out beside a temporary folder and runs both trees in
turn, each in processes of its own, several times; the least of each counts.  Exit code 1 where this tree takes more
than 1.3 times what the commit took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BASELINE = "43d5576"
ROUNDS = 2
MOST_RATIO = 1.3
GOALS_MS = {  # Choice: per call, of CPU
    "replay": 60,
    "replay, not explained": None,
    "sweep, a design": 16,
    "estimate ResNet-20": 5,
    "estimate ResNet-18 at 224": 10,
    "estimate ResNet-110": 15,
    "pareto of 4,000 rows": 700,
    "lacuna --help": 120,
}

PROGRAM = """
import json, os, subprocess, sys, tempfile, time
from pathlib import Path
import numpy as np
import pandas as pd
sys.path.insert(0, "benchmarks")
import pricing
import sweep
from accel_models.cost import Placement, WorkStates
from accel_models.units.pricing import price_all
from accel_models.work.shapes import shapes_of
from accel_models import load_design
from analysis.pareto.front import find_front
from analysis.sweeps.evaluate import evaluate
from analysis.sweeps.sweep import model_version, request_of, task_of
from simulator import estimate, replay
from traces import cifar_resnet, load_network, load_trace, save_trace, synthetic_trace

DESIGNS = 64
found = {}

def least(name, work, per=1, times=2):
    took = []
    for _ in range(times):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    found[name] = min(took) / per * 1e3

UNITS = {  # kind of unit: design, whether tensors lie on the chip
    "array": ("edge_npu_32x32", True),
    "row-stationary array": ("eyeriss_like", False),  # output stationary in the commit compared with
    "gemmini": ("gemmini_16x16", False),
    "micronpu": ("ethos_u55_128", True),
    "simd": ("cortex_m4", True),
}
SHAPES = 100_000

def rows_of(work, rows):
    values = {name: getattr(work, name) for name in work.__dataclass_fields__}
    return WorkStates(**{n: v[rows] if isinstance(v, np.ndarray) else v for n, v in values.items()})

def asked_of(kind):
    design, on_chip = load_design(UNITS[kind][0]), UNITS[kind][1]
    unit = "array" if kind.endswith("array") else kind
    each, rng, works = SHAPES // len(pricing.LAYERS), np.random.default_rng(0), []
    for layer in pricing.LAYERS:
        op, pairs = pricing._op(layer), rng.choice(layer[0] * layer[1], each, replace=False)
        shapes = shapes_of(op, pairs // layer[1] + 1, pairs % layer[1] + 1)
        one, none = np.ones(each, np.int64), np.zeros(each, np.int64)
        works.append(WorkStates(
            op=op, runs=one > 0, in_channels=shapes.in_channels, out_channels=shapes.out_channels,
            out_rows=shapes.out_height, batch=one, useful_macs=shapes.macs, weight_fetch_bytes=shapes.weights,
            gathered_elements=none))
    placement = Placement(unit=unit, inputs_on_chip=on_chip, output_on_chip=on_chip, weights_resident=unit == "simd",
        weight_prefetch_bytes=0, reserved_bytes=0)
    return works, placement, design

design = load_design("edge_npu_16x16")
recorded = load_trace("lcnet_resnet20_50_cifar10")
replay(recorded, design, limit=10)
least("replay", lambda: replay(recorded, design))
least("replay, not explained", lambda: replay(recorded, design, explain=False))
for name, network in (("20", "resnet20_cifar"), ("18 at 224", "resnet18"), ("110", "resnet110_cifar")):
    graph = load_network(network)
    estimate(graph, design)
    least(f"estimate ResNet-{name}", lambda: estimate(graph, design))
rng, rows = np.random.default_rng(0), 4000
columns = {name: rng.lognormal(size=rows) for name in ("latency_us", "energy_uj", "area_mm2")}
scaled = {"energy_scaled": rng.random(rows) < 0.5, "area_scaled": rng.random(rows) < 0.5}
frame = pd.DataFrame({"feasible": True, "energy_table": "a", **columns, **scaled})
least("pareto of 4,000 rows", lambda: find_front(frame, list(columns)))
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    save_trace(synthetic_trace(cifar_resnet(20, "both"), 10_000), folder / "trace.parquet")
    space = sweep._cut(folder, 1000)
    points = zip(range(2 * DESIGNS + 1), space.points())
    requests = [request_of(space, point, model_version()) for _, point in points]
    evaluate(task_of(space, 0, 0, requests[:1]))
    halves = iter((requests[1 : DESIGNS + 1], requests[DESIGNS + 1 :]))
    least("sweep, a design", lambda: evaluate(task_of(space, 0, 0, next(halves))), per=DESIGNS)
for name, (works, placement, priced) in {kind: asked_of(kind) for kind in UNITS}.items():
    price_all([rows_of(work, slice(0, 3)) for work in works], [placement] * len(works), priced)
    least(f"100,000 shapes, {name}", lambda: price_all(works, [placement] * len(works), priced))
asked = [sys.executable, "-m", "lacuna", "--help"]
subprocess.run(asked, check=True, capture_output=True)
before = os.times()
subprocess.run(asked, check=True, capture_output=True)
after = os.times()
user, system = after.children_user - before.children_user, after.children_system - before.children_system
found["lacuna --help"] = (user + system) * 1e3
print(json.dumps(found))
"""


def main() -> None:
    """Measure both trees and print their ratios; exit 1 where this one is slower."""
    commit = sys.argv[1] if len(sys.argv) > 1 else BASELINE
    with tempfile.TemporaryDirectory() as name:
        other = Path(name) / "tree"
        subprocess.run(["git", "worktree", "add", "--detach", str(other), commit], cwd=ROOT, check=True)
        try:
            pairs = [(_measure(other), _measure(ROOT)) for _ in range(ROUNDS)]
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)
    before, now = ({name: min(pair[k][name] for pair in pairs) for name in pairs[0][k]} for k in (0, 1))
    print(f"ms of CPU; load {os.getloadavg()[0]:.1f}\n{'':26}{commit:>10}{'now':>10}{'ratio':>8}{'goal':>8}")
    for name, took in now.items():
        goal = GOALS_MS.get(name)
        print(
            f"{name:26}{before[name]:10.1f}{took:10.1f}{took / before[name]:8.2f}{'' if goal is None else goal:>8}"
        )
    sys.exit(any(took > MOST_RATIO * before[name] for name, took in now.items()))


def _measure(tree: Path) -> dict[str, float]:
    """Return milliseconds of each work in a tree, by a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
