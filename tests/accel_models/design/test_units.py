"""Quantities: what is read, what is refused, and that writing reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models.design.quantities import UNITS, parse_quantity, spell, whole
from traces.base.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("64 KiB", "size", 65536),
        ("500 MHz", "frequency", 500e6),
        ("8 GB/s", "bandwidth", 8e9),
        ("1.2 pJ", "energy", 1.2),
        ("2nJ", "energy", 2000.0),
        ("0.1 ns", "time", 1e-10),
        ("22 nm", "length", 22),
        ("30 fps", "rate", 30),
        ("1e3 B", "size", 1000),
    ],
)
def test_reads_numbers_with_units(text: str, quantity: str, value: float) -> None:
    assert parse_quantity(text, quantity) == value


@pytest.mark.parametrize(
    ("text", "quantity", "message"),
    [
        ("64 KB", "size", "KB is ambiguous .* write KiB"),
        ("64 MB", "size", "MB is ambiguous"),
        ("64", "size", "'64' has no unit: write a size"),
        (64, "size", "64 has no unit"),
        ("500 Mhz", "frequency", "no such unit of frequency; did you mean 'MHz'"),
        ("fast", "frequency", "'fast' is not a frequency"),
        ("", "frequency", "'' is not a frequency"),
        ("1.2 pJ", "time", "no such unit of time"),
    ],
)
def test_refuses_what_is_no_quantity(text: object, quantity: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_quantity(text, quantity)


def test_refuses_to_round() -> None:
    assert whole(2.0, "2 B") == 2
    with pytest.raises(ConfigError, match="not a whole number"):
        whole(2.5, "2.5 B")


@given(
    value=st.one_of(st.integers(0, 2**40), st.floats(1e-12, 1e15)),
    quantity=st.sampled_from(sorted(UNITS)),
)
def test_what_is_written_reads_back(value: float, quantity: str) -> None:
    assert parse_quantity(spell(value, quantity), quantity) == value
