"""Dynamic voltage and frequency: a few states of the chip, and the rule that picks one per frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from traces import ConfigError, Ints

MOST_SCALE = 1000.0  # Choice: clocks of one chip are a factor of 100 apart
MOST_SWITCH_S = 1.0  # as any wait of a design


@dataclass(frozen=True, slots=True, kw_only=True)
class DvfsState:
    """Clock and supply of one state, as shares of the design's own.

    Dynamic energy of the chip goes with the square of its voltage, leakage with the third power
    (``LEAKAGE_EXPONENT``); memory off the chip has a supply of its own, so its energy stays.  Assumption: memory
    slows down with the chip.
    """

    name: str
    speed: float  # clock / the design's clock
    voltage: float  # supply / the design's supply

    def __post_init__(self) -> None:
        for field in ("speed", "voltage"):
            if not 1 / MOST_SCALE <= getattr(self, field) <= MOST_SCALE:
                raise ConfigError(
                    f"dvfs.{self.name}.{field} = {getattr(self, field)}: must be {1 / MOST_SCALE} to {MOST_SCALE}"
                )

    @property
    def energy_scale(self) -> float:
        """Dynamic energy on the chip over that at the design's own voltage."""
        return self.voltage**2

    def stretched(self, cycles: Ints) -> Ints:
        """Return the time of so much work, in cycles of the design's clock."""
        return np.ceil(cycles / self.speed - 1e-9).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dvfs:
    """States from slow to fast.

    Choice: a frame runs in the first state if no frame waits behind it, and one state faster for each that
    does; to change state takes ``switch_s`` before the frame starts.  Between frames the chip is in the first state.
    """

    states: tuple[DvfsState, ...]
    switch_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.states:
            raise ConfigError("dvfs.states: needs at least one state")
        speeds = [state.speed for state in self.states]
        if speeds != sorted(speeds):
            raise ConfigError(f"dvfs.states: speeds {speeds} must rise")
        if not 0 <= self.switch_s <= MOST_SWITCH_S:
            raise ConfigError(f"dvfs.switch_s = {self.switch_s}: must be 0 to {MOST_SWITCH_S}")

    def switch_cycles(self, clock_hz: float) -> int:
        """Return the time of one change of state, in cycles of the design's clock."""
        return math.ceil(self.switch_s * clock_hz - 1e-9)
