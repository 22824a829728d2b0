"""A seeded campaign of hostile inputs over every reader: ``python -m tests.fuzz.campaign --cases 20000 --seed 1``.

A case is a valid file with changed bytes, or one drawn from within: values changed and the seal put right, numbers in
range but extreme.  It may be read or refused; it may not end in a traceback, take longer than ten seconds, want
gigabytes, be refused in more than 500 characters, or be read as something that cannot be (:mod:`tests.fuzz.oracles`).
A sealed file whose bytes changed is refused.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from accel_models.units.gemmini import loops
from accel_models.units.gemmini.loops import TO_COMPILE_US
from simulator import estimate
from tests.fuzz.home import design, small_network
from tests.fuzz.kind import Kind
from tests.fuzz.on import (
    checkpoints,
    designs,
    folders,
    masks,
    networks,
    onnx_models,
    options,
    runs,
    spaces,
    tables,
    tflite,
    traces,
)
from traces import LacunaError

SECONDS = 10  # of the processor, for one case
MOST_CHARACTERS = 500
MOST_MEMORY = (
    8 << 30
)  # bytes of addresses of the whole campaign, libraries and all; a case that wants more fails
GROUPS = (
    traces,
    masks,
    designs,
    networks,
    spaces,
    folders,
    tables,
    onnx_models,
    tflite,
    checkpoints,
    runs,
    options,
)
KINDS: tuple[Kind, ...] = tuple(kind for group in GROUPS for kind in group.KINDS)
GOOD = frozenset({"read", "refused"})


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


def judge(kind: Kind, data: bytes, folder: Path) -> tuple[str, str]:
    """Return how a case ended, and what there is to say about it."""
    path = folder / kind.file
    path.write_bytes(data)
    try:
        with _limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            wrong = kind.read(path)
    except LacunaError as problem:
        said = str(problem)
        unfit = len(said) > MOST_CHARACTERS or not said.translate({10: None, 0xA0: None}).isprintable()
        return ("bad message", said[:200]) if unfit else ("refused", said)
    except TimeoutError:
        return "hang", ""
    except MemoryError:
        return "memory", ""
    except Exception as problem:  # the very thing a campaign looks for
        return "traceback", f"{type(problem).__name__}: {str(problem)[:200]}"
    if kind.sealed and data not in kind.valid():
        return "silent", "changed bytes were read"
    return ("silent", wrong) if wrong else ("read", "")


def compile_loops() -> None:
    """Compile Gemmini's loops, as a long campaign would in the middle of a case, for longer than one may take."""
    loops._LAYERS.walked_us = loops._PRODUCTS.walked_us = TO_COMPILE_US
    estimate(small_network(), design("gemmini_16x16"))


def campaign(
    cases: int, seed: int, save: Path | None = None, kinds: tuple[Kind, ...] = KINDS
) -> dict[str, Counter[str]]:
    """Run ``cases`` over the kinds in turn; failing inputs are saved, and what failed is printed.

    Every case has a random stream of its own, so one is drawn again by its number alone.
    """
    ends = {kind.name: Counter[str]() for kind in kinds}
    with tempfile.TemporaryDirectory() as name:
        for case in range(cases):
            kind = kinds[case % len(kinds)]
            data = kind.draw(Random(f"{seed} {kind.name} {case}"))
            began = time.process_time()
            end, said = judge(kind, data, Path(name))
            ends[kind.name][end] += 1
            ends[kind.name]["ms"] += round(1000 * (time.process_time() - began))
            if end not in GOOD:
                sys.stderr.write(f"{kind.name} {case} of seed {seed}: {end}: {said!r}\n")
                if save is not None:
                    save.mkdir(parents=True, exist_ok=True)
                    (save / f"{case:06d}_{end.replace(' ', '_')}_{kind.file}").write_bytes(data)
    return ends


def failures(ends: dict[str, Counter[str]]) -> int:
    """Return how many cases ended as none may."""
    return sum(count for found in ends.values() for end, count in found.items() if end not in {*GOOD, "ms"})


def summary(ends: dict[str, Counter[str]]) -> str:
    """Return a line per kind: how its cases ended, and how long one took."""
    lines = []
    for kind, found in ends.items():
        cases = sum(count for end, count in found.items() if end != "ms")
        told = ", ".join(f"{end} {count}" for end, count in sorted(found.items()) if end != "ms")
        lines.append(f"{kind:32} {told}; {found['ms'] / max(cases, 1):.0f} ms each\n")
    return "".join(lines)


def main() -> None:
    """Run a campaign and print a summary per kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for inputs that fail")
    parser.add_argument("--only", default="", help="kinds whose names begin so")
    asked = parser.parse_args()
    kinds = tuple(kind for kind in KINDS if kind.name.startswith(asked.only))
    compile_loops()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.RLIM_INFINITY))
    ends = campaign(asked.cases, asked.seed, asked.save, kinds)
    sys.stdout.write(summary(ends))
    sys.stdout.write(f"{asked.cases} cases, {failures(ends)} failures\n")
    sys.exit(failures(ends) > 0)


if __name__ == "__main__":
    main()
