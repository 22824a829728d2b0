"""How a table stands in a terminal of any width: in the fewest lines, no cell lost, no name broken inside a word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

_NUMBER: Final = re.compile(  # 1,234; 5 % faster; -2.4 to -0.9 %; 3 x; ~: doubtful
    r"[-+]?[\d,.]+(e[-+]?\d+)?( to [-+]?[\d,.]+)?( (% [a-z]+|%|[A-Za-z0-9]+))?( ~)?$"
)
_GAPS: Final = (2, 1)  # between columns: the second where the first has no room
_SET_IN: Final = 4  # further lines of a row
_READABLE: Final = 20  # Choice: a column of text does not wrap to less than this
_PARTS: Final = re.compile(r"[^/.,=:]*[/.,=:]|[^/.,=:]+")  # a name that is too long ends a line behind these,
_WORDS: Final = re.compile(r"[^_-]*[_-]|[^_-]+")  # or, its parts being too long as well, behind these


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table's body."""

    text: str
    set_in: bool  # behind the first line of its row


@dataclass(frozen=True, slots=True)
class Laid:
    """A table as lines."""

    head: list[str]
    body: list[Line]

    @property
    def width(self) -> int:
        """Characters of the longest line."""
        return max(map(len, [*self.head, *(line.text for line in self.body)]), default=0)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column's cells under their head, and how wide it is if nothing, or all that can, wraps."""

    cells: list[str]  # the head first
    right: bool  # numbers
    natural: int
    least: int

    @classmethod
    def of(cls, cells: list[str], room: int, *, names: bool) -> _Column:
        natural = max(map(len, cells))
        head = max(map(len, head_words(cells[0]) or [""]))
        body = max(map(len, cells[1:]), default=0)
        if is_numeric(cells[1:]):
            return cls(cells, True, natural, max(head, body))
        whole = [word for cell in cells for word in cell.split()]
        longest = max(
            map(len, whole if names else (part for word in whole for part in _PARTS.findall(word))), default=0
        )
        return cls(cells, False, natural, max(head, min(body, max(_READABLE, min(longest, room // 2)))))


def lay_out(
    columns: Sequence[str], rows: Sequence[Sequence[str]], room: int, second: int | None = None
) -> Laid:
    """Lay a table out in lines of at most ``room`` characters.

    Where a row finds no room on one line, its texts wrap; or it takes several lines, each with some of its columns,
    those behind the first set in; ``second`` is the column that a second line best begins with.  The layout of fewer
    lines is taken.
    """
    made = [
        _Column.of([name, *(row[i] for row in rows)], room, names=i == 0) for i, name in enumerate(columns)
    ]
    one = [_laid(made, [list(range(len(made)))], room, gap) for gap in _GAPS]
    if fits(columns, rows, room):
        return one[0]
    gap = _GAPS[0]
    whole, wrapped = (
        _filled(widths, room, gap) for widths in ([c.natural for c in made], [c.least for c in made])
    )
    halves = [[[*range(second)], [*range(second, len(made))]]] if second else []
    several = [_laid(made, blocks, room, gap) for blocks in (*halves, whole, wrapped)]
    held = [laid for laid in (*one, *several) if laid.width <= room] or several
    return min(held, key=lambda laid: len(laid.body))  # of equals the first


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> bool:
    """Whether every row stands on one line of ``room`` characters."""
    widths = [max(len(name), *(len(row[i]) for row in rows), 0) for i, name in enumerate(columns)]
    return sum(widths) + _GAPS[0] * (len(widths) - 1) <= room


def head_words(name: str) -> list[str]:
    """Return where a column's name may end a line: ``latency_us`` as ``latency`` above ``us``, dots staying."""
    return [part for word in name.replace("_", " ").split() for part in _PARTS.findall(word)]


def is_numeric(cells: Sequence[str]) -> bool:
    """Whether cells, where they say anything, are numbers."""
    return any(cells) and all(_NUMBER.match(cell) for cell in cells if cell)


def wrap(text: str, width: int) -> list[str]:
    """Break text between words; a word that is too long between its parts, or anywhere if it has none."""
    lines = [""]
    for word in text.split():
        space = " " if lines[-1] else ""
        if len(lines[-1]) + len(space) + len(word) <= width:
            lines[-1] += space + word
            continue
        if lines[-1]:
            lines.append("")
        for part in _pieces(word, width):
            if len(lines[-1]) + len(part) > width:
                lines.append("")
            lines[-1] += part
    return lines


def _pieces(word: str, width: int) -> list[str]:
    """Return a word in pieces of at most ``width`` characters; whole if it is short enough."""
    if len(word) <= width:
        return [word]
    parts = [
        inner
        for part in _PARTS.findall(word)
        for inner in (_WORDS.findall(part) if len(part) > width else [part])
    ]
    return [part[i : i + width] for part in parts for i in range(0, len(part), width)]


def _filled(widths: list[int], room: int, gap: int) -> list[list[int]]:
    """Return columns in order, on each line as many as find room."""
    blocks, used = [[0]], widths[0]
    for i, width in enumerate(widths[1:], 1):
        if used + gap + width > room:
            blocks.append([])
            used = _SET_IN - gap
        blocks[-1].append(i)
        used += gap + width
    return blocks


def _laid(made: list[_Column], blocks: list[list[int]], room: int, gap: int) -> Laid:
    widths: dict[int, int] = {}
    for number, block in enumerate(blocks):
        left = room - gap * (len(block) - 1) - (_SET_IN if number else 0)
        widths |= zip(block, _shared([made[i] for i in block], left), strict=True)

    def lines(row: int) -> list[Line]:
        found = []
        for number, block in enumerate(blocks):
            if number and not any(made[i].cells[row] for i in block):
                continue
            texts = zip_longest(*(_wrapped(made[i].cells[row], widths[i], row) for i in block), fillvalue="")
            found += [
                Line(
                    (
                        " " * (_SET_IN if number else 0)
                        + (" " * gap).join(_aligned(cells, block, made, widths))
                    ).rstrip(),
                    number > 0,
                )
                for cells in texts
            ]
        return found

    head, *body = [lines(row) for row in range(len(made[0].cells))]
    return Laid([line.text for line in head], [line for row in body for line in row])


def _shared(columns: list[_Column], room: int) -> list[int]:
    """Return the widths at which columns share a line, the widest giving way first."""
    widths: list[int] = []
    for cap in range(max(column.natural for column in columns), 0, -1):
        widths = [max(column.least, min(column.natural, cap)) for column in columns]
        if sum(widths) <= room:
            break
    return widths


def _wrapped(text: str, width: int, row: int) -> list[str]:
    """Return the lines of a cell; of a column's name, whose row is the first, between its parts."""
    broken = row == 0 and len(text) > width
    return wrap(" ".join(head_words(text)) if broken else text, width)


def _aligned(
    texts: Sequence[str], block: list[int], made: list[_Column], widths: dict[int, int]
) -> list[str]:
    return [
        text.rjust(widths[i]) if made[i].right else text.ljust(widths[i])
        for text, i in zip(texts, block, strict=True)
    ]
