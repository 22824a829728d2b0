"""Every kind of damage to a stored trace is found, and what is no trace is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traces.trace_strategies import add_gate, assert_same, golden_trace, random_trace
from traces.base.errors import FileProblem, GraphError
from traces.files import storage
from traces.files.storage import import_npz, load_trace, read_info, save_trace
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace


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


def unsealed(path: Path) -> pa.Table:
    """Return the table of a stored trace, its metadata without a seal."""
    table = pq.read_table(path)
    text = table.schema.metadata[b"lacuna"].replace(b'"sealed": true', b'"sealed": false')
    return table.replace_schema_metadata({"lacuna": text})


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
    table = unsealed(tmp_path / "t.parquet")
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


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    save_trace(golden_trace(), tmp_path / "t.parquet")
    table = unsealed(tmp_path / "t.parquet").drop_columns(["block2.cnet"])
    pq.write_table(table, tmp_path / "less.parquet")
    with pytest.raises(FileProblem, match=r"less.parquet: column 'block2.cnet' is missing"):
        load_trace(tmp_path / "less.parquet")


def test_a_graph_inside_that_contradicts_itself_is_named(tmp_path: Path) -> None:
    save_trace(golden_trace(), tmp_path / "t.parquet")
    table = unsealed(tmp_path / "t.parquet")
    text = table.schema.metadata[b"lacuna"].replace(b'"inputs": ["stem"]', b'"inputs": ["stam"]', 1)
    pq.write_table(table.replace_schema_metadata({"lacuna": text}), tmp_path / "bad.parquet")
    with pytest.raises(
        GraphError, match=r"bad.parquet: graph: op .* no producer 'stam'; did you mean 'stem'"
    ):
        load_trace(tmp_path / "bad.parquet")
