"""What the command line prints: tables and JSON on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis import digits
from analysis import percent as percent_held_together
from traces import printable

out = Console(soft_wrap=False)
err = Console(stderr=True)
_NUMBER = re.compile(r"[-+]?[\d,.]+(e[-+]?\d+)?( (%|[A-Za-z0-9]+))?( ~)?$")  # ~: doubtful
_GAP = 2  # between columns
_READABLE = 30  # a column of text does not wrap to less than this
Advance = Callable[[int, int], None]  # (done, total)


def show_error(message: str) -> None:
    """Print one error message, whole, on stderr."""
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True, highlight=False)


def show_stopped(kept: str = "") -> None:
    """Print on stderr that Ctrl-C ended the command, and what is kept."""
    err.print(escape(f"stopped; {kept}" if kept else "stopped"), soft_wrap=True, highlight=False)


def show_json(value: object) -> None:
    """Print ``value`` as JSON on stdout; numbers keep all their digits, what is no number becomes null."""
    text = json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(text + "\n")


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """Print a table; columns of numbers are aligned right.

    In a narrow terminal the first and the last column wrap; columns that find no room even so stand on further
    lines of the same row, and their heads on further lines of the head.
    """
    if title:
        out.print(escape(printable(title)), style="bold", highlight=False)
    columns = [printable(column) for column in columns]
    rows = [
        [printable(cell) for cell in row] for row in rows
    ]  # names come from files; a terminal obeys some characters
    blocks = _blocks(_widths(columns, rows))
    if len(blocks) == 1:
        out.print(_table(columns, rows))
    else:
        _print_stacked(columns, rows, blocks)
    if note:
        out.print(escape(note), style="italic", highlight=False)
    out.print()


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table with these columns has one line per row in this terminal."""
    return sum(width + _GAP for width in _widths(columns, rows)) - _GAP <= out.width


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, [column, *(row[i] for row in rows)])) for i, column in enumerate(columns)]


def _blocks(widths: list[int]) -> list[list[int]]:
    """Return which columns stand side by side, each block led by the first column."""
    least = [min(w, _READABLE) if i in {0, len(widths) - 1} else w for i, w in enumerate(widths)]
    blocks = [[0]]
    for i in range(1, len(widths)):
        if len(blocks[-1]) > 1 and sum(least[k] + _GAP for k in [*blocks[-1], i]) - _GAP > out.width:
            blocks.append([0])
        blocks[-1].append(i)
    return blocks


def _print_stacked(
    columns: Sequence[str], rows: Sequence[Sequence[str]], blocks: Sequence[Sequence[int]]
) -> None:
    """Print a table whose rows take several lines: a line per block, those behind the first set in."""
    widths = _widths(columns, rows)
    first = min(widths[0], _READABLE)
    room = out.width - first - _GAP
    for block in blocks:  # what is longer than a line wraps
        last = block[-1]
        widths[last] = min(widths[last], room - sum(widths[k] + _GAP for k in block[1:-1]))
    widths[0] = first
    right = [_is_numeric([row[i] for row in rows]) for i in range(len(columns))]

    def lines(cells: Sequence[str], number: int) -> list[str]:
        led = blocks[number] if number == 0 else [None, *blocks[number][1:]]
        parts = [[""] if k is None else textwrap.wrap(cells[k], widths[k]) or [""] for k in led]
        wide = [first if k is None else widths[k] for k in led]
        flush = [False if k is None else right[k] for k in led]
        rows_of_text = zip_longest(*parts, fillvalue="")
        return [_line(texts, wide, flush) for texts in rows_of_text]

    for number in range(len(blocks)):
        for line in lines(columns, number):
            out.print(escape(line), highlight=False, style="bold")
    out.print("─" * out.width, highlight=False)
    for row in rows:
        for number in range(len(blocks)):
            for line in lines(row, number) if number == 0 or any(row[k] for k in blocks[number][1:]) else ():
                out.print(escape(line), highlight=False, style="dim" if number else None)


def _line(texts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = [
        text.rjust(width) if flush else text.ljust(width)
        for text, width, flush in zip(texts, widths, right, strict=True)
    ]
    return (" " * _GAP).join(cells).rstrip()


def _is_numeric(cells: Sequence[str]) -> bool:
    """Whether cells, where they say anything, are numbers."""
    return any(cells) and all(_NUMBER.match(cell) for cell in cells if cell)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    widths = _widths(columns, rows)
    first_wraps = sum(w + _GAP for w in widths[:-1]) + min(widths[-1], _READABLE) > out.width
    table = Table(box=SIMPLE_HEAD, show_header=any(columns), show_edge=False, pad_edge=False)
    table.padding = (0, 1, 0, 0)
    for i, column in enumerate(columns):
        numeric = _is_numeric([row[i] for row in rows])
        wraps = (i == len(columns) - 1 and widths[i] > _READABLE) or (i == 0 and first_wraps)
        table.add_column(
            escape(column),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=not wraps,
            min_width=None if wraps else widths[i],
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def show_lines(lines: Sequence[str]) -> None:
    """Print plain lines, markup not read."""
    for line in lines:
        out.print(escape(printable(line)), highlight=False, soft_wrap=True)


def show_notes(notes: Sequence[str]) -> None:
    """Print sentences, broken between words where the terminal ends."""
    for note in notes:
        out.print(escape(printable(note)), highlight=False)


def shell(*words: object) -> str:
    """Return a command to be typed as it stands: words with spaces are quoted."""
    return shlex.join(map(str, words))


class Stopped(Exception):
    """Ctrl-C was pressed; the text says what is kept, and how to go on."""


@contextmanager
def stoppable(kept: str) -> Iterator[None]:
    """Say what is kept, and how to go on, when Ctrl-C is pressed inside."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(kept) from None


@contextmanager
def progress(label: str) -> Iterator[Advance]:
    """Show a bar with rate and time left on stderr; yields ``advance(done, total)``."""
    from rich.progress import (  # noqa: PLC0415  (only commands that wait pay for it)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text  # noqa: PLC0415  (as above)

    class Rate(ProgressColumn):
        """How many a second, as soon as that is known."""

        def render(self, task: Task) -> Text:
            return Text(rate_words(task.speed))

    left = (TextColumn("left"), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), Rate(), *left)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(escape(label), total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def rate_words(speed: float | None) -> str:
    """Return how many are done a second, or a minute where that is less than one."""
    if not speed:
        return ""
    return f"{digits(speed, 3)}/s" if speed >= 1 else f"{digits(60 * speed, 3)}/min"


def percent(share: float | None) -> str:
    """Return a share as reports write it, with a space that a terminal can break."""
    return percent_held_together(share).replace("\u00a0", " ")
