"""Sections of a design as tests write them: read and checked as in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from accel_models.design.sections import Memory, Part, Technology
from accel_models.design.unit_sections import Array
from accel_models.dram import Bus
from accel_models.units.array.machine import ArrayMachine

S = TypeVar("S", bound=Part)
CLOCK_HZ = 1e9  # at which a nanosecond is a cycle


def section(kind: type[S], **values: object) -> S:
    """Return a section with these values, quantities with their units."""
    return kind.model_validate(values)


def but(part: S, **values: object) -> S:
    """Return the section with other values; those of a section inside are given as a mapping."""
    told = part.model_dump(mode="json", exclude_unset=True)
    inner = {
        key: {**told[key], **value}
        for key, value in values.items()
        if isinstance(value, Mapping) and told.get(key)
    }
    return type(part).model_validate({**told, **values, **inner})


def technology(**values: object) -> Technology:
    """Return 45 nm at 0.9 V, Horowitz's own node where nothing is scaled, but for these values."""
    return section(Technology, **({"node": "45 nm", "voltage": "0.9 V"} | values))


def dram(
    *, bytes_per_cycle: float = 8, latency_cycles: int = 100, burst: int = 64, requests: int = 16
) -> dict[str, object]:
    """Return a DRAM as it is at 1 GHz."""
    return {
        "bandwidth": f"{bytes_per_cycle} GB/s",
        "latency": f"{latency_cycles} ns",
        "burst": f"{burst} B",
        "requests_in_flight": requests,
        "price": "none",
    }


def memory(activation: int, weight: int, accumulator: int, **values: object) -> Memory:
    """Return buffers of so many bytes, with other values of their section."""
    sizes = {"activation": activation, "weight": weight, "accumulator": accumulator}
    named = {f"{role}_buffer": f"{size} B" for role, size in sizes.items()}
    return section(Memory, **named, **({"dram": dram()} | values))


def machine(array: Array, beside: Memory) -> ArrayMachine:
    """Return an array and its memory at 1 GHz."""
    return ArrayMachine(array, beside, CLOCK_HZ)


def bus(of: Memory) -> Bus:
    """Return its DRAM at 1 GHz."""
    return Bus(of.dram, CLOCK_HZ)
