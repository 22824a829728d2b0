"""Energy that is spent by waiting: leakage, DRAM standby, and what clocks on in idle cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from accel_models.energy.actions import ActionCounts, PriceList
from accel_models.energy.technology import LEAKAGE_EXPONENT
from traces import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Idle:
    """What clocks on while it waits; every field has one common shape, usually (n,), or is 0."""

    pe_cycles: ActionCounts = (
        0  # rows x columns x cycles, charged at the ungated share of clocking and control [PE cycle]
    )
    simd_cycles: ActionCounts = 0  # in which a vector unit beside a matrix unit waits, likewise [cycle]
    core_cycles: ActionCounts = (
        0  # cycles in which processor cores wait, clocks on, each core counted [cycle]
    )

    def __add__(self, other: Idle) -> Idle:
        return Idle(
            pe_cycles=self.pe_cycles + other.pe_cycles,
            simd_cycles=self.simd_cycles + other.simd_cycles,
            core_cycles=self.core_cycles + other.core_cycles,
        )


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
