"""The report of a sweep: its front, its points to be explored, what did not fit."""

from pathlib import Path

import pytest

from analysis.reports.report import page_on, write_report
from analysis.sweeps.folder.manifest import read_manifest
from analysis.sweeps.folder.store import Store
from analysis.sweeps.spaces.file import load_space
from analysis.sweeps.sweep import sweep
from simulator import (
    load_results,
)
from tests.analysis.reports.report_reader import Reader
from tests.report_folders import (
    HOSTILE,
    small_trace,
    sweep_folder,
    sweep_row,
)
from traces.files.storage import save_trace


def test_a_sweep_reports_its_front_and_what_did_not_fit(tmp_path: Path) -> None:
    text = write_report(sweep_folder(tmp_path / "sweep", 30)).read_text(encoding="utf-8")
    reader = Reader(text)
    words = "".join(reader.words)
    assert {f"point-{i}" for i in range(30) if i % 7 == 3} <= set(reader.ids)
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    for objective in ("▼ Mean latency", "▼ Mean energy", "▼ Area", "▲ Accuracy"):
        assert f"{objective} at the knee" in words
    assert "Of 30 points 4 do not fit" in words
    assert words.count(HOSTILE) == 6  # four reasons, the command and the space file, letter by letter
    assert "img" not in reader.tags
    assert "c0ffee" in words
    assert 'id="plotly"' not in text  # its pictures need no library
    assert len(text) < 200_000


def test_every_point_of_a_sweep_can_be_explored(tmp_path: Path) -> None:
    page = page_on(sweep_folder(tmp_path / "sweep", 30))
    (info,) = (section.explorer for section in page.sections if section.explorer)
    assert len(info.keys) == 26
    roles = [(column.name, column.role) for column in info.columns]
    assert roles[:5] == [
        ("latency_us", "objective"), ("energy_uj", "objective"), ("area_mm2", "objective"), ("accuracy", "objective"),
        ("array.rows", "axis"),
    ]  # fmt: skip
    latency, rows = info.columns[0], info.columns[4]
    assert latency.values[:4] == (100.0, 101.0, 102.0, 104.0)  # the fourth does not fit
    assert [rows.labels[int(place)] for place in rows.values[:4] if place is not None] == ["1", "2", "3", "5"]
    costs = list(zip(*(column.values for column in info.columns[:3]), strict=True))
    for i, best in enumerate(info.front):
        beaten = any(all(x <= y for x, y in zip(o, costs[i], strict=True)) and o != costs[i] for o in costs)
        assert best is not beaten
    assert sorted(info.order) == list(range(26))


def test_a_point_is_replayed_and_its_page_linked(tmp_path: Path) -> None:
    save_trace(small_trace(), tmp_path / "t.parquet")
    space = "designs: [edge_npu_16x16]\nset: {array.rows: [8, 16]}\nnetworks: [t.parquet]\ninputs: 20\n"
    (tmp_path / "space.yaml").write_text(space)
    results = sweep(load_space(tmp_path / "space.yaml"), tmp_path / "sweep", workers=0)
    report = write_report(tmp_path / "sweep", points=1)
    (folder,) = (tmp_path / "sweep" / "points").iterdir()
    (row,) = (row for row in results.rows if row.key.startswith(folder.name))
    replayed = load_results(folder).replayed
    assert (replayed.inputs, replayed.latency_us.mean) == (20, pytest.approx(row.latency_us))
    assert (folder / "report.html").is_file()
    (info,) = (section.explorer for section in page_on(report.parent).sections if section.explorer)
    assert [page for page in info.pages if page] == [f"points/{folder.name}/report.html"]
    assert info.commands[0].startswith("lacuna replay ")
    assert info.commands[0].endswith("--design edge_npu_16x16 %s --limit 20 --out DIR")


def test_a_sweep_in_which_nothing_fits_says_so(tmp_path: Path) -> None:

    folder = sweep_folder(tmp_path / "none", 0)
    store = Store.open(folder, read_manifest(folder), resume=True)
    store.add([sweep_row(3, "edge_npu_16x16")])
    store.finish()
    assert "No design fits" in write_report(folder).read_text(encoding="utf-8")
