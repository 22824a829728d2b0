"""What the command line prints: tables and JSON on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal

from analysis import change_words, digits
from analysis import percent as percent_held_together
from lacuna.tables import fits as table_fits
from lacuna.tables import lay_out
from traces import printable

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int, int], None]  # (done, total)


@cache
def out() -> Console:
    """Return what prints on stdout."""
    from rich.console import Console  # noqa: PLC0415  (help needs none)

    return Console(soft_wrap=False, markup=False, highlight=False)


@cache
def err() -> Console:
    """Return what prints on stderr."""
    from rich.console import Console  # noqa: PLC0415  (as above)

    return Console(stderr=True, markup=False, highlight=False)


def show_error(message: str) -> None:
    """Print one error message on stderr: on one line for whoever reads a file, between words for a terminal."""
    from rich.text import Text  # noqa: PLC0415  (as above)

    told = Text.assemble(("error:", "bold red"), " ", message)
    err().print(told, soft_wrap=not err().is_terminal)


def show_stopped(kept: str = "") -> None:
    """Print on stderr that Ctrl-C ended the command, and what is kept."""
    err().print(f"stopped; {kept}" if kept else "stopped", soft_wrap=True)


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


def show_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    note: str = "",
    second: int | None = None,
) -> None:
    """Print a table no wider than the terminal; columns of numbers are aligned right.

    ``second`` is the column that the second line of a row best begins with, where one line has no room.
    """
    if title:
        out().print(printable(title), style="bold")
    laid = lay_out(*_shown(columns, rows), out().width, second)
    if any(columns):
        for line in laid.head:
            out().print(line, style="bold")
    out().print("─" * laid.width)
    for body in laid.body:
        out().print(body.text, style="dim" if body.set_in else None)
    if note:
        out().print(note, style="italic")
    out().print()


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table with these columns has one line per row in this terminal."""
    return table_fits(*_shown(columns, rows), out().width)


def _shown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Return cells as they may be printed: names come from files, and a terminal obeys some characters."""
    return [*map(printable, columns)], [[*map(printable, row)] for row in rows]


def show_lines(lines: Sequence[str]) -> None:
    """Print plain lines, markup not read."""
    for line in lines:
        out().print(printable(line), soft_wrap=True)


def show_notes(notes: Sequence[str]) -> None:
    """Print sentences, broken between words where the terminal ends."""
    for note in notes:
        out().print(printable(note))


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
    from rich.markup import escape  # noqa: PLC0415  (as above)
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

    class Left(TimeRemainingColumn):
        """How long it still takes, as soon as there is an end to it."""

        def render(self, task: Task) -> Text:
            return Text("") if task.total is None else super().render(task).append(" left")

    parts = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), Rate(), Left())
    with Progress(*parts, console=err(), transient=True, disable=not err().is_terminal) as bar:
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


Gain = Literal["latency", "energy"]


def gain_words(share: float, what: Gain) -> str:
    """Return a share saved as ``28.7 % faster`` or ``12.1 % less``, one that is not as ``3.5 % slower`` or ``more``."""
    better, worse = ("faster", "slower") if what == "latency" else ("less", "more")
    return change_words(share, better, worse).replace("\u00a0", " ")
