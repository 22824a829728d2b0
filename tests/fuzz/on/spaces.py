"""Spaces and expressions: changed text, and drawn ones whose points and values are counted another way."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from analysis.sweeps.spaces.expressions import parse_expression
from analysis.sweeps.spaces.file import load_space
from tests.fuzz.home import SPACE, home
from tests.fuzz.kind import Kind, bytes_of
from traces import ConfigError

EXPRESSION = b'array.rows * 2 <= 8 or clock >= "100 MHz"'
NAMES = {"a": 3, "b": -7, "c": 0, "d": 2.5, "e": True}


def _placed(path: Path) -> Path:
    place = home() / path.name
    place.write_bytes(path.read_bytes())
    return place


def _read_space(path: Path) -> str:
    space = load_space(_placed(path))
    points = sum(1 for _ in space.points())
    return "" if points == space.size <= space.raw_size else f"{points} points, size says {space.size}"


def _drawn_space(rng: Random) -> bytes:
    """Draw axes of ranges and lists, with a rule now and then; the first line holds how many points there are."""
    axes: dict[str, tuple[str, list[int]]] = {}
    for name in rng.sample(["array.rows", "array.cols", "memory.banks", "skip.group"], rng.randint(1, 3)):
        start, step = rng.randint(1, 9), rng.randint(1, 5)
        stop = start + rng.randint(0, 20)
        match rng.choice(["range", "step", "log2", "list"]):
            case "range":
                axes[name] = f"{start}..{stop}", list(range(start, stop + 1))
            case "step":
                axes[name] = f"{start}..{stop} step {step}", list(range(start, stop + 1, step))
            case "log2":
                axes[name] = f"{start}..{stop} log2", [start << i for i in range(9) if start << i <= stop]
            case _:
                values = rng.sample(range(1, 30), rng.randint(1, 5))
                axes[name] = str(values), values
    names, limit = list(axes), rng.randint(1, 60)
    ruled = rng.random() < 0.5
    count = sum(
        not ruled or sum(point) <= limit for point in product(*(values for _, values in axes.values()))
    )
    lines = [f"# {count}", "designs: edge_npu_16x16", "traces: easy.parquet", "set:"]
    lines += [f"  {name}: {text}" for name, (text, _) in axes.items()]
    lines += [f"where: ['{' + '.join(names)} <= {limit}']"] if ruled else []
    return "\n".join(lines).encode()


def _read_drawn(path: Path) -> str:
    promised = int(path.read_text().splitlines()[0][2:])
    try:
        found = sum(1 for _ in load_space(_placed(path)).points())
    except ConfigError:
        if promised:  # a rule that no point meets is refused
            return f"refused, has {promised} points"
        raise
    return "" if found == promised else f"{found} points, counted {promised}"


def _read_expression(path: Path) -> str:
    rule = parse_expression(path.read_bytes().decode("utf-8", "replace"))
    rule(dict.fromkeys(rule.names, 3))
    return ""


def _drawn_expression(rng: Random) -> bytes:
    """Draw an expression, and on a second line what it is in Python."""
    return "\n".join(_term(rng, rng.choice([1, 2, 3, 4, 12, 40]))).encode()


def _term(rng: Random, depth: int) -> tuple[str, str]:
    """Return an expression, ours and Python's; beyond a depth of 4 only one side grows, so texts stay short."""
    if depth <= 0:
        leaf = rng.choice([*NAMES, "0", "1", "2", "7", "0.5", "100", "1e3", "1e308"])
        return leaf, leaf
    a, b = _term(rng, depth - 1), _term(rng, depth - 1 if depth <= 4 else 0)
    form = rng.choice(
        [
            "-{0}", "+{0}", "not {0}", "abs({0})", "ceil({0})", "floor({0})", "log2({0})",
            "max({0}, {1})", "min({1}, {0})",
            *(f"({{0}} {op} {{1}})" for op in ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=")),
            "({0} in [{1}, 1, 3])", "({1} < {0} <= 7)", "({0} and {1})", "({1} or {0})",
        ]
    )  # fmt: skip
    joins = " and " in form or " or " in form  # which say yes or no here, and hand on an operand in Python
    if form.startswith("not "):
        form = f"({form})"
    return form.format(a[0], b[0]), ("bool" if joins else "") + form.format(a[1], b[1])


def _read_against_python(path: Path) -> str:
    """Compare with Python's own value of a text that was drawn here."""
    text, told = path.read_text().split("\n")
    known = {
        "abs": abs,
        "ceil": math.ceil,
        "floor": math.floor,
        "log2": math.log2,
        "max": max,
        "min": min,
        "bool": bool,
    }
    truth: Any
    try:
        truth = eval(told, {"__builtins__": {}}, {**known, **NAMES})
    except (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
        truth = None
    try:
        rule = parse_expression(text)
        found = rule({name: NAMES[name] for name in rule.names})
    except ConfigError:
        if truth is not None and len(text) <= 500:
            return f"refused, is {truth}"
        raise
    if truth is None:
        return f"is {found}, Python refuses"
    same = found == truth or str(found) == str(truth) == "nan"
    return "" if same else f"is {found}, Python says {truth}"


def _pieces() -> list[bytes]:
    return [EXPRESSION, b"a in [1, 2] and not b", b"max(a, b) // 2 % 7 != 1"]


KINDS = (
    Kind("space", "s.yaml", bytes_of(lambda: [SPACE.encode()]), _read_space, lambda: [SPACE.encode()]),
    Kind("space, drawn", "s.yaml", _drawn_space, _read_drawn, lambda: [_drawn_space(Random(3))]),
    Kind("expression", "e.txt", bytes_of(_pieces), _read_expression, lambda: [EXPRESSION]),
    Kind(
        "expression, drawn",
        "e.txt",
        _drawn_expression,
        _read_against_python,
        lambda: [b"a + b\na + b", b"(a and d)\nbool(a and d)"],
    ),
)
