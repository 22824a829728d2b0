"""The command line: the values of its options, their order and their number, in this process.

A case is a list of words in JSON.  A command may answer (its JSON holds finite numbers only) or be refused with exit
code 2 and a short message; nothing else.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.home import home
from tests.fuzz.kind import NUMBERS, Kind, as_json, renumbered
from traces import FileProblem, LacunaError

ON = ("-d", "edge_npu_16x16")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("estimate", "g.json", *ON, "--batch", "2", "--dataflow", "os", "--json"),
    ("estimate", "resnet8_tiny", "-d", "cortex_m4", "--set", "clock=100 MHz", "--json"),
    ("replay", "t.parquet", *ON, "-o", "made", "--prefetch", "predict", "--theta", "0.4", "--json"),
    ("replay", "t.parquet", *ON, "-o", "made", "--batch", "2", "--batch-order", "similar", "--timeline", "1"),
    (
        "replay",
        "t.parquet",
        *ON,
        "-o",
        "made",
        "--exit-threshold",
        "0.7",
        "--limit",
        "3",
        "--without",
        "fuse",
    ),
    ("replay", "g.json", *ON, "-o", "made", "--engine", "events", "--compaction", "per_input", "--ops"),
    (
        "stream",
        "t.parquet",
        *ON,
        "-o",
        "made",
        "--rate",
        "1000 fps",
        "--deadline",
        "1 ms",
        "--frames",
        "9",
        "--json",
    ),
    ("stream", "t.parquet", *ON, "-o", "made", "--rate", "1e5 fps", "--arrivals", "poisson", "--seed", "3"),
    (
        "stream",
        "t.parquet",
        *ON,
        "-o",
        "made",
        "--rate",
        "9 fps",
        "--latency-budget",
        "9 us",
        "--budget-quantile",
        "0.9",
    ),
    (
        "stream",
        "t.parquet",
        *ON,
        "-o",
        "made",
        "--rate",
        "1e5 fps",
        "--queue",
        "2",
        "--drop",
        "oldest",
        "--in-flight",
        "2",
    ),
    (
        "stream",
        "t.parquet",
        *ON,
        "-o",
        "made",
        "--rate",
        "5 fps",
        "--dvfs",
        "0.5:0.8,1:1",
        "--switch-time",
        "9 us",
    ),
    ("pareto", "sweep", "--where", "latency_us_p99 <= 5000", "--sort", "energy_uj", "--best", "3", "--json"),
    ("pareto", "sweep", "--minimize", "latency_us,area_mm2", "--maximize", "accuracy", "--fronts", "2"),
    ("pareto", "sweep", "--budget", "latency_p99=5 ms", "--json"),
    ("compare", "results", "results", "--seed", "1", "--json"),
    ("verdict", "t.parquet", *ON, "--limit", "3", "--json"),
    ("why", "t.parquet", *ON, "--prefetch", "wait", "--without", "all", "--json"),
    ("sensitivity", "t.parquet", *ON, "--factor", "2", "--limit", "2", "--json"),
    ("sensitivity", "sweep", "--budget", "area=2 mm2"),
    ("break-even", "g.json", *ON, "--inputs", "4", "--seed", "2", "--json"),
    ("inspect", "g.json", "--json"),
    ("inspect", "edge_npu_16x16", "--set", "array.rows=8", "--area"),
    ("inspect", "--keys", "array"),
    ("cost-table", "g.json", *ON, "-o", "made.json", "--unit", "cycles"),
    ("new-design", "mine", "--like", "edge_npu_16x16", "-o", "made.yaml", "--set", "array.rows=4"),
    ("designs", "--json"),
    ("schema", "design"),
)
WORDS = (
    "",
    "-1",
    "0",
    "nan",
    "inf",
    "-inf",
    "1e9999",
    "1e-9999",
    "²",
    "٣",
    "x",
    "\x1b[2J",
    "=1+1",
    "../../x",
    "a" * 3000,
    "none",
    "9" * 400,
    "1 parsec",
    "5 ms",
    "3 fps",
    "1:1,1:1",
    "0:0",
    "a,b",
    ",",
    "a=b",
    "=",
    "__import__('os')",
    "1..1e9999 log2",
    "latency_us_p99 <= ",
    "not " * 200 + "1",
    "((((1",
    "true",
    "\x00",
    "\udc80",
    "--json",
    "-o",
    "--",
    "10 MHz",
    "t.parquet",
    "results",
)
NAMES = (
    "--batch",
    "--limit",
    "--set",
    "--theta",
    "--exit-threshold",
    "--size",
    "--frames",
    "--seed",
    "--factor",
    "--best",
    "--queue",
    "--in-flight",
    "--rate",
    "--where",
    "--sort",
    "--budget",
    "--unit",
    "--without",
    "--prefetch",
    "--keys",
    "--inputs",
)
MOST_CHARACTERS = 500


def _drawn(rng: Random) -> bytes:
    """Draw a command with one or two words replaced, added or left out."""
    words = list(rng.choice(COMMANDS))
    for _ in range(rng.choice([1, 1, 2])):
        values = [at for at in range(2, len(words)) if words[at - 1].startswith("--")]
        at = rng.randrange(1, len(words)) if len(words) > 1 else 0
        match rng.choice(["value", "value", "number", "number", "number", "drop", "option", "twice"]):
            case "number" if values:
                at = rng.choice(values)
                words[at] = renumbered(words[at], rng)
            case "value":
                words[at] = rng.choice(WORDS)
            case "drop":
                del words[at]
            case "option":
                words += [rng.choice(NAMES), rng.choice(WORDS if rng.random() < 0.6 else NUMBERS)]
            case _:
                words[at:at] = words[at : at + 2]
    return as_json(words)


@contextmanager
def _within(folder: Path) -> Iterator[None]:
    """Work in a folder whose results are whole again afterwards."""
    back = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(back)


def _run(path: Path) -> str:
    """Run the command; what it says on stderr is the message of a refusal."""
    from lacuna import console  # noqa: PLC0415  (rich and typer)
    from lacuna.app import app  # noqa: PLC0415

    words = json.loads(path.read_text())
    room = path.parent / "room"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(home(), room)
    said, printed = io.StringIO(), io.StringIO()
    with _within(room), redirect_stderr(said), redirect_stdout(printed):
        try:
            console.out().file, console.err().file = printed, said
            app(words, prog_name="lacuna")
            code: Any = 0
        except SystemExit as end:
            code = end.code
        except OSError as problem:  # as __main__ has it
            raise FileProblem(f"{problem.filename}: {problem.strerror}") from None
        finally:
            console.out().file = console.err().file = None  # type: ignore[assignment]  # as rich has it
            left = [part.name for part in room.rglob(".*.part")]
    if left:
        return f"left {left}"
    if code == 2:
        raise LacunaError(_message(said.getvalue()))
    if code:
        return f"exit code {code}"
    return _wrong_json(printed.getvalue()) if "--json" in words and "--help" not in words else ""


def _message(text: str) -> str:
    """Return what a usage error says, without the usage and the breaks of its lines."""
    return " ".join(re.sub(r"(?s)^.*?\nError: ", "", text).split())


def _wrong_json(text: str) -> str:
    def refuse(word: str) -> Any:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as problem:
        return f"prints no JSON: {problem}"
    return ""


@cache
def _valid() -> list[bytes]:
    return [as_json(list(words)) for words in COMMANDS]


KINDS = (Kind("command line", "words.json", _drawn, _run, _valid),)
