"""An array and the memory it works from, at a clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accel_models.design.design import Design, part_rows
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.dram import Bus, bus_behind

UNLIMITED = Memory.model_validate(  # everything on chip, nothing ever waited for: the pure compute cycles
    {
        "activation_buffer": "1024 GiB",
        "weight_buffer": "1024 GiB",
        "accumulator_buffer": "1024 GiB",
        "dram": {
            "bandwidth": "1000 TB/s",
            "latency": "0 ns",
            "burst": "1 B",
            "requests_in_flight": 1,
            "price": "none",
        },
    }
)


@dataclass(frozen=True)
class ArrayMachine:
    """An array and its memory at a clock."""

    array: Array
    memory: Memory
    clock_hz: float

    @cached_property
    def bus(self) -> Bus:
        """The DRAM behind the buffers."""
        return Bus(self.memory.dram, self.clock_hz)

    @cached_property
    def near(self) -> Bus | None:
        """The second level behind the buffers, if there is one."""
        return bus_behind(self.memory, self.clock_hz)

    def take(self, rows: slice | NDArray[np.intp]) -> ArrayMachine:
        """Return the machine of the states at ``rows``, where designs stand side by side."""
        array, memory = part_rows(self.array, rows), part_rows(self.memory, rows)
        same = array is self.array and memory is self.memory
        return self if same else ArrayMachine(array, memory, self.clock_hz)


def array_machine(design: Design) -> ArrayMachine:
    """Return the design's array, beside unlimited memory where the design states none."""
    return ArrayMachine(design.section(Array), design.memory or UNLIMITED, design.clock)
