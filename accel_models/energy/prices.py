"""What a chip is made of, and what each of its actions costs: energy with unit, node, voltage and source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from traces import ConfigError

DeviceClass = Literal["hp", "lop", "lstp"]
Precision = Literal["int8", "int16", "fp16", "fp32"]
MemoryRole = Literal["weight", "activation", "accumulator", "l2"]
# Choice: low standby power, as SRAM macros of chips that run from batteries: at 22 nm and 330 K the 1.6 MB of Vega
# would leak 78 mW in CACTI's class lop, where the whole chip draws 49.4 mW at its peak (arXiv 2110.09101, abstract).
DEFAULT_DEVICE: DeviceClass = "lstp"
PRECISION_BYTES: dict[Precision, int] = {"int8": 1, "int16": 2, "fp16": 2, "fp32": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Silicon:
    """What compute units are made of."""

    pes: int = 0  # multiply-accumulate units with their registers, over all equal units
    lanes: int = 0  # of a vector unit beside a matrix unit
    cores: int = 0  # processor cores

    def __add__(self, other: Silicon) -> Silicon:
        return Silicon(
            pes=self.pes + other.pes, lanes=self.lanes + other.lanes, cores=self.cores + other.cores
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SramMacro:
    """One on-chip buffer, made of ``banks`` equal CACTI macros.

    ``shared`` marks a second role of a buffer that is already in the list: accesses are priced, leakage
    and area are not counted again.
    """

    role: MemoryRole
    size_bytes: int  # over all banks [B]
    word_bits: int = 64  # of one access [bit]
    banks: int = 1
    shared: bool = False
    setting: str = ""  # of a design that states its size, for messages; memory.<role>_buffer when empty

    def __post_init__(self) -> None:
        for name in ("size_bytes", "word_bits", "banks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{self.named}: {name} = {getattr(self, name)}; must be at least 1")

    @property
    def named(self) -> str:
        """Return the setting that states the size."""
        return self.setting or f"memory.{self.role}_buffer"

    @property
    def bank_bytes(self) -> float:
        """Capacity of one bank [B]."""
        return self.size_bytes / self.banks


def pe_scratchpad(size_bytes: int) -> SramMacro:
    """Return the scratchpad inside a PE as a macro."""
    return SramMacro(role="weight", size_bytes=size_bytes, word_bits=32, setting="technology.pe_buffer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """Compute units, on-chip buffers, and the memory behind them."""

    silicon: Silicon = Silicon()
    buffers: tuple[SramMacro, ...] = ()  # two roles may share one (``shared``)
    dram: str = "none"  # row of ``tables/dram.csv``
    weight_bits: int | None = None  # of a multiplication's weight; None: as many as the precision has


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
    made_of: str  # rows of a table, how often, and the scaling
    scaled: bool = False  # carried from another node or voltage: +-2x
    cites: tuple[str, ...] = ()  # where the rows come from

    @property
    def source(self) -> str:
        """How the figure comes about, and where from."""
        return f"{self.made_of} ({'; '.join(self.cites)})" if self.cites else self.made_of

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
