"""What the price of an op is made of, whichever unit runs it: its busy time, its traffic, its energy."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import Cost, Ints, Misfit, UnitName, WorkStates
from accel_models.design.design import Design
from accel_models.design.params import design_prices, memory_params
from accel_models.dram import transfer_cycles
from accel_models.energy.actions import Actions, EnergyParts, energy_pj
from accel_models.energy.params import PRECISION_BYTES
from accel_models.work.shapes import Shapes

DRAM_ROW_BYTES = 2048  # row buffer of an LPDDR4 channel, JESD209-4 (2 KiB page)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Busy:
    """What an op does on its unit, operands at hand; arrays of shape (s,)."""

    unit: UnitName
    cycles: Ints
    first_tile_cycles: Ints
    last_tile_cycles: Ints
    actions: Actions
    feasible: NDArray[np.bool_]
    misfit: Misfit | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Bytes of an op on the bus, and of them what its first tile needs; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints
    first_weights: Ints
    first_inputs: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BusTimes:
    """Cycles that the DMA works for an op's :class:`Traffic`; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints
    first_weights: Ints
    first_inputs: Ints


def assemble(  # noqa: PLR0913, PLR0917  # what an op is, where it runs, and the three parts of its price
    work: WorkStates,
    shapes: Shapes,
    design: Design,
    busy: Busy,
    traffic: Traffic,
    times: BusTimes | None = None,
) -> Cost:
    """Add what every unit shares: bus times where none are given, DRAM actions and prices."""
    bus = times or _bus_times(design, traffic)
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
    return Cost(
        unit=busy.unit,
        compute_cycles=busy.cycles,
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


def element_bytes(design: Design) -> tuple[int, int, int]:
    """Bytes of an activation, a weight and an accumulator word."""
    memory = design.memory
    if memory is None:
        width = PRECISION_BYTES[design.technology.precision]
        return width, width, 4
    bits = (memory.activation_bits, memory.weight_bits, memory.accumulator_bits)
    act, wgt, acc = (-(-b // 8) for b in bits)
    return act, wgt, acc


def _bus_times(design: Design, traffic: Traffic) -> BusTimes:
    return BusTimes(**{f.name: _bus_cycles(design, getattr(traffic, f.name)) for f in fields(BusTimes)})


def _bus_cycles(design: Design, moved_bytes: Ints) -> Ints:
    memory = memory_params(design)
    return np.zeros_like(moved_bytes) if memory is None else transfer_cycles(memory, moved_bytes)


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
