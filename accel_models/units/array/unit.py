"""Systolic arrays as a kind of unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.compiling.absorbing import STAGES, Stage
from accel_models.design.design import Design
from accel_models.design.sections import Array
from accel_models.energy.actions import Idle
from accel_models.energy.chip import Silicon
from accel_models.units.array.dataflows import DATAFLOWS
from accel_models.units.array.price import array_cost
from accel_models.units.array.row_stationary.passes import scratchpads
from accel_models.units.kinds import BESIDE_A_UNIT, Unit, UnitCycles, equal_names
from accel_models.units.unit_cost import States, UnitCost
from traces import MAC_KINDS, ConfigError, Op


@dataclass(frozen=True, slots=True)
class ArrayUnit:
    """One or more equal systolic arrays, tiles chosen by the mapper."""

    name: str = "array"
    settings: type[Array] = Array
    matrix: bool = True
    keeps_tensors: bool = True
    stages: tuple[Stage, ...] = STAGES
    joins_ops: bool = True
    chooses_tiles: bool = True
    parts: tuple[str, ...] = ()

    def check(self, design: Design) -> None:
        """Refuse depthwise layers for a core that is not there, and rows that stay with nowhere to stay."""
        array = design.section(Array)
        flow = DATAFLOWS[array.dataflow]
        if flow is None:
            scratchpads(array)
        elif array.run_length is not None:
            raise ConfigError("array.run_length: activations are coded by the dataflow rs alone")
        if array.pixels > 1 and (flow is None or not flow.weights_stay):
            raise ConfigError(
                "array.pixels: several pixels at a time share the weights that stay, in ws alone"
            )
        if array.depthwise_on == "simd" and design.simd is None:
            raise ConfigError("array.depthwise_on = 'simd', but the design has no simd core")

    def names(self, design: Design) -> tuple[str, ...]:
        """Return a name for each array."""
        return equal_names(self.name, design.section(Array).count)

    def takes(self, op: Op, design: Design) -> bool:
        """Take what multiplies; depthwise layers where the design sends them here."""
        if op.kind not in MAC_KINDS:
            return False
        return not op.is_depthwise or design.section(Array).depthwise_on == "array"

    def runs_bands(self, design: Design) -> bool:
        """Return whether its mapper cuts pixels; passes of rows that stay are cut otherwise."""
        return DATAFLOWS[design.section(Array).dataflow] is not None

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return rows, columns, buffers and bus, but what tiles are chosen by: passes, or prices of buffers."""
        if DATAFLOWS[design.section(Array).dataflow] is None:
            return ()
        priced = design.mapping == "energy"
        return tuple(path for path in BESIDE_A_UNIT if not (priced and path.endswith("_buffer")))

    def moves_whole(self, design: Design) -> int:
        """Return 1: any number of channels is as good."""
        return 1

    def peak_macs_per_cycle(self, design: Design) -> float:
        """Return rows x columns [MAC/cycle]."""
        array = design.section(Array)
        return array.peak_macs_per_cycle

    def silicon(self, design: Design) -> Silicon:
        """Return the PEs of all arrays."""
        array = design.section(Array)
        return Silicon(pes=array.peak_macs_per_cycle * array.count)

    def cost(self, states: States, design: Design) -> UnitCost:
        """Return what states take."""
        return array_cost(states, design)

    def idle(self, design: Design, latency: UnitCycles, busy: UnitCycles) -> Idle:
        """Return the cycles in which PEs wait."""
        array = design.section(Array)
        pes, worked = array.peak_macs_per_cycle, sum(busy.T)
        return Idle(pe_cycles=np.asarray(pes * array.count * latency - pes * worked, np.float64))


UNIT: Unit = ArrayUnit()
