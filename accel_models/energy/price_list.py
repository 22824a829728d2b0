"""Building the price list of one design from its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from accel_models.design.sections import StatedPrice, Technology
from accel_models.energy.actions import Price, PriceList
from accel_models.energy.area import logic_area_mm2
from accel_models.energy.chip import (
    PRECISION_BYTES,
    PRICED_ACTIONS,
    Chip,
    MemoryRole,
    Silicon,
    SramMacro,
    pe_scratchpad,
)
from accel_models.energy.sram import macro_figures, sram_figures
from accel_models.energy.tables import Operation, core_power, dram_table, operation_table
from accel_models.energy.technology import energy_factor
from traces import ConfigError, did_you_mean

# Assumption: a lane operation moves two operands and a result of 32 bits through clocked registers.
SIMD_REGISTER_BITS = 96
# Assumption: seeing that an operand is zero costs as much as one addition of its width.
ZERO_CHECK = {"int8": "int8_add", "int16": "int16_add", "fp16": "int16_add", "fp32": "int32_add"}
_SRAM_ACTIONS: dict[MemoryRole, tuple[str, str]] = {
    "weight": ("weight_sram_read_bytes", "weight_sram_write_bytes"),
    "activation": ("activation_sram_read_bytes", "activation_sram_write_bytes"),
    "accumulator": ("accumulator_read_bytes", "accumulator_write_bytes"),
    "l2": ("l2_read_bytes", "l2_write_bytes"),
}


@lru_cache(maxsize=4096)
def price_list(technology: Technology, chip: Chip) -> PriceList:
    """Collect the prices of a design from its tables.

    Parameters
    ----------
    technology
        Node, voltage, temperature, device class, tables and prices that the design states.
    chip
        Its units, its buffers and the memory behind them.
    """
    silicon, prices = chip.silicon, list[Price]()
    if technology.core_power is not None:
        prices += _core_prices(technology.core_power, technology.supply)
    if silicon.pes:
        operands = _Operands.of(technology, chip)
        prices += _array_prices(technology, silicon.pes, operands) + _simd_prices(technology, operands)
        prices += _leakage(technology, chip.buffers) + _logic_leakage(technology, silicon)
    prices += [price for macro in chip.buffers for price in _macro_prices(technology, macro)]
    if chip.dram != "none":
        prices += _dram_prices(chip.dram)
    return PriceList(tuple(_with_stated(prices, technology.prices)))


@dataclass(frozen=True, slots=True)
class _Operands:
    """Widths of what a multiplication takes."""

    mac: Mapping[
        str, float
    ]  # operations of one MAC; a multiplier grows with its weight, the sum stays as wide
    mean_bytes: float  # of the two operands [B]

    @classmethod
    def of(cls, technology: Technology, chip: Chip) -> _Operands:
        """Return those of a design; its table must know a multiplier where weights are of another width."""
        width, parts = PRECISION_BYTES[technology.precision], {f"{technology.precision}_mac": 1.0}
        weight = width if chip.weight_bits is None else chip.weight_bits / 8
        if weight != width:
            multiplier = f"{technology.precision}_mul"
            if _operation(technology, multiplier) is None:
                raise ConfigError(
                    f"memory.weight_bits = {chip.weight_bits}: technology.operations = {technology.operations!r} "
                    f"has no {multiplier!r} to price a multiplier of that width with"
                )
            parts[multiplier] = weight / width - 1.0
        return cls(parts, (width + weight) / 2)


def _operation(technology: Technology, action: str) -> Operation | None:
    return operation_table(technology.operations).get((action, "energy"))


def _composed(technology: Technology, price: str, unit: str, parts: Mapping[str, float]) -> list[Price]:
    """Price an action made of so many of each operation of the one table; empty if the table lacks one."""
    cells = {name: _operation(technology, name) for name in parts}
    known = [cell for cell in cells.values() if cell is not None]
    if not known or len(known) < len(cells):
        return []
    first = known[0]
    same = first.node_nm == technology.node and abs(first.voltage_v - technology.voltage) < 1e-9
    factor = (
        1.0 if same else energy_factor(first.node_nm, first.voltage_v, technology.node, technology.voltage)
    )
    value = factor * sum(cell.value * parts[cell.action] for cell in known)
    recipe = " + ".join(f"{count:g} {name}" if count != 1 else name for name, count in parts.items())
    made_of = f"{technology.operations}: {recipe}"
    if not same:
        made_of += f"; x {factor:.3f} from {first.node_nm} nm {first.voltage_v} V, Stillmaker & Baas 2017"
    scaled = not same or any(cell.provenance == "scaled" for cell in known)
    cites = tuple(dict.fromkeys(cell.source for cell in known))
    return [Price(price, value, unit, technology.node, f"{technology.voltage} V", made_of, scaled, cites)]


def _array_prices(technology: Technology, pes: int, operands: _Operands) -> list[Price]:
    mac = f"{technology.precision}_mac"
    if _operation(technology, mac) is None:
        macs = [action for action, _ in operation_table(technology.operations) if action.endswith("_mac")]
        raise ConfigError(
            f"technology.operations = {technology.operations!r} has no {mac!r}{did_you_mean(mac, macs)}"
        )
    overhead = {"mac_overhead": operands.mean_bytes}
    return [
        *_composed(technology, "macs", "pJ/op", {**operands.mac, **overhead}),
        *_composed(technology, "zero_gated_macs", "pJ/op", {ZERO_CHECK[technology.precision]: 1}),
        *_clock_prices(technology, pes, operands),
        *_composed(technology, "noc_bytes", "pJ/B", {"noc": 1}),
        *_pe_buffer_prices(technology),
    ]


def _clock_prices(technology: Technology, pes: int, operands: _Operands) -> list[Price]:
    """Price a cycle of a PE, of what steers the array, and of a PE that waits.

    Assumption: what a PE spends beside the registers of its operands grows with their width, as in a MAC.
    Choice: while the array waits, PEs and control keep the same share of their clocking.
    """
    registers = {"register_bit": technology.register_bits_per_pe}
    parts = registers | {"pe_overhead": operands.mean_bytes}
    clocking = _composed(technology, "pe_cycles", "pJ/cycle", parts)
    control = _composed(technology, "control_cycles", "pJ/cycle", {"array_control": 1})
    each = sum(price.value for price in clocking) + sum(price.value for price in control) / pes
    idle = [
        replace(
            price,
            action="idle_pe_cycles",
            value=each * technology.idle_clocking,
            made_of=f"{technology.idle_clocking:g} of pe_cycles and of control_cycles / {pes}; {price.made_of}",
        )
        for price in clocking
    ]
    return [*clocking, *control, *idle]


def _pe_buffer_prices(technology: Technology) -> list[Price]:
    if not technology.pe_buffer:
        return []
    tabled = _composed(technology, "pe_buffer_bytes", "pJ/B", {"pe_buffer": 1})
    if tabled:
        return tabled
    read = _macro_prices(technology, pe_scratchpad(technology.pe_buffer))[0]
    return [replace(read, action="pe_buffer_bytes")]


def _simd_prices(technology: Technology, operands: _Operands) -> list[Price]:
    """Price what lanes of a vector unit do, and a cycle of what fetches and issues for all of them.

    Choice: while the unit waits, that keeps the same share of its clocking as an array.
    """
    registers, share = {"register_bit": float(SIMD_REGISTER_BITS)}, technology.idle_clocking
    control = _composed(technology, "simd_cycles", "pJ/cycle", {"vector_control": 1})
    idle = [
        replace(
            price,
            action="idle_simd_cycles",
            value=price.value * share,
            made_of=f"{share:g} of simd_cycles; {price.made_of}",
        )
        for price in control
    ]
    return [
        *_composed(technology, "simd_macs", "pJ/op", {**operands.mac, **registers}),
        *_composed(technology, "simd_ops", "pJ/op", {"int32_add": 1, **registers}),
        *control,
        *idle,
    ]


def _leakage(technology: Technology, memories: tuple[SramMacro, ...]) -> list[Price]:
    """Leakage of all buffers; what a processor core draws includes its own."""
    costs = [(macro, macro_figures(technology, macro)) for macro in memories if not macro.shared]
    if not costs:
        return []
    leakage = sum(float(cost.static_mw) * macro.banks for macro, cost in costs)
    source = f"CACTI 7, {technology.class_named}, {technology.temperature:g} K, all buffers"
    scaled = any(cost.scaled for _, cost in costs)
    return [Price("sram_leakage", leakage, "mW", technology.node, f"{technology.voltage} V", source, scaled)]


def _macro_prices(technology: Technology, macro: SramMacro) -> list[Price]:
    actions = _SRAM_ACTIONS[macro.role]
    tabled = [
        price
        for action, cell in zip(actions, ("sram_read", "sram_write"), strict=True)
        for price in _composed(technology, action, "pJ/B", {cell: 1})
    ]
    if tabled:
        return tabled
    cost = macro_figures(technology, macro)
    size = f"{macro.bank_bytes / 1024:g} KiB x {macro.banks}, {macro.word_bits} b words"
    source = f"CACTI 7, {technology.class_named}, {size}"
    values = (float(cost.read_pj_per_byte), float(cost.write_pj_per_byte))
    return [
        Price(action, value, "pJ/B", technology.node, f"{technology.voltage} V", source, cost.scaled)
        for action, value in zip(actions, values, strict=True)
    ]


def _logic_leakage(technology: Technology, silicon: Silicon) -> list[Price]:
    """Choice: logic leaks as much per mm2 as a 64 KiB SRAM of its class, node and temperature."""
    area, scaled = logic_area_mm2(technology, silicon)
    cost = sram_figures(
        65536,
        node_nm=technology.node,
        device=technology.device_class,
        temperature_k=technology.temperature,
        voltage_v=technology.voltage,
    )
    density = float(cost.static_mw) / float(cost.area_mm2)
    source = f"assumption: {density:.3g} mW/mm2 as SRAM of the same class x {area:.3g} mm2 of logic"
    return [
        Price(
            "logic_leakage",
            density * area,
            "mW",
            technology.node,
            f"{technology.voltage} V",
            source,
            scaled or cost.scaled,
        )
    ]


def _dram_prices(kind: str) -> list[Price]:
    table = dram_table(kind)
    names = {
        "read": ("dram_read_bytes", "pJ/B", 8.0),
        "write": ("dram_write_bytes", "pJ/B", 8.0),
        "activate": ("dram_activations", "pJ/row", 1.0),
        "standby": ("dram_standby", "mW", 1.0),
    }
    return [
        Price(
            action,
            table[row].value * factor,
            unit,
            None,
            f"{table[row].voltage} V" if table[row].voltage[:1].isdigit() else table[row].voltage,
            f"{kind}, {table[row].provenance}",
            cites=(table[row].source,),
        )
        for row, (action, unit, factor) in names.items()
        if row in table
    ]


def _core_prices(name: str, supply_v: float | None) -> list[Price]:
    core = core_power(name)
    supply = f"{supply_v or core.supply_v:g} V supply, {core.regulator}"
    made_of, cites = f"{core.chip}, {core.provenance}", (core.source,)
    cycle = core.cycle_pj(supply_v)
    return [
        Price("core_cycles", cycle, "pJ/cycle", core.node_nm, supply, made_of, cites=cites),
        Price(
            "idle_core_cycles",
            cycle * core.idle_fraction,
            "pJ/cycle",
            core.node_nm,
            supply,
            f"{core.idle_fraction:g} of a busy cycle, clocks on (assumption); {made_of}",
            cites=cites,
        ),
    ]


def _with_stated(prices: list[Price], stated: tuple[StatedPrice, ...]) -> list[Price]:
    """Replace or add the prices a design states itself, in the order of the list."""
    by_action = {price.action: price for price in prices}
    for own in stated:
        by_action[own.action] = Price(
            own.action, own.value, PRICED_ACTIONS[own.action], None, "as stated", f"design: {own.source}"
        )
    return list(by_action.values())
