"""`lacuna replay`, `compare`, `inspect` and `report` on what it wrote."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from accel_models import STEPS
from tests.lacuna.lacuna_runner import Lacuna

PER_INPUT = [
    "input", "label", "prediction", "correct", "macs", "latency_cycles", "latency_us", "energy_pj",
    "energy_mac_pj", "energy_sram_pj", "energy_dram_pj", "energy_simd_pj", "energy_gate_pj",
    "energy_wasted_pj", "energy_static_pj", "dram_bytes", "wasted_bytes", "gate_wait_cycles",
]  # fmt: skip
PER_OP = {"op", "rate", "in_channels", "out_channels", "cycles_mean", "cycles_p99", "utilization", "bound"}
SUMMARY = {
    "schema_version", "model_version", "design_hash", "trace_hash", "seed", "inputs", "accuracy", "macs",
    "latency_us", "energy_uj", "utilization", "dense", "mean_rate", "expected", "mac_proportional", "oracle",
    "waterfall",
}  # fmt: skip
LOSSES = [
    "design cannot skip", "group granularity", "array rounding", "gather", "tile control", "memory floor",
    "fixed work", "gate compute", "decision wait", "hand-over", "wasted prefetch", "batch divergence",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results") / "a"


@pytest.fixture
def results(lacuna: Lacuna, trace: Path, folder: Path) -> Path:
    """Replayed once for the module, with a timeline of two inputs."""
    if not folder.exists():
        ran = lacuna("replay", trace, "-d", "edge_npu_16x16", "--timeline", 2, "--out", folder)
        assert ran.code == 0, ran.err
    return folder


def test_the_results_folder_holds_what_the_design_says(results: Path) -> None:
    names = {path.name for path in results.iterdir()}
    assert names == {
        "per_input.parquet", "per_op.parquet", "summary.json", "design.yaml", "policy.json", "timeline.json.gz",
        "SHA256SUMS",
    }  # fmt: skip
    rows = pd.read_parquet(results / "per_input.parquet")
    assert list(rows.columns[: len(PER_INPUT)]) == PER_INPUT
    assert {"busy_array_cycles", "busy_simd_cycles", "busy_dma_cycles"} <= set(rows.columns)
    assert len(rows) == 24
    assert set(pd.read_parquet(results / "per_op.parquet").columns) >= PER_OP


def test_the_summary_is_the_tables_summed_up(results: Path) -> None:
    summary = json.loads((results / "summary.json").read_text("utf-8"))
    rows = pd.read_parquet(results / "per_input.parquet")
    assert set(summary) >= SUMMARY
    assert summary["inputs"] == 24
    assert summary["accuracy"] == pytest.approx(rows["correct"].mean())
    assert summary["macs"] == pytest.approx(rows["macs"].mean())
    assert summary["latency_us"]["mean"] == pytest.approx(rows["latency_us"].mean())
    assert summary["latency_us"]["max"] == pytest.approx(rows["latency_us"].max())
    assert summary["energy_uj"]["mean"] == pytest.approx(rows["energy_pj"].mean() / 1e6)
    parts = [name for name in PER_INPUT if name.startswith("energy_") and name != "energy_pj"]
    assert rows[parts].sum(axis=1).tolist() == pytest.approx(rows["energy_pj"].tolist())


@pytest.mark.parametrize("kind", ["latency", "energy"])
def test_the_waterfall_adds_up_exactly(results: Path, kind: str) -> None:
    waterfall = json.loads((results / "summary.json").read_text("utf-8"))["waterfall"][kind]
    assert [loss["name"] for loss in waterfall["losses"]] == LOSSES
    lost = sum(loss["amount"] for loss in waterfall["losses"])
    assert waterfall["ideal_saved"] - lost == waterfall["saved"]


def test_the_timeline_is_chrome_trace_json_without_overlaps(results: Path) -> None:
    events = json.loads(gzip.decompress((results / "timeline.json.gz").read_bytes()))["traceEvents"]
    rows: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in events:
        if event["ph"] == "X":
            span = (event["ts"], event["ts"] + event["dur"])
            rows.setdefault((event["pid"], event["tid"]), []).append(span)
    assert sum(map(len, rows.values())) > 20
    for spans in rows.values():
        spans.sort()
        assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(spans))


def test_json_is_the_summary_on_disk(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    ran = lacuna("replay", trace, "-d", "cortex_m4", "--limit", 5, "--out", tmp_path / "r", "--json")
    assert ran.json == json.loads((tmp_path / "r" / "summary.json").read_text("utf-8"))
    assert ran.json["inputs"] == 5


@pytest.mark.parametrize("prefetch", ["wait", "speculate", "predict", "oracle"])
def test_the_engines_agree(lacuna: Lacuna, trace: Path, tmp_path: Path, prefetch: str) -> None:
    frames = []
    for engine in ("fast", "events"):
        out = tmp_path / engine
        options = ("--prefetch", prefetch, "--engine", engine, "--limit", 8, "--batch", 2)
        assert lacuna("replay", trace, "-d", "edge_npu_16x16", *options, "--out", out).code == 0
        frames.append(pd.read_parquet(out / "per_input.parquet"))
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_the_same_command_writes_the_same_bytes(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    for name in "ab":
        lacuna(
            "replay", trace, "-d", "edge_npu_16x16", "--limit", 6, "--timeline", 1, "--out", tmp_path / name
        )
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_replaying_into_the_same_folder_leaves_nothing_of_the_old(
    lacuna: Lacuna, trace: Path, tmp_path: Path
) -> None:
    arguments = ("replay", trace, "-d", "edge_npu_16x16", "--out", tmp_path / "r")
    lacuna(*arguments, "--limit", 6, "--timeline", 2)
    lacuna(*arguments, "--limit", 3, "--force")
    assert not (tmp_path / "r" / "timeline.json.gz").exists()
    assert len(pd.read_parquet(tmp_path / "r" / "per_input.parquet")) == 3


def found(summary: dict[str, object]) -> dict[str, object]:
    """Return a summary without what was typed for it."""
    return {key: value for key, value in summary.items() if key != "command"}


def test_set_changes_the_design_that_is_replayed_and_kept(
    lacuna: Lacuna, trace: Path, tmp_path: Path
) -> None:
    options = ("--limit", 4, "--json")
    half = lacuna(
        "replay", trace, "-d", "edge_npu_16x16", "--set", "clock=250 MHz", "--out", tmp_path / "h", *options
    ).json
    whole = lacuna("replay", trace, "-d", "edge_npu_16x16", "--out", tmp_path / "w", *options).json
    assert half["design_hash"] != whole["design_hash"]
    assert half["latency_us"]["mean"] > whole["latency_us"]["mean"]
    assert "250 MHz" in (tmp_path / "h" / "design.yaml").read_text("utf-8")
    again = lacuna("replay", trace, "-d", tmp_path / "h" / "design.yaml", "--out", tmp_path / "g", *options)
    assert found(again.json) == found(half)


def test_a_design_that_is_too_small_is_a_result(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    small = ("--set", "memory.weight_buffer=256 B", "--set", "memory.banks=1")
    ran = lacuna("replay", trace, "-d", "edge_npu_32x32", *small, "--out", out)
    assert ran.code == 0
    assert "does not fit" in ran.out
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["feasible"] is False
    assert summary["demand"] > summary["bound"]
    assert "weight" in summary["reason"]


def test_inspect_shows_a_results_folder(lacuna: Lacuna, results: Path) -> None:
    shown, found = lacuna("inspect", results), lacuna("inspect", results, "--json").json
    assert "per input (mean)" in shown.out
    assert found == json.loads((results / "summary.json").read_text("utf-8"))


@pytest.mark.parametrize("width", [80, 120])
def test_the_answer_fits_the_terminal(lacuna: Lacuna, results: Path, width: int) -> None:
    ran = lacuna("inspect", results, width=width)
    assert "…" not in ran.out
    assert max(map(len, ran.out.splitlines())) <= width


def test_the_report_is_one_file_that_asks_for_nothing(lacuna: Lacuna, results: Path, tmp_path: Path) -> None:
    ran = lacuna("report", results, "--out", tmp_path / "page.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<html" in page
    for outside in ('src="http', "src='http", 'rel="stylesheet" href="http', "@import"):
        assert outside not in page


def test_the_report_lies_in_the_folder_unless_told(lacuna: Lacuna, results: Path) -> None:
    assert lacuna("report", results).code == 0
    page = results / "report.html"
    assert page.is_file()
    page.unlink()


def test_an_npz_trace_replays_like_the_parquet(
    lacuna: Lacuna, trace: Path, results: Path, tmp_path: Path
) -> None:
    from traces import export_npz, load_trace  # noqa: PLC0415  (beside its only use)

    export_npz(load_trace(trace), tmp_path / "t.npz")
    ran = lacuna("replay", tmp_path / "t.npz", "-d", "edge_npu_16x16", "--out", tmp_path / "r", "--json")
    assert found(ran.json) == found(json.loads((results / "summary.json").read_text("utf-8")))


def test_a_shipped_trace_goes_by_its_name(
    lacuna: Lacuna, trace: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traces.files.storage.shipped_traces", lambda: {"lcnet_50": trace})
    ran = lacuna("replay", "lcnet_50", "-d", "edge_npu_16x16", "--out", tmp_path / "r", "--json")
    assert found(ran.json) == found(json.loads((results / "summary.json").read_text("utf-8")))
    misspelt = lacuna("replay", "lcnet_05", "-d", "edge_npu_16x16", "--out", tmp_path / "q")
    assert "did you mean 'lcnet_50'?" in misspelt.message


def test_a_failed_replay_leaves_the_old_results_whole(
    lacuna: Lacuna, results: Path, tmp_path: Path, trace: Path
) -> None:
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    damaged = tmp_path / "cut.parquet"
    damaged.write_bytes(Path(trace).read_bytes()[:-100])
    assert lacuna("replay", damaged, "-d", "edge_npu_16x16", "--out", results).code == 2
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before


@pytest.mark.parametrize("command", ["replay", "stream"])
def test_the_help_names_every_step_that_can_be_left_out(lacuna: Lacuna, command: str) -> None:
    said = " ".join(lacuna(command, "--help").out.split())
    assert f"A step the compiler leaves out: {', '.join(STEPS[:-1])} or {STEPS[-1]}; " in said
