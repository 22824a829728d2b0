"""Stored traces: round trips, bounded memory, and every kind of damage found."""

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

from tests.traces.trace_strategies import add_gate, random_trace, traces
from traces.base.atomic import atomic_write
from traces.base.errors import ConfigError, FileProblem, GraphError
from traces.files import storage
from traces.files.columns import flatten, from_batch, to_batch
from traces.files.storage import export_npz, import_npz, iter_trace, load_trace, read_info, save_trace
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace
from traces.trace import TRACE_SCHEMA_VERSION, Trace, TraceInfo

GOLDEN = Path(__file__).parent / "golden" / "trace_1_0.parquet"


def assert_same(a: Trace, b: Trace) -> None:
    assert a.graph == b.graph
    assert a.info == b.info
    left, right = flatten(a), flatten(b)
    assert list(left) == list(right)
    for name, values in left.items():
        assert values.dtype == right[name].dtype, name
        assert np.array_equal(values, right[name]), name


def golden_trace() -> Trace:
    """The content of the golden file."""
    graph = cifar_resnet(8, "both", image=(1, 8, 8))
    trace = random_trace(graph, 5, 7)
    info = TraceInfo(model_name="golden", weights_hash="abc", dataset="digits", seed=7, test_accuracy=0.25)
    return Trace(graph, info, trace.labels, trace.predictions, trace.decisions, trace.scores)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trace=traces(max_inputs=20))
def test_a_trace_comes_back_as_it_was(trace: Trace, tmp_path: Path) -> None:
    for name in ("t.parquet", "t.npz"):
        (save_trace if name.endswith("parquet") else export_npz)(trace, tmp_path / name)
        assert_same(load_trace(tmp_path / name), trace)
        info = read_info(tmp_path / name)
        assert (info.graph, info.info, info.inputs) == (trace.graph, trace.info, len(trace))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("small") / "small.parquet"
    builder = GraphBuilder("small", 1, 2, 2)
    x = builder.conv("conv", builder.input, 9, Window.square(1))
    add_gate(builder, "l", "layer", builder.input, ("conv",))
    add_gate(builder, "c", "channel", builder.input, ("conv",), size=x.channels)
    save_trace(random_trace(builder.finish(), 40, 5), path)
    return path.with_name("damaged.parquet"), path.read_bytes()


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found(small: tuple[Path, bytes], data: st.DataObject) -> None:
    path, content = small
    place, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    damaged = bytearray(content)
    damaged[place] ^= 1 << bit
    path.write_bytes(damaged)
    with pytest.raises(FileProblem, match="damaged"):
        load_trace(path)


def test_a_damaged_seal_is_not_taken_for_no_seal(small: tuple[Path, bytes]) -> None:
    path, content = small
    start = content.rindex(b"LACUNA01")
    for place in range(start, start + 8):
        path.write_bytes(content[:place] + b"?" + content[place + 1 :])
        with pytest.raises(FileProblem, match="the checksum that its metadata promises is not there"):
            load_trace(path)


@pytest.mark.slow
def test_a_flipped_byte_is_found_at_every_offset(small: tuple[Path, bytes]) -> None:
    path, content = small
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(FileProblem, match="damaged"):
            load_trace(path)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_truncated_file_is_found(small: tuple[Path, bytes], data: st.DataObject) -> None:
    path, content = small
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FileProblem, match=r"truncated|not a Parquet file|damaged"):
        load_trace(path)


def test_damaged_pages_are_found_without_the_seal(tmp_path: Path) -> None:
    """Pages carry checksums of their own, verified on read: a foreign file without a seal is safe too."""
    trace = synthetic_trace(cifar_resnet(8, "both"), 500)
    save_trace(trace, tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    text = table.schema.metadata[b"lacuna"].replace(b'"sealed": true', b'"sealed": false')
    table = table.replace_schema_metadata({"lacuna": text})
    path = tmp_path / "foreign.parquet"
    pq.write_table(table, path, use_dictionary=False, write_page_checksum=True, compression="none")
    assert_same(load_trace(path), trace)
    content = bytearray(path.read_bytes())
    content[content.find(trace.labels[:64].tobytes()) + 11] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=r"foreign.parquet: is damaged: .*CRC"):
        load_trace(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.parquet", None, r"gone.parquet: no such file"),
        ("no/gone.parquet", None, r"no/gone.parquet: no such file"),
        ("text.parquet", b"label,prediction\n1,2\n", r"text.parquet: is not a Parquet file"),
        ("empty.parquet", b"", r"empty.parquet: is not a Parquet file"),
        ("gone.npz", None, r"gone.npz: no such file"),
        ("bad.npz", b"PK\x03\x04 and no more", r"bad.npz: is damaged or not an .npz file"),
    ],
)
def test_what_is_no_trace_is_refused(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileProblem, match=message):
        load_trace(path)


def test_a_folder_and_a_foreign_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"is a directory; name a file"):
        load_trace(tmp_path)
    import pyarrow as pa  # noqa: PLC0415  (only here)

    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(FileProblem, match=r"other.parquet: is a Parquet file but not a trace"):
        load_trace(tmp_path / "other.parquet")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(FileProblem, match=r"other.npz: is not a trace"):
        import_npz(tmp_path / "other.npz")


def test_another_major_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "TRACE_SCHEMA_VERSION", "2.0")
    save_trace(golden_trace(), tmp_path / "new.parquet")
    monkeypatch.undo()
    with pytest.raises(FileProblem, match=r"new.parquet: has trace schema version 2.0; this tool knows 1.x"):
        load_trace(tmp_path / "new.parquet")
    with pytest.raises(FileProblem, match=r"has trace schema version 2.0"):
        read_info(tmp_path / "new.parquet")


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


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    save_trace(golden_trace(), tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    text = table.schema.metadata[b"lacuna"].replace(b'"sealed": true', b'"sealed": false')
    table = table.drop_columns(["block2.cnet"]).replace_schema_metadata({"lacuna": text})
    pq.write_table(table, tmp_path / "less.parquet")
    with pytest.raises(FileProblem, match=r"less.parquet: column 'block2.cnet' is missing"):
        load_trace(tmp_path / "less.parquet")


def test_a_graph_inside_that_contradicts_itself_is_named(tmp_path: Path) -> None:
    save_trace(golden_trace(), tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    text = table.schema.metadata[b"lacuna"].replace(b'"sealed": true', b'"sealed": false')
    text = text.replace(b'"inputs": ["stem"]', b'"inputs": ["stam"]', 1)
    pq.write_table(table.replace_schema_metadata({"lacuna": text}), tmp_path / "bad.parquet")
    with pytest.raises(
        GraphError, match=r"bad.parquet: graph: op .* no producer 'stam'; did you mean 'stem'"
    ):
        load_trace(tmp_path / "bad.parquet")


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
