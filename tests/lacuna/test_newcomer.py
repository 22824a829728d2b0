"""A newcomer's way from a clone to each question's answer, by what README and `--help` name, nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna, Ran

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NETWORK = "lcnet_resnet20_30_cifar10"  # `lacuna networks` names it
NPU = ("-d", "edge_npu_16x16")  # `lacuna designs` names it
FEW = ("--limit", "64")


class Newcomer:
    """Types commands in an empty folder, and only such options as a command's own help names."""

    def __init__(self, lacuna: Lacuna) -> None:
        self._lacuna = lacuna
        self._helps: dict[str, str] = {}

    def asks(self, command: str, *arguments: str) -> Ran:
        """Run a command that README names, or the list of commands does."""
        assert f"lacuna {command}" in README or command in self._help(""), command
        for option in (word for word in arguments if re.match(r"--?[a-z]", word)):
            assert option in self._help(command), (command, option)
        ran = self._lacuna(command, *arguments)
        assert ran.code == 0, (command, arguments, ran.err)
        return ran

    def _help(self, command: str) -> str:
        if command not in self._helps:
            self._helps[command] = self._lacuna(*filter(None, [command]), "--help").out
        return self._helps[command]


@pytest.fixture
def newcomer(lacuna: Lacuna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Newcomer:
    monkeypatch.chdir(tmp_path)
    return Newcomer(lacuna)


def test_from_nothing_to_the_first_answer(newcomer: Newcomer, tmp_path: Path) -> None:
    assert NETWORK.removesuffix("_cifar10") in newcomer.asks("networks").out
    assert NPU[1] in newcomer.asks("designs").out
    newcomer.asks("estimate", "resnet8_tiny", "-d", "cortex_m4")
    said = newcomer.asks("replay", NETWORK, *NPU, *FEW, "--out", "out/r").out
    assert "really saved" in said
    (command,) = re.findall(r"next: lacuna (report .*)", said)  # each command tells the next one
    newcomer.asks(*command.split())
    assert (tmp_path / "out" / "r" / "report.html").stat().st_size > 100_000


def test_questions_of_an_architect(newcomer: Newcomer) -> None:
    """Where does it go, what would help, when does it pay, what does the area hold, what does each setting mean."""
    why = newcomer.asks("why", NETWORK, *NPU, *FEW).out
    assert "array rounding" in why
    sensitivity = newcomer.asks("sensitivity", NETWORK, *NPU, *FEW, "--json").json
    assert {change["name"] for change in sensitivity["changes"]} >= {"DRAM bandwidth", "array rows", "clock"}
    assert newcomer.asks("break-even", NETWORK, *NPU).out
    verdict = newcomer.asks("verdict", NETWORK, *NPU, *FEW, "--json").json
    assert verdict["savings"][0]["name"] == "as written"
    assert "total" in newcomer.asks("inspect", NPU[1], "--area").out
    assert "bandwidth" in newcomer.asks("inspect", "--keys", "memory.dram").out


def test_two_settings_and_a_third_side_by_side(newcomer: Newcomer, tmp_path: Path) -> None:
    for folder, settings in (("a", ()), ("b", ("--set", "array.rows=8")), ("c", ("--prefetch", "speculate"))):
        newcomer.asks("replay", NETWORK, *NPU, *FEW, *settings, "--out", f"out/{folder}")
    said = newcomer.asks("compare", "out/a", "out/b", "out/c").out
    assert "edge_npu_16x16, array.rows=8" in said
    newcomer.asks("report", "out/a", "out/b", "out/c", "--out", "all.html")
    page = (tmp_path / "all.html").read_text("utf-8")
    assert "Input by input" in page
    assert "slower" in page or "faster" in page


def test_a_design_of_ones_own_and_the_best_of_a_space(newcomer: Newcomer, tmp_path: Path) -> None:
    newcomer.asks("new-design", "mine", "--like", NPU[1])
    text = (tmp_path / "mine.yaml").read_text("utf-8")
    (tmp_path / "mine.yaml").write_text(re.sub(r"(?m)^(\s+rows:) 16", r"\1 8", text), "utf-8")
    assert newcomer.asks("replay", NETWORK, "-d", "mine.yaml", *FEW, "--out", "out/mine", "--json").json[
        "feasible"
    ]
    space = {
        "designs": ["mine.yaml"], "set": {"array.cols": [8, 16], "clock": ["200 MHz", "400 MHz"]},
        "networks": [NETWORK], "inputs": 16,
    }  # fmt: skip
    (tmp_path / "space.yaml").write_text(json.dumps(space), "utf-8")  # JSON is YAML
    newcomer.asks("sweep", "space.yaml", "--out", "out/sweep")
    asked = ("--where", "latency_us_p99 <= 500000", "--sort", "energy_uj", "--best", "1", "--json")
    (best,) = newcomer.asks("pareto", "out/sweep", *asked).json["points"]
    assert best["energy_uj"] > 0
    newcomer.asks("report", "out/sweep", "--points", "1")
    assert list((tmp_path / "out" / "sweep" / "points").glob("*/report.html"))


def test_frames_in_time(newcomer: Newcomer) -> None:
    said = newcomer.asks(
        "stream", NETWORK, *NPU, *FEW, "--rate", "30 fps", "--deadline", "33 ms", "--out", "out/s", "--json"
    ).json
    assert said["missed"] == 0
    newcomer.asks("report", "out/s")


def test_what_newcomers_type_wrong_is_answered_with_the_word_they_meant(lacuna: Lacuna) -> None:
    assert (
        "did you mean 'edge_npu_16x16'?" in lacuna("replay", NETWORK, "-d", "edge_npu_16", "-o", "r").message
    )
    assert "did you mean" in lacuna("estimate", "resnet8_tinny", *NPU).message
