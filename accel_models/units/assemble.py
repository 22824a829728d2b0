"""What the price of an op is made of, whichever unit runs it: its busy time, its traffic, its energy."""

from __future__ import annotations

import numpy as np

from accel_models.cost import Cost
from accel_models.design.chip import design_prices
from accel_models.design.design import Design
from accel_models.dram import Bus, transfer_cycles
from accel_models.energy.actions import Actions, EnergyParts, energy_pj
from accel_models.units.sane import check_cost
from accel_models.units.unit_cost import BusTimes, States, Traffic, UnitCost
from traces import Ints

DRAM_ROW_BYTES = 2048  # row buffer of an LPDDR4 channel, JESD209-4 (2 KiB page)


def assemble(unit: str, states: States, found: UnitCost, design: Design) -> Cost:
    """Add to what a unit found what all share: bus times where it gives none, DRAM actions and prices."""
    work, shapes, busy, traffic = states.work, states.shapes, found.busy, found.traffic
    bus = found.times or _bus_times(design, traffic)
    prices = design_prices(design)
    fetch = Actions(
        dram_read_bytes=traffic.weights,
        dram_activations=_rows_opened(traffic.weights),
        weight_sram_write_bytes=traffic.weights,
    )
    rest = Actions(
        dram_read_bytes=traffic.inputs,
        dram_write_bytes=traffic.outputs,
        dram_activations=_rows_opened(traffic.inputs) + _rows_opened(traffic.outputs),
    )
    weight_energy = energy_pj(fetch, prices)
    energy = energy_pj(busy.actions + rest, prices) + weight_energy
    cost = Cost(
        unit=unit,
        compute_cycles=busy.cycles,
        gather_cycles=np.broadcast_to(np.asarray(busy.gather_cycles, np.int64), len(work)),
        control_cycles=np.broadcast_to(np.asarray(busy.control_cycles, np.int64), len(work)),
        first_tile_cycles=busy.first_tile_cycles,
        last_tile_cycles=busy.last_tile_cycles,
        weight_cycles=bus.weights,
        weight_first_cycles=bus.first_weights,
        input_cycles=bus.inputs,
        input_first_cycles=bus.first_inputs,
        output_cycles=bus.outputs,
        weight_bytes=traffic.weights,
        input_bytes=traffic.inputs,
        output_bytes=traffic.outputs,
        macs=shapes.macs,
        useful_macs=np.where(work.runs, work.useful_macs, 0),
        sram_bytes=_sram_bytes(busy.actions) + traffic.weights,
        energy=_filled(energy, len(work)),
        weight_energy_pj=np.broadcast_to(weight_energy.total_pj, len(work)),
        feasible=busy.feasible,
        misfit=busy.misfit,
    )
    check_cost(cost, states.work.op.name, design.name)
    return cost


def _bus_times(design: Design, traffic: Traffic) -> BusTimes:
    return BusTimes(
        weights=_bus_cycles(design, traffic.weights),
        inputs=_bus_cycles(design, traffic.inputs),
        outputs=_bus_cycles(design, traffic.outputs),
        first_weights=_bus_cycles(design, traffic.first_weights),
        first_inputs=_bus_cycles(design, traffic.first_inputs),
    )


def _bus_cycles(design: Design, moved_bytes: Ints) -> Ints:
    if design.memory is None:
        return np.zeros_like(moved_bytes)
    return transfer_cycles(Bus(design.memory.dram, design.clock), moved_bytes)


def _rows_opened(moved_bytes: Ints) -> Ints:
    """DRAM rows opened by a contiguous transfer: one per row buffer touched."""
    return -(-moved_bytes // DRAM_ROW_BYTES)


def _sram_bytes(actions: Actions) -> Ints:
    moved = (
        actions.activation_sram_read_bytes,
        actions.activation_sram_write_bytes,
        actions.weight_sram_read_bytes,
        actions.accumulator_read_bytes,
        actions.accumulator_write_bytes,
    )
    return np.asarray(sum(np.asarray(part) for part in moved), np.int64)


def _filled(energy: EnergyParts, states: int) -> EnergyParts:
    """Give every part the shape (s,)."""
    return energy + EnergyParts.zeros((states,))
