"""Price an op's states on a SIMD core: alone, or the vector unit beside an array."""

from __future__ import annotations

import numpy as np

from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.design.sections import Simd
from accel_models.energy.actions import Actions
from accel_models.units.kinds import has_matrix_unit
from accel_models.units.simd.core import core_of
from accel_models.units.simd.kernels import element_operations
from accel_models.units.simd.simd import simd_cycles
from accel_models.units.unit_cost import Busy, States, Traffic, UnitCost, element_bytes
from accel_models.work.shapes import Shapes
from traces import MAC_KINDS, Ints


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
