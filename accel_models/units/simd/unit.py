"""SIMD cores as a kind of unit: a processor of its own, or the vector unit beside a matrix unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.compiling.absorbing import Stage
from accel_models.design.design import Design
from accel_models.design.sections import Simd
from accel_models.energy.actions import Idle
from accel_models.energy.chip import Silicon
from accel_models.units.kinds import BESIDE_A_UNIT, Unit, UnitCycles, has_matrix_unit
from accel_models.units.simd.core import core_of
from accel_models.units.simd.price import simd_cost
from accel_models.units.unit_cost import States, UnitCost, element_bytes
from traces import Op


@dataclass(frozen=True, slots=True)
class SimdUnit:
    """A SIMD core; beside a matrix unit it takes what that leaves."""

    name: str = "simd"
    settings: type[Simd] = Simd
    matrix: bool = False
    keeps_tensors: bool = True
    stages: tuple[Stage, ...] = (
        "activation",
        "scale",
    )  # a clip and a multiplier are there; more takes instructions
    joins_ops: bool = True
    chooses_tiles: bool = False
    parts: tuple[str, ...] = ()

    def check(self, design: Design) -> None:
        """Accept what a design can say."""

    def names(self, design: Design) -> tuple[str, ...]:
        """Return its name: cores share the work of each op, so they are one unit."""
        return (self.name,)

    def takes(self, op: Op, design: Design) -> bool:
        """Take everything."""
        return True

    def runs_bands(self, design: Design) -> bool:
        """Return True: it streams row by row."""
        return True

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return what its costs do not depend on but through the bus."""
        return BESIDE_A_UNIT

    def moves_whole(self, design: Design) -> int:
        """Return 1: any number of channels is as good."""
        return 1

    def peak_macs_per_cycle(self, design: Design) -> float:
        """Return what MAC instructions alone would do [MAC/cycle of the design]."""
        core = core_of(design)
        act, weight, _ = element_bytes(design)
        simd, lanes = core.simd, core.simd.lanes(max(act, weight))
        rate = simd.cores * simd.issue / simd.mac_cycles if simd.mac_cycles else simd.cores
        return lanes * rate * core.clock_hz / design.clock

    def silicon(self, design: Design) -> Silicon:
        """Return lanes beside a matrix unit, cores alone."""
        simd = design.section(Simd)
        return Silicon(lanes=simd.lanes_int8 if has_matrix_unit(design) else 0, cores=simd.cores)

    def cost(self, states: States, design: Design) -> UnitCost:
        """Return what states take."""
        return simd_cost(states, design)

    def idle(self, design: Design, latency: UnitCycles, busy: UnitCycles) -> Idle:
        """Return the cycles in which cores, or the vector unit beside a matrix unit, wait."""
        if has_matrix_unit(design):
            return Idle(simd_cycles=np.asarray(latency - busy[:, 0], np.float64))
        cores = design.section(Simd).cores
        return Idle(core_cycles=np.asarray(cores * (latency - busy[:, 0]), np.float64))


UNIT: Unit = SimdUnit()
