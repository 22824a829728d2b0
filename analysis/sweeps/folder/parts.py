"""Rows on the disk: Parquet parts, each written whole or not at all, sealed, and read with suspicion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.sweeps.folder.manifest import read_manifest
from analysis.sweeps.row import ROW_COLUMNS, SweepRow
from traces import (
    FileProblem,
    arrow_file,
    atomic_write,
    parse_json_mapping,
    reading,
    seal,
    shown,
    verify_seal,
)

if TYPE_CHECKING:
    import pyarrow as pa

ROWS: Final = "rows"
_JSON: Final = ("parameters", "policy", "utilization", "busy")
_ARROW: Final = {"str": "string", "bool": "bool_", "int": "int64", "float": "float64"}


def parts_in(folder: Path) -> list[Path]:
    """Return the parts of a folder in the order in which they were written."""
    return sorted((folder / ROWS).glob("part-*.parquet"))


def _arrow_schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415  (slow to import)

    return pa.schema([(name, getattr(pa, _ARROW[kind])()) for name, kind in ROW_COLUMNS.items()])


def write_part(path: Path, rows: Sequence[SweepRow]) -> None:
    """Write rows as one part."""
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_arrow_schema())
    with atomic_write(path) as part:
        with arrow_file(part, "wb") as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        seal(part)


def read_rows(folder: Path) -> list[SweepRow]:
    """Return every row of the folder once."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow to import)

    rows: dict[str, SweepRow] = {}
    parts = parts_in(folder)
    sealed = bool(parts) and read_manifest(folder).schema_version != "1.0"
    for path in parts:
        with _part_to_delete(path):
            if not verify_seal(path) and sealed:
                raise FileProblem(f"{path}: is damaged: has lost its seal")
            with arrow_file(path, "rb") as file:
                table = pq.read_table(file, page_checksum_verification=True)
            if not table.schema.equals(_arrow_schema()):
                raise FileProblem(f"{path}: has other columns than this tool writes")
            for values in table.to_pylist():
                row = SweepRow(**values)
                _check_row(row, path)
                rows.setdefault(row.key, row)
    return list(rows.values())


@contextmanager
def _part_to_delete(path: Path) -> Iterator[None]:
    """Say of a part that cannot be read what to do about it."""
    try:
        with reading(path):
            yield
    except FileProblem as problem:
        raise FileProblem(f"{problem}; delete it and resume") from None


def _check_row(row: SweepRow, path: Path) -> None:
    """Refuse a row that no evaluation can have: what was found is not negative, and of a feasible row is known."""
    wrong = next((name for name, kind in ROW_COLUMNS.items() if not _can_be(getattr(row, name), kind)), None)
    if wrong is None and row.feasible:
        wrong = next((name for name in ("latency_us", "energy_uj") if isnan(getattr(row, name))), None)
    if wrong is None and row.accuracy > 1:
        wrong = "accuracy"
    if wrong is not None:
        value = shown(getattr(row, wrong))
        raise FileProblem(f"{path}: is damaged: row {shown(row.key)}: {wrong} = {value} cannot be")
    for name in _JSON:
        parse_json_mapping(getattr(row, name), f"{path}: is damaged: row {shown(row.key)}: {name}")


def _can_be(value: object, kind: str) -> bool:
    """Whether a cell holds what its column holds: a number that is not negative, or one that is not known."""
    match kind:
        case "int":
            return isinstance(value, int) and value >= 0
        case "float":
            return isinstance(value, float) and (isnan(value) or 0 <= value < inf)
        case _:
            return value is not None
