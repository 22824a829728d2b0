"""A seeded campaign of hostile inputs over every reader: ``python -m tests.fuzz.campaign --cases 20000 --seed 1``.

Each case is a valid file, changed. It may be read or refused; it may not end in a traceback, take longer than ten
seconds, be refused in more than 500 characters, or be read as something that cannot be:

- a sealed file whose bytes changed is refused;
- what a design costs is finite and not negative, does the MACs of the network, and no faster than its peak.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random

from accel_models import design_names, load_design, parse_override
from analysis.sweeps.expressions import parse_expression
from analysis.sweeps.space_file import load_space
from analysis.sweeps.store import load_sweep
from simulator import estimate, load_results, replay
from tests.analysis.sweeps.sweep_fakes import analytic, make_space
from traces import (
    LacunaError,
    cifar_resnet,
    export_npz,
    load_network,
    load_trace,
    save_graph,
    save_trace,
    synthetic_trace,
)

SECONDS = 10  # of the processor, for one case
MOST_CHARACTERS = 500
SPACE = """designs: edge_npu_16x16
traces: easy.parquet
set: {array.rows: 1..4, clock: 100 MHz..200 MHz step 50 MHz}
policies: {theta: 0.1..0.9 step 0.4, prefetch: predict}
where: ['array.rows * 2 <= 8 or clock >= "100 MHz"']
budget: {area: 2 mm2}
"""
WORDS = (
    b"-1 0 1e308 1e-999 1e9999 -0.0 .inf .nan 9223372036854775808 3.2e15 '' null ~ true [] {} [[[[ \\0 ! * & - : "
    b"1..1e9999 \xc2\xb2 \xd9\xa3 \xff \x00 \x1b[2J ../../x !!python/object:os.system 2001-99-99 0x1p3 = + @"
).split()
CSV = b"Layer,IFMAP h,IFMAP w,Filter h,Filter w,Channels,Num Filter,Strides,\nconv1,34,34,3,3,3,16,1,\n"


@dataclass(frozen=True)
class Kind:
    """One reader: valid inputs, what reads a file of them, and whether any changed byte must be noticed."""

    name: str
    file: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], str]  # empty, or what cannot be
    sealed: bool = False
    text: bool = True


@cache
def home() -> Path:
    """Return a folder with one valid thing of each kind."""
    folder = Path(tempfile.mkdtemp(prefix="lacuna_fuzz_"))
    trace = synthetic_trace(cifar_resnet(8, "channel"), 5)
    save_trace(trace, folder / "t.parquet")
    export_npz(trace, folder / "t.npz")
    save_graph(trace.graph, folder / "g.json")
    replay(trace, load_design("edge_npu_16x16"), explain=False).save(folder / "results")
    from analysis.sweeps.sweep import sweep  # noqa: PLC0415  (pandas)

    sweep(make_space(folder, SPACE), folder / "sweep", workers=0, evaluator=analytic)
    return folder


def _file(*path: str) -> Callable[[], list[bytes]]:
    return lambda: [home().joinpath(*path).read_bytes()]


def _designs() -> list[bytes]:
    folder = resources.files("accel_models.designs")
    return [folder.joinpath(f"{name}.yaml").read_bytes() for name in design_names()]


def _design(path: Path) -> str:
    design = load_design(path)
    return _costs(design)


def _setting(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return _costs(load_design("edge_npu_16x16", dict([parse_override(text)])))


def _costs(design: object) -> str:
    graph = cifar_resnet(8, "layer")
    rows = estimate(graph, design).rows  # type: ignore[arg-type]
    for row in rows:
        if not (0 <= row.total_cycles < 1 << 62 and 0 <= row.energy_pj < math.inf):
            return f"{row.op} costs {row.total_cycles} cycles, {row.energy_pj} pJ"
        if not 0 <= row.utilization <= 1 + 1e-9:
            return f"{row.op} uses {row.utilization} of its unit"
    done = sum(row.macs for row in rows)
    if done != graph.macs:
        return f"{done} MACs done of {graph.macs}"
    return ""


def _beside(folder: str, name: str, load: Callable[[Path], object]) -> Callable[[Path], str]:
    """Return a reader that puts the file into its folder, loads that, and puts back what was there."""

    def read(path: Path) -> str:
        target = home() / folder / name
        whole = target.read_bytes()
        try:
            target.write_bytes(path.read_bytes())
            load(home() / folder)
        finally:
            target.write_bytes(whole)
        return ""

    return read


def _quiet(load: Callable[[Path], object]) -> Callable[[Path], str]:
    def read(path: Path) -> str:
        load(path)
        return ""

    return read


def _space(path: Path) -> str:
    place = home() / path.name
    place.write_bytes(path.read_bytes())
    load_space(place)
    return ""


def _expression(path: Path) -> str:
    rule = parse_expression(path.read_bytes().decode("utf-8", "replace"))
    rule(dict.fromkeys(rule.names, 3))
    return ""


RESULTS = ("summary.json", "per_input.parquet", "per_op.parquet", "design.yaml", "policy.json")
KINDS = (
    Kind("trace", "t.parquet", _file("t.parquet"), _quiet(load_trace), sealed=True, text=False),
    Kind("npz", "t.npz", _file("t.npz"), _quiet(load_trace), text=False),
    Kind("design", "d.yaml", _designs, _design),
    Kind("setting", "s.txt", lambda: [b"array.rows=8", b"clock=160 MHz", b"skip.group=4"], _setting),
    Kind("space", "s.yaml", lambda: [SPACE.encode()], _space),
    Kind("expression", "e.txt", lambda: [b'array.rows * 2 <= 8 or clock >= "100 MHz"'], _expression),
    Kind("graph", "g.json", _file("g.json"), _quiet(load_network)),
    Kind("topology", "n.csv", lambda: [CSV], _quiet(load_network)),
    *(
        Kind(
            f"results/{name}",
            name,
            _file("results", name),
            _beside("results", name, load_results),
            sealed=True,
        )
        for name in RESULTS
    ),
    Kind(
        "sweep/space.json",
        "space.json",
        _file("sweep", "space.json"),
        _beside("sweep", "space.json", load_sweep),
    ),
    Kind(
        "sweep/part",
        "part.parquet",
        _file("sweep", "rows", "part-000000.parquet"),
        _beside("sweep", "rows/part-000000.parquet", load_sweep),
        sealed=True,
        text=False,
    ),
)


def changed(data: bytes, rng: Random, *, text: bool) -> bytes:
    """Return ``data`` with one to three changes."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at, end = rng.randrange(len(out) + 1), rng.randrange(len(out) + 1)
        word = rng.choice(WORDS)
        match rng.choice(
            ["word", "number", "line"] if text and rng.random() < 0.8 else ["bit", "cut", "copy", "word"]
        ):
            case "bit" if out:
                out[at % len(out)] ^= 1 << rng.randrange(8)
            case "cut":
                del out[min(at, end) : max(at, end)]
            case "copy":
                out[at:at] = out[min(at, end) : max(at, end)]
            case "number":
                spots = [i for i, c in enumerate(out) if chr(c).isdigit()]
                spot = rng.choice(spots) if spots else at
                out[spot : spot + 1] = word
            case "line":
                lines = out.split(b"\n")
                spot = rng.randrange(len(lines))
                lines[spot] = lines[rng.randrange(len(lines))] if rng.random() < 0.5 else bytearray(word)
                out = bytearray(b"\n".join(lines))
            case _:
                out[at : at + rng.randint(0, 4)] = word
    return bytes(out)


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def judge(kind: Kind, data: bytes, seeds: list[bytes], folder: Path) -> tuple[str, str]:
    """Return how a case ended, and what there is to say about it."""
    path = folder / kind.file
    path.write_bytes(data)
    try:
        with _limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            wrong = kind.read(path)
    except LacunaError as problem:
        said = str(problem)
        unfit = len(said) > MOST_CHARACTERS or not said.replace("\n", "").isprintable()
        return ("bad message", said[:200]) if unfit else ("refused", said)
    except TimeoutError:
        return "hang", ""
    except Exception as problem:  # the very thing a campaign looks for
        return "traceback", f"{type(problem).__name__}: {str(problem)[:200]}"
    if kind.sealed and data not in seeds:
        return "silent", "changed bytes were read"
    return ("silent", wrong) if wrong else ("read", "")


def campaign(cases: int, seed: int, save: Path | None = None) -> dict[str, Counter[str]]:
    """Run ``cases`` over all kinds in turn; failing inputs are saved, and what failed is printed."""
    rng = Random(seed)
    seeds = {kind.name: kind.seeds() for kind in KINDS}
    _costs(load_design("gemmini_16x16"))  # compiles its loops, which takes longer than a case may
    ends = {kind.name: Counter[str]() for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        for case in range(cases):
            kind = KINDS[case % len(KINDS)]
            data = changed(rng.choice(seeds[kind.name]), rng, text=kind.text)
            end, said = judge(kind, data, seeds[kind.name], Path(name))
            ends[kind.name][end] += 1
            if end not in {"read", "refused"}:
                sys.stderr.write(f"{kind.name} {case} of seed {seed}: {end}: {said!r}\n")
                if save is not None:
                    save.mkdir(parents=True, exist_ok=True)
                    (save / f"{case:06d}_{end.replace(' ', '_')}_{kind.file}").write_bytes(data)
    return ends


def failures(ends: dict[str, Counter[str]]) -> int:
    """Return how many cases ended as none may."""
    return sum(
        count for found in ends.values() for end, count in found.items() if end not in {"read", "refused"}
    )


def main() -> None:
    """Run a campaign and print a summary per kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for inputs that fail")
    asked = parser.parse_args()
    ends = campaign(asked.cases, asked.seed, asked.save)
    for kind, found in ends.items():
        sys.stdout.write(f"{kind:26} {', '.join(f'{end} {n}' for end, n in sorted(found.items()))}\n")
    sys.stdout.write(f"{asked.cases} cases, {failures(ends)} failures\n")
    sys.exit(failures(ends) > 0)


if __name__ == "__main__":
    main()
