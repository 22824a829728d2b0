"""What the command line prints: tables and JSON on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(soft_wrap=False)
err = Console(stderr=True)
_NUMBER = re.compile(r"[-+]?[\d,.]+(e[-+]?\d+)?( (%|[A-Za-z0-9]+))?$")
_GAP = 2  # between columns
_READABLE = 30  # a column of text that is narrower than this is a strip
Advance = Callable[[int, int], None]  # (done, total)


def show_error(message: str) -> None:
    """Print one error message, whole, on stderr."""
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True, highlight=False)


def show_json(value: object) -> None:
    """Print ``value`` as JSON on stdout; numbers keep all their digits."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """Print a table; columns of numbers are aligned right.

    When the terminal is narrow the last column gives way: it wraps, and if that would leave it a strip, it
    follows in a table of its own, beside the first.
    """
    if title:
        out.print(escape(title), style="bold", highlight=False)
    widths = _widths(columns, rows)
    room = out.width - sum(widths[:-1]) - _GAP * (len(widths) - 1)
    if len(columns) > 2 and room < min(widths[-1], _READABLE):
        out.print(_table(columns[:-1], [row[:-1] for row in rows]))
        out.print()
        columns, rows = [columns[0], columns[-1]], [[row[0], row[-1]] for row in rows]
    out.print(_table(columns, rows))
    if note:
        out.print(escape(note), style="italic", highlight=False)
    out.print()


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, [column, *(row[i] for row in rows)])) for i, column in enumerate(columns)]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table whose last column wraps, and its first too if that is not enough."""
    widths = _widths(columns, rows)
    first_wraps = sum(widths[:-1]) + _GAP * (len(widths) - 1) >= out.width
    table = Table(box=SIMPLE_HEAD, show_header=any(columns), show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, column in enumerate(columns):
        cells = [row[i] for row in rows if row[i]]
        numeric = bool(cells) and all(_NUMBER.match(cell) for cell in cells)
        wraps = i == len(columns) - 1 or (i == 0 and first_wraps)
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
        out.print(escape(line), highlight=False, soft_wrap=True)


@contextmanager
def progress(label: str) -> Iterator[Advance]:
    """Show a bar with rate and time left on stderr; yields ``advance(done, total)``."""
    from rich.progress import (  # noqa: PLC0415  (only commands that wait pay for it)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(escape(label), total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def quantity(value: float, digits: int = 4) -> str:
    """Return a number for reading: ``digits`` significant ones, thousands apart."""
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"
