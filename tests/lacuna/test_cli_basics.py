"""What a newcomer types first: help, the list of designs, and what a file is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna

COMMANDS = (
    "demo", "designs", "networks", "inspect", "train", "record", "cost-table", "estimate", "stream",
    "replay", "sweep", "search", "pareto", "compare", "report", "validate", "new-design", "schema", "ui", "verdict",
    "why", "sensitivity", "break-even",
)  # fmt: skip
NAMED_BY_THE_DESIGN = (
    "cortex_m0plus", "cortex_m4", "cortex_m7", "cortex_m33", "cortex_m55", "cortex_m85", "cortex_a53",
    "cortex_a55", "cortex_a72", "rvv_core", "edge_npu_16x16", "edge_npu_32x32", "gemmini_16x16",
    "eyeriss", "ethos_u55_128_like", "systolic_bare",
)  # fmt: skip

SHIPPED_NETWORKS = Path(__file__).parents[2] / "networks" / "shipped"


def test_help_names_every_command(lacuna: Lacuna) -> None:
    ran = lacuna("--help")
    assert ran.code == 0
    for command in COMMANDS:
        assert f" {command} " in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(lacuna: Lacuna, command: str) -> None:
    ran = lacuna(command, "--help")
    assert ran.code == 0
    assert f"lacuna {command}" in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_listed_with_its_docstring(lacuna: Lacuna, command: str) -> None:
    listed = " ".join(lacuna("--help").out.split("Commands:")[1].split())
    summary = " ".join(lacuna(command, "--help").out.split("\n\n")[1].split())
    assert f"{command} {summary}" in listed


def test_every_listed_command_is_there(lacuna: Lacuna) -> None:
    listed = lacuna("--help").out.split("Commands:")[1].splitlines()
    assert sorted(line.split()[0] for line in listed if line[2:3].strip()) == sorted(COMMANDS)


def test_version(lacuna: Lacuna) -> None:
    assert lacuna("--version").out.strip() == f"lacuna {version('lacuna')}"


def test_designs_lists_what_ships(lacuna: Lacuna) -> None:
    table, listed = lacuna("designs"), lacuna("designs", "--json").json
    names = [row["name"] for row in listed]
    assert set(NAMED_BY_THE_DESIGN) <= set(names)
    assert all(name in table.out for name in names)
    assert all(row["area_mm2"] > 0 and row["clock_hz"] > 0 for row in listed)


def test_networks_lists_what_ships(lacuna: Lacuna) -> None:
    table, listed = lacuna("networks"), lacuna("networks", "--json").json
    by_name = {row["name"]: row for row in listed}
    assert set(by_name) == {path.stem for path in SHIPPED_NETWORKS.glob("*.pt")}
    assert all(name in table.out for name in by_name)
    gated = by_name["lcnet_resnet20_50"]
    assert gated["gates"] == {"channel": 9, "layer": 9}
    assert gated["size_bytes"] == (SHIPPED_NETWORKS / "lcnet_resnet20_50.pt").stat().st_size
    assert gated["accuracy"] == pytest.approx(0.8673, abs=0.0005)
    assert gated["macs"] == pytest.approx(0.482 * 40.81e6, rel=0.01)
    assert gated["macs_share"] == pytest.approx(0.482, abs=0.001)
    static = by_name["resnet20_taught"]
    assert (static["macs_share"], static["gates"], static["macs"]) == (1.0, {}, 40_813_184)


@pytest.mark.parametrize("width", [80, 120])
def test_a_network_that_ships_takes_one_line(lacuna: Lacuna, width: int) -> None:
    lines = lacuna("networks", width=width).out.splitlines()
    assert max(map(len, lines)) <= width
    names = [line.split()[0] for line in lines[3:] if line[:1].isalpha()]
    listed = [row["name"] for row in lacuna("networks", "--json").json]
    assert names[: len(listed)] == listed
    assert any(line.endswith("9C 9L") or "9C 9L  " in line for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_designs_cuts_nothing_off(lacuna: Lacuna, width: int) -> None:
    """Every name is whole and no line is wider than the terminal."""
    ran = lacuna("designs", width=width)
    assert "…" not in ran.out
    assert max(map(len, ran.out.splitlines())) <= width
    for name in NAMED_BY_THE_DESIGN:
        assert name in ran.out


def test_inspect_a_trace(lacuna: Lacuna, trace: Path) -> None:
    shown, found = lacuna("inspect", trace), lacuna("inspect", trace, "--json").json
    assert shown.code == 0
    assert "block1.lnet" in shown.out
    assert found["inputs"] == 24
    assert len(found["gates"]) == 6
    assert 0 < found["macs_kept"] < 1


@pytest.mark.parametrize("design", ["cortex_m4", "edge_npu_16x16", "systolic_bare"])
def test_inspect_a_design_states_every_source(lacuna: Lacuna, design: str) -> None:
    shown, found = lacuna("inspect", design), lacuna("inspect", design, "--json").json
    assert found["name"] == design
    assert "mm2" in shown.out
    prices = lacuna("inspect", design, "--energy", "--json").json
    assert prices
    assert all(price["source"] and price["unit"] for price in prices)
    assert lacuna("inspect", design, "--energy").code == 0


def test_inspect_shows_a_value_that_was_set(lacuna: Lacuna) -> None:
    found = lacuna(
        "inspect", "edge_npu_16x16", "--set", "array.rows=8", "--set", "clock=123 MHz", "--json"
    ).json
    assert found["array"]["rows"] == 8
    said = lacuna("inspect", "edge_npu_16x16", "--set", "clock=123 MHz").out
    assert said.startswith("edge_npu_16x16, clock=123 MHz: as shipped: 16 x 16 ")
    assert said.count("123 MHz") == 2


def test_inspect_a_network(lacuna: Lacuna) -> None:
    shown, found = lacuna("inspect", "resnet8_tiny"), lacuna("inspect", "resnet8_tiny", "--json").json
    assert found["name"] == "resnet8_tiny"
    assert "12,501,632 MACs" in shown.out


def test_installed_script_and_module_answer_alike() -> None:
    """In a process of its own: what `lacuna` and `python -m lacuna` really run."""
    script = Path(sys.executable).with_name("lacuna")
    outputs = [
        subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        for command in ([str(script)], [sys.executable, "-m", "lacuna"])
    ]
    assert outputs[0] == outputs[1] == f"lacuna {version('lacuna')}\n"


def test_bad_input_ends_with_two_and_one_line_in_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lacuna", "inspect", str(tmp_path / "no.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {tmp_path / 'no.parquet'}: no such file\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("lacuna sens", {"sensitivity"}),
        ("lacuna replay --pre", {"--prefetch"}),
        ("lacuna replay x -d edge_n", {"edge_npu_16x16", "edge_npu_32x32"}),
        ("lacuna why lcnet_resnet20_5", {"lcnet_resnet20_50_cifar10"}),
    ],
)
def test_bash_completes_commands_options_designs_and_networks(
    typed: str, found: set[str], tmp_path: Path
) -> None:
    """By what `lacuna --show-completion` prints, sourced in a bash of its own."""
    start = tmp_path / "lacuna"
    entry = (
        "import sys; sys.argv[0] = 'lacuna'; from lacuna.__main__ import main; main()"  # as an installed one
    )
    start.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{entry}" "$@"\n', encoding="utf-8")
    start.chmod(0o755)
    words = typed.split()
    script = (
        'eval "$(_LACUNA_COMPLETE=source_bash lacuna)"; '
        f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
        '_lacuna_completion lacuna; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env=path, cwd=tmp_path
    )
    assert found <= set(ran.stdout.split()), ran.stderr
    assert all(word.startswith(words[-1]) for word in ran.stdout.split())


def test_ctrl_c_that_compiled_code_swallows_is_not_lost() -> None:
    """Numba compiles behind callbacks, which hand no exception on: the command ends all the same, in one line."""
    script = """
import ctypes, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
import lacuna.__main__ as command
def pressed():
    raise KeyboardInterrupt
def app():
    ctypes.CFUNCTYPE(None)(pressed)()
    time.sleep(20)
command.app = app
try:
    command.main()
except KeyboardInterrupt:
    sys.exit(130)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 130
    assert ran.stderr == ""
