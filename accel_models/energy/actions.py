"""Energy of work and of waiting: counts of actions times the price of each, leakage, idle clocking.

::

    energy = sum(actions x energy per action)  +  leakage x time  +  idle clocking x idle cycles

The names of the fields of :class:`Actions` are the names of the prices; an action that happened and has no
price is an error, never zero.  Which gates and which fetches were wasted is the schedule's knowledge: it
prices those tasks like any other and moves the result with ``as_gate`` or ``as_wasted``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.design.sections import Technology
from accel_models.energy.chip import PART_OF, PRECISION_BYTES
from accel_models.energy.technology import LEAKAGE_EXPONENT
from traces import ConfigError, Floats

ActionCounts = NDArray[np.number[Any]] | int | float
Sums = TypeVar("Sums", "Actions", "EnergyParts", "Idle")


def _fieldwise(kind: type[Sums], value: Callable[[str], Any]) -> Sums:
    """Return a value of this kind, made field by field."""
    return kind(**{field.name: value(field.name) for field in fields(kind)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Actions:
    """How often each priced thing happens; every field has one common shape, usually (n,), or is 0."""

    macs: ActionCounts = 0  # in the array, switching [MAC]
    zero_gated_macs: ActionCounts = 0  # in the array, held still because an operand is zero [MAC]
    pe_cycles: ActionCounts = 0  # rows x columns x busy cycles: clocking and pipeline of PEs [PE cycle]
    control_cycles: ActionCounts = 0  # busy cycles of an array: what steers and feeds it [cycle]
    pe_buffer_bytes: ActionCounts = 0  # scratchpad inside each PE, reads and writes [B]
    noc_bytes: ActionCounts = 0  # bus between global buffer and PEs [B]
    weight_sram_read_bytes: ActionCounts = 0
    weight_sram_write_bytes: ActionCounts = 0
    activation_sram_read_bytes: ActionCounts = 0
    activation_sram_write_bytes: ActionCounts = 0
    accumulator_read_bytes: ActionCounts = 0
    accumulator_write_bytes: ActionCounts = 0
    l2_read_bytes: ActionCounts = 0  # of the memory behind the buffers, to fill one of them
    l2_write_bytes: ActionCounts = 0
    simd_macs: ActionCounts = 0  # on the vector unit beside an array [MAC]
    simd_ops: ActionCounts = 0  # lane operations: add, compare, requantise ... [op]
    simd_cycles: ActionCounts = 0  # busy cycles of that vector unit: what fetches and issues [cycle]
    core_cycles: ActionCounts = 0  # busy cycles of a processor core [cycle]
    dram_read_bytes: ActionCounts = 0
    dram_write_bytes: ActionCounts = 0
    dram_activations: ActionCounts = 0  # rows opened [row]

    def __add__(self, other: Actions) -> Actions:
        return _fieldwise(Actions, lambda name: getattr(self, name) + getattr(other, name))

    def times(self, factor: ActionCounts) -> Actions:
        """Return every count multiplied, e.g. by an execution rate or an input's decision."""
        return _fieldwise(Actions, lambda name: getattr(self, name) * factor)


def array_actions(
    technology: Technology,
    macs: ActionCounts,
    cycles: ActionCounts,
    *,
    pes: int,
    gated_macs: ActionCounts = 0,
) -> Actions:
    """Count what happens inside an array: in its PEs, and in what steers them.

    A switching MAC in a PE with a scratchpad reads an activation, a weight and a partial sum there and
    writes the partial sum back; a zero-gated one only reads the activation it finds to be zero.

    Parameters
    ----------
    technology
        Of the design; its precision is the width of the words, ``pe_buffer`` tells of scratchpads.
    macs
        MACs mapped to the array, shape (n,) [MAC].
    cycles
        In which the array is busy, shape (n,) [cycle].
    pes
        rows x columns.
    gated_macs
        How many of ``macs`` are held still by zero gating [MAC].
    """
    word = PRECISION_BYTES[technology.precision] if technology.pe_buffer else 0
    switching = macs - gated_macs
    return Actions(
        macs=switching,
        zero_gated_macs=gated_macs,
        pe_cycles=cycles * pes,
        control_cycles=cycles,
        pe_buffer_bytes=word * (4 * switching + gated_macs),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Idle:
    """What clocks on while it waits; every field has one common shape, usually (n,), or is 0."""

    pe_cycles: ActionCounts = (
        0  # rows x columns x cycles, at the ungated share of clocking and control [PE cycle]
    )
    simd_cycles: ActionCounts = 0  # in which a vector unit beside a matrix unit waits, likewise [cycle]
    core_cycles: ActionCounts = 0  # in which processor cores wait, clocks on, each core counted [cycle]

    def __add__(self, other: Idle) -> Idle:
        return _fieldwise(Idle, lambda name: getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnergyParts:
    """Energy by where it went [pJ], arrays of one common shape; the parts add up to the total."""

    mac_pj: Floats
    sram_pj: Floats
    dram_pj: Floats
    simd_pj: Floats
    gate_pj: Floats
    wasted_pj: Floats
    static_pj: Floats

    @classmethod
    def zeros(cls, shape: tuple[int, ...] = ()) -> EnergyParts:
        """Return nothing spent, as a value to add to."""
        return _fieldwise(cls, lambda _: np.zeros(shape))

    @property
    def total_pj(self) -> Floats:
        """Sum of the parts [pJ]."""
        parts: list[Floats] = [getattr(self, name) for name in ENERGY_PARTS]
        return np.asarray(sum(parts[1:], parts[0]))

    def __add__(self, other: EnergyParts) -> EnergyParts:
        return _fieldwise(EnergyParts, lambda name: getattr(self, name) + getattr(other, name))

    def times(self, factor: ActionCounts) -> EnergyParts:
        """Return every part multiplied, e.g. by an execution rate or an input's decision."""
        return _fieldwise(EnergyParts, lambda name: np.asarray(getattr(self, name) * factor))

    def as_gate(self) -> EnergyParts:
        """Return the same energy as a gate's own: computing a decision."""
        return self._moved("gate_pj")

    def as_wasted(self) -> EnergyParts:
        """Return the same energy as wasted: fetched and then not needed."""
        return self._moved("wasted_pj")

    def _moved(self, part: Literal["gate_pj", "wasted_pj"]) -> EnergyParts:
        total = self.total_pj
        return _fieldwise(EnergyParts, lambda name: total if name == part else np.zeros_like(total))


ENERGY_PARTS: Final = tuple(field.name for field in fields(EnergyParts))


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
    """Prices of several designs side by side, each for so many states of work."""

    each: tuple[PriceList, ...]
    states: tuple[int, ...]

    def value(self, action: str) -> float | NDArray[np.float64]:
        """Return the price of an action [pJ or mW], a column where it differs; one without a price is an error."""
        values = [prices.value(action) for prices in self.each]
        if all(value == values[0] for value in values):
            return values[0]
        return np.repeat(np.asarray(values, np.float64), self.states)


def energy_pj(actions: Actions, prices: PriceLookup) -> EnergyParts:
    """Price counted actions: the sum of count x price by part, static energy left at zero.

    Raises
    ------
    ConfigError
        If an action that happens has no price in this design; the message names it.
    """
    counts = {name: np.asarray(getattr(actions, name), np.float64) for name in PART_OF}
    shape = np.broadcast_shapes(*(count.shape for count in counts.values()))
    parts = {name: np.zeros(shape) for name in ENERGY_PARTS}
    for name, count in counts.items():
        if np.any(count):
            parts[PART_OF[name]] = parts[PART_OF[name]] + count * prices.value(name)
    return EnergyParts(**parts)


def static_energy_pj(
    prices: PriceList,
    latency_cycles: ArrayLike,
    clock_hz: float,
    idle: Idle = Idle(),  # frozen
    supply: float = 1.0,
) -> Floats:
    """Energy that is spent by waiting: leakage and DRAM standby over time, clocking in idle cycles [pJ].

    At another supply of the chip its idle clocking goes with the square and its leakage with the third power of
    the voltage (``LEAKAGE_EXPONENT``); memory off the chip has a supply of its own.

    Parameters
    ----------
    prices
        Of the design.
    latency_cycles
        Time the design is on [cycles], shape (n,).
    clock_hz
        Clock [Hz].
    idle
        What clocks on while it waits, shape (n,).
    supply
        The chip's over the one that the prices are for.

    Notes
    -----
    1 mW for 1 cycle is ``1e9 / clock_hz`` pJ.
    """
    powers = [price for price in prices.prices if price.unit == "mW"]
    leakage = supply**LEAKAGE_EXPONENT
    milliwatts = sum(price.value * (1.0 if price.off_chip else leakage) for price in powers)
    energy = np.asarray(latency_cycles, np.float64) * (milliwatts * 1e9 / clock_hz)
    waiting = (
        ("idle_pe_cycles", idle.pe_cycles),
        ("idle_simd_cycles", idle.simd_cycles),
        ("idle_core_cycles", idle.core_cycles),
    )
    for action, cycles in waiting:
        count = np.asarray(cycles, np.float64)
        if np.any(count):
            energy = energy + count * (prices.value(action) * supply**2)
    return np.asarray(energy)
