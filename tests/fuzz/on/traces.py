"""Traces: changed bytes of sealed files, and changed columns under a seal that is right."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator import Policy
from tests.fuzz.home import design, stored
from tests.fuzz.kind import VALUES, Kind, as_json, bytes_of, mutated
from tests.fuzz.oracles import counted_macs, wrong_replay
from traces import load_trace, lower
from traces.files.seal import seal

DESIGNS = ("edge_npu_16x16", "cortex_m4", "ethos_u55_128", "eyeriss", "systolic_bare")
TYPES = (
    "int8", "int32", "int64", "uint8", "uint64", "float16", "float32", "float64", "string", "bool_", "binary",
    "large_string", "date32", "null",
)  # fmt: skip


def _wrong_trace(path: Path) -> str:
    trace = load_trace(path)
    for name in ("labels", "predictions"):
        values = getattr(trace, name)
        if len(values) and not 0 <= values.min() <= values.max() < 1 << 31:
            return f"{name} hold {values.min()} to {values.max()}"
    counted = counted_macs(trace)
    found = lower(trace).macs.tolist()
    if counted is not None and found != counted:
        return f"{found} MACs, counted {counted}"
    if len(trace) == 0:
        return ""
    rng = Random(len(found) + sum(found))
    policy = Policy(
        prefetch=rng.choice(["wait", "speculate", "predict", "oracle"]), batch=rng.choice([1, 1, 2, 3])
    )
    return wrong_replay(trace, design(rng.choice(DESIGNS)), policy, explain=rng.random() < 0.1)


def columns_changed(data: bytes, rng: Random) -> pa.Table:
    """Return the table with one to three columns or rows changed."""
    table = pq.read_table(io.BytesIO(data))
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(table.num_columns)
        name, column = table.column_names[at], table.column(at)
        match rng.choice(
            ["value", "value", "value", "bits", "type", "null", "drop", "double", "rename", "rows", "swap"]
        ):
            case "value":
                table = _set(table, at, name, _one_changed(column, rng))
            case "bits" if pa.types.is_fixed_size_binary(column.type):
                width = column.type.byte_width
                table = _set(table, at, name, [rng.randbytes(width) for _ in range(len(column))])
            case "type":
                table = _set(table, at, name, column.to_pylist(), getattr(pa, rng.choice(TYPES))())
            case "null":
                values = column.to_pylist()
                values[rng.randrange(len(values))] = None
                table = _set(table, at, name, values, column.type)
            case "drop":
                table = table.remove_column(at)
            case "double":
                table = table.append_column(rng.choice([name, f"{name}.score", "label"]), column)
            case "rename":
                names = list(table.column_names)
                names[at] = rng.choice(["label", "prediction", "", "\x1b[2J", name + " ", *names])
                table = table.rename_columns(names)
            case "rows":
                table = rng.choice(
                    [table.slice(0, 0), table.slice(1, 1), pa.concat_tables([table] * 3), table]
                )
            case "swap":
                other = rng.randrange(table.num_columns)
                table = _set(table, at, name, table.column(other).to_pylist(), table.column(other).type)
        if table.num_columns == 0 or len(table) == 0:
            break
    return table


def _one_changed(column: pa.ChunkedArray, rng: Random) -> list[Any]:
    values = column.to_pylist()
    spot = rng.randrange(len(values))
    old = values[spot]
    if isinstance(old, list):
        old[rng.randrange(len(old))] = rng.choice([0, 1, -1, 7, 2**31 - 1, 65504.0, -0.5])
    elif isinstance(old, bytes):
        values[spot] = rng.randbytes(len(old))
    elif isinstance(old, bool):
        values[spot] = not old
    else:
        values[spot] = rng.choice(
            [0, 1, 2, 3, 9, 255, -1, 2**31 - 1, 2**40, 1e-30, 1e300, float("nan"), float("inf")]
        )
    return values


def _set(table: pa.Table, at: int, name: str, values: list[Any], kind: pa.DataType | None = None) -> pa.Table:
    """Put values in a column's place, as its own type where they go into it."""
    kept = table.schema.field(at).type if kind is None else kind
    for wanted in (kept, None):
        try:
            return table.set_column(at, pa.field(name, kept) if wanted else name, [pa.array(values, wanted)])
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            continue
    return table


def sealed_again(table: pa.Table, metadata: dict[bytes, bytes] | None = None) -> bytes:
    """Return the table as Parquet with a seal that is right."""
    if metadata is not None:
        table = table.replace_schema_metadata(metadata)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(table, file.name, compression="zstd", write_page_checksum=True)
        seal(Path(file.name))
        return Path(file.name).read_bytes()


def _columns(rng: Random) -> bytes:
    return sealed_again(columns_changed(stored("t.parquet")()[0], rng))


def _metadata(rng: Random) -> bytes:
    table = pq.read_table(io.BytesIO(stored("t.parquet")()[0]))
    told = json.loads(table.schema.metadata[b"lacuna"])
    part = rng.choice(["info", "graph", "info", "all"])
    if part == "all":
        told = mutated(told, rng)
    else:
        told[part] = mutated(told[part], rng)
    return sealed_again(table, {b"lacuna": as_json(told)})


def _arrays(rng: Random) -> bytes:
    """Draw an ``.npz`` whose arrays are changed, not its bytes."""
    with np.load(io.BytesIO(stored("t.npz")()[0])) as file:
        arrays = {name: file[name] for name in file.files}
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(
            sorted(name for name in arrays if arrays[name].size and arrays[name].dtype.kind in "biuf")
        )
        array = arrays[name]
        match rng.choice(["value", "value", "type", "shape", "drop", "order"]):
            case "value":
                flat = array.astype(rng.choice([array.dtype, np.int64, np.float64])).reshape(-1)
                with np.errstate(all="ignore"):
                    value = rng.choice([v for v in VALUES if isinstance(v, int | float)] + [1, 2, 3])
                    flat[rng.randrange(len(flat))] = (
                        np.array(value).astype(flat.dtype) if abs(value) < 1e18 else 0
                    )
                arrays[name] = flat.reshape(array.shape)
            case "type":
                arrays[name] = array.astype(rng.choice(["i8", "f8", "u1", "?", "S3", "c16", "M8[s]", ">i4"]))
            case "shape":
                arrays[name] = rng.choice(
                    [array[:2], array.reshape(-1), array[:, None], array[..., :0], array.T]
                )
            case "drop":
                del arrays[name]
            case "order":
                arrays[name] = np.asfortranarray(array)[::-1]
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return _entries(out.getvalue(), rng)


def _entries(data: bytes, rng: Random) -> bytes:
    """Return the archive, now and then with an entry that is no array."""
    if rng.random() < 0.9:
        return data
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(rng.choice(["x.npy", "../x.npy", "label.npy.npy", "readme"]), rng.randbytes(20))
    return file.getvalue()


KINDS = (
    Kind(
        "trace",
        "t.parquet",
        bytes_of(stored("t.parquet"), text=False),
        _wrong_trace,
        stored("t.parquet"),
        sealed=True,
    ),
    Kind("trace, columns", "t.parquet", _columns, _wrong_trace, stored("t.parquet")),
    Kind("trace, metadata", "t.parquet", _metadata, _wrong_trace, stored("t.parquet")),
    Kind("npz", "t.npz", bytes_of(stored("t.npz"), text=False), _wrong_trace, stored("t.npz")),
    Kind("npz, arrays", "t.npz", _arrays, _wrong_trace, stored("t.npz")),
)
