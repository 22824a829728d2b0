"""A tree against a commit: seconds to replay 10,000 inputs of a ResNet-20, milliseconds per design of a sweep.

``python benchmarks/against.py [COMMIT]`` checks the commit out beside a temporary folder and runs both trees in
turn, each in processes of its own, several times; the least of each counts.  Goals: a replay after import takes less
than 0.5 s, and a sweep no more than 1.3 times what it took at 43d5576.
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
INPUTS = 10_000
ROUNDS = 3
MOST_REPLAY_S = 0.5
MOST_RATIO = 1.3

PROGRAM = f"""
import json, sys, tempfile, time
from pathlib import Path
sys.path.insert(0, "benchmarks")
import sweep
from accel_models import load_design
from simulator import replay
from traces import cifar_resnet, save_trace, synthetic_trace
trace = synthetic_trace(cifar_resnet(20, "both"), {INPUTS})
design = load_design("edge_npu_16x16")
replay(trace, design, limit=10, explain=False)
began = time.perf_counter()
replay(trace, design, explain=False)
took = time.perf_counter() - began
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    save_trace(trace, folder / "trace.parquet")
    each = min(sweep._alone(sweep._cut(folder, 1000)) for _ in range(2))
print(json.dumps([took, each]))
"""


def main() -> None:
    """Measure both trees and print their ratio; exit 1 if a goal is missed."""
    commit = sys.argv[1] if len(sys.argv) > 1 else BASELINE
    with tempfile.TemporaryDirectory() as name:
        other = Path(name) / "tree"
        subprocess.run(["git", "worktree", "add", "--detach", str(other), commit], cwd=ROOT, check=True)
        try:
            pairs = [(_measure(other), _measure(ROOT)) for _ in range(ROUNDS)]
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)
    before, now = ([min(pair[k][j] for pair in pairs) for j in (0, 1)] for k in (0, 1))
    ratio = now[1] / before[1]
    print(
        f"replay of {INPUTS:,} inputs: {before[0]:.3f} s at {commit}, {now[0]:.3f} s (goal: {MOST_REPLAY_S} s)"
    )
    print(
        f"sweep, a design: {before[1] * 1e3:.0f} ms at {commit}, {now[1] * 1e3:.0f} ms: {ratio:.2f} x "
        f"(goal: {MOST_RATIO} x); load {os.getloadavg()[0]:.1f}"
    )
    sys.exit(now[0] > MOST_REPLAY_S or ratio > MOST_RATIO)


def _measure(tree: Path) -> tuple[float, float]:
    """Return seconds of a replay and of a design of a sweep in a tree, by a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    took, each = json.loads(ran.stdout)
    return float(took), float(each)


if __name__ == "__main__":
    main()
