"""The measured rows that ship beside the comparisons (``reference/*.csv``)."""

from __future__ import annotations

from traces import read_rows

Row = dict[str, str]


def reference_rows(name: str) -> tuple[Row, ...]:
    """Return the rows of ``reference/<name>.csv``, every cell as text."""
    return read_rows("analysis.validation", "reference", f"{name}.csv")
