"""PriceLookup: energy per action with unit, node, voltage and source, ready to print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from traces import ConfigError

PRICED_ACTIONS = {  # what a design may override, and the unit its price is per
    "macs": "pJ/op",
    "zero_gated_macs": "pJ/op",
    "pe_cycles": "pJ/cycle",
    "control_cycles": "pJ/cycle",
    "idle_pe_cycles": "pJ/cycle",
    "pe_buffer_bytes": "pJ/B",
    "noc_bytes": "pJ/B",
    "weight_sram_read_bytes": "pJ/B",
    "weight_sram_write_bytes": "pJ/B",
    "activation_sram_read_bytes": "pJ/B",
    "activation_sram_write_bytes": "pJ/B",
    "accumulator_read_bytes": "pJ/B",
    "accumulator_write_bytes": "pJ/B",
    "l2_read_bytes": "pJ/B",
    "l2_write_bytes": "pJ/B",
    "simd_macs": "pJ/op",
    "simd_ops": "pJ/op",
    "simd_cycles": "pJ/cycle",
    "idle_simd_cycles": "pJ/cycle",
    "core_cycles": "pJ/cycle",
    "idle_core_cycles": "pJ/cycle",
    "dram_read_bytes": "pJ/B",
    "dram_write_bytes": "pJ/B",
    "dram_activations": "pJ/row",
}
_WAY_OUT = {
    "dram": "set memory.dram.price (for example 'lpddr4', or 'default' for 8 pJ/bit)",
    "core": "set technology.core_power (for example 'cortex_m4')",
    "weight": "give the design a weight memory",
    "activation": "give the design an activation memory",
    "accumulator": "give the design an accumulator memory",
    "pe_buffer": "set technology.pe_buffer",
}


@dataclass(frozen=True, slots=True)
class Price:
    """What one action costs, and where the figure comes from."""

    action: str
    value: float
    unit: str  # pJ/op, pJ/B, pJ/cycle, pJ/row or mW
    node_nm: int | None  # None: a device of its own (DRAM)
    voltage: str
    source: str
    scaled: bool = False  # carried from another node or voltage: +-2x

    @property
    def off_chip(self) -> bool:
        """Whether it is paid from the supply of a memory off the chip."""
        return self.action.startswith("dram_")


class PriceLookup(Protocol):
    """What looks up the price of an action."""

    def value(self, action: str) -> float | NDArray[np.float64]:
        """Return the price of an action [pJ or mW]; one without a price is an error."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """All prices of one design."""

    prices: tuple[Price, ...]

    def __iter__(self) -> Iterator[Price]:
        return iter(self.prices)

    @property
    def scaled(self) -> bool:
        """Whether any price was carried from another node: results then state a band of +-2x."""
        return any(price.scaled for price in self.prices)

    def value(self, action: str) -> float:
        """Return the price of an action [pJ or mW]; one without a price is an error."""
        for price in self.prices:
            if price.action == action:
                return price.value
        way_out = next((text for start, text in _WAY_OUT.items() if action.startswith(start)), "")
        raise ConfigError(
            f"action {action!r} happens in this design but has no price: "
            f"{way_out + ', or ' if way_out else ''}state technology.prices for {action!r}"
        )


@dataclass(frozen=True, slots=True)
class PriceColumns:
    """PriceLookup of several designs side by side, each for so many states of work."""

    each: tuple[PriceList, ...]
    states: tuple[int, ...]

    def value(self, action: str) -> float | NDArray[np.float64]:
        """Return the price of an action [pJ or mW], a column where it differs; one without a price is an error."""
        values = [prices.value(action) for prices in self.each]
        if all(value == values[0] for value in values):
            return values[0]
        return np.repeat(np.asarray(values, np.float64), self.states)
