"""Off-chip memory: how long a transfer takes and how many bytes it really moves.

Memory moves whole bursts.  What a tile, a strided row or a masked tensor asks for is rounded up to them
here, so that everything downstream counts bytes on the bus.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from accel_models.design.quantities import MOST_COUNT
from accel_models.design.sections import Dram, Memory
from traces import Bools, Floats, Ints

MEBICYCLE = 2**20  # bandwidth is kept as whole bytes per 2**20 cycles, exact to one part in a million


@dataclass(frozen=True)  # no slots: what follows from both is worked out once
class Bus:
    """A DRAM as a design's clock sees it; of designs side by side a number may be a column."""

    dram: Dram
    clock_hz: float

    @cached_property
    def bytes_per_mebicycle(self) -> int:
        """Bandwidth [bytes per 2**20 cycles]."""
        whole: int = _whole(self.dram.bandwidth / self.clock_hz * MEBICYCLE, 1)
        return whole

    @property
    def bytes_per_cycle(self) -> float:
        """Bandwidth [B/cycle]."""
        return self.bytes_per_mebicycle / MEBICYCLE

    @cached_property
    def latency_cycles(self) -> int:
        """From a request to its first byte [cycles]."""
        whole: int = _whole(self.dram.latency * self.clock_hz, 0)
        return whole

    @cached_property
    def start_cycles(self) -> int:
        """Before the first byte of a transfer: latency, issue and hand-over of its first burst [cycles]."""
        return self.latency_cycles + self.dram.request_overhead_cycles

    @cached_property
    def burst_cycles(self) -> float:
        """Time of one burst's data on the bus [cycles]."""
        return self.dram.burst * MEBICYCLE / self.bytes_per_mebicycle

    @cached_property
    def round_trip_cycles(self) -> float:
        """From issuing one request to having all of its data [cycles]."""
        return self.start_cycles + self.burst_cycles

    @cached_property
    def cycles_per_burst(self) -> float:
        """Steady time per burst: the bus or the window of requests, whichever is slower [cycles]."""
        return max(self.burst_cycles, self.round_trip_cycles / self.dram.requests_in_flight)


def bus_behind(memory: Memory, clock_hz: float) -> Bus | None:
    """Return the way between the buffers and ``memory.l2``; ``None`` without one.

    Choice: bursts are the DRAM's, and as many are asked for as hide the latency of all but the first.
    """
    if memory.l2 is None:
        return None
    near = {
        "bandwidth": memory.l2.bandwidth,
        "latency": memory.l2.latency,
        "requests_in_flight": MOST_COUNT,
        "request_overhead_cycles": 0,
    }
    return Bus(memory.dram.model_copy(update=near), clock_hz)


def either_bus(far: Bus, near: Bus | None, is_near: Bools) -> Bus:
    """Return one bus of which each state has its own numbers: those of ``near`` where it says so, else of ``far``."""
    if near is None or not np.any(is_near):
        return far
    chosen = {
        name: np.where(is_near, getattr(near.dram, name), getattr(far.dram, name))
        for name in ("bandwidth", "latency", "requests_in_flight", "request_overhead_cycles")
    }
    return Bus(far.dram.model_copy(update=chosen), far.clock_hz)


def _whole(value: Any, least: int) -> Any:
    """Return a number, or every number of a column, rounded to a whole one that is at least ``least``."""
    if isinstance(value, np.ndarray):
        return np.maximum(np.rint(value), least).astype(np.int64)
    return max(least, round(value))


def transfer_cycles(bus: Bus, transferred_bytes: ArrayLike) -> Ints:
    """Time to move bytes between DRAM and a buffer [cycles]; no bytes take no time.

    With n bursts of t cycles each, latency L, overhead o per request and Q requests in flight:

        max(n t + L + o, n (t + L + o) / Q)

    Source: both arms are seen in RTL; Gemmini's loads of n rows of b beats at w cycles each are
    max(n b w + L + 20, n (b + L + 8) / 16).  Within 2 % on the reference's loads of 16-row commands, mean.
    """
    moved = np.asarray(transferred_bytes, np.int64)
    bursts = -(-moved // bus.dram.burst)
    return np.where(moved > 0, np.ceil(burst_train_cycles(bus, bursts)), 0).astype(np.int64)


def burst_train_cycles(bus: Bus, bursts: ArrayLike) -> Floats:
    """Time of ``n > 0`` bursts in a row, not rounded; see :func:`transfer_cycles`."""
    n = np.asarray(bursts, np.float64)
    alone = n * bus.burst_cycles + bus.start_cycles
    return np.maximum(alone, n * (bus.round_trip_cycles / bus.dram.requests_in_flight))


def whole_bursts(run_bytes: ArrayLike, burst_bytes: int) -> Ints:
    """Bytes on the bus for runs of ``run_bytes`` contiguous bytes each.

    Choice: a run begins at a burst's first byte; stored tensors are padded to make it so.
    """
    return np.asarray(-(-np.asarray(run_bytes, np.int64) // burst_bytes) * burst_bytes, np.int64)
