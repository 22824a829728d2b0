"""What was typed is kept with the results, as a shell takes it, and reports tell it."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from pathlib import Path

import pytest

from analysis.reports.report import page_on
from analysis.sweeps.folder.manifest import read_manifest
from analysis.sweeps.folder.results import load_sweep
from simulator import load_results, load_stream
from tests.analysis.reports.report_reader import Reader
from tests.lacuna.lacuna_runner import Lacuna

SPACE = """\
designs: [edge_npu_16x16]
set: {array.rows: [8, 16, 32]}
networks: [t.parquet]
inputs: 4
"""


@pytest.fixture
def own(trace: Path, tmp_path: Path) -> Path:
    """A trace whose path a shell must quote."""
    (tmp_path / "my traces").mkdir()
    return Path(shutil.copy(trace, tmp_path / "my traces" / "t.parquet"))


def words_of(folder: Path) -> str:
    """Return what the folder's report says."""
    return "".join(Reader((folder / "report.html").read_text(encoding="utf-8")).words)


def test_the_command_of_a_replay_makes_it_again(lacuna: Lacuna, own: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    options = (
        "-d",
        "cortex_m4",
        "--set",
        "clock=84 MHz",
        "--limit",
        8,
        "--without",
        "fold",
        "--ops",
        "--force",
    )
    assert lacuna("replay", own, *options, "-o", first).code == 0
    typed = load_results(first).figures.command
    assert typed == (
        f"lacuna replay '{own}' --design cortex_m4 --limit 8 --without fold --set 'clock=84 MHz'"
    )
    assert lacuna(*shlex.split(typed)[1:], "--out", second).code == 0
    assert [path.read_bytes() for path in sorted(first.iterdir())] == [
        path.read_bytes() for path in sorted(second.iterdir())
    ]
    assert lacuna("report", first).code == 0
    page = words_of(first)
    assert "--design cortex_m4 --limit 8 --without fold --set 'clock=84 MHz' --out DIR" in page


def test_the_command_of_a_stream_and_its_deadline(lacuna: Lacuna, own: Path, tmp_path: Path) -> None:
    out = tmp_path / "stream"
    asked = ("--rate", "30 fps", "--deadline", "33 ms", "--limit", 8)
    ran = lacuna("stream", own, "-d", "cortex_m4", *asked, "--out", out)
    assert "of a deadline of 33,000 us" in ran.out
    figures = load_stream(out).figures
    assert figures.deadline_us == pytest.approx(33_000)
    typed = f"lacuna stream '{own}' --design cortex_m4 --rate '30 fps' --deadline '33 ms' --limit 8"
    assert figures.command == typed
    assert lacuna("report", out).code == 0
    page = words_of(out)
    assert "missed their deadline of 33\u00a0ms" in page
    assert "--rate '30 fps' --deadline '33 ms' --limit 8 --out DIR" in page


def test_a_folder_of_estimates_is_reported_with_their_commands(lacuna: Lacuna, tmp_path: Path) -> None:
    folder = tmp_path / "estimates"
    folder.mkdir()
    (folder / "other.csv").write_text("what,ever\n1,2\n")  # not of ours: not looked at
    for name, design in (("a", "cortex_m4"), ("b", "edge_npu_16x16")):
        asked = ("estimate", "resnet8_tiny", "-d", design, "--set", "clock=100 MHz")
        assert lacuna(*asked, "-o", folder / f"{name}.csv").code == 0
    with (folder / "a.csv").open(encoding="utf-8") as file:
        commands = {row["command"] for row in csv.DictReader(file)}
    assert commands == {"lacuna estimate resnet8_tiny --design cortex_m4 --set 'clock=100 MHz'"}
    assert lacuna("report", folder).code == 0
    page = words_of(folder)
    assert "2 estimates: op by op" in page
    assert "--design edge_npu_16x16 --set 'clock=100 MHz' --out FILE.csv" in page


def test_a_folder_keeps_every_run_that_wrote_rows(lacuna: Lacuna, own: Path, tmp_path: Path) -> None:
    """A search with its settings, gone on with, and a sweep of the rest; what was resumed counts once."""
    space, out = own.parent / "space.yaml", tmp_path / "out"
    space.write_text(SPACE)
    search = ("search", space, "--out", out, "--evaluations", 2, "--sampler", "tpe", "--seed", 5)
    assert lacuna(*search).code == 0
    assert lacuna(*search, "--resume").code == 0
    assert lacuna("report", out).code == 0
    page = words_of(out)
    typed = f"lacuna search '{space}' --evaluations 2 --sampler tpe --seed 5"
    assert f"{typed} --out DIR" in page
    assert "a search of 2 points by tpe, seed 5" in page
    assert "lacuna sweep" not in page
    assert lacuna("sweep", space, "--out", out, "--resume").code == 0
    assert [run.command for run in read_manifest(out).runs] == [typed, f"lacuna sweep '{space}'"]


def test_the_command_of_a_point_replays_it(lacuna: Lacuna, own: Path, tmp_path: Path) -> None:
    """Its design lies in a file, and a value was set for all points."""
    (own.parent / "my npu.yaml").write_text("like: edge_npu_16x16\nname: mine\n")
    space, out, again = own.parent / "space.yaml", tmp_path / "out", tmp_path / "again"
    space.write_text(SPACE.replace("[edge_npu_16x16]", "[my npu.yaml]"))
    assert lacuna("sweep", space, "--set", "clock=250 MHz", "--out", out).code == 0
    (info,) = (section.explorer for section in page_on(out).sections if section.explorer)
    (command,) = info.commands
    typed = command.replace("%s", "--set array.rows=32").replace("DIR", shlex.quote(str(again)))
    assert lacuna(*shlex.split(typed)[1:]).code == 0
    (row,) = (row for row in load_sweep(out).rows if json.loads(row.parameters) == {"array.rows": 32})
    assert load_results(again).replayed.latency_us.mean == pytest.approx(row.latency_us)
