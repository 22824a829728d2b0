"""What the price of an op is made of, whichever unit runs it: its busy time, its traffic, its energy.

At this border between cost models and schedule every cost is finite, not negative and below 2**62: settings and sizes
are bounded where they enter, and :func:`check_cost` sees what is left, whichever unit priced it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from accel_models.cost import Cost
from accel_models.design.chip import prices_of
from accel_models.design.design import Design
from accel_models.dram import Bus, bus_behind, either_bus, transfer_cycles
from accel_models.energy.actions import Actions, EnergyParts, energy_pj
from accel_models.units.unit_cost import Behind, BusTimes, States, Traffic, UnitCost
from traces import Ints, UnsupportedError

MOST_COST: Final = float(
    1 << 62
)  # sums over ops and inputs stay within 64 bits with room for one more factor of two
_COUNTED: Final = tuple(field.name for field in fields(Cost) if field.type in {"Ints", "Floats"})
DRAM_ROW_BYTES = 2048  # row buffer of an LPDDR4 channel, JESD209-4 (2 KiB page)


def assemble(unit: str, states: States, found: UnitCost, design: Design) -> Cost:
    """Add to what a unit found what all share: bus times where it gives none, DRAM actions and prices."""
    work, shapes, busy, traffic = states.work, states.shapes, found.busy, found.traffic
    bus = found.times or _bus_times(design, traffic, states.where.behind)
    prices = prices_of(design)
    near, far = _split(traffic, states.where.behind)
    fetch = Actions(
        dram_read_bytes=far.weights,
        dram_activations=_rows_opened(far.weights),
        l2_read_bytes=near.weights,
        weight_sram_write_bytes=traffic.weights,
    )
    rest = Actions(
        dram_read_bytes=far.inputs,
        dram_write_bytes=far.outputs,
        dram_activations=_rows_opened(far.inputs) + _rows_opened(far.outputs),
        l2_read_bytes=near.inputs,
        l2_write_bytes=near.outputs,
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
        weight_bytes=far.weights,
        input_bytes=far.inputs,
        output_bytes=far.outputs,
        macs=shapes.macs,
        useful_macs=np.where(work.runs, work.useful_macs, 0),
        sram_bytes=_sram_bytes(busy.actions) + traffic.weights + near.weights + near.inputs + near.outputs,
        energy=_filled(energy, len(work)),
        weight_energy_pj=np.broadcast_to(weight_energy.total_pj, len(work)),
        feasible=busy.feasible,
        misfit=busy.misfit,
    )
    check_cost(cost, states.work.op.name, design.name)
    return cost


def _bus_times(design: Design, traffic: Traffic, behind: Behind) -> BusTimes:
    """Return bus times; Choice: inputs wait for tiles that take turns, weights where no inputs come."""
    memory = design.memory
    if memory is None:
        none = np.zeros_like(traffic.weights)
        return BusTimes(weights=none, inputs=none, outputs=none, first_weights=none, first_inputs=none)
    far, near = Bus(memory.dram, design.clock), bus_behind(memory, design.clock)
    weights, inputs, outputs = (
        either_bus(far, near, is_near) for is_near in (behind.weights, behind.inputs, behind.output)
    )
    waits, alone = traffic.turn_cycles, traffic.inputs == 0
    return BusTimes(
        weights=transfer_cycles(weights, traffic.weights) + np.where(alone & (traffic.weights > 0), waits, 0),
        inputs=transfer_cycles(inputs, traffic.inputs) + np.where(alone, 0, waits),
        outputs=transfer_cycles(outputs, traffic.outputs),
        first_weights=transfer_cycles(weights, traffic.first_weights),
        first_inputs=transfer_cycles(inputs, traffic.first_inputs),
    )


@dataclass(frozen=True, slots=True)
class _MovedBytes:
    """Bytes of an op's operands in one memory; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints


def _split(traffic: Traffic, behind: Behind) -> tuple[_MovedBytes, _MovedBytes]:
    """Return what is moved between the buffers and the second level on the chip, and what between them and DRAM."""
    near = _MovedBytes(
        traffic.weights * behind.weights, traffic.inputs * behind.inputs, traffic.outputs * behind.output
    )
    far = _MovedBytes(
        traffic.weights - near.weights, traffic.inputs - near.inputs, traffic.outputs - near.outputs
    )
    return near, far


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


def check_cost(cost: Cost, op: str, design: str) -> None:
    """Refuse a cost that cannot be.

    Raises
    ------
    UnsupportedError
        With the op, the design and the quantity.
    """
    parts = [np.asarray(getattr(cost, name), np.float64) for name in _COUNTED]
    parts.append(np.asarray(cost.energy.total_pj, np.float64))
    values = np.stack(np.broadcast_arrays(*parts))
    if bool(((values >= 0) & (values < MOST_COST)).all()):  # NaN is neither
        return
    row, state = np.argwhere(~((values >= 0) & (values < MOST_COST)))[0]
    name = (*_COUNTED, "energy_pj")[row]
    raise UnsupportedError(
        f"design {design!r}: op {op!r}: {name} = {values[row, state]:.4g} cannot be (0 to {MOST_COST:.2g}): "
        f"a setting of the design or a size of the op is far out of range"
    )
