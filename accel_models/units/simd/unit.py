"""SIMD cores as a kind of unit: a processor of its own, or the vector unit beside a matrix unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.compiling.steps import Stage
from accel_models.cost import Busy, States, Traffic, UnitCost, WorkStates
from accel_models.design.design import Design
from accel_models.design.unit_sections import Simd
from accel_models.energy.actions import Actions, Idle
from accel_models.energy.prices import Silicon
from accel_models.units.kinds import BESIDE_A_UNIT, Unit, UnitCycles, element_bytes, has_matrix_unit
from accel_models.units.simd.simd import core_of, simd_cycles
from accel_models.work.shapes import Shapes, element_operations
from traces import MAC_KINDS, Ints, Op


def simd_cost(states: States, design: Design) -> UnitCost:
    """Return the cost of states that run on the SIMD core, streamed row by row."""
    work, shapes, where = states.work, states.shapes.scattered(), states.where
    act, wgt, _ = element_bytes(design)
    core = core_of(design)
    cost = simd_cycles(shapes, core, weight_bytes=wgt, act_bytes=act, outside_share=where.outside_share)
    cycles = np.ceil(cost.total_cycles * (design.clock / core.clock_hz)).astype(np.int64)
    control = _band_control(states, design)
    cycles = cycles + control
    rows = np.maximum(shapes.out_height * shapes.batch, 1)  # Choice: the vector unit streams row by row
    weights = work.weight_fetch_bytes * np.logical_not(where.weights_resident)
    inputs = shapes.input_elements * act * np.logical_not(where.inputs_on_chip)
    outputs = shapes.output_elements * act * np.logical_not(where.output_on_chip)
    busy = Busy(
        cycles=cycles,
        first_tile_cycles=-(-cycles // rows),
        last_tile_cycles=-(-cycles // rows),
        actions=_simd_actions(work, shapes, cycles, design),
        feasible=np.ones(len(work), np.bool_),
        control_cycles=control,
    )
    traffic = Traffic(
        weights=weights,
        inputs=inputs,
        outputs=outputs,
        first_weights=weights,
        first_inputs=-(-inputs // rows),
    )
    return UnitCost(busy=busy, traffic=traffic)


def _band_control(states: States, design: Design) -> Ints:
    """Cycles to begin each band but the first of an op fused depth-first; Choice: those of a tile of an array."""
    if design.memory is None or not np.any(states.where.bands > 1):
        return np.zeros(len(states), np.int64)
    more = (states.where.bands - 1) * states.shapes.batch * states.work.runs
    return np.asarray(more * design.memory.tile_overhead_cycles, np.int64)


def _simd_actions(work: WorkStates, shapes: Shapes, cycles: Ints, design: Design) -> Actions:
    """Count what a vector unit does beside an array; a core of its own is priced by the cycle."""
    if not has_matrix_unit(design):
        return Actions(core_cycles=cycles * design.section(Simd).cores)
    act, wgt, _ = element_bytes(design)
    elementwise = np.zeros(len(work)) if shapes.kind in MAC_KINDS else element_operations(shapes)
    outputs = shapes.output_elements * (work.runs & (shapes.in_channels > 0))
    return Actions(
        simd_macs=shapes.macs,
        simd_ops=elementwise + outputs,  # one requantisation per output
        simd_cycles=cycles,
        activation_sram_read_bytes=shapes.input_elements * act,
        activation_sram_write_bytes=outputs * act,
        weight_sram_read_bytes=shapes.weights * wgt,
    )


@dataclass(frozen=True, slots=True)
class SimdUnit:
    """A SIMD core; beside a matrix unit it takes what that leaves."""

    name: str = "simd"
    settings: type[Simd] = Simd
    matrix: bool = False
    keeps_tensors: bool = True
    stages: tuple[Stage, ...] = ("activation", "scale")  # a clip and a multiplier; more takes instructions
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
