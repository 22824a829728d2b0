"""Rows on the disk: Parquet parts, each written whole or not at all, sealed, and read with suspicion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.sweeps.folder.manifest import read_manifest
from analysis.sweeps.row import ROW_COLUMNS, SweepRow
from traces import (
    Bools,
    FileProblem,
    arrow_file,
    atomic_write,
    numpy_column,
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


@dataclass(frozen=True, slots=True)
class PartsRead:
    """What was read of a folder so far: its parts, and every row of them once."""

    parts: tuple[Path, ...] = ()
    rows: tuple[SweepRow, ...] = ()


def read_parts(folder: Path, before: PartsRead = PartsRead()) -> PartsRead:
    """Return every row of the folder once; parts that were read before are not read again.

    Column by column: to look at the cells of 100,000 rows one by one takes a minute.
    """
    rows = {row.key: row for row in before.rows}
    parts = parts_in(folder)
    new = sorted({*parts} - {*before.parts})
    sealed = bool(new) and read_manifest(folder).schema_version != "1.0"
    known: set[str] = set()  # JSON that was read
    for path in new:
        with _part_to_delete(path):
            table = _table(path, sealed=sealed)
            _check_numbers(table, path)
            _check_json(table, path, known)
            for values in zip(
                *(_values(table.column(name), kind) for name, kind in ROW_COLUMNS.items()), strict=True
            ):
                row = SweepRow(**dict(zip(ROW_COLUMNS, values, strict=True)))
                rows.setdefault(row.key, row)
    return PartsRead(tuple(parts), tuple(rows.values()))


def _table(path: Path, *, sealed: bool) -> pa.Table:
    """Return a part as it was written."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow to import)

    if not verify_seal(path) and sealed:
        raise FileProblem(f"{path}: is damaged: has lost its seal")
    with arrow_file(path, "rb") as file:
        table = pq.ParquetFile(file, page_checksum_verification=True).read(use_threads=False)
    if not table.schema.equals(_arrow_schema()):
        raise FileProblem(f"{path}: has other columns than this tool writes")
    return table


def _values(column: pa.ChunkedArray, kind: str) -> list[object]:
    """Return the cells of a column without nulls."""
    return list(column.to_pylist() if kind == "str" else numpy_column(column.combine_chunks()).tolist())


@contextmanager
def _part_to_delete(path: Path) -> Iterator[None]:
    """Say of a part that cannot be read what to do about it."""
    try:
        with reading(path):
            yield
    except FileProblem as problem:
        raise FileProblem(f"{problem}; delete it and resume") from None


def _check_numbers(table: pa.Table, path: Path) -> None:
    """Refuse a row that no evaluation can have: what was found is not negative, and of a feasible row is known."""
    for name in ROW_COLUMNS:
        wrong = np.flatnonzero(_cannot_be(table, name))
        if len(wrong):
            at = int(wrong[0])
            key, value = (shown(table.column(column)[at].as_py()) for column in ("key", name))
            raise FileProblem(f"{path}: is damaged: row {key}: {name} = {value} cannot be")


def _cannot_be(table: pa.Table, name: str) -> Bools:
    """Return which cells hold nothing, or a number that is negative or infinite; NaN is one that is not known."""
    column = table.column(name).combine_chunks()
    if column.null_count:
        return np.array([not cell.is_valid for cell in column], np.bool_)
    if ROW_COLUMNS[name] not in {"int", "float"}:
        return np.zeros(0, np.bool_)
    values = numpy_column(column)
    wrong = (values < 0) | (values == inf)
    if name == "accuracy":
        wrong |= values > 1
    if name in {"latency_us", "energy_uj"}:
        wrong |= np.isnan(values) & numpy_column(table.column("feasible").combine_chunks())
    return np.asarray(wrong)


def _check_json(table: pa.Table, path: Path, known: set[str]) -> None:
    """Refuse cells that hold no JSON object; ``known`` are texts that do, and takes new ones in."""
    for name in _JSON:
        texts = table.column(name).to_pylist()
        for text in {*texts} - known:
            key = shown(table.column("key")[texts.index(text)].as_py())
            parse_json_mapping(text, f"{path}: is damaged: row {key}: {name}")
            known.add(text)
