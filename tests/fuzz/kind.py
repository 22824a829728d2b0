"""What a kind of hostile input is, and the changes that all kinds share."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

Draw = Callable[[Random], bytes]

WORDS = (
    b"-1 0 1e308 1e-999 1e9999 -0.0 .inf .nan 9223372036854775808 3.2e15 '' null ~ true [] {} [[[[ \\0 ! * & - : "
    b"1..1e9999 \xc2\xb2 \xd9\xa3 \xff \x00 \x1b[2J ../../x !!python/object:os.system 2001-99-99 0x1p3 = + @"
).split()
VALUES: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 7, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, 2**63, -(2**63), 0.5, -0.5,
    1e-30, 1e18, 1e308, math.nan, math.inf, True, None, "", "x", "-1", "1e9", "\x1b[2J", "=1+1", [], {}, [1], {"a": 1},
)  # fmt: skip
INTS = (0, 1, -1, 2, 3, 4, 8, 16, 2**31 - 1, 2**31, 2**62, -(2**63))
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "17",
    "255",
    "1000",
    "65536",
    "2147483648",
    "1e9",
    "1e18",
    "1e-9",
    "0.5",
    "1.5",
)


@dataclass(frozen=True)
class Kind:
    """One reader: how a file for it is drawn, what reads it, and whether any changed byte must be noticed."""

    name: str
    file: str
    draw: Draw
    read: Callable[[Any], str]  # of a path: empty, or what cannot be
    valid: Callable[[], list[bytes]]  # files that must be read
    sealed: bool = False


def changed(data: bytes, rng: Random, *, text: bool) -> bytes:
    """Return ``data`` with one to three changes of its bytes, words or lines."""
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


def bytes_of(seeds: Callable[[], list[bytes]], *, text: bool = True) -> Draw:
    """Return what draws one of the seeds with changed bytes."""
    return lambda rng: changed(rng.choice(seeds()), rng, text=text)


def renumbered(text: str, rng: Random, numbers: tuple[str, ...] = NUMBERS) -> str:
    """Return the text with one to three of its numbers replaced."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        spots = list(re.finditer(r"(?<![A-Za-z_0-9.])-?\d+(\.\d+)?([eE][+-]?\d+)?", text))
        if not spots:
            return text
        spot = rng.choice(spots)
        text = text[: spot.start()] + rng.choice(numbers) + text[spot.end() :]
    return text


def mutated(tree: Any, rng: Random, values: tuple[Any, ...] = VALUES) -> Any:
    """Return plain data with one to three values changed, left out, doubled or renamed."""
    whole = [tree]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        holder, key = rng.choice(list(_places(whole)))
        old = holder[key]
        match rng.choice(["value", "value", "value", "scale", "drop", "rename"]):
            case "scale" if isinstance(old, int | float) and not isinstance(old, bool):
                holder[key] = old * rng.choice([-1, 2, 10, 1000, 2**20])
            case "drop" if isinstance(holder, dict):
                del holder[key]
            case "rename" if isinstance(holder, dict) and isinstance(key, str):
                holder[key + rng.choice(["_", " ", "\x00", "²"])] = holder.pop(key)
            case _:
                holder[key] = rng.choice(values)
    return whole[0]


def as_json(tree: Any) -> bytes:
    """Return plain data as JSON, whole numbers and NaN as they are."""
    return json.dumps(tree).encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every place of a tree as (holder, key)."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found
