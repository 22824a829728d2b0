"""What is stopped leaves nothing half written, and results are never replaced without a word."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lacuna.__main__ import main
from tests.lacuna.lacuna_runner import Lacuna

NPU = ("-d", "edge_npu_16x16")


def test_an_interrupted_replay_leaves_no_folder(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulator.replays.run.prepare_each", interrupt)
    monkeypatch.setattr(sys, "argv", ["lacuna", "replay", str(trace), *NPU, "--out", str(tmp_path / "r")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130
    assert not (tmp_path / "r").exists()
    told = capsys.readouterr().err
    assert told.startswith(f"stopped; nothing is half written; start again with: lacuna replay {trace} ")
    assert told.count("\n") == 1


@pytest.mark.parametrize("command", ["sweep", "search"])
def test_an_interrupted_sweep_says_how_to_go_on(
    trace: Path, tmp_path: Path, lacuna: Lacuna, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    space = tmp_path / "my space.yaml"
    space.write_text(f"designs: [edge_npu_16x16]\nset: {{array.rows: [8, 16]}}\nnetworks: ['{trace}']\n")
    monkeypatch.setattr(f"analysis.{command}", interrupt)
    typed = [command, str(space), "--out", str(tmp_path / "out"), "--set", "clock=1 GHz"]
    ran = lacuna(*typed, "--resume")
    assert ran.code == 130
    assert len(ran.err.strip().splitlines()) == 1
    again = ran.err.strip().partition("go on with: lacuna ")[2]
    assert shlex.split(again) == [*typed, "--resume"]  # every option that was given


def test_ctrl_c_while_python_loads_is_one_line_too() -> None:
    code = (
        "import builtins\n"
        "real = builtins.__import__\n"
        "def load(name, *rest):\n"
        "    if name == 'lacuna.app':\n"
        "        raise KeyboardInterrupt\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = load\n"
        "import lacuna.__main__\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (130, "stopped; nothing was begun\n")


def test_results_are_never_replaced_without_a_word(trace: Path, tmp_path: Path, lacuna: Lacuna) -> None:
    ask = ("replay", trace, *NPU, "--out", tmp_path / "r")
    assert "replaced" not in lacuna(*ask).out
    (tmp_path / "r" / "report.html").write_text("of before")
    assert "holds results already; --force replaces them" in lacuna(*ask).message
    assert (tmp_path / "r" / "report.html").is_file()
    said = lacuna(*ask, "--force").out
    assert "replaced the results that were there, and removed their report.html" in said
    assert not (tmp_path / "r" / "report.html").exists()


def test_results_of_another_kind_and_files_are_kept(trace: Path, tmp_path: Path, lacuna: Lacuna) -> None:
    lacuna("replay", trace, *NPU, "--limit", 2, "--out", tmp_path / "r")
    fast = ("--rate", "30 fps", "--out", tmp_path / "r", "--force")
    assert "holds results of a replay; name another folder" in lacuna("stream", trace, *NPU, *fast).message
    space = tmp_path / "space.yaml"
    space.write_text("designs: [edge_npu_16x16]\nnetworks: [resnet8_tiny]\n")
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    for command in ("sweep", "search"):
        for more in ((), ("--resume",)):
            refused = lacuna(command, space, "--out", tmp_path / "r", *more).message
            assert "holds results of a replay; name another folder" in refused
    assert {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before
    table = tmp_path / "table.csv"
    table.write_text("mine")
    estimate = ("estimate", "resnet8_tiny", *NPU, "--out", table)
    assert "table.csv: is there already; --force overwrites it" in lacuna(*estimate).message
    assert table.read_text() == "mine"
    assert lacuna(*estimate, "--force").code == 0
    assert table.read_text().startswith("layer,")
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert "--force" in lacuna("report", tmp_path / "r", "--out", page).message
    assert lacuna("report", tmp_path / "r").code == lacuna("report", tmp_path / "r").code == 0  # its own name
