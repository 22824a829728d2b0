"""Reading the CSV tables that ship inside the packages."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def read_rows(package: str, *path: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a CSV file inside ``package``, every cell as text."""
    text = files(package).joinpath(*path).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
