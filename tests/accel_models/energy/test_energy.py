"""Energy: hand-worked sums, parts that add up, and no action that slips through without a price."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.energy.actions import (
    Actions,
    EnergyParts,
    Idle,
    array_actions,
    energy_pj,
    static_energy_pj,
)
from accel_models.energy.chip import PART_OF, PRICED_ACTIONS, Chip, Silicon, SramMacro
from accel_models.energy.price_list import price_list
from accel_models.energy.sram import sram_figures
from tests.sections import but, technology
from traces.base.errors import ConfigError

TECHNOLOGY = technology()
MEMORIES = (
    SramMacro(role="weight", size_bytes=65536),
    SramMacro(role="activation", size_bytes=131072, banks=2),
    SramMacro(role="accumulator", size_bytes=32768, word_bits=256),
)
CHIP = Chip(silicon=Silicon(pes=256, lanes=8), buffers=MEMORIES, dram="lpddr4")
SMALL = replace(CHIP, silicon=Silicon(pes=16))
PRICES = price_list(TECHNOLOGY, CHIP)
_ELSEWHERE = {
    "core_cycles",
    "noc_bytes",
    "pe_buffer_bytes",
    "l2_read_bytes",
    "l2_write_bytes",
}  # not priced here
ARRAY_ACTIONS = [name for name in PART_OF if name not in _ELSEWHERE]
COUNTS = st.integers(0, 10**9)


def test_macs_and_registers_by_hand() -> None:
    """1000 MACs at 0.3 pJ and 2000 PE cycles of 48 bits at 4.286 fJ, with their overhead; 10 cycles of control."""
    parts = energy_pj(Actions(macs=1000, pe_cycles=2000, control_cycles=10), PRICES)
    assert parts.mac_pj == pytest.approx(1000 * (0.3 + 1.01) + 2000 * (48 * 0.004286 + 0.7429) + 10 * 172)
    assert parts.total_pj == pytest.approx(parts.mac_pj)


def test_a_lane_operation_by_hand() -> None:
    """One 32-bit add (0.1 pJ) and 96 register bits."""
    assert energy_pj(Actions(simd_ops=10), PRICES).simd_pj == pytest.approx(10 * (0.1 + 96 * 0.004286))


def test_dram_by_hand() -> None:
    """8.47 and 5.04 pJ/bit, 1.205 nJ for a row."""
    actions = Actions(dram_read_bytes=100, dram_write_bytes=10, dram_activations=1)
    assert energy_pj(actions, PRICES).dram_pj == pytest.approx(100 * 8 * 8.47 + 10 * 8 * 5.04 + 1205)


def test_sram_is_priced_per_bank_at_its_word() -> None:
    """Two banks of 64 KiB are read at the price of 64 KiB, at the design's voltage."""
    bank = sram_figures(65536, 64, node_nm=45, device="lstp", voltage_v=0.9)
    assert energy_pj(Actions(activation_sram_read_bytes=8), PRICES).sram_pj == pytest.approx(
        float(bank.read_pj)
    )


def test_a_processor_core_pays_per_cycle_only() -> None:
    """STM32L4R5: 203.5 pC x 1.8 V a cycle; 1 ms at 120 MHz is 44 uJ, the power MLPerf Tiny sees."""
    prices = price_list(technology(core_power="cortex_m4"), Chip())
    assert energy_pj(Actions(core_cycles=120_000), prices).total_pj == pytest.approx(43.956e6)
    assert static_energy_pj(prices, 120_000, 120e6) == 0.0
    assert static_energy_pj(prices, 120_000, 120e6, Idle(core_cycles=100)) == pytest.approx(0.3 * 36630)


def test_static_energy_is_power_times_time() -> None:
    """1 mW for one cycle of 1 ns is 1 pJ; a waiting array of 256 keeps a tenth of its clocking and control."""
    watts = {price.action: price.value for price in PRICES if price.unit == "mW"}
    assert set(watts) == {"sram_leakage", "logic_leakage", "dram_standby"}
    assert static_energy_pj(PRICES, [0, 1, 1000], 1e9) == pytest.approx(
        sum(watts.values()) * np.array([0, 1, 1000])
    )
    waiting = static_energy_pj(PRICES, 0, 1e9, Idle(pe_cycles=1000))
    assert waiting == pytest.approx(1000 * 0.1 * (48 * 0.004286 + 0.7429 + 172 / 256))


def test_another_supply_moves_the_chip_and_not_its_dram() -> None:
    """At half the voltage: an eighth of the leakage, a quarter of the idle clocking, all of the DRAM's standby."""
    watts = {price.action: price.value for price in PRICES if price.unit == "mW"}
    half = static_energy_pj(PRICES, 1000, 1e9, supply=0.5)
    assert half == pytest.approx(
        1000 * (watts["dram_standby"] + (watts["sram_leakage"] + watts["logic_leakage"]) / 8)
    )
    idle = Idle(pe_cycles=1000, simd_cycles=1000)
    assert static_energy_pj(PRICES, 0, 1e9, idle, 0.5) == pytest.approx(
        static_energy_pj(PRICES, 0, 1e9, idle) / 4
    )


def test_the_vector_unit_is_steered_too() -> None:
    """One instruction a cycle at 70 pJ, a tenth of it while the unit waits."""
    assert energy_pj(Actions(simd_cycles=10), PRICES).simd_pj == pytest.approx(700)
    assert static_energy_pj(PRICES, 0, 1e9, Idle(simd_cycles=10)) == pytest.approx(70)


def test_narrow_weights_make_a_smaller_multiplier() -> None:
    """4-bit weights: half of the 0.2 pJ multiplication, all of the 0.1 pJ sum, three quarters of the overhead."""
    narrow = price_list(TECHNOLOGY, replace(CHIP, weight_bits=4))
    assert narrow.value("macs") == pytest.approx(0.1 + 0.1 + 0.75 * 1.01)
    assert narrow.value("pe_cycles") == pytest.approx(48 * 0.004286 + 0.75 * 0.7429)
    wide = price_list(TECHNOLOGY, replace(CHIP, weight_bits=8))
    assert wide.value("macs") == PRICES.value("macs")
    with pytest.raises(ConfigError, match=r"memory\.weight_bits = 8: .* has no 'int16_mul'"):
        price_list(
            but(TECHNOLOGY, operations="eyeriss_65nm", precision="int16"), replace(CHIP, weight_bits=8)
        )


def test_voltage_moves_every_price_on_the_chip() -> None:
    """From 0.9 V to 0.8 V: SRAM by the square, leakage by the third power, logic by its node's quadratic."""
    low = {price.action: price.value for price in price_list(but(TECHNOLOGY, voltage="0.8 V"), CHIP)}
    at_45 = (1.103 * 0.64 - 0.362 * 0.8 + 0.2767) / (1.103 * 0.81 - 0.362 * 0.9 + 0.2767)
    for price in PRICES:
        match price.action.split("_"):
            case ["dram", *_]:
                factor = 1.0
            case [*_, "leakage"]:
                factor = (8 / 9) ** 3
            case _ if "sram" in price.action or "accumulator" in price.action:
                factor = (8 / 9) ** 2
            case _:
                factor = at_45
        assert low[price.action] == pytest.approx(factor * price.value), price.action


def test_a_class_that_nobody_chose_is_called_default() -> None:
    stated = price_list(but(TECHNOLOGY, device="lstp"), CHIP)
    named = {price.action: price for price in PRICES}
    for action in ("sram_leakage", "activation_sram_read_bytes"):
        assert "lstp (default: technology.device is not stated)" in named[action].source
    assert not any("default" in price.source for price in stated)
    assert [price.value for price in stated] == [price.value for price in PRICES]


def test_leakage_counts_every_bank_once_and_shared_roles_not_again() -> None:
    whole = next(price.value for price in PRICES if price.action == "sram_leakage")
    again = price_list(TECHNOLOGY, replace(CHIP, buffers=(*MEMORIES, replace(MEMORIES[0], shared=True))))
    assert next(price.value for price in again if price.action == "sram_leakage") == pytest.approx(whole)
    banks = [
        sram_figures(m.bank_bytes, m.word_bits, node_nm=45, device="lstp", voltage_v=0.9).static_mw * m.banks
        for m in MEMORIES
    ]
    assert whole == pytest.approx(float(sum(banks)))


def test_inside_a_pe_with_a_scratchpad() -> None:
    """Two-byte words: 4 accesses for each of 60 switching MACs, 1 for each of 40 gated ones."""
    with_buffer = but(TECHNOLOGY, precision="int16", pe_buffer="512 B")
    actions = array_actions(with_buffer, 100, 500, pes=8, gated_macs=40)
    assert (actions.macs, actions.zero_gated_macs, actions.pe_buffer_bytes) == (60, 40, 2 * (4 * 60 + 40))
    assert (actions.pe_cycles, actions.control_cycles) == (8 * 500, 500)
    assert array_actions(TECHNOLOGY, 100, 500, pes=8).pe_buffer_bytes == 0


@pytest.mark.parametrize("action", sorted(PART_OF))
def test_an_action_without_a_price_is_named_never_zero(action: str) -> None:
    nothing = price_list(technology(node="28 nm"), Chip())
    assert energy_pj(Actions(**{action: 0}), nothing).total_pj == 0
    with pytest.raises(ConfigError, match=f"action '{action}' happens in this design but has no price"):
        energy_pj(Actions(**{action: np.array([0, 1])}), nothing)


def test_flash_that_is_written_has_no_price() -> None:
    prices = price_list(TECHNOLOGY, replace(SMALL, dram="flash_octal"))
    assert energy_pj(Actions(dram_read_bytes=1), prices).dram_pj > 0
    with pytest.raises(ConfigError, match="dram_write_bytes"):
        energy_pj(Actions(dram_write_bytes=1), prices)


def test_a_precision_the_table_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no 'fp16_mac'"):
        price_list(but(TECHNOLOGY, operations="aladdin_40nm", precision="fp16"), SMALL)


def test_an_override_replaces_one_price_and_keeps_its_source() -> None:
    own = {"action": "macs", "value": "0.5 pJ", "source": "our layout"}
    prices = price_list(but(TECHNOLOGY, prices=[own]), SMALL)
    assert prices.value("macs") == 0.5
    assert next(price for price in prices if price.action == "macs").source == "design: our layout"
    assert prices.value("simd_ops") == PRICES.value("simd_ops")


def test_an_override_of_nothing_names_the_nearest() -> None:
    own = {"action": "mac", "value": "0.5 pJ", "source": "our layout"}
    with pytest.raises(ConfigError, match=r"technology\.prices.*did you mean 'macs'"):
        load_design("edge_npu_16x16", {"technology.prices": [own]})


@pytest.mark.parametrize(("value", "source"), [("-1 pJ", "x"), ("1 pJ", " ")])
def test_an_override_needs_a_value_and_a_source(value: str, source: str) -> None:
    with pytest.raises(ConfigError, match=r"technology\.prices"):
        load_design(
            "edge_npu_16x16", {"technology.prices": [{"action": "macs", "value": value, "source": source}]}
        )


def test_every_priced_action_can_be_counted() -> None:
    assert set(PART_OF) == {field.name for field in fields(Actions)}
    assert set(PRICED_ACTIONS) == set(PART_OF) | {
        "idle_pe_cycles",
        "idle_simd_cycles",
        "idle_core_cycles",
    }


def test_the_band_is_claimed_where_a_node_was_scaled_and_only_there() -> None:
    assert not PRICES.scaled
    assert price_list(but(TECHNOLOGY, node="28 nm"), SMALL).scaled
    assert price_list(but(TECHNOLOGY, voltage="1 V"), SMALL).scaled


def test_every_price_says_where_it_comes_from() -> None:
    for price in PRICES:
        assert price.source
        assert price.voltage
        assert price.unit in {"pJ/op", "pJ/B", "pJ/cycle", "pJ/row", "mW"}


@settings(deadline=None, max_examples=60)
@given(counts=st.dictionaries(st.sampled_from(ARRAY_ACTIONS), COUNTS))
def test_parts_add_up_and_pricing_is_linear(counts: dict[str, int]) -> None:
    """The total is the sum of count x price; twice the work costs twice; gate and waste only move it."""
    parts = energy_pj(Actions(**counts), PRICES)
    by_hand = sum(count * PRICES.value(name) for name, count in counts.items())
    assert parts.total_pj == pytest.approx(by_hand)
    assert energy_pj(Actions(**counts) + Actions(**counts), PRICES).total_pj == pytest.approx(2 * by_hand)
    assert energy_pj(Actions(**counts).times(3), PRICES).total_pj == pytest.approx(3 * by_hand)
    assert parts.as_gate().gate_pj == pytest.approx(by_hand)
    assert parts.as_wasted().total_pj == pytest.approx(by_hand)
    assert (parts + EnergyParts.zeros()).total_pj == parts.total_pj
    assert parts.times(0.5).total_pj == pytest.approx(0.5 * by_hand)


@settings(deadline=None, max_examples=30)
@given(low=st.lists(COUNTS, min_size=3, max_size=3), more=COUNTS, action=st.sampled_from(ARRAY_ACTIONS))
def test_more_of_anything_never_costs_less(low: list[int], more: int, action: str) -> None:
    counts = np.array(low)
    less = energy_pj(Actions(**{action: counts}), PRICES).total_pj
    assert np.all(energy_pj(Actions(**{action: counts + more}), PRICES).total_pj >= less)


def test_buffers_beside_a_processor_core_are_priced_but_leak_no_second_time() -> None:
    """A chip's current holds its leakage; what DRAM fills is still written somewhere."""
    prices = price_list(technology(core_power="cortex_m4"), replace(CHIP, silicon=Silicon(cores=1)))
    assert prices.value("weight_sram_write_bytes") > 0
    assert {price.action for price in prices if price.unit == "mW"} == {"dram_standby"}
