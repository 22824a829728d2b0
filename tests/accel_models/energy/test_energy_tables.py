"""Every shipped price says its unit, node, voltage, temperature, class and source, and adds up."""

from __future__ import annotations

import pytest

from accel_models.design.load import load_design
from accel_models.energy.tables import core_power, dram_table, operation_table, read_table
from traces.base.errors import ConfigError

OPERATION_TABLES = ("horowitz_45nm", "aladdin_40nm", "jouppi_7nm", "eyeriss_65nm")
PROVENANCE = {"primary", "secondary", "derived", "scaled", "recalled", "fitted", "assumption"}
COLUMNS = {
    "operations": ("unit", "node_nm", "voltage_v", "temperature_k", "device", "provenance", "source"),
    "dram": ("unit", "node", "voltage_v", "temperature_k", "device", "provenance", "source"),
    "cores": ("chip", "supply_v", "regulator", "node_nm", "provenance", "source"),
    "sram_cacti7": ("node_nm", "device", "temperature_k", "voltage", "source"),
    "sram_temperature": ("node_nm", "device", "temperature_k", "source"),
    "node_scaling": ("node_nm", "source"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_no_cell_that_says_where_a_price_comes_from_is_empty(name: str) -> None:
    for row in read_table(name):
        assert all(row[column].strip() for column in COLUMNS[name]), row
        assert None not in row.values(), row
        assert row.get("provenance", "primary") in PROVENANCE, row


@pytest.mark.parametrize(
    ("name", "key"), [("operations", ("table", "action", "unit")), ("dram", ("type", "action"))]
)
def test_no_price_is_given_twice(name: str, key: tuple[str, ...]) -> None:
    keys = [tuple(row[column] for column in key) for row in read_table(name)]
    assert len(keys) == len(set(keys))


def test_recalled_figures_are_only_those_without_a_source() -> None:
    recalled = [
        (row["table"], row["action"]) for row in read_table("operations") if row["provenance"] == "recalled"
    ]
    assert recalled == [("jouppi_7nm", action) for action in ("int8_add", "fp16_add", "fp32_add")]


@pytest.mark.parametrize("name", OPERATION_TABLES)
def test_a_table_is_of_one_node_and_voltage(name: str) -> None:
    cells = operation_table(name).values()
    assert len({(cell.node_nm, cell.voltage_v) for cell in cells}) == 1


@pytest.mark.parametrize("name", OPERATION_TABLES[:3])
def test_a_mac_is_its_multiply_and_its_add(name: str) -> None:
    table = operation_table(name)
    for precision, add in (
        ("int8", "int32_add"),
        ("int16", "int32_add"),
        ("fp16", "fp16_add"),
        ("fp32", "fp32_add"),
    ):
        if (f"{precision}_mac", "energy") in table:
            parts = table[f"{precision}_mul", "energy"].value + table[add, "energy"].value
            assert table[f"{precision}_mac", "energy"].value == pytest.approx(parts, rel=1e-3)


def test_horowitz_and_aladdin_disagree_and_stay_apart() -> None:
    horowitz, aladdin = (operation_table(name)["int8_mul", "energy"].value for name in OPERATION_TABLES[:2])
    assert aladdin / horowitz == pytest.approx(3.96, abs=0.01)


def test_eyeriss_is_its_published_ratios() -> None:
    """ISCA 2016, Table IV: one 16-bit access of scratchpad, network, buffer = 1, 2, 6 MACs."""
    table = operation_table("eyeriss_65nm")
    mac = table["int16_mac", "energy"].value
    words = [
        table[name, "energy"].value * 2 / mac for name in ("pe_buffer", "noc", "sram_read", "sram_write")
    ]
    assert words == pytest.approx([1, 2, 6, 6], rel=1e-3)


def test_lpddr4_is_core_and_io() -> None:
    """5.26 + 3.21 read, 3.87 + 1.17 written [pJ/bit]."""
    table = dram_table("lpddr4")
    assert (table["read"].value, table["write"].value) == pytest.approx((8.47, 5.04))


def test_the_default_dram_lies_in_its_range() -> None:
    table = dram_table("default")
    assert table["read"].value == table["write"].value == 8.0


def test_flash_cannot_be_written() -> None:
    assert "write" not in dram_table("flash_qspi")


def test_a_linear_regulator_burns_the_supply_and_a_switching_one_does_not() -> None:
    linear, switching = core_power("cortex_m4"), core_power("cortex_m7")
    assert linear.cycle_pj() == pytest.approx(203.5 * 1.8)
    assert linear.cycle_pj(3.0) == pytest.approx(203.5 * 3.0)
    assert switching.cycle_pj(3.3) == switching.cycle_pj(3.0) == switching.cycle_pj()


@pytest.mark.parametrize(
    ("read", "name", "near"),
    [
        (operation_table, "horowitz", "horowitz_45nm"),
        (dram_table, "lpdr4", "lpddr4"),
        (core_power, "cortex_m44", "cortex_m4"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(read, name: str, near: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=f"did you mean '{near}'"):
        read(name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("idle_clocking", 1.1),
        ("node", "0 nm"),
        ("voltage", "-0.9 V"),
        ("supply", "0 V"),
        ("register_bits_per_pe", -1),
    ],
)
def test_a_technology_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"technology\.{field}"):
        load_design("edge_npu_16x16", {f"technology.{field}": value})
