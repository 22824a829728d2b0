"""Folders of results that were damaged or made up: each is refused by the name of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.sweep import sweep
from tests.analysis.sweeps.sweep_fakes import (
    SMALL,
    analytic,
    make_space,
)
from traces import FileProblem, seal


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_part_is_named(tmp_path: Path, damage: str) -> None:
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    part = next((tmp_path / "out" / "rows").iterdir())
    data = bytearray(part.read_bytes())
    data[40] ^= 0xFF
    part.write_bytes(data[:-30] if damage == "truncate" else data)
    with pytest.raises(
        FileProblem, match=r"part-000000.parquet: is (truncated or )?damaged.*; delete it and resume"
    ):
        load_sweep(tmp_path / "out")


def test_a_folder_without_a_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="holds no sweep"):
        load_sweep(tmp_path)
    (tmp_path / "space.json").write_text("{")
    with pytest.raises(FileProblem, match="is damaged"):
        load_sweep(tmp_path)
    (tmp_path / "space.json").write_text('{"schema_version": "7.0"}')
    with pytest.raises(FileProblem, match=r"schema version 7\.0"):
        load_sweep(tmp_path)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"kind": "search"}, "a search of 0 points by , seed 0"),  # reads, and its report can be written
        ({"kind": "walk"}, ""),
        ({"kind": "search", "evaluations": None}, ""),
        ({"kind": "search", "seed": -1}, ""),
    ],
)
def test_an_edited_run_is_read_or_refused(tmp_path: Path, run: dict[str, object], words: str) -> None:
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    path = tmp_path / "out" / "space.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "runs": [run]}))
    if words:
        assert [one.words for one in load_sweep(tmp_path / "out").manifest.runs] == [words]
        return
    with pytest.raises(FileProblem, match="is damaged"):
        load_sweep(tmp_path / "out")


def test_a_flipped_bit_in_a_part_is_refused(tmp_path: Path) -> None:
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    part = next((tmp_path / "out" / "rows").iterdir())
    whole = part.read_bytes()
    for place in range(0, len(whole), 397):
        part.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(FileProblem, match=part.name):
            load_sweep(tmp_path / "out")
    part.write_bytes(whole)
    assert len(load_sweep(tmp_path / "out").rows) == 16


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("latency_us_p99", -1.0),
        ("area_mm2", float("inf")),
        ("accuracy", 7.0),
        ("inputs", -8),
        ("policy", "{"),
        ("reason", None),
    ],
)
def test_a_row_that_no_evaluation_can_have_is_refused(tmp_path: Path, column: str, value: object) -> None:
    """The seal is right: whoever wrote the part meant it."""
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    part = next((tmp_path / "out" / "rows").iterdir())
    table = pq.read_table(part)
    at = table.column_names.index(column)
    values = [value, *table.column(at).to_pylist()[1:]]
    changed = table.set_column(at, table.schema.field(at), [pa.array(values, table.schema.field(at).type)])
    pq.write_table(changed, part)
    seal(part)
    with pytest.raises(
        FileProblem, match=rf"{part.name}: is damaged: row .*{column}.*; delete it and resume"
    ):
        load_sweep(tmp_path / "out")
