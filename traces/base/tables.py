"""CSV tables: those that ship inside the packages are read, others are written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet computes


@cache
def read_rows(package: str, *path: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a CSV file inside ``package``, every cell as text."""
    text = files(package).joinpath(*path).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return a table as CSV that a spreadsheet may open.

    A text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage
    return) gets an apostrophe in front, as OWASP's page on CSV injection has it; numbers stay as they are.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(row[name]) for name in columns} for row in rows)
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def is_number(text: str) -> bool:
    """Whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
