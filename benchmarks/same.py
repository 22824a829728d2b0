"""Whether this tree says what a commit says, to the last bit: a hash per trace, design and policy.

python benchmarks/same.py [COMMIT]         a cross-section: every trace, every design, every policy (minutes)
python benchmarks/same.py --all [COMMIT]   all shipped traces x designs x policies (hours)
python benchmarks/same.py --hashes FILE    write this tree's hashes alone, as JSON

A hash is over every column of ``per_input``, every row of ``per_op`` and the whole summary of an explained replay.
Exit code 1 where one differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
INPUTS = 300
POLICIES: tuple[dict[str, object], ...] = (
    {},
    {"prefetch": "speculate"},
    {"prefetch": "predict"},
    {"prefetch": "oracle"},
    {"batch": 8},
    {"batch": 4, "batch_order": "similar", "compaction": "per_input"},
    {"prefetch": "speculate", "batch": 3},
    {"tile": False, "pin": False, "place_gates": False},
    {"fold": False, "fuse": False, "sort": False},
)
FEW_TRACES = ("lcnet_resnet20_50_cifar10", "wide_little_big_cifar10", "vit_tokens_60_cifar10")
FEW_DESIGNS = (
    "edge_npu_16x16", "edge_npu_32x32", "cortex_m7", "ethos_u55_128", "eyeriss", "gemmini_16x16", "nvdla_small",
    "systolic_bare",
)  # fmt: skip

Case = tuple[str, str, int]  # trace, design, place in POLICIES


def cases(traces: list[str], designs: list[str], everything: bool) -> Iterator[Case]:
    """Yield what is compared, trace by trace."""
    for trace, design, policy in product(traces, designs, range(len(POLICIES))):
        turn = designs.index(design) + traces.index(trace)
        few = trace in FEW_TRACES and design in FEW_DESIGNS
        some = policy == 0 and turn % 8 == 0
        if everything or few or some:
            yield trace, design, policy


def hashes(everything: bool) -> dict[str, str]:
    """Return this tree's hash of every case."""
    import lacuna as lc  # noqa: PLC0415  (of the tree that runs)

    designs = sorted(path.stem for path in (ROOT / "accel_models" / "designs").glob("*.yaml"))
    traces = sorted(path.stem for path in (ROOT / "traces" / "shipped").glob("*.parquet"))
    loaded = {name: lc.load_design(name) for name in designs}
    found, last, trace = {}, "", lc.load_trace(traces[0])
    for name, design, policy in cases(traces, designs, everything):
        if name != last:
            last, trace = name, lc.load_trace(name).rows(0, INPUTS)
        key = f"{name} {design} {json.dumps(POLICIES[policy])}"
        try:
            found[key] = _hash(lc.replay(trace, loaded[design], policy=lc.Policy.of(POLICIES[policy])))
        except lc.LacunaError as problem:
            found[key] = f"refused: {problem}"
    return found


def _hash(results: object) -> str:
    """Return the hash of everything that a replay found."""
    from simulator.results import Results  # noqa: PLC0415
    from simulator.summary import summary_json  # noqa: PLC0415

    assert isinstance(results, Results)
    digest = hashlib.sha256(json.dumps(summary_json(results.figures)).encode())
    for name in sorted(results.columns):
        digest.update(name.encode() + np.ascontiguousarray(results.columns[name]).tobytes())
    for row in results.ops:
        digest.update(repr(astuple(row)).encode())
    return digest.hexdigest()[:16]


def _of_tree(tree: Path, folder: Path, everything: bool) -> dict[str, str]:
    """Return the hashes of a tree, by a process of its own."""
    program = tree / "benchmarks" / "same.py"
    if tree != ROOT:
        program.write_bytes(Path(__file__).read_bytes())
    out = folder / f"{tree.name}.json"
    asked = [sys.executable, str(program), "--hashes", str(out), *(["--all"] if everything else [])]
    env = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    subprocess.run(asked, cwd=tree, env=env, check=True)
    known: dict[str, str] = json.loads(out.read_text("utf-8"))
    return known


def compare(commit: str, everything: bool) -> int:
    """Print the cases that differ and how many there are; return how many differ."""
    with tempfile.TemporaryDirectory() as name:
        other = Path(name) / "before"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", str(other), commit], cwd=ROOT, check=True)
        try:
            before, now = (_of_tree(tree, Path(name), everything) for tree in (other, ROOT))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)
    differ = [key for key in now if before.get(key) != now[key]]
    for key in differ:
        print(f"{key}: {before.get(key)} -> {now[key]}")
    print(f"{len(now)} replays of {INPUTS} inputs, {len(differ)} differ from {commit}")
    return len(differ)


def main() -> None:
    """Compare, or write hashes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--all", action="store_true", help="every trace x design x policy")
    parser.add_argument("--hashes", type=Path, help="write this tree's hashes here")
    asked = parser.parse_args()
    if asked.hashes is None:
        sys.exit(compare(asked.commit, asked.all) > 0)
    asked.hashes.write_text(json.dumps(hashes(asked.all), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
