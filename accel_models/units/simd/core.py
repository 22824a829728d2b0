"""A SIMD core as its kernels see it: what its section says, its clock, and how well the kernels are written."""

from __future__ import annotations

from dataclasses import dataclass

from accel_models.design.design import Design
from accel_models.design.sections import Simd
from accel_models.units.simd.software import Software, load_software


@dataclass(frozen=True, slots=True)
class Core:
    """A core at its clock, and the kernels that run on it."""

    simd: Simd
    clock_hz: float  # [Hz]
    software: Software  # not read where ``simd.isa`` is ``vector``: that runs no program


def core_of(design: Design) -> Core:
    """Return the design's core at its clock, with the design's kernels; it must have a SIMD core."""
    simd = design.section(Simd)
    return Core(simd, simd.clock or design.clock, load_software(design.software, simd.isa))
