"""Stored traces: round trips, versions, bounded memory."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.traces.trace_strategies import assert_same, golden_trace, random_trace, traces
from traces.base.atomic import atomic_write
from traces.base.errors import ConfigError, FileProblem, GraphError
from traces.files import storage
from traces.files.columns import from_batch, to_batch
from traces.files.storage import export_npz, iter_trace, load_trace, read_info, save_trace
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace
from traces.trace import TRACE_SCHEMA_VERSION, Trace, TraceInfo

GOLDEN = Path(__file__).parent / "golden" / "trace_1_0.parquet"


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(trace=traces(max_inputs=20))
def test_a_trace_comes_back_as_it_was(trace: Trace, tmp_path: Path) -> None:
    for name in ("t.parquet", "t.npz"):
        (save_trace if name.endswith("parquet") else export_npz)(trace, tmp_path / name)
        assert_same(load_trace(tmp_path / name), trace)
        info = read_info(tmp_path / name)
        assert (info.graph, info.info, info.inputs) == (trace.graph, trace.info, len(trace))


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.integers(1, 40), limit=st.integers(0, 40), inputs=st.integers(0, 30))
def test_parts_join_to_the_whole(rows: int, limit: int, inputs: int, tmp_path: Path) -> None:
    trace = random_trace(cifar_resnet(8, "both"), inputs, 3)
    save_trace(trace, tmp_path / "t.parquet")
    export_npz(trace, tmp_path / "t.npz")
    for path in (tmp_path / "t.parquet", tmp_path / "t.npz"):
        parts = list(iter_trace(path, rows=rows, limit=limit))
        assert parts
        assert all(len(part) <= rows for part in parts)
        assert [label for part in parts for label in part.labels] == trace.labels[:limit].tolist()
        assert_same(load_trace(path, limit), trace.rows(0, limit))


def test_inputs_are_picked_by_their_places() -> None:
    trace = random_trace(cifar_resnet(8, "both"), 5, 3)
    assert_same(trace.pick(np.arange(1, 3)), trace.rows(1, 3))
    assert trace.pick(np.array([4, 0])).labels.tolist() == [trace.labels[4], trace.labels[0]]
    with pytest.raises(ConfigError, match="input 5: the trace has inputs 0 to 4"):
        trace.pick(np.array([0, 5]))


def test_the_file_is_the_documented_one(tmp_path: Path) -> None:
    """Column types, row groups, compression, encodings and metadata of docs/trace_format.md."""
    trace = synthetic_trace(cifar_resnet(8, "both"), 5000)
    save_trace(trace, tmp_path / "t.parquet")
    file = pq.ParquetFile(tmp_path / "t.parquet")
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types["label"] == types["prediction"] == "int32"
    assert types["block1.lnet"] == "bool"
    assert types["block3.cnet"] == "fixed_size_binary[8]"
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4096, 904]
    column = file.metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert not any("DICTIONARY" in encoding for encoding in column.encodings)
    data = json.loads(file.schema_arrow.metadata[b"lacuna"])
    assert set(data) == {"schema_version", "graph", "info", "sealed"}
    assert data["schema_version"] == TRACE_SCHEMA_VERSION


def test_a_slice_of_a_record_batch_is_a_slice_of_the_trace() -> None:
    trace = random_trace(cifar_resnet(8, "both"), 9, 1)
    assert_same(from_batch(to_batch(trace).slice(3, 4), trace.graph, trace.info), trace.rows(3, 7))


def test_a_trace_in_parts_is_written_as_one(tmp_path: Path) -> None:
    trace = synthetic_trace(cifar_resnet(8, "both"), 10_000)
    save_trace((trace.rows(i, i + 4096) for i in range(0, 10_000, 4096)), tmp_path / "parts.parquet")
    assert_same(load_trace(tmp_path / "parts.parquet"), trace)
    save_trace(trace, tmp_path / "whole.parquet")
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_million_inputs_would_stream(tmp_path: Path) -> None:
    """Parts are read as they are asked for: the first of many comes without the others."""
    trace = synthetic_trace(cifar_resnet(8, "layer"), 20_000)
    save_trace(trace, tmp_path / "t.parquet")
    parts = iter_trace(tmp_path / "t.parquet")
    assert len(next(parts)) == 4096
    assert sum(len(part) for part in parts) == 20_000 - 4096


def test_a_newer_minor_version_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "TRACE_SCHEMA_VERSION", "1.9")
    save_trace(golden_trace(), tmp_path / "minor.parquet")
    assert read_info(tmp_path / "minor.parquet").schema_version == "1.9"
    assert_same(load_trace(tmp_path / "minor.parquet"), golden_trace())


def test_the_golden_file_of_schema_1_0_is_read() -> None:
    """A change that breaks this breaks users' traces: raise the schema's major version instead."""
    assert read_info(GOLDEN).schema_version == "1.0"
    assert_same(load_trace(GOLDEN), golden_trace())


def test_validation_rates_come_back_and_must_fit_their_gates(tmp_path: Path) -> None:
    trace = golden_trace()
    rates = {gate.name: tuple(np.linspace(0, 1, gate.size).tolist()) for gate in trace.graph.gates}
    known = replace(trace, info=trace.info.model_copy(update={"rates": rates}))
    save_trace(known, tmp_path / "t.parquet")
    assert load_trace(tmp_path / "t.parquet").info.rates == rates
    first = trace.graph.gates[0]
    for wrong, message in (
        ({"nobody": (0.5,)}, "no gate 'nobody'"),
        ({first.name: (0.5,) * (first.size + 1)}, rf"{first.size + 1} validation rates, needs {first.size}"),
    ):
        with pytest.raises(GraphError, match=message):
            replace(trace, info=trace.info.model_copy(update={"rates": wrong}))


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_rates_are_shares(rate: float) -> None:
    with pytest.raises(ValidationError, match="rates"):
        TraceInfo(model_name="t", rates={"gate": (rate,)})


def test_same_trace_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_trace(golden_trace(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_missing_folder_is_named_on_writing(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"no such folder '.*nowhere'; make it first"):
        save_trace(golden_trace(), tmp_path / "nowhere" / "t.parquet")
    with pytest.raises(FileProblem, match=r"is a folder; name a file"):
        save_trace(golden_trace(), tmp_path)


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the kernel refuses the write half way."""
    path = tmp_path / "t.parquet"
    path.write_bytes(b"old")
    trace = synthetic_trace(cifar_resnet(20, "both"), 3000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(FileProblem, match=r"t.parquet: cannot be written"):
            save_trace(trace, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_keeps_the_old_file_when_the_block_raises(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_text("old")
    with pytest.raises(KeyError), atomic_write(path) as part:
        raise KeyError(part.write_text("new"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_gives_the_usual_permissions(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as part:
        part.write_text("x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"limit = -1"):
        load_trace(GOLDEN, limit=-1)
    with pytest.raises(ConfigError, match=r"rows = 0"):
        next(iter_trace(GOLDEN, rows=0))
