"""A results folder is one thing: any byte that changes, or a file of another replay, is refused on load."""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accel_models import load_design
from simulator import load_results, replay
from simulator.checksums import SUMS, write_sums
from traces import FileProblem, atomic_write, cifar_resnet, clear_parts, stage_beside, synthetic_trace


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "one"
    trace = synthetic_trace(cifar_resnet(8, "layer"), 6)
    replay(trace, load_design("edge_npu_16x16"), timeline=2, explain=False).save(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def test_what_was_written_is_read(folder: Path) -> None:
    assert load_results(folder).figures.inputs == 6
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


def test_any_flipped_bit_is_refused(folder: Path) -> None:
    rng = np.random.default_rng(0)
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    assert len(files) == 6
    for _ in range(40):
        path = files[rng.integers(len(files))]
        whole = path.read_bytes()
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        with pytest.raises(FileProblem, match=str(folder)):
            load_results(folder)
        path.write_bytes(whole)
    assert load_results(folder).figures.inputs == 6


@pytest.mark.parametrize("limit", [5, 6])
def test_rows_of_another_replay_are_refused(folder: Path, tmp_path: Path, limit: int) -> None:
    other = synthetic_trace(cifar_resnet(8, "layer"), limit, seed=7)
    replay(other, load_design("edge_npu_16x16"), explain=False).save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "per_input.parquet", folder)
    with pytest.raises(FileProblem, match=f"does not match {SUMS}"):
        load_results(folder)
    write_sums(folder)  # as one who means it would
    with pytest.raises(FileProblem, match=r"per_input\.parquet: (has 5 rows|the mean of)"):
        load_results(folder)


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        ("batch", None, "has no column 'batch'"),
        ("batch", "float64", "holds float64, needs whole numbers"),
        ("energy_pj", "int64", "holds int64, needs numbers"),
        ("correct", "int8", "holds int8, needs yes or no"),
    ],
)
def test_columns_are_there_and_of_their_kind(folder: Path, column: str, kind: str | None, said: str) -> None:
    path = folder / "per_input.parquet"
    table = pq.read_table(path)
    at = table.column_names.index(column)
    if kind is None:
        table = table.remove_column(at)
    else:
        table = table.set_column(at, column, pa.array(table[column].to_numpy().astype(kind)))
    pq.write_table(table, path)
    write_sums(folder)
    with pytest.raises(FileProblem, match=said):
        load_results(folder)


def test_a_design_that_is_not_the_one_replayed_is_refused(folder: Path) -> None:
    """A thousandth of the bandwidth, under sums that are right: times of the rows are of the other."""
    path = folder / "design.yaml"
    text = path.read_text()
    path.write_text(text.replace("bandwidth: 3.2 GB/s", "bandwidth: 3.2 MB/s"))
    assert path.read_text() != text
    write_sums(folder)
    with pytest.raises(FileProblem, match=r"design\.yaml: is another design"):
        load_results(folder)


def test_a_figure_that_is_no_mean_of_the_rows_is_refused(folder: Path) -> None:
    path = folder / "summary.json"
    path.write_text(path.read_text().replace('"mean": ', '"mean": -5', 1))
    write_sums(folder)
    with pytest.raises(FileProblem, match=r"latency_us\.mean = -5"):
        load_results(folder)


def test_sums_that_are_gone_are_missed(folder: Path) -> None:
    (folder / SUMS).unlink()
    with pytest.raises(FileProblem, match=f"has no {SUMS}"):
        load_results(folder)


def test_a_timeline_that_explodes_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.results.MOST_TIMELINE", 1 << 20)
    (folder / "timeline.json.gz").write_bytes(gzip.compress(b" " * (1 << 22)))
    write_sums(folder)
    with pytest.raises(FileProblem, match="unpacks to more than 1 MiB"):
        load_results(folder)


def test_what_cannot_be_written_leaves_the_old(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    results = load_results(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simulator.results.write_sums", full)
    with pytest.raises(FileProblem, match="No space left"):
        results.save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_new_folder_that_cannot_be_filled_is_not_left(folder: Path) -> None:
    """A limit on the size of files fails as a full disk does; the message names the file by its place."""
    results = load_results(folder)
    new = folder.parent / "new" / "results"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(
            FileProblem, match=rf"^{re.escape(str(new))}/per_input\.parquet: cannot be written: "
        ):
            results.save(new)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(new.parent.iterdir()) == []


def test_parts_of_the_dead_are_cleared(tmp_path: Path) -> None:
    """What somebody writes is locked, whatever process ids say; what nobody writes goes."""
    for name in (".a.json.x.part", ".b.part", f".d.{os.getpid()}.z.part"):
        (tmp_path / name).touch()
    (tmp_path / ".c.y.part").mkdir()
    (tmp_path / "kept.part").touch()
    with atomic_write(tmp_path / "new") as mine, stage_beside(tmp_path / "folder") as stage:
        mine.write_text("half")
        clear_parts(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {mine.name, stage.name, "kept.part"}
        mine.write_text("whole")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"kept.part": "", "new": "whole"}


def test_a_file_s_own_leftovers_go_when_it_is_written_again(tmp_path: Path) -> None:
    for name in (".t.json.abc.part", ".other.json.abc.part"):
        (tmp_path / name).touch()
    with atomic_write(tmp_path / "t.json") as part:
        part.write_text("{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.json.abc.part", "t.json"]


def test_a_folder_is_swapped_in_one_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that opened the folder before still sees the old files, all of them; no file is renamed alone."""
    results = load_results(folder)
    mode = folder.stat().st_mode
    old = os.open(folder, os.O_RDONLY)
    monkeypatch.setattr("simulator.checksums._rename_each", lambda *_: pytest.fail("one by one"))
    replace(results, timeline="").save(folder)
    assert os.fstat(old).st_ino != folder.stat().st_ino
    os.close(old)
    assert "timeline.json.gz" not in {path.name for path in folder.iterdir()}
    assert load_results(folder).figures == results.figures
    assert folder.stat().st_mode == mode


@pytest.mark.parametrize(
    "why", ["a file of mine", "a folder of mine", "no exchange", "a link", "working folder"]
)
def test_where_no_swap_is_possible_files_take_their_places(
    folder: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, target = load_results(folder), folder
    match why:
        case "a file of mine":
            (folder / "notes.txt").write_text("mine")
        case "a folder of mine":
            (folder / "more").mkdir()
        case "no exchange":
            monkeypatch.setattr("simulator.checksums.exchange", lambda *_: False)
        case "a link":
            target = folder.parent / "link"
            target.symlink_to(folder)
        case _:
            monkeypatch.chdir(folder)
            target = Path()
    place = folder.stat().st_ino
    replace(results, timeline="").save(target)
    assert folder.stat().st_ino == place
    assert load_results(folder).timeline == ""
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


def _change(path: Path, column: str, value: object) -> None:
    """Put one value into a column, whatever its type, as one who means it would."""
    table = pq.read_table(path)
    at = table.column_names.index(column)
    values = [value, *table.column(at).to_pylist()[1:]]
    pq.write_table(table.set_column(at, column, [values]), path)
    write_sums(path.parent)


@pytest.mark.parametrize(
    ("file", "column", "value", "said"),
    [
        ("per_op", "cycles_p99", float("nan"), "cycles_p99 = nan cannot be"),
        ("per_op", "dram_bytes_mean", float("inf"), "dram_bytes_mean = inf cannot be"),
        ("per_op", "utilization", 1.5, "utilization = 1.5 cannot be"),
        ("per_op", "op", "block1.conv2", "is there twice"),
        ("per_input", "energy_sram_pj", 1.0, "is not the sum of its parts"),
        ("per_input", "latency_cycles", 1, "of the clock in design.yaml"),
        ("per_input", "busy_simd_cycles", 1 << 40, "exceeds latency_cycles"),
        ("per_input", "correct", None, "column 'correct'"),
    ],
)
def test_a_row_that_cannot_be_is_refused(
    folder: Path, file: str, column: str, value: object, said: str
) -> None:
    _change(folder / f"{file}.parquet", column, value)
    with pytest.raises(FileProblem, match=said):
        load_results(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("latency_us", "p99"), 1.0),
        (("accuracy",), 0.123),
        (("utilization", "array"), 7.0),
        (("dense", "energy_uj"), -3.0),
        (("busy", "simd"), -0.1),
    ],
)
def test_a_figure_that_cannot_be_is_refused(folder: Path, path: tuple[str, ...], value: float) -> None:
    file = folder / "summary.json"
    data = place = json.loads(file.read_text())
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    file.write_text(json.dumps(data))
    write_sums(folder)
    with pytest.raises(FileProblem, match=r"summary\.json"):
        load_results(folder)


def test_a_waterfall_that_does_not_add_up_is_refused(tmp_path: Path) -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 6)
    replay(trace, load_design("edge_npu_16x16")).save(tmp_path / "r")
    file = tmp_path / "r" / "summary.json"
    data = json.loads(file.read_text())
    data["waterfall"]["energy"]["losses"][3]["amount"] += 1
    file.write_text(json.dumps(data))
    write_sums(tmp_path / "r")
    with pytest.raises(FileProblem, match=r"waterfall\.energy.* of losses are not .* saved"):
        load_results(tmp_path / "r")


def test_a_label_that_is_no_class_is_refused(folder: Path) -> None:
    _change(folder / "per_input.parquet", "label", -1)
    with pytest.raises(FileProblem, match="column 'label' holds negative numbers"):
        load_results(folder)
