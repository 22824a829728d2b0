"""Numbers and names as people read them: four digits, a fitting unit, text cut to a length."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

# quantity's base unit: (unit, how many base units it holds), rising
_SCALES: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "us": (("ns", 1e-3), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)),
    "uJ": (("nJ", 1e-3), ("µJ", 1.0), ("mJ", 1e3), ("J", 1e6)),
    "B": (("B", 1.0), ("KiB", 1024.0), ("MiB", 1024.0**2), ("GiB", 1024.0**3)),
    "MAC": (("MAC", 1.0), ("kMAC", 1e3), ("MMAC", 1e6), ("GMAC", 1e9)),
    "mm2": (("mm²", 1.0),),
}
_PARTS: Final = re.compile(r"[^\s_./,=]*[\s_./,=]+|[^\s_./,=]+")  # where a name may be broken
_NOTHING: Final = 0.0005  # shares below are 0.0 %
MISSING: Final = "–"
NARROW: Final = "\u00a0"  # between number and unit: never a line break


def fitting_unit(largest: float, base: str) -> tuple[str, float]:
    """Return ``(unit, base units it holds)`` in which ``largest`` reads as 1 to 1000."""
    scales = _SCALES.get(base, ((base, 1.0),))
    if not largest:
        return next(scale for scale in scales if scale[1] == 1)
    fitting = [scale for scale in scales if abs(largest) >= scale[1]]
    return fitting[-1] if fitting else scales[0]


def quantity(value: float, base: str) -> str:
    """Return ``1234, "us"`` as ``"1.234 ms"``, held together; a number that is not known as a dash."""
    if math.isnan(value):
        return MISSING
    unit, holds = fitting_unit(value, base)
    return f"{digits(value / holds)}{NARROW}{unit}"


def digits(value: float, significant: int = 4) -> str:
    """Return a number for reading: so many significant digits, thousands apart, no exponent."""
    if math.isnan(value):
        return MISSING
    if value == 0 or abs(value) >= 10 ** (significant - 1):
        return f"{value:,.0f}"
    return f"{Decimal(f'{value:.{significant}g}'):f}"


def percent(share: float | None) -> str:
    """Return a share as ``"48.3 %"``; one that is not known as a dash."""
    return MISSING if share is None or math.isnan(share) else f"{100 * share:.1f}{NARROW}%"


def saved_words(share: float, what: str) -> str:
    """Return ``"saves 31.0 % of the latency"``, or what it costs where nothing is saved."""
    if share >= 0:
        return f"saves {percent(share)} of the {what}"
    return f"costs {percent(-share)} more {what}"


def change_words(share: float, better: str, worse: str) -> str:
    """Return ``"31.0 % faster"`` for a share saved, and what it costs, never as a negative number, where none is.

    What is nothing when rounded is no cost.
    """
    return f"{percent(abs(share))} {better if share > -_NOTHING else worse}"


def skipped_words(shares: Sequence[float], skip: str, add: str) -> str:
    """Return ``"skips 50.8 % to 51.8 % of"`` for shares of MACs saved, ``"adds 3.6 % to"`` where more is done.

    ``skip`` and ``add`` are the verbs as the sentence needs them.
    """
    low, high = min(shares), max(shares)
    if low > -_NOTHING:
        return f"{skip} {_span(low, high)} of"
    if high < 0:
        return f"{add} {_span(-high, -low)} to"
    return f"{add} up to {percent(-low)} to, or {skip} up to {percent(high)} of,"


def _span(low: float, high: float) -> str:
    ends = percent(max(low, 0.0)), percent(high)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def batch_words(batch: int) -> str:
    """Return what figures of batches are of; empty if every input runs alone."""
    if batch == 1:
        return ""
    return f"of batches of {batch}: latency is that of a whole batch; MACs, bytes and energy are per input"


def slug(text: str) -> str:
    """Return ``text`` as a piece of a file name or anchor: ASCII letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def shorten(text: str, length: int = 28) -> str:
    """Return ``text`` with its middle left out if it is longer than ``length``.

    Whole parts go, so that no word or number is broken; only a part that is too long alone loses its own middle.
    """
    if len(text) <= length:
        return text
    parts, room = _PARTS.findall(text), length - 1
    head, tail = "", ""
    while parts and (len(head) + len(tail) + len(parts[-1]) <= room):
        tail = parts.pop() + tail
        if parts and len(head) + len(tail) + len(parts[0]) <= room:
            head += parts.pop(0)
    if head or tail:
        return f"{head.rstrip(' ,')}…{tail}"
    half = room // 2
    return f"{text[:half]}…{text[len(text) - (room - half) :]}"
