"""A design's YAML reaches the energy and area models value by value."""

from __future__ import annotations

from typing import Any

import pytest

from accel_models.design import Design
from accel_models.design_energy import area_of, memories_of, pe_count, prices_of, technology_of, vector_lanes
from accel_models.energy_params import PriceOverride, SramMacro
from accel_models.load import parse_design, set_value

WAIT = {"line_time": "0 ns", "line": "4 B", "cache": "0 B"}
VECTOR_UNIT = {
    "isa": "vector",
    "lanes_int8": 16,
    "lanes_int16": 8,
    "lanes_fp32": 4,
    "vector": "16 B",
    "issue": 1.0,
    "mac_cycles": 1,
    "alu_cycles": 1,
    "load_cycles": 1,
    "store_cycles": 1,
    "branch_cycles": 0,
    "weight_memory": WAIT,
    "activation_memory": WAIT,
}
DRAM = {"bandwidth": "8 GB/s", "latency": "100 ns", "burst": "64 B", "price": "lpddr4"}
BUFFERS = {
    "activation_buffer": "256 KiB",
    "weight_buffer": "128 KiB",
    "accumulator_buffer": "64 KiB",
    "banks": 2,
}


def design(**values: Any) -> Design:
    data: dict[str, Any] = {
        "name": "test",
        "description": "an array, a vector unit and DRAM",
        "clock": "500 MHz",
        "array": {"rows": 16, "cols": 8, "dataflow": "ws", "count": 2},
        "simd": dict(VECTOR_UNIT),
        "memory": {**BUFFERS, "dram": dict(DRAM)},
        "technology": {"node": "28 nm", "voltage": "0.9 V"},
        "sources": {},
    }
    for path, value in values.items():
        set_value(data, path.replace("__", "."), value)
    return parse_design(data, "test")


def test_units_and_buffers_are_carried_over() -> None:
    assert pe_count(design()) == 2 * 16 * 8
    assert vector_lanes(design()) == 16
    assert memories_of(design()) == (
        SramMacro(role="activation", size_bytes=262144, banks=2),
        SramMacro(role="weight", size_bytes=131072, banks=2),
        SramMacro(role="accumulator", size_bytes=65536, banks=2),
    )


def test_a_shared_scratchpad_is_one_macro_with_two_roles() -> None:
    shared = memories_of(design(memory__shared_buffer=True))
    assert [(macro.role, macro.size_bytes, macro.shared) for macro in shared[:2]] == [
        ("activation", 262144, False),
        ("weight", 262144, True),
    ]


def test_every_value_of_the_technology_arrives() -> None:
    technology = technology_of(
        design(
            technology__temperature="360 K",
            technology__device="lstp",
            technology__operations="aladdin_40nm",
            technology__idle_clocking=0.5,
            technology__register_bits_per_pe=64,
            technology__pe_buffer="512 B",
            technology__supply="1.8 V",
            technology__prices=[{"action": "macs", "value": "120 fJ", "source": "our layout"}],
        )
    )
    assert (technology.node_nm, technology.voltage_v, technology.temperature_k) == (28, 0.9, 360)
    assert (technology.device, technology.operations, technology.dram) == ("lstp", "aladdin_40nm", "lpddr4")
    assert (technology.idle_clocking, technology.register_bits_per_pe, technology.pe_buffer_bytes) == (
        0.5,
        64,
        512,
    )
    assert technology.supply_v == 1.8
    assert technology.prices == (PriceOverride(action="macs", value_pj=0.12, source="our layout"),)


def test_a_processor_core_has_one_price_for_all_it_does() -> None:
    core = design(array=None, memory=None, technology__core_power="cortex_m4")
    assert [price.action for price in prices_of(core)] == ["core_cycles", "idle_core_cycles"]
    assert [part.name for part in area_of(core)] == ["core"]


def test_price_list_and_area_follow_the_design() -> None:
    prices = prices_of(design())
    assert prices.scaled  # Horowitz's 45 nm operations at 28 nm
    assert prices.value("dram_read_bytes") == pytest.approx(8 * 8.47)
    assert {part.name for part in area_of(design())} == {
        "array",
        "vector_unit",
        "activation_sram",
        "weight_sram",
        "accumulator_sram",
    }
