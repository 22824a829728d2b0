"""Rules from files: what they mean, and that nothing but rules gets in."""

from __future__ import annotations

import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.sweeps.spaces.expressions import Value, is_name, no_such, parse_expression
from traces import ConfigError

VALUES: dict[str, Value] = {
    "array.rows": 8,
    "array.cols": 16,
    "clock": 2e8,
    "array.dataflow": "ws",
    "side": 4,
    "on": True,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("array.rows * array.cols <= 128", True),
        ("array.rows * array.cols < 128", False),
        ("8 <= array.rows <= side", False),
        ("array.dataflow == 'ws' and not side > 4", True),
        ("array.dataflow in ['os', 'is'] or on", True),
        ("array.dataflow not in ('os', 'ws')", False),
        ('clock >= "200 MHz"', True),
        ('clock > "0.2 GHz"', False),
        ("max(array.rows, side) + -1", 7),
        ("ceil(array.cols / 3) % 4 == 2 and array.cols // 3 == 5", True),
        ("log2(side)", 2.0),
        ("array.dataflow != 'os'", True),
    ],
)
def test_rules_mean_what_they_say(text: str, value: object) -> None:
    assert parse_expression(text)(VALUES) == value


def test_names_are_known_before_anything_runs() -> None:
    assert parse_expression("array.rows + side > min(clock, 3)").names == {"array.rows", "side", "clock"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "().__class__",
        "[].append(1)",
        "a[0]",
        "lambda: 1",
        "[x for x in y]",
        "f'{a}'",
        "a if b else c",
        "2 ** 99999999",
        "1 << 40",
        "x := 3",
        "b'x'",
        "3j",
        "max(*a)",
        "max(a, key=b)",
        "a is b",
        "{1: 2}",
        "await a",
        "",
        "a <",
        "1" * 501,
        "(" * 300,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expression"):
        parse_expression(text)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60))
def test_no_text_raises_anything_but_a_clear_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_expression(text)


def test_an_unknown_function_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no function 'ceiling'; did you mean 'ceil'"):
        parse_expression("ceiling(a)")


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("latency_us <= five", "five", "'five' is no column, and no number: write numbers in digits"),
        ("ten > 2 * latency_us", "ten", "'ten' is no column, and no number: write numbers in digits"),
        (
            "latency_us <= latency_us_p9",
            "latency_us_p9",
            "no column 'latency_us_p9'; did you mean 'latency_us_p99'?",
        ),
        ("tale == 3", "tale", "no column 'tale'; did you mean 'tile'?"),
    ],
)
def test_a_bound_in_words_needs_a_number(text: str, name: str, told: str) -> None:
    known = ["latency_us", "latency_us_p99", "tile"]
    assert no_such(parse_expression(text), name, "column", known).startswith(told)


@pytest.mark.parametrize("text", ["array.dataflow > 3", "side / (side - 4)", "log2(0 * side)", "side in 3"])
def test_what_cannot_be_worked_out_says_so(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be worked out with"):
        parse_expression(text)(VALUES)


def test_an_expression_travels_to_workers() -> None:
    again = pickle.loads(pickle.dumps(parse_expression("side == 4")))
    assert again(VALUES) is True


def test_names_of_linked_values() -> None:
    assert is_name("side")
    assert not any(map(is_name, ["array.rows", "max", "and", "2nd", ""]))
