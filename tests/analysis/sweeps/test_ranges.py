"""Lists and ranges as people write them."""

from __future__ import annotations

import pytest

from analysis.sweeps.spaces.ranges import axis_values
from traces import ConfigError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ([8, 16, 24], (8, 16, 24)),
        ("ws", ("ws",)),
        (True, (True,)),
        ("1..4", (1, 2, 3, 4)),
        ("8..64 step 8", (8, 16, 24, 32, 40, 48, 56, 64)),
        ("8..63 step 8", (8, 16, 24, 32, 40, 48, 56)),
        ("8..8", (8,)),
        ("8..64 log2", (8, 16, 32, 64)),
        ("12..50 log2", (12, 24, 48)),
        ("0.1..0.5 step 0.2", (0.1, 0.3, 0.5)),
        ("-1..1", (-1, 0, 1)),
        ("16 KiB..64 KiB log2", ("16 KiB", "32 KiB", "64 KiB")),
        ("512 B .. 2 KiB log2", ("512 B", "1 KiB", "2 KiB")),
        ("100..300 MHz step 100 MHz", ("100 MHz", "200 MHz", "300 MHz")),
        ("0.8 GHz..1.2 GHz step 200 MHz", ("800 MHz", "1 GHz", "1.2 GHz")),
        ("1.6 GB/s..3.2 GB/s log2", ("1.6 GB/s", "3.2 GB/s")),
    ],
)
def test_values(text: object, values: tuple[object, ...]) -> None:
    assert axis_values(text, "x") == values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ([], "has no values"),
        ([8, 8], "holds 8 twice"),
        ({"a": 1}, "is not a value"),
        ([[1]], "is not a value"),
        (None, "is not a value"),
        ("64..8", "is empty"),
        ("8..", "is not a range"),
        ("a..b", "is not a range"),
        ("8..64 times 2", "is not a range"),
        ("0..8 log2", "must start above 0"),
        ("1..8 step 0", "step must be above 0"),
        ("1..999999999", "needs at most 100000"),
        ("1 KiB..8 KiB", "say 'step' with a unit, or 'log2'"),
        ("1 KiB..8 KiB step 1", "needs a unit"),
        ("1 KB..8 KB log2", "no such unit 'KB'"),
        ("1 KiB..8 MHz log2", "did you mean|known"),
        ("1..8 step 1 KiB", "the range has none"),
    ],
)
def test_what_is_no_range_is_refused_with_its_path(text: object, why: str) -> None:
    with pytest.raises(ConfigError, match=f"^array.rows: .*({why})"):
        axis_values(text, "array.rows")
