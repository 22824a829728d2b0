"""SRAM prices: exact at CACTI's points, smooth and rising between them, refused far outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.energy.chip import DeviceClass
from accel_models.energy.sram import sram_figures
from traces.base.errors import ConfigError

NODES = st.sampled_from([45, 32, 28, 22, 65, 40, 16, 7])
DEVICES = st.sampled_from(["hp", "lop", "lstp"])
SIZES = st.integers(256, 8 << 20)
WORDS = st.sampled_from([8, 16, 32, 48, 64, 128, 200, 256])


def test_exact_at_a_cacti_point() -> None:
    """128 KiB, 64 b, 28 nm lop, 330 K: a row of the table."""
    cost = sram_figures(131072, 64, node_nm=28, device="lop")
    assert cost.read_pj == pytest.approx(5.7201)
    assert cost.read_pj_per_byte == pytest.approx(5.7201 / 8)
    assert cost.leakage_mw == pytest.approx(8.1501)
    assert cost.area_mm2 == pytest.approx(0.19248)
    assert not cost.scaled


def test_half_way_is_the_geometric_mean() -> None:
    """Linear in logarithms, so sqrt(2) x 64 KiB costs sqrt(E(64 KiB) x E(128 KiB))."""
    low, middle, high = sram_figures(65536 * np.sqrt([1, 2, 4]), 64, node_nm=28, device="lop").read_pj
    assert middle == pytest.approx(np.sqrt(low * high))


@pytest.mark.parametrize(
    ("device", "temperature", "leakage_mw"),
    [
        ("hp", 330, 10.974),
        ("lop", 330, 6.2981),
        ("lstp", 330, 0.015962),
        ("lop", 300, 0.80887),
        ("lop", 360, 48.841),
    ],
)
def test_leakage_of_128_kib_at_22_nm(device: str, temperature: float, leakage_mw: float) -> None:
    """Oracle: CACTI 7 (128 KiB, 64 b, 22 nm); three classes span 700x and temperature another 60x."""
    cost = sram_figures(131072, 64, node_nm=22, device=device, temperature_k=temperature)  # type: ignore[arg-type]
    assert cost.leakage_mw == pytest.approx(leakage_mw, rel=1e-3)


@pytest.mark.parametrize(("device", "own_pj"), [("hp", 3.5), ("lstp", 3.79), ("lop", 2.12)])
def test_classes_agree_at_one_voltage(device: DeviceClass, own_pj: float) -> None:
    """64 bits of 32 KiB at 22 nm: lop is cheap because it runs at 0.6 V; at 0.8 V all three take 3.5 to 3.8 pJ."""
    own, at = (
        float(sram_figures(32768, node_nm=22, device=device, voltage_v=v).read_pj) for v in (None, 0.8)
    )
    assert own == pytest.approx(own_pj, abs=0.01)
    assert 3.4 < at < 3.9


def test_voltage_squared_for_energy_and_cubed_for_leakage() -> None:
    """From the 0.6 V of 22 nm lop to 0.9 V: 2.25 times the energy, 3.375 times the leakage, the same area."""
    own, high = (sram_figures(65536, node_nm=22, device="lop", voltage_v=v) for v in (0.6, 0.9))
    assert own.read_pj == sram_figures(65536, node_nm=22, device="lop").read_pj
    assert high.read_pj / own.read_pj == pytest.approx(2.25)
    assert high.write_pj / own.write_pj == pytest.approx(2.25)
    assert high.leakage_mw / own.leakage_mw == pytest.approx(3.375)
    assert high.gate_leakage_mw / own.gate_leakage_mw == pytest.approx(3.375)
    assert high.area_mm2 == own.area_mm2


def test_leakage_between_temperatures_is_log_linear() -> None:
    a, b, c = (
        float(sram_figures(65536, node_nm=28, device="lstp", temperature_k=t).leakage_mw)
        for t in (330, 345, 360)
    )
    assert b == pytest.approx(np.sqrt(a * c))


def test_wide_words_are_macros_side_by_side() -> None:
    """512 bits from 64 KiB are two 256-bit words from 32 KiB each."""
    wide = sram_figures(65536, 512, node_nm=28, device="lop")
    half = sram_figures(32768, 256, node_nm=28, device="lop")
    assert wide.read_pj == pytest.approx(2 * half.read_pj)
    assert wide.area_mm2 == pytest.approx(2 * half.area_mm2)


def test_narrow_words_pay_for_32_bits() -> None:
    byte = sram_figures(65536, 8, node_nm=28, device="lop")
    word = sram_figures(65536, 32, node_nm=28, device="lop")
    assert byte.read_pj == word.read_pj
    assert byte.read_pj_per_byte == pytest.approx(4 * word.read_pj_per_byte)


def test_another_node_is_scaled_and_says_so() -> None:
    """65 nm from 45: area (65/45)^2; the read by the square root of f65(0.9)/f45(0.9)."""
    at_65, at_45 = (sram_figures(65536, node_nm=node, device="lstp") for node in (65, 45))
    assert at_65.scaled
    assert not at_45.scaled
    assert at_65.area_mm2 / at_45.area_mm2 == pytest.approx((65 / 45) ** 2, rel=1e-4)
    f65 = 3.755 * 0.81 - 4.398 * 0.9 + 1.975
    assert at_65.read_pj / at_45.read_pj == pytest.approx(np.sqrt(f65 / 0.84433), rel=1e-4)


@settings(deadline=None, max_examples=80)
@given(sizes=st.lists(SIZES, min_size=2, max_size=8), word=WORDS, node=NODES, device=DEVICES)
def test_a_smaller_memory_never_costs_more(sizes: list[int], word: int, node: int, device: str) -> None:
    """Energy, leakage and area rise with size; sorted sizes give sorted costs."""
    cost = sram_figures(np.sort(sizes), word, node_nm=node, device=device)  # type: ignore[arg-type]
    for values in (cost.read_pj, cost.write_pj, cost.static_mw, cost.area_mm2):
        assert np.all(values > 0)
        assert np.all(np.diff(values) >= -1e-12 * values[1:])


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(SIZES, min_size=1, max_size=6))
def test_many_at_once_equal_one_by_one(sizes: list[int]) -> None:
    together = sram_figures(np.array(sizes), 64, node_nm=22, device="hp").write_pj
    alone = [float(sram_figures(size, 64, node_nm=22, device="hp").write_pj) for size in sizes]
    assert together.tolist() == pytest.approx(alone)


@pytest.mark.parametrize("size", [255, (8 << 20) + 1])
def test_sizes_outside_the_margin_are_refused(size: int) -> None:
    """256 B and 8 MiB are the last sizes priced."""
    sram_figures([256, 8 << 20], node_nm=28, device="lop")
    with pytest.raises(ConfigError, match=rf"^{size} B per bank; .*256 B to 8388608 B"):
        sram_figures([4096, size], node_nm=28, device="lop")


@pytest.mark.parametrize("kelvin", [289, 371])
def test_temperatures_outside_the_margin_are_refused(kelvin: float) -> None:
    for inside in (290, 370):
        sram_figures(4096, node_nm=28, device="lop", temperature_k=inside)
    with pytest.raises(ConfigError, match=f"technology.temperature = {kelvin:g} K"):
        sram_figures(4096, node_nm=28, device="lop", temperature_k=kelvin)


def test_an_unknown_device_class_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'lstp'"):
        sram_figures(4096, node_nm=28, device="lst")  # type: ignore[arg-type]
