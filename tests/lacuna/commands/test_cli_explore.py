"""`lacuna sweep`, `search`, `pareto`, `compare` and `report` on a space of eight points."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna

SPACE = """\
designs: [edge_npu_16x16]
set:
  array.rows: [8, 16]
  memory.weight_buffer: [4 KiB, 64 KiB]
policies: {prefetch: [wait, speculate]}
traces: [t.parquet]
inputs: 8
"""


@pytest.fixture
def space(trace: Path, tmp_path: Path) -> Path:
    shutil.copy(trace, tmp_path / "t.parquet")
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path / "space.yaml"


def test_sweep_then_pareto_then_report(lacuna: Lacuna, space: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    ran = lacuna("sweep", space, "--out", out)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("8 points")  # its size is told before it runs
    assert "lacuna pareto" in ran.out

    front = lacuna("pareto", out, "--minimize", "latency_us,area_mm2", "--json").json
    assert front["hypervolume"] >= 0
    points = [(p["latency_us"], p["area_mm2"]) for p in front["points"]]
    assert 1 <= len(points) <= 8
    assert not any(a != b and a[0] <= b[0] and a[1] <= b[1] for a in points for b in points)

    shown = lacuna("pareto", out, width=80)
    assert all(point["key"][:8] in shown.out for point in lacuna("pareto", out, "--json").json["points"])
    assert max(map(len, shown.out.splitlines())) <= 80
    for told_apart in ("prefetch", "array.rows", "memory.weight_buffer"):
        assert told_apart in shown.out

    assert lacuna("report", out).code == 0
    assert (out / "report.html").stat().st_size > 10_000

    again = lacuna("sweep", space, "--out", out)
    assert "resume" in again.message
    assert lacuna("sweep", space, "--out", out, "--resume").code == 0
    assert lacuna("pareto", out, "--minimize", "latency_us,area_mm2", "--json").json == front

    middle = sorted(point["latency_us"] for point in lacuna("pareto", out, "--json").json["points"])[0]
    tight = lacuna(
        "pareto", out, "--budget", f"latency_us={middle}"
    )  # asked of the folder: nothing runs again
    assert "over the budget" in tight.out
    assert f"budget: latency_us <= {middle:.6g}" in tight.out
    loose = lacuna(
        "pareto", out, "--budget", "latency=1 s", "--minimize", "latency_us,area_mm2", "--json"
    ).json
    assert loose == front
    assert "known:" in lacuna("pareto", out, "--budget", "latencyus=1").message
    assert lacuna("report", out, "--budget", f"latency_us={middle}").code == 0
    assert "over the budget" in (out / "report.html").read_text()

    unknown = lacuna("pareto", out, "--minimize", "latencyus")
    assert "latencyus" in unknown.message
    assert "did you mean" in unknown.message

    space.write_text(SPACE.replace("[8, 16]", "[8, 12]"))
    assert str(out) in lacuna("sweep", space, "--out", out, "--resume").message


def test_search_finds_points_of_the_space(lacuna: Lacuna, space: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    ran = lacuna("search", space, "--out", tmp_path / "s", "--evaluations", 5, "--seed", 3)
    assert ran.code == 0, ran.err
    assert lacuna("pareto", tmp_path / "s", "--json").json["points"]


def test_compare_pairs_inputs(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    for name in ("edge_npu_16x16", "edge_npu_32x32"):
        lacuna("replay", trace, "-d", name, "--out", tmp_path / name)
    folders = (tmp_path / "edge_npu_16x16", tmp_path / "edge_npu_32x32")
    found = lacuna("compare", *folders, "--json").json
    assert found["inputs"] == 24
    assert found["a"] == "edge_npu_16x16"
    (other,) = found["comparisons"]
    assert other["b"] == "edge_npu_32x32"
    latency = next(row for row in other["differences"] if "latency" in row["name"])
    assert latency["low"] <= latency["difference"] <= latency["high"]
    assert latency["b"] - latency["a"] == pytest.approx(latency["difference"])
    shown = lacuna("compare", *folders, width=80)
    assert max(map(len, shown.out.splitlines())) <= 80
    (same,) = lacuna("compare", folders[0], folders[0], "--json").json["comparisons"]
    assert all(row["difference"] == 0 and not row["certain"] for row in same["differences"])


def test_compare_tells_settings_and_several_replays_apart(
    lacuna: Lacuna, trace: Path, tmp_path: Path
) -> None:
    asked = {"plain": (), "small": ("--set", "array.rows=8"), "early": ("--prefetch", "speculate")}
    for name, options in asked.items():
        lacuna("replay", trace, "-d", "edge_npu_16x16", *options, "--out", tmp_path / name)
    ran = lacuna("compare", *(tmp_path / name for name in asked), width=80)
    assert ran.code == 0, ran.err
    assert "B: edge_npu_16x16, array.rows=8 " in ran.out
    assert "C: edge_npu_16x16, prefetch speculate " in ran.out
    assert max(len(line) for line in ran.out.splitlines() if "/" not in line) <= 80
    found = lacuna("compare", *(tmp_path / name for name in asked), "--json").json
    plain, small = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("plain", "small"))
    rows = {row["name"]: row for row in found["comparisons"][0]["differences"]}
    assert rows["latency"]["a"] == pytest.approx(plain["latency_us"]["mean"])
    assert rows["latency"]["b"] == pytest.approx(small["latency_us"]["mean"])
    assert "two folders" in lacuna("compare", tmp_path / "plain").message


def test_a_report_that_does_not_know_new_points_is_removed(
    lacuna: Lacuna, space: Path, tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    report = tmp_path / "s" / "report.html"
    lacuna("search", space, "--evaluations", "2", "--out", tmp_path / "s")
    assert lacuna("report", tmp_path / "s").code == 0
    assert lacuna("sweep", space, "--out", tmp_path / "s").code == 2  # refused: nothing is lost
    assert report.is_file()
    points = lacuna("sweep", space, "--out", tmp_path / "s", "--resume", "--json").json["points"]
    assert points > 2
    assert not report.exists()
    lacuna("report", tmp_path / "s")
    lacuna("sweep", space, "--out", tmp_path / "s", "--resume")  # all points were there
    assert report.is_file()


def test_compare_names_every_network_where_one_differs(lacuna: Lacuna, tmp_path: Path) -> None:
    asked = (
        ("lcnet_resnet20_30", "edge_npu_16x16"),
        ("exits_resnet20", "edge_npu_16x16"),
        ("lcnet_resnet20_30", "cortex_m7"),
    )
    for i, (network, design) in enumerate(asked):
        lacuna("replay", network, "-d", design, "--limit", "8", "--out", tmp_path / str(i))
    said = lacuna("compare", *(tmp_path / str(i) for i in range(3)), width=400).out.replace("\u00a0", " ")
    assert "A: LC-Net ResNet-20 30 % on edge_npu_16x16 " in said
    assert "B: exits ResNet-20 on edge_npu_16x16 " in said
    assert "C: LC-Net ResNet-20 30 % on cortex_m7 " in said


def test_a_front_in_area_names_the_cores_whose_memories_it_does_not_count(
    lacuna: Lacuna, space: Path, tmp_path: Path
) -> None:
    space.write_text("designs: [edge_npu_16x16, cortex_m7]\ntraces: [t.parquet]\ninputs: 8\n")
    lacuna("sweep", space, "--out", tmp_path / "s")
    note = "of a processor core the area counts no memories: neither SRAM nor flash (cortex_m7)"
    assert note in " ".join(lacuna("pareto", tmp_path / "s").out.split())
    assert "memories" not in lacuna("pareto", tmp_path / "s", "--minimize", "latency_us,energy_uj").out
    assert lacuna("report", tmp_path / "s").code == 0
    told = note.replace("of a", "Of a", 1).replace("cortex_m7", "Cortex-M7")  # a report has a design's title
    assert told in (tmp_path / "s" / "report.html").read_text("utf-8").replace("&#39;", "'")


def test_a_space_of_ten_billion_points_answers_at_once(lacuna: Lacuna, space: Path, tmp_path: Path) -> None:
    """Rules are not tried on so many points: the grid is refused by its size, a search begins."""
    pytest.importorskip("optuna")
    rows = "".join(
        f"  {path}: {values}\n"
        for path, values in {
            "array.rows": "1..200 step 1", "array.cols": "1..200 step 1", "clock": "100 MHz..1000 MHz step 1 MHz",
            "memory.weight_buffer": "64 KiB..512 KiB step 1 KiB",
        }.items()
    )  # fmt: skip
    space.write_text(
        f"designs: [edge_npu_16x16]\nset:\n{rows}where: [array.rows * array.cols <= 512]\n"
        "traces: [t.parquet]\ninputs: 2\n"
    )
    refused = lacuna(
        "sweep", space, "--out", tmp_path / "s"
    ).message  # walked, they took hours: beyond any test's limit
    assert "use lacuna search" in refused
    assert not (tmp_path / "s").exists()
    ran = lacuna("search", space, "--out", tmp_path / "s", "--evaluations", 2)
    assert ran.code == 0, ran.err
    assert "at most 16,1" in ran.out


def test_compare_refuses_other_inputs(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    lacuna("replay", trace, "-d", "cortex_m4", "--limit", 5, "--out", tmp_path / "a")
    lacuna("replay", trace, "-d", "cortex_m4", "--out", tmp_path / "b")
    assert "inputs" in lacuna("compare", tmp_path / "a", tmp_path / "b").message


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("array.rows", "array.row"), ("array.row", "did you mean")),
        (("designs:", "design:"), ("design", "did you mean 'designs'?")),
        (("[8, 16]", "[]"), ("array.rows",)),
        (("[8, 16]", "[0, 16]"), ("array.rows = 0",)),
        (("t.parquet", "no.parquet"), ("no.parquet",)),
        (("edge_npu_16x16", "edge_npu_16"), ("edge_npu_16", "did you mean 'edge_npu_16x16'?")),
        (("wait, speculate", "wait, speculat"), ("speculat", "'speculate'")),
        (("inputs: 8", "inputs: 0"), ("inputs",)),
        (("inputs: 8", "where: [array.rows > 100]"), ("array.rows > 100", "none of the 8 points")),
        (("inputs: 8", "where: ['__import__(1)']"), ("__import__",)),
        (("inputs: 8", "budget: {area: 2}"), ("area", "unit")),
        (("inputs: 8", "objectives: {minimize: [latncy_us]}"), ("latncy_us", "did you mean")),
        (("[8, 16]", "8..4 step 1"), ("array.rows",)),
        (("[8, 16]", "[8, 16"), ("line",)),
    ],
)
def test_bad_spaces(
    lacuna: Lacuna, space: Path, tmp_path: Path, change: tuple[str, str], parts: tuple[str, ...]
) -> None:
    space.write_text(space.read_text("utf-8").replace(*change))
    ran = lacuna("sweep", space, "--out", tmp_path / "s")
    for part in ("space.yaml", *parts):
        assert part in ran.message, ran.message
    assert not (tmp_path / "s").exists()


def test_missing_space(lacuna: Lacuna, tmp_path: Path) -> None:
    assert "no.yaml: no such space file" in lacuna("sweep", tmp_path / "no.yaml", "--out", tmp_path).message


def test_workers_or_a_scheduler(lacuna: Lacuna, space: Path, tmp_path: Path) -> None:
    both = ("--workers", 2, "--scheduler", "tcp://127.0.0.1:1")
    assert "give one of them" in lacuna("sweep", space, "--out", tmp_path / "s", *both).message


def test_what_stops_a_sweep_is_said_beside_a_report_without_rows(
    lacuna: Lacuna, space: Path, tmp_path: Path
) -> None:
    """The look for a stale report found no rows, and said that instead."""
    (tmp_path / "report.html").write_text("mine")
    both = ("--workers", 2, "--scheduler", "tcp://127.0.0.1:1")
    assert "give one of them" in lacuna("sweep", space, "--out", tmp_path, *both).message
    assert (tmp_path / "report.html").read_text() == "mine"


@pytest.mark.parametrize("asked", [("--tls", "a,b,c"), ("--scheduler", "tls://127.0.0.1:1", "--tls", "a,b")])
def test_tls_goes_with_a_scheduler_and_names_three_files(
    lacuna: Lacuna, space: Path, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    message = lacuna("sweep", space, "--out", tmp_path / "s", *asked).message
    assert "goes with --scheduler tls://HOST:PORT and names three files: CA,CERT,KEY" in message


def test_a_sampler_that_is_not(lacuna: Lacuna, space: Path, tmp_path: Path) -> None:
    ran = lacuna("search", space, "--out", tmp_path / "s", "--sampler", "nsga")
    assert "--sampler 'nsga'" in ran.message
    assert "nsga2 or tpe" in ran.message
