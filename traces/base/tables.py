"""CSV tables: the one way to read and to write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet computes


@cache
def read_rows(package: str, *path: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a CSV file inside ``package``, every cell as text."""
    return tuple(csv_rows(files(package).joinpath(*path).read_text(encoding="utf-8")))


def csv_rows(text: str, most: int | None = None) -> list[dict[str, str]]:
    """Return the rows of a CSV table, every cell as text; one more than ``most`` where there are too many.

    A row's cells that no column names are left out, those that a short row lacks are empty.
    """
    reader = csv.DictReader(io.StringIO(text), restval="")
    rows = islice(reader, None if most is None else most + 1)
    return [{name: cell for name, cell in row.items() if name} for row in rows]


def csv_columns(text: str) -> tuple[str, ...]:
    """Return the columns that a CSV table names."""
    return tuple(csv.DictReader(io.StringIO(text)).fieldnames or ())


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
