"""Whether this tree says what a commit says, to the last bit: a hash per trace, design and policy.

python benchmarks/same.py [COMMIT]         a cross-section: every trace, every design, every policy (minutes)
python benchmarks/same.py --all [COMMIT]   all shipped traces x designs x policies (an hour of CPU for each tree)
python benchmarks/same.py --all --minutes 5 [COMMIT]   5 minutes of CPU for each tree; the next call goes on
python benchmarks/same.py --hashes FILE    write this tree's hashes alone, as JSON, or go on with those there

With ``--all`` cases come in an order drawn by chance, once for all trees, so that those of a few minutes are a fair
sample, and hashes of a commit are kept in ``out/same``; those of a tree with changes that are not committed are not.

A hash is over every column of ``per_input``, every row of ``per_op`` and the whole summary of an explained replay.
Exit code 1 where one differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import astuple
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
INPUTS = 300
SAVE_S = 20.0
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


def hashes(out: Path, everything: bool, minutes: float) -> None:
    """Write this tree's hash of every case, after those that ``out`` has, until the time is up."""
    import lacuna as lc  # noqa: PLC0415  (of the tree that runs)

    designs = sorted(path.stem for path in (ROOT / "accel_models" / "designs").glob("*.yaml"))
    traces = sorted(path.stem for path in (ROOT / "traces" / "shipped").glob("*.parquet"))
    load_design = cache(lc.load_design)
    first_inputs = cache(lambda name: lc.load_trace(name).rows(0, INPUTS))
    asked = list(cases(traces, designs, everything))
    if everything:
        random.Random(0).shuffle(asked)
    found: dict[str, str] = json.loads(out.read_text("utf-8")) if out.exists() else {}
    saved = time.process_time()
    for name, design, policy in asked:
        key = f"{name} {design} {json.dumps(POLICIES[policy])}"
        if time.process_time() > 60 * minutes:
            break
        if key in found:
            continue
        try:
            policy_of = lc.Policy.of(POLICIES[policy])
            found[key] = _hash(lc.replay(first_inputs(name), load_design(design), policy=policy_of))
        except lc.LacunaError as problem:
            found[key] = f"refused: {problem}"
        if time.process_time() - saved > SAVE_S:
            _save(found, out)
            saved = time.process_time()
    _save(found, out)


def _save(found: dict[str, str], out: Path) -> None:
    part = out.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    part.replace(out)


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


def _of_tree(tree: Path, folder: Path, everything: bool, minutes: float) -> dict[str, str]:
    """Return the hashes of a tree, by a process of its own."""
    out = folder / f"{_commit_of(tree) if everything else tree.name}.json"
    program = tree / "benchmarks" / "same.py"  # of both trees the same
    if tree != ROOT:
        program.write_bytes(Path(__file__).read_bytes())
    asked = [sys.executable, str(program), "--hashes", str(out), "--minutes", str(minutes)]
    env = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    subprocess.run([*asked, *(["--all"] if everything else [])], cwd=tree, env=env, check=True)
    known: dict[str, str] = json.loads(out.read_text("utf-8"))
    return known


def _commit_of(tree: Path) -> str:
    """Return the commit that a tree is at; of one with changes a name that no other call has."""
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=tree, check=True, capture_output=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tree, check=True, capture_output=True, text=True
    )
    return f"{commit.stdout.strip()}{f'-{os.getpid()}' if changed.stdout else ''}"


def compare(commit: str, everything: bool, minutes: float) -> int:
    """Print the cases that differ and how many there are; return how many differ."""
    with tempfile.TemporaryDirectory() as name:
        other, folder = Path(name) / "before", ROOT / "out" / "same" if everything else Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "worktree", "add", "-q", "--detach", str(other), commit], cwd=ROOT, check=True)
        try:
            before, now = (_of_tree(tree, folder, everything, minutes) for tree in (other, ROOT))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)
    both = [key for key in now if key in before] if everything else list(now)
    differ = [key for key in both if before.get(key) != now[key]]
    for key in differ:
        print(f"{key}: {before.get(key)} -> {now[key]}")
    print(f"{len(both)} replays of {INPUTS} inputs, {len(differ)} differ from {commit}")
    return len(differ)


def main() -> None:
    """Compare, or write hashes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--all", action="store_true", help="every trace x design x policy")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="of CPU, for each tree")
    parser.add_argument("--hashes", type=Path, help="write this tree's hashes here")
    asked = parser.parse_args()
    if asked.hashes is None:
        sys.exit(compare(asked.commit, asked.all, asked.minutes) > 0)
    hashes(asked.hashes, asked.all, asked.minutes)


if __name__ == "__main__":
    main()
