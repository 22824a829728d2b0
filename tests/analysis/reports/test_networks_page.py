"""docs/networks_measured.md says what provenance.json says; and how the table and the figure come about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.figures.docs.trade_off import TradeOffSeries, macs_of, trade_off
from analysis.reports.networks_page import page_text, write_networks_page


def _entry(method: str, macs: int, test: float, **more: Any) -> dict[str, Any]:
    return {
        "method": method,
        "checkpoint": "networks/shipped/x.pt",
        "macs": macs,
        "epochs": 5,
        "start_from": "",
        "validation_accuracy": 0.5,
        "test_accuracy": test,
        **more,
    }


ROOT = Path(__file__).parents[3]
ARTEFACTS: dict[str, dict[str, Any]] = {
    "resnet20_taught": _entry("static", 200, 0.9),
    "lc_half": _entry(
        "LC-Net",
        200,
        0.85,
        start_from="resnet20_taught.pt",
        macs_kept={"mean": 0.5, "min": 0.25, "max": 0.75},
    ),
    "lc_third": _entry(
        "LC-Net", 200, 0.8, start_from="lc_half.pt", macs_kept={"mean": 0.3, "min": 0.2, "max": 0.4}
    ),
    "lcnet_50": _entry("LC-Net", 200, 0.89, macs_kept={"mean": 0.48, "min": 0.2, "max": 0.6}),
    "resnet_narrow50": _entry("static, narrowed", 98, 0.88),
    "lcnet_u55_cycles": _entry(
        "LC-Net, for x.json", 200, 0.8, macs_kept={"mean": 0.4, "min": 0.2, "max": 0.6}
    ),
    "teacher": _entry("static, wide", 800, 0.95),
    "narrow": _entry("static, narrowed", 50, 0.7, start_from="resnet20_taught.pt"),
}


def test_macs_are_shares_of_the_backbones() -> None:
    assert macs_of(ARTEFACTS, "lc_half") == pytest.approx(0.5)
    assert macs_of(ARTEFACTS, "narrow") == pytest.approx(0.25)


def test_a_method_is_a_line_by_rising_macs() -> None:
    assert TradeOffSeries("LC-Net", (0.3, 0.48, 0.5), (0.8, 0.89, 0.85)) in trade_off(ARTEFACTS).series


def test_teachers_are_listed_but_no_operating_points() -> None:
    assert "static, wide" not in {series.name for series in trade_off(ARTEFACTS).series}
    assert "| `teacher` | static, wide | nothing | 5 / 5 | 400.0% | 50.0% | 95.0% |" in page_text(ARTEFACTS)


def test_the_page_adds_up_epochs_and_shows_the_spread() -> None:
    page = page_text(ARTEFACTS)
    assert "| `lc_third` | LC-Net | lc_half | 5 / 15 | 30.0% (20% … 40%) | 50.0% | 80.0% |" in page
    assert "| `narrow` | static, narrowed | resnet20_taught | 5 / 10 | 25.0% | 50.0% | 70.0% |" in page


def test_networks_without_weights_have_a_star() -> None:
    light = {key: value for key, value in ARTEFACTS["lc_third"].items() if key != "checkpoint"}
    page = page_text(ARTEFACTS | {"lc_third": light})
    assert "| `lc_third` * | LC-Net |" in page
    assert "| `lc_half` | LC-Net |" in page


def test_methods_stand_side_by_side_at_the_macs_they_aim_at() -> None:
    page = page_text(ARTEFACTS)
    assert "| aimed at | 50 % |\n" in page
    assert "| LC-Net | 89.00% (-1.00) at 48.0% |\n" in page
    assert "| static, narrowed | 88.00% (-2.00) at 49.0% |\n" in page
    assert "| LC-Net, for x.json | 8" not in page


def test_exits_show_what_thresholds_buy() -> None:
    rows = [
        {"threshold": 1.01, "macs_kept": 0.5, "test_accuracy": 0.8},
        {"threshold": 0.9, "macs_kept": 0.4, "test_accuracy": 0.75},
    ]
    chosen = [{"points_lost": 0.003, "threshold": 0.85, "macs_kept": 0.35, "test_accuracy": 0.78}]
    entry = _entry("DDI", 200, 0.8, exit_test_accuracy=[0.6, 0.8], exit_thresholds=rows, exit_choices=chosen)
    page = page_text(ARTEFACTS | {"ddi": entry})
    assert "`ddi`: exits alone answer 60.0%, 80.0% of the test images." in page
    assert "| threshold | above 1 | 0.9 |\n" in page
    assert "| MACs | 50.0% | 40.0% |\n| test accuracy | 80.0% | 75.0% |\n" in page
    assert "| may lose | 0.3% |\n|---|---:|\n| threshold | 0.85 |\n| MACs | 35.0% |\n" in page
    assert "Early exits" not in page_text(ARTEFACTS)


def test_page_and_figure_are_the_same_bytes_twice(tmp_path: Path) -> None:
    source = tmp_path / "provenance.json"
    source.write_text(json.dumps({"artefacts": ARTEFACTS}), encoding="utf-8")
    first = [path.read_bytes() for path in write_networks_page(source, tmp_path)]
    assert first == [path.read_bytes() for path in write_networks_page(source, tmp_path)]


def test_the_shipped_page_is_todays() -> None:
    shipped = json.loads((ROOT / "networks/shipped/provenance.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/networks_measured.md").read_text(encoding="utf-8")
    assert page == page_text(shipped["artefacts"])
