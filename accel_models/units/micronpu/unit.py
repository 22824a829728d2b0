"""MicroNPUs as a kind of unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accel_models.compiling.steps import STAGES, Stage
from accel_models.cost import States, UnitCost
from accel_models.design.design import Design
from accel_models.energy.actions import Idle
from accel_models.energy.chip import Silicon
from accel_models.units.kinds import Unit, UnitCycles
from accel_models.units.micronpu.machine import faults_of_settings, machine_of
from accel_models.units.micronpu.settings import NpuSettings
from traces import Op


@dataclass(frozen=True, slots=True)
class MicroNpuUnit:
    """An NPU that runs every op by itself: MACs, pools, sums and tables."""

    name: str = "micronpu"
    settings: type[NpuSettings] = NpuSettings
    matrix: bool = True
    keeps_tensors: bool = True
    stages: tuple[Stage, ...] = STAGES
    chooses_tiles: bool = False
    parts: tuple[str, ...] = ()

    def faults(self, design: Design) -> Iterator[str]:
        """Yield what the equations cannot read."""
        return faults_of_settings(design)

    def names(self, design: Design) -> tuple[str, ...]:
        """Return its name: engines share the work of each op."""
        return (self.name,)

    def takes(self, op: Op, design: Design) -> bool:
        """Take everything."""
        return True

    def joins(self, op: Op) -> str | None:
        """Return its kind."""
        return op.kind

    def runs_bands(self, design: Design) -> bool:
        """Return False; Choice: Vela's cascades are not modelled, the networks compared fit its SRAM."""
        return False

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return none: its machine is one."""
        return ()

    def moves_whole(self, design: Design) -> int:
        """Return 1: any number of channels is as good."""
        return 1

    def caches(self, design: Design) -> tuple[int, ...]:
        """Return none."""
        return ()

    def outside_share(self, design: Design, weight_bytes: int) -> float:
        """Return 0: its weights have room."""
        return 0.0

    def peak_macs_per_cycle(self, design: Design) -> float:
        """Return what the MACs of all engines do [MAC/cycle]."""
        return machine_of(design).macs_per_cycle

    def silicon(self, design: Design) -> Silicon:
        """Return the MACs, and lanes of the output stage: as many as it takes to finish sums at its rate."""
        machine = machine_of(design)
        return Silicon(pes=machine.macs_per_cycle, lanes=max(1, round(1 / machine.npu.output_cycles.default)))

    def cost(self, states: States, design: Design) -> UnitCost:
        """Return what states take."""
        from accel_models.units.micronpu.price import npu_cost  # noqa: PLC0415  # many modules, and few designs have one

        return npu_cost(states, design)

    def idle(self, design: Design, latency: UnitCycles, busy: UnitCycles) -> Idle:
        """Return the cycles in which MACs wait."""
        macs = machine_of(design).macs_per_cycle
        return Idle(pe_cycles=np.asarray(macs * (latency - busy[:, 0]), np.float64))


UNIT: Unit = MicroNpuUnit()
