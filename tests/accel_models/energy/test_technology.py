"""Node and voltage scaling: the published quadratics, their laws, and where they stop."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.energy.technology import area_factor, energy_factor, sram_energy_factor
from traces.base.errors import ConfigError

NODES = st.integers(7, 130)
VOLTAGES = st.floats(0.75, 1.2)  # above the lowest point of every node's quadratic


def test_65_nm_over_45_nm_by_hand() -> None:
    """f65(1.0) = 3.755 - 4.398 + 1.975 = 1.332; f45(0.9) = 0.89343 - 0.3258 + 0.2767 = 0.84433."""
    assert energy_factor(45, 0.9, 65, 1.0) == pytest.approx(1.332 / 0.84433, rel=1e-9)


@pytest.mark.parametrize(("node", "factor"), [(32, 0.641), (28, 0.507), (22, 0.305), (16, 0.187), (7, 0.102)])
def test_factors_at_equal_voltage(node: int, factor: float) -> None:
    """Oracle: the derived rows of energy_area.csv; 28 and 22 nm lie between 32 and 20."""
    assert energy_factor(45, 0.9, node, 0.9) == pytest.approx(factor, abs=6e-4)


@pytest.mark.parametrize(("node", "factor"), [(45, 1.0), (32, 0.46), (16, 0.19), (7, 0.059), (26, 0.335)])
def test_area_factors(node: int, factor: float) -> None:
    """Tabled ratios, and 26 nm half way between 32 (0.46) and 20 (0.21)."""
    assert area_factor(45, node) == pytest.approx(factor)


@settings(deadline=None, max_examples=60)
@given(node=NODES, voltage=VOLTAGES, other=NODES)
def test_there_and_back_is_one(node: int, voltage: float, other: int) -> None:
    there = energy_factor(node, voltage, other, 0.9)
    assert there * energy_factor(other, 0.9, node, voltage) == pytest.approx(1.0)
    assert area_factor(node, other) * area_factor(other, node) == pytest.approx(1.0)


@settings(deadline=None, max_examples=60)
@given(node=NODES, low=VOLTAGES, step=st.floats(0.0, 0.3))
def test_more_voltage_never_costs_less(node: int, low: float, step: float) -> None:
    assert energy_factor(45, 0.9, node, low + step) >= energy_factor(45, 0.9, node, low)


@settings(deadline=None, max_examples=60)
@given(node=st.integers(8, 130))
def test_a_finer_node_never_costs_more(node: int) -> None:
    assert energy_factor(45, 0.9, node - 1, 0.9) <= energy_factor(45, 0.9, node, 0.9) * (1 + 1e-12)
    assert area_factor(45, node - 1) <= area_factor(45, node)


def test_sram_scales_less_than_logic() -> None:
    assert energy_factor(22, 0.9, 7, 0.9) < sram_energy_factor(22, 7) < 1.0


@pytest.mark.parametrize(
    ("node", "voltage", "words"),
    [
        (5, 0.7, "from 7 nm to 130 nm"),
        (180, 1.2, "from 7 nm to 130 nm"),
        (45, 0.4, "from 0.5 V to 1.5 V"),
        (45, 1.6, "from 0.5 V to 1.5 V"),
        (65, 0.55, "below 0.59 V the 65 nm fit rises again"),
    ],
)
def test_nothing_is_extrapolated(node: int, voltage: float, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        energy_factor(45, 0.9, node, voltage)
