"""What the price of an op is made of, whichever unit runs it: its busy time, its traffic, its energy.

At this border between cost models and schedule every cost is finite, not negative and below 2**62: settings and sizes
are bounded where they enter, and :func:`check_cost` sees what is left, whichever unit priced it.

Kept channels are filled up where that is cheaper: to what the hardware moves whole, or to the whole op.
A convolution of 49 to 63 of 64 channels, packed tightly, breaks every burst and every row of a Gemmini's scratchpad
and takes longer than all 64 (RTL, ``analysis/validation/reference/gemmini_dynamic_rtl.csv``).  Nothing forces a
runtime to do that: channels that a gate left out hold zeros, so computing some or all of them changes no result.  So
of each state three ways are priced, and none dearer than the whole op in time or energy is taken: a gated op never
costs more than its dense twin.

Choice: channels left out lie in place as zeros, so what is read whole needs no packing; weights added to fill up lie
beside those kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import MOST_COST, BusTimes, Cost, NearOperands, States, Traffic, UnitCost, WorkStates
from accel_models.cost_rows import end_to_end, take_rows
from accel_models.design.design import Design
from accel_models.dram import Bus, bus_behind, either_bus, transfer_cycles
from accel_models.energy.actions import Actions, EnergyParts, energy_pj
from accel_models.units.kinds import prices_of
from accel_models.work.kept_data import counted_bytes
from accel_models.work.rows import rows_of
from traces import RECURRENT, WEIGHTED, Bools, Ints, UnsupportedError

_COUNTED: Final = (  # of a cost, what has to be a number that can be
    "compute_cycles", "gather_cycles", "control_cycles", "first_tile_cycles", "last_tile_cycles", "weight_cycles",
    "weight_first_cycles", "input_cycles", "input_first_cycles", "output_cycles", "weight_bytes", "input_bytes",
    "output_bytes", "macs", "useful_macs", "sram_bytes", "weight_energy_pj",
)  # fmt: skip
DRAM_ROW_BYTES = 2048  # row buffer of an LPDDR4 channel, JESD209-4 (2 KiB page)


def assemble(states: States, found: UnitCost, design: Design) -> Cost:
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


def _bus_times(design: Design, traffic: Traffic, behind: NearOperands) -> BusTimes:
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


def _split(traffic: Traffic, behind: NearOperands) -> tuple[_MovedBytes, _MovedBytes]:
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


def filled_up(
    works: Sequence[WorkStates],
    cost: Cost,
    grain: int,
    design: Design,
    price: Callable[[Sequence[WorkStates]], Cost],
) -> Cost:
    """Return the cost with each state run in its cheapest way.

    Parameters
    ----------
    works, cost
        States of ops, and what they cost as they are, end to end; if an op's last state is the whole op, its others
        may run as that does.
    grain
        Channels that the unit moves whole; 1 if any number is as good.
    design
        The accelerator, or one of a family.
    price
        Joint cost of other states of these ops.
    """
    lengths = np.array([len(work) for work in works])
    starts = np.cumsum(lengths) - lengths
    last = np.repeat(starts + lengths - 1, lengths)
    whole = np.concatenate([whole_states(work) for work in works])
    able = whole[last] & np.repeat(np.logical_and.reduceat(cost.feasible, starts), lengths)
    partial = np.concatenate([work.runs for work in works]) & ~whole & able
    if not partial.any():
        return cost
    ways, pieces = [np.arange(len(last)), last], [cost]
    ups = [_rounded(work, grain, design) for work in works]
    rises = [_rises(up, work) for up, work in zip(ups, works, strict=True)]
    more = np.flatnonzero(partial & np.concatenate(rises))
    if len(more):
        inside = np.split(more, np.searchsorted(more, starts[1:]))
        pieces.append(
            price([rows_of(up, rows - at) for up, rows, at in zip(ups, inside, starts, strict=True)])
        )
        ways.insert(1, np.arange(len(last)))
        ways[1][more] = len(last) + np.arange(len(more))
    every = end_to_end(pieces)
    best = _cheapest(every, np.stack(ways), last)
    best[~partial] = np.flatnonzero(~partial)
    if np.array_equal(best, np.arange(len(last))):
        return cost
    return replace(take_rows(every, best), misfit=cost.misfit, useful_macs=cost.useful_macs)


def whole_states(work: WorkStates) -> Bools:
    """Return which states are the whole op, as many inputs as any."""
    op = work.op
    return np.asarray(
        work.runs
        & (work.in_channels == op.in_channels)
        & (work.out_channels == op.out_channels)
        & (work.out_rows == op.out_height)
        & (work.batch == work.batch.max(initial=0))
    )


def _rounded(work: WorkStates, grain: int, design: Design) -> WorkStates:
    """Return the states with channels rounded up to whole grains, never above all of them."""
    op = work.op
    if grain == 1 or op.groups > 1 or op.kind not in WEIGHTED or op.kind in RECURRENT:
        return work
    cin = np.minimum(-(-work.in_channels // grain) * grain, op.in_channels)
    cout = np.minimum(-(-work.out_channels // grain) * grain, op.out_channels)
    return replace(
        work,
        in_channels=cin,
        out_channels=cout,
        weight_fetch_bytes=np.maximum(work.weight_fetch_bytes, counted_bytes(op, cin, cout, design)),
        gathered_elements=np.where(cin == op.in_channels, 0, work.gathered_elements),
    )


def _rises(up: WorkStates, work: WorkStates) -> Bools:
    """Return which states have more channels than they had."""
    return np.asarray((up.in_channels > work.in_channels) | (up.out_channels > work.out_channels))


def _cheapest(every: Cost, ways: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return per state the row of its fastest way, of those that take no more energy than its row ``last``."""
    cycles, energy = every.alone_cycles, every.energy.total_pj
    allowed = energy[ways] <= energy[last]
    allowed[-1] = True
    took = np.where(allowed, cycles[ways], np.iinfo(np.int64).max)
    return np.asarray(ways[took.argmin(axis=0), np.arange(ways.shape[1])])
