"""Traces on disk: Parquet, read in bounded memory, every byte verified.

One row per input (columns: :mod:`traces.files.columns`), row groups of 4,096, zstd, no dictionary, page checksums.
The schema's metadata holds one JSON text under ``lacuna``: ``schema_version``, ``graph``, ``info`` and
``sealed``.  A seal (:mod:`traces.files.seal`) covers what page checksums leave open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from traces.base.arrow import arrow_file
from traces.base.atomic import atomic_write
from traces.base.errors import ConfigError, FileProblem, LacunaError, did_you_mean, shown
from traces.base.explain import explain
from traces.base.guard import check_file, reading
from traces.base.npz import npz_arrays
from traces.base.plain import parse_json_mapping
from traces.base.versions import check_version
from traces.files.columns import flatten as columns_of
from traces.files.columns import from_batch, to_batch, unflatten
from traces.files.seal import seal, verify_seal
from traces.graphs.files import parse_graph
from traces.graphs.network import NetworkGraph
from traces.trace import TRACE_SCHEMA_VERSION, Trace, TraceInfo

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROW_GROUP = 4096  # inputs
_KEY = "lacuna"


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """What a trace file says of itself."""

    graph: NetworkGraph
    info: TraceInfo
    schema_version: str
    inputs: int


def shipped_traces() -> dict[str, Path]:
    """Return the recorded traces that ship, by name."""
    folder = Path(__file__).parents[1] / "shipped"
    return {path.stem: path for path in sorted(folder.glob("*.parquet"))}


def shipped_trace(name: str) -> Path | None:
    """Return the trace that ships under a name, or of the shipped network of that name; ``None``: there is none."""
    shipped = shipped_traces()
    return shipped.get(name) or shipped.get(f"{name}_cifar10")


def find_trace(name_or_path: str | Path) -> Path:
    """Return the path as it is, or the shipped trace of that name; a file of that name comes first."""
    path, name = Path(name_or_path), str(name_or_path)
    if path.exists() or path.suffix in {".parquet", ".npz"}:
        return path
    if found := shipped_trace(name):
        return found
    if shipped := shipped_traces():
        raise FileProblem(f"{name}: no such file, and no shipped trace{did_you_mean(name, shipped)}")
    return path


def save_trace(trace: Trace | Iterable[Trace], path: str | Path) -> None:
    """Write a trace as Parquet, atomically.

    Parameters
    ----------
    trace
        The trace, or its parts in order for one that does not fit in memory.  Parts share graph and
        columns; for row groups of 4,096 inputs each part but the last holds a multiple of that.
    path
        File to write; it is replaced whole or not at all.
    """
    import pyarrow as pa  # noqa: PLC0415  (slow to import, and only storage needs it)
    import pyarrow.parquet as pq  # noqa: PLC0415  (as above)

    parts = iter([trace] if isinstance(trace, Trace) else trace)
    first = next(parts, None)
    if first is None:
        raise FileProblem(f"{path}: no part of a trace to write")
    batch = to_batch(first)
    schema = batch.schema.with_metadata({_KEY: _metadata(first.graph, first.info, sealed=True)})
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": False, "write_page_checksum": True}
    with atomic_write(path) as temporary:
        with arrow_file(temporary, "wb") as file, pq.ParquetWriter(file, schema, **options) as writer:
            for data in chain([batch], map(to_batch, parts)):
                writer.write_table(pa.Table.from_batches([data.cast(schema)]), row_group_size=ROW_GROUP)
        seal(temporary)


def load_trace(path: str | Path, limit: int | None = None) -> Trace:
    """Read a trace from Parquet (or ``.npz``), whole or its first ``limit`` inputs."""
    parts = list(iter_trace(path, limit=limit))
    return parts[0] if len(parts) == 1 else _joined(parts)


def iter_trace(path: str | Path, rows: int = ROW_GROUP, limit: int | None = None) -> Iterator[Trace]:
    """Yield a stored trace in parts of at most ``rows`` inputs, in bounded memory (a ``.npz`` is read whole).

    The file is verified whole before its first part is given.  An empty trace yields one empty part.
    """
    path = find_trace(path)
    if rows < 1 or (limit is not None and limit < 0):
        raise ConfigError(f"rows = {rows}, limit = {limit}: rows must be at least 1, limit at least 0")
    if path.suffix == ".npz":
        yield from _slices(import_npz(path), rows, limit)
        return
    sealed = verify_seal(path)
    with _parquet(path) as file:
        stored = _stored(file, path, sealed)
        left = stored.inputs if limit is None else min(limit, stored.inputs)
        if left == 0:
            yield from_batch(_empty_batch(file), stored.graph, stored.info)
        batches = file.iter_batches(batch_size=rows, use_threads=False)
        while left > 0:
            part = _next_part(batches, stored, path)
            yield part if len(part) <= left else part.rows(0, left)
            left -= len(part)


def read_info(path: str | Path) -> StoredTrace:
    """Return what a trace file says of itself, its footer verified, its rows not read."""
    path = find_trace(path)
    if path.suffix == ".npz":
        trace = import_npz(path)
        return StoredTrace(trace.graph, trace.info, TRACE_SCHEMA_VERSION, len(trace))
    sealed = verify_seal(path, footer_only=True)
    with _parquet(path) as file:
        return _stored(file, path, sealed)


def export_npz(trace: Trace, path: str | Path) -> None:
    """Write a trace as a compressed ``.npz`` for people without Arrow; arrays are named as columns."""
    text = _metadata(trace.graph, trace.info, sealed=False)
    arrays: dict[str, Any] = {_KEY: np.array(text), **columns_of(trace)}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def import_npz(path: str | Path) -> Trace:
    """Read a trace from a ``.npz`` that holds the columns and the JSON text ``lacuna``."""
    arrays = npz_arrays(Path(path))
    if _KEY not in arrays:
        raise FileProblem(f"{path}: is not a trace: has no text {_KEY!r} with the graph")
    meta = _parse_metadata(str(arrays.pop(_KEY)), Path(path))
    return _in_file(path, lambda: unflatten(arrays, meta.graph, meta.info))


class _Metadata(NamedTuple):
    graph: NetworkGraph
    info: TraceInfo
    schema_version: str
    sealed: bool


def _metadata(graph: NetworkGraph, info: TraceInfo, *, sealed: bool) -> str:
    return json.dumps(
        {
            "schema_version": TRACE_SCHEMA_VERSION,
            "graph": graph.model_dump(mode="json", exclude_defaults=True),
            "info": info.model_dump(mode="json"),
            "sealed": sealed,
        }
    )


def _parse_metadata(text: str | bytes, path: Path) -> _Metadata:
    data = parse_json_mapping(text, f"{path}: its metadata")
    for name, kind in (("schema_version", str), ("graph", dict), ("info", dict), ("sealed", bool)):
        if not isinstance(data.get(name), kind):
            raise FileProblem(f"{path}: its metadata is damaged: {name} = {shown(data.get(name))}")
    version = check_version(
        data["schema_version"],
        TRACE_SCHEMA_VERSION,
        f"{path}: has trace schema version",
        "record the trace again, or use the tool that wrote it",
    )
    graph = parse_graph(json.dumps(data["graph"]), f"{path}: graph")
    try:
        return _Metadata(
            graph, TraceInfo.model_validate_json(json.dumps(data["info"])), version, data["sealed"]
        )
    except ValidationError as problem:
        raise FileProblem(f"{path}: {explain(problem, TraceInfo, 'info.')}") from None


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    import pyarrow.parquet as pq  # noqa: PLC0415  (as above)

    check_file(path)
    with reading(path):
        source = arrow_file(path, "rb")
    with source:
        with reading(path):
            file = pq.ParquetFile(source, page_checksum_verification=True)
            file.schema_arrow.names  # noqa: B018  (names are decoded here, and may not be text)
        yield file


def _stored(file: pq.ParquetFile, path: Path, sealed: bool) -> StoredTrace:
    text = (file.schema_arrow.metadata or {}).get(_KEY.encode())
    if text is None:
        raise FileProblem(f"{path}: is a Parquet file but not a trace: its schema has no metadata {_KEY!r}")
    meta = _parse_metadata(text, path)
    if meta.sealed and not sealed:
        raise FileProblem(f"{path}: is damaged: the checksum that its metadata promises is not there")
    return StoredTrace(meta.graph, meta.info, meta.schema_version, file.metadata.num_rows)


def _next_part(batches: Iterator[Any], stored: StoredTrace, path: Path) -> Trace:
    with reading(path):
        batch = next(batches, None)
        if batch is None:
            raise FileProblem(f"{path}: is damaged: its rows end early")
    return _in_file(path, lambda: from_batch(batch, stored.graph, stored.info))


def _empty_batch(file: pq.ParquetFile) -> Any:
    import pyarrow as pa  # noqa: PLC0415  (as above)

    schema = file.schema_arrow
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _slices(trace: Trace, rows: int, limit: int | None) -> Iterator[Trace]:
    wanted = len(trace) if limit is None else min(limit, len(trace))
    for start in range(0, max(wanted, 1), rows):
        yield trace.rows(start, min(start + rows, wanted))


def _joined(parts: list[Trace]) -> Trace:
    flat = [columns_of(part) for part in parts]
    arrays = {name: np.concatenate([part[name] for part in flat]) for name in flat[0]}
    return unflatten(arrays, parts[0].graph, parts[0].info)


def _in_file(path: str | Path, build: Any) -> Trace:
    """Return ``build()``, with the file's path before the message of whatever is wrong in it."""
    try:
        trace: Trace = build()
    except LacunaError as problem:
        raise FileProblem(f"{path}: {problem}") from None
    return trace
