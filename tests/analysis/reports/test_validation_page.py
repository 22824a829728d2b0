"""docs/validation.md is what the comparisons say, broken bounds included; and every promise holds today."""

from pathlib import Path

import numpy as np
import pytest

from analysis.figures.docs.validation import validation_info
from analysis.reports.validation_page import page_text, write_validation_page
from analysis.validation.comparison import Comparison
from analysis.validation.left_out import kept
from tests.shared import Comparisons
from traces.base.errors import ConfigError


def comparison(name: str, predicted: list[float], unit: str = "ms", bound: float = 0.2) -> Comparison:
    return Comparison(
        name=name,
        truth="a chip",
        labels=tuple(f"row {i} | x" for i in range(len(predicted))),
        measured=np.full(len(predicted), 10.0),
        predicted=np.array(predicted),
        unit=unit,
        bound_mean=bound,
        bound_worst=2 * bound,
    )


def test_errors_by_hand() -> None:
    found = comparison("a", [11.0, 8.0, 10.0])
    assert found.relative_errors.tolist() == pytest.approx([0.1, -0.2, 0.0])
    assert found.mean_error == pytest.approx(0.1)
    assert found.worst_error == pytest.approx(0.2)
    assert found.holds
    assert not comparison("b", [15.0]).holds
    assert not comparison("c", [10.0, 10.0, 10.0, 14.1]).holds  # the mean is fine, the worst is not


def test_a_comparison_needs_one_prediction_per_row() -> None:
    with pytest.raises(ConfigError, match="1 labels, 1 measured, 2 predicted"):
        Comparison(
            name="x", truth="", labels=("one",), measured=np.ones(1), predicted=np.ones(2), unit="ms",
            bound_mean=0.1, bound_worst=0.1,
        )  # fmt: skip


def test_the_page_shows_broken_bounds_and_the_worst_rows_first() -> None:
    text = page_text(
        [comparison("good", [11.0, 8.0]), comparison("bad", [15.0]), comparison("exact", [10.0])]
    )
    all_of = "nothing was fitted"
    assert (
        f"| good | 2 | 0 | 15.0% | 2 | {all_of} | 15.0% (10.0% to 20.0%) | 20.0% | 20.0% | 40.0% |  | yes |"
        in text
    )
    assert (
        f"| bad | 1 | 0 | 50.0% | 1 | {all_of} | 50.0% (50.0% to 50.0%) | 20.0% | 50.0% | 40.0% |  | **no** |"
        in text
    )
    assert text.index("| row 1 \\| x | 10 | 8 | -20.0% |") < text.index("| row 0 \\| x | 10 | 11 | +10.0% |")
    assert "## exact\n\nTruth: a chip.\n\nAll rows are equal." in text


def test_one_panel_per_unit() -> None:
    panels = validation_info(
        [comparison("a", [5.0]), comparison("b", [20.0], "uJ"), comparison("c", [30.0])]
    ).panels
    assert [(p.unit, [s.name for s in p.series]) for p in panels] == [("ms", ["a", "c"]), ("uJ", ["b"])]
    assert (panels[0].low, panels[0].high) == pytest.approx((5 / 1.5, 45.0))


def test_page_and_figure_are_written_the_same_twice(tmp_path: Path) -> None:
    rows = [comparison("a", [11.0, 9.0]), comparison("b", [20.0], "uJ")]
    first, second = (write_validation_page(rows, tmp_path / name) for name in ("one", "two"))
    assert [path.name for path in first] == ["validation.md", "validation.png", "validation_errors.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_promise_holds(every_comparison: Comparisons) -> None:
    broken = [
        f"{c.name}: mean {c.mean_error:.1%}, worst {c.worst_error:.1%}"
        for c in every_comparison
        if not kept(c)
    ]
    assert broken == []


def test_the_shipped_page_is_today_s(every_comparison: Comparisons) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "validation.md"
    assert page.read_text(encoding="utf-8") == page_text(every_comparison), "run `make docs`"
