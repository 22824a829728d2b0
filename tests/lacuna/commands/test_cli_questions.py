"""`lacuna why`, `sensitivity`, `break-even`, `pareto --where` and `replay --ops`: do they answer what was asked?"""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import load_space, sweep
from tests.lacuna.lacuna_runner import Lacuna


def test_why_adds_up_to_what_is_saved(lacuna: Lacuna, trace: Path) -> None:
    told = lacuna("why", trace, "-d", "edge_npu_16x16", "--json").json
    for promised, saved, part in (
        ("promised", "saved", "latency"),
        ("energy_promised", "energy_saved", "energy"),
    ):
        lost = sum(held[part] for held in told["losses"])
        assert told[promised] - lost == pytest.approx(told[saved], abs=1e-6)
    assert sum(each["share"] for each in told["bounds"]) == pytest.approx(1)
    shown = lacuna("why", trace, "-d", "edge_npu_16x16").out
    assert " ".join(told["sentence"].split()) in " ".join(shown.split())
    assert "really saved" in shown


def test_a_slower_network_is_called_slower(lacuna: Lacuna, trace: Path) -> None:
    told = lacuna("why", trace, "-d", "edge_npu_16x16", "--set", "gate_handover=1 ms", "--json").json
    assert told["saved"] < 0
    assert "slower" in told["sentence"]
    assert "-" not in told["sentence"].split(";")[0]


def test_a_clock_twice_as_fast_halves_a_core_that_waits_for_nothing(lacuna: Lacuna, trace: Path) -> None:
    fast = "memory.dram.latency=0 ns"
    told = lacuna("sensitivity", trace, "-d", "edge_npu_16x16", "--set", fast, "--json").json
    by_path = {change["path"]: change for change in told["changes"]}
    assert by_path["clock"]["before"] == "500 MHz"
    assert by_path["clock"]["after"] == "1 GHz"
    assert 1 < told["base"]["latency_us"] / by_path["clock"]["latency_us"] <= 2
    assert "memory.dram.latency" not in by_path  # nothing is left to make shorter
    latencies = [change["latency_us"] for change in told["changes"] if not change["problem"]]
    assert latencies == sorted(latencies)


def test_sensitivity_without_a_design_says_what_is_missing(lacuna: Lacuna, trace: Path) -> None:
    assert "--design" in lacuna("sensitivity", trace).message
    assert "factor = 1" in lacuna("sensitivity", trace, "-d", "cortex_m4", "--factor", "1").message


def test_break_even_lies_where_the_saving_turns(lacuna: Lacuna, trace: Path) -> None:
    told = lacuna("break-even", trace, "-d", "ethos_u55_128", "--inputs", "32", "--json").json["latency_us"]
    assert told["overhead"] > 0
    below = max(r for r, v in zip(told["skipped"], told["dynamic"], strict=True) if v >= told["dense"])
    assert below <= told["rate"] <= below + 0.1 + 1e-9
    assert "gates" in lacuna("break-even", "resnet8_tiny", "-d", "cortex_m4").message


SPACE = """\
designs: [edge_npu_16x16]
set: {array.rows: [4, 8, 16], array.cols: [8, 16]}
traces: [TRACE]
inputs: 4
"""


@pytest.fixture(scope="module")
def swept(trace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    (folder / "space.yaml").write_text(SPACE.replace("TRACE", str(trace)))
    sweep(load_space(folder / "space.yaml"), folder / "sweep", workers=0)
    return folder / "sweep"


def test_a_constraint_is_asked_of_a_sweep_without_running_it_again(lacuna: Lacuna, swept: Path) -> None:
    everything = lacuna("pareto", swept, "--json").json["points"]
    limit = sorted(point["latency_us_p99"] for point in everything)[len(everything) // 2]
    asked = ("pareto", swept, "--where", f"latency_us_p99 <= {limit}", "--sort", "-energy_uj", "--json")
    found = lacuna(*asked).json["points"]
    assert len(found) > 0
    assert all(point["latency_us_p99"] <= limit for point in found)
    energies = [point["energy_uj"] for point in found]
    assert energies == sorted(energies, reverse=True)
    assert lacuna(*asked, "--best", "1").json["points"] == found[:1]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--where", "latency_us_p98 <= 1", "did you mean 'latency_us_p9"),
        ("--where", "latency_us_p99", "comparison"),
        ("--where", "latency_us <=", "expression 'latency_us <='"),
        ("--sort", "energy", "no column 'energy'"),
    ],
)
def test_a_constraint_that_is_none_is_refused(
    lacuna: Lacuna, swept: Path, option: str, value: str, told: str
) -> None:
    assert told in lacuna("pareto", swept, option, value).message


def test_a_sweep_tells_which_axis_decides(lacuna: Lacuna, swept: Path) -> None:
    told = lacuna("sensitivity", swept, "--json").json
    for shares in told["importances"].values():
        assert set(shares) == {"array.rows", "array.cols"}
    assert {(each["axis"], each["label"]) for each in told["held"]} >= {
        ("array.rows", "4"),
        ("array.cols", "16"),
    }
    assert "designs of its own" in lacuna("sensitivity", swept, "-d", "cortex_m4").message


def test_later_fronts_follow_the_first(lacuna: Lacuna, swept: Path) -> None:
    first = [point["key"] for point in lacuna("pareto", swept, "--json").json["points"]]
    found = lacuna("pareto", swept, "--fronts", "2", "--json").json["points"]
    assert {point["key"] for point in found if point["front"] == 1} == set(first)
    assert {point["front"] for point in found} <= {1, 2}
    assert "front 1" in lacuna("pareto", swept, "--fronts", "2").out


def test_each_axis_of_a_space_alone(lacuna: Lacuna, swept: Path) -> None:
    told = lacuna("sensitivity", swept.parent / "space.yaml", "--json").json
    rows = next(each for each in told if (each["axis"], each["column"]) == ("array.rows", "latency_us"))
    assert dict(rows["values"])["16"] == rows["base"]
    assert dict(rows["values"])["4"] > rows["base"]
    assert "swing" in lacuna("sensitivity", swept.parent / "space.yaml").out


def test_ops_add_up_to_what_their_units_do(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    import pandas as pd  # noqa: PLC0415  (slow to import)

    ran = lacuna("replay", trace, "-d", "edge_npu_16x16", "--ops", "-o", tmp_path / "r")
    assert "What each op adds to the mean latency" in ran.out
    ops = pd.read_parquet(tmp_path / "r" / "per_op.parquet")
    parts = ops["work_cycles_mean"] + ops["gather_cycles_mean"] + ops["control_cycles_mean"]
    assert (parts <= ops["cycles_mean"] + 1e-9).all()
    assert (ops["gather_cycles_mean"] > 0).any()
    added = ops[[name for name in ops if name.startswith("latency_")]].to_numpy().sum()
    assert added == pytest.approx(
        pd.read_parquet(tmp_path / "r" / "per_input.parquet")["latency_cycles"].mean()
    )
    assert (ops["work_cycles_mean"] * 256 - ops["macs"])[ops["unit"] == "array"].abs().max() < 1e-6


@pytest.mark.parametrize("price", ["lpddr5", "ddr4", "hbm2e", "mram"])
def test_memories_off_the_chip_are_told_apart_by_their_prices(lacuna: Lacuna, price: str) -> None:
    asked = ("inspect", "edge_npu_16x16", "--energy", "--json", "--set", f"memory.dram.price={price}")
    found = {row["action"]: row for row in lacuna(*asked).json}["dram_read_bytes"]
    per_bit = {"lpddr5": 7, "ddr4": 20.3, "hbm2e": 3.9, "mram": 1}[price]
    assert found["unit"] == "pJ/B"
    assert found["value"] == pytest.approx(8 * per_bit)
    assert found["source"]


def test_a_new_design_is_a_file_that_runs(lacuna: Lacuna, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert lacuna("new-design", "mine", "--like", "ethos_u55_128", "-o", path).code == 0
    assert "  # " in path.read_text()
    own, shipped = (
        lacuna("estimate", "resnet8_tiny", "-d", design, "--json").json for design in (path, "ethos_u55_128")
    )
    assert [row | {"design": ""} for row in own] == [row | {"design": ""} for row in shipped]
    assert {row["design"] for row in own + shipped} == {"mine", "ethos_u55_128"}
    assert "--force" in lacuna("new-design", "mine", "--like", "cortex_m4", "-o", path).message
    assert lacuna("new-design", "mine", "--like", "cortex_m4", "-o", path, "--force").code == 0
    assert "name is letters" in lacuna("new-design", "a/b", "--like", "cortex_m4").message


def test_keys_and_schemas_and_area_are_told(lacuna: Lacuna) -> None:
    told = {key["path"]: key for key in lacuna("inspect", "--keys", "array", "--json").json}
    assert told["array.rows"]["needed"] is True
    assert "array.rows" in lacuna("inspect", "--keys", "array").out
    area = lacuna("inspect", "edge_npu_16x16", "--area", "--json").json
    assert sum(part["mm2"] for part in area["parts"]) == pytest.approx(area["total_mm2"])
    assert "needs a FILE" in lacuna("inspect").message
    assert set(lacuna("schema", "space").json["properties"]) >= {"designs", "networks", "policies"}
    assert "did you mean 'design'" in lacuna("schema", "designs").message
