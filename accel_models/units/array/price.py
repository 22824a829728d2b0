"""Price an op's states on the systolic array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel_models.cost import Cost, Ints, Misfit, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.design.params import array_params, design_prices, memory_params, technology_params
from accel_models.dram import MemoryParams
from accel_models.energy.actions import Actions, array_actions
from accel_models.units.array.mapping import BUFFERS, Mapping, Operands, map_ops
from accel_models.units.array.tile_search import Prices
from accel_models.units.assemble import Busy, Traffic, assemble, element_bytes
from accel_models.work.shapes import Shapes
from traces import RECURRENT

UNLIMITED = MemoryParams(  # everything on chip, nothing ever waited for: the pure compute cycles
    activation_buffer_bytes=2**50,
    weight_buffer_bytes=2**50,
    accumulator_buffer_bytes=2**50,
    dram_bytes_per_mebicycle=2**50,
    dram_latency_cycles=0,
    burst_bytes=1,
    requests_in_flight=1,
)


def price_on_array(work: WorkStates, shapes: Shapes, placement: Placement, design: Design) -> Cost:
    """Return the cost of states that run on the array, tiles chosen by the mapper."""
    if np.any(shapes.steps > 1):
        busy, traffic = _one_after_the_other(work, shapes, placement, design)
    else:
        busy, traffic = _busy_and_traffic(work, shapes, placement, design)
    return assemble(work, shapes, design, busy, traffic)


def _one_after_the_other(
    work: WorkStates, shapes: Shapes, placement: Placement, design: Design
) -> tuple[Busy, Traffic]:
    """Price the steps of a recurrent cell: each needs the state that the step before has left.

    The products with all inputs are one large product; those with the hidden state are small ones, as many as
    steps, a row per input of the batch.  Choice: recurrent weights that fit half of the weight buffer are fetched
    once, others for every step.
    """
    gates, hidden = RECURRENT[shapes.kind], shapes.out_channels
    ones, steps = np.ones_like(hidden), shapes.steps
    inputs = replace(shapes, kind="linear", out_channels=gates * hidden)
    state = replace(
        inputs, in_channels=hidden, in_height=ones, in_width=ones, out_height=ones, out_width=ones
    )  # fmt: skip
    share = inputs.weights / np.maximum(inputs.weights + state.weights, 1)
    first = np.ceil(work.weight_fetch_bytes * share).astype(np.int64)
    rest = work.weight_fetch_bytes - first
    a, a_bytes = _busy_and_traffic(replace(work, weight_fetch_bytes=first), inputs, placement, design)
    on_chip = replace(placement, inputs_on_chip=True, output_on_chip=True)
    b, b_bytes = _busy_and_traffic(replace(work, weight_fetch_bytes=rest), state, on_chip, design)
    memory = memory_params(design)
    stays = np.array(True) if memory is None else 2 * rest <= memory.weight_buffer_bytes
    busy = Busy(
        unit="array",
        cycles=a.cycles + steps * b.cycles,
        first_tile_cycles=a.cycles + b.cycles,
        last_tile_cycles=b.last_tile_cycles,
        actions=a.actions + b.actions.times(steps),
        feasible=a.feasible & b.feasible,
        misfit=a.misfit or b.misfit,
    )
    outputs = shapes.output_elements * element_bytes(design)[0] * np.logical_not(placement.output_on_chip)
    weights = a_bytes.weights + b_bytes.weights * np.where(stays, 1, steps)
    return busy, replace(a_bytes, weights=weights, outputs=outputs)


def _busy_and_traffic(
    work: WorkStates, shapes: Shapes, placement: Placement, design: Design
) -> tuple[Busy, Traffic]:
    mapping = map_ops(
        shapes,
        array_params(design),
        memory_params(design) or UNLIMITED,
        prices=_mapper_prices(design),
        operands=Operands(
            input_on_chip=placement.inputs_on_chip,
            weights_on_chip=np.logical_or(placement.weights_resident, shapes.kind == "matmul"),
            output_on_chip=placement.output_on_chip,
            reserved_bytes=placement.reserved_bytes,
            weight_bytes=work.weight_fetch_bytes,
            weights_first=True,
        ),
    )
    gather = gather_cycles(work, design)
    cycles = mapping.array_cycles + gather
    busy = Busy(
        unit="array",
        cycles=cycles,
        first_tile_cycles=np.minimum(mapping.output_tile_cycles + gather, cycles),
        last_tile_cycles=np.minimum(mapping.last_tile_cycles, cycles),
        actions=_array_actions(work, shapes, mapping, cycles, design),
        feasible=mapping.feasible,
        misfit=_misfit(work, mapping),
    )
    second = second_operand_bytes(shapes, placement, design)
    traffic = Traffic(
        weights=mapping.dram_weight_bytes,
        inputs=mapping.dram_input_bytes + second,
        outputs=mapping.dram_output_bytes,
        first_weights=mapping.first_weight_bytes,
        first_inputs=mapping.first_input_bytes + second,
    )
    return busy, traffic


def second_operand_bytes(shapes: Shapes, placement: Placement, design: Design) -> Ints:
    """Bytes of the second operand of a product of activations, if they come from DRAM.

    Choice: they come once, before the first row, and stay until the last.
    """
    act, _, _ = element_bytes(design)
    return np.asarray(shapes.second_elements * act * np.logical_not(placement.inputs_on_chip), np.int64)


def _mapper_prices(design: Design) -> Prices | None:
    """Return what the mapper weighs bytes with; ``None`` makes it choose for latency."""
    if design.mapping == "latency" or design.memory is None:
        return None
    prices = design_prices(design)
    return Prices(
        dram_pj_per_byte=prices.value("dram_read_bytes"),
        buffer_pj_per_byte=prices.value("activation_sram_read_bytes"),
    )


def _array_actions(
    work: WorkStates, shapes: Shapes, mapping: Mapping, cycles: Ints, design: Design
) -> Actions:
    act, _, _ = element_bytes(design)
    inside = inside_array(work, shapes, cycles, design)
    if design.memory is None:
        return inside  # unlimited memory has no price
    return inside + Actions(
        activation_sram_read_bytes=mapping.activation_read_bytes + work.gathered_elements * act,
        activation_sram_write_bytes=mapping.activation_write_bytes,
        weight_sram_read_bytes=mapping.weight_read_bytes,
        weight_sram_write_bytes=shapes.second_elements * act,
        accumulator_read_bytes=mapping.accumulator_read_bytes,
        accumulator_write_bytes=mapping.accumulator_write_bytes,
    )


def inside_array(work: WorkStates, shapes: Shapes, cycles: Ints, design: Design) -> Actions:
    """Count what happens inside the array in so many busy cycles."""
    return array_actions(
        technology_params(design),
        shapes.macs,
        cycles,
        pes=array_params(design).peak_macs_per_cycle,
        gated_macs=shapes.macs - work.useful_macs if design.array and design.array.zero_gating else 0,
    )


def gather_cycles(work: WorkStates, design: Design) -> Ints:
    """Cycles to pack the kept channels before the array can read them."""
    rate = design.skip.gather_elements_per_cycle
    return np.ceil(work.gathered_elements / rate).astype(np.int64)


def _misfit(work: WorkStates, mapping: Mapping) -> Misfit | None:
    if mapping.feasible.all():
        return None
    worst = int(np.argmax(np.where(mapping.feasible, -1, mapping.demand_bytes)))
    return Misfit(
        op=work.op.name,
        buffer=BUFFERS[int(mapping.short_buffer[worst])],
        demand_bytes=int(mapping.demand_bytes[worst]),
        bound_bytes=int(mapping.bound_bytes[worst]),
    )
