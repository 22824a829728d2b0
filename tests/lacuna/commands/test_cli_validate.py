"""`lacuna validate`: every comparison holds, and one that breaks ends with exit code 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna
from tests.shared import Comparisons


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, every_comparison: Comparisons) -> Comparisons:
    monkeypatch.setattr("analysis.all_comparisons", lambda *_: every_comparison, raising=False)
    return every_comparison


def test_every_bound_holds(lacuna: Lacuna, known: Comparisons) -> None:
    shown, found = lacuna("validate"), lacuna("validate", "--json").json
    assert shown.code == 0, shown.out
    assert "BROKEN" not in shown.out
    assert len(found) == len(known) > 20
    assert all(one["predicted"] is None or one["predicted"]["rows"] > 0 for one in found)
    assert all(one["fitted_rows"] == 0 or one["constants_per_row"] > 0 for one in found)
    assert all(one["holds"] and one["worst_error"] <= one["bound_worst"] for one in found)


def test_a_broken_bound_fails(lacuna: Lacuna, known: Comparisons, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(known[0], predicted=known[0].predicted * 2)
    monkeypatch.setattr("analysis.all_comparisons", lambda *_: (wrong, *known[1:]), raising=False)
    ran = lacuna("validate")
    assert ran.code == 1
    assert ran.out.count("BROKEN") == 1


def test_the_page_is_written(lacuna: Lacuna, known: Comparisons, tmp_path: Path) -> None:
    assert lacuna("validate", "--docs", tmp_path).code == 0
    page = (tmp_path / "validation.md").read_text("utf-8")
    assert all(one.name in page for one in known)
    assert list(tmp_path.glob("*.png"))


def test_rows_of_ones_own(lacuna: Lacuna, tmp_path: Path) -> None:
    """ZigZag's full convolution is met within 1 %; a row without a measurement is skipped, not dropped."""
    path = tmp_path / "rows.csv"
    path.write_text("C,K,latency_cycles\n128,128,125504\n64,64,\n", "utf-8")
    found = lacuna("validate", "--rows", "zigzag_density", path, "--json").json
    assert set(found) == {"rows", "skipped", "mean", "median", "worst", "groups"}
    assert found["rows"] == 1
    assert found["mean"] == found["worst"] < 0.01
    assert found["skipped"] == [{"row": "64 64", "reason": "no latency_cycles"}]
    assert found["groups"]["tpu_like"]["rows"] == 1
    shown = lacuna("validate", "--rows", "zigzag_density", path)
    assert "no latency_cycles" in shown.out


def test_kinds_are_listed_with_their_columns(lacuna: Lacuna) -> None:
    found = lacuna("validate", "--kinds", "--json").json
    assert found["zigzag_density"]["columns"] == ["C", "K", "latency_cycles"]
    assert lacuna("validate", "--kinds").out.count("mlperf_tiny") >= 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rows", "scalsim", "x.csv"), "did you mean 'scalesim'"),
        (("--rows", "scalesim"), "--rows KIND FILE.csv"),
        (("--rows", "scalesim", "none.csv"), "none.csv: no such file"),
    ],
)
def test_rows_that_cannot_be_read(lacuna: Lacuna, arguments: tuple[str, ...], told: str) -> None:
    ran = lacuna("validate", *arguments)
    assert ran.code == 2
    assert told in ran.err
