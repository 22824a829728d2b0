"""Systolic arrays as a kind of unit, and what states of an op cost there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from accel_models.compiling.steps import STAGES, Stage
from accel_models.cost import Busy, Misfit, States, Traffic, UnitCost, Whole, WorkStates
from accel_models.design.design import Design
from accel_models.design.unit_sections import DATAFLOWS, Array
from accel_models.energy.actions import Actions, Idle, array_actions
from accel_models.energy.chip import Silicon
from accel_models.units.array.machine import UNLIMITED, Prices, array_machine
from accel_models.units.array.mapping import BUFFERS, Mapping, Operands, map_ops
from accel_models.units.array.row_stationary.passes import NEEDS_SCRATCHPADS
from accel_models.units.kinds import BESIDE_A_UNIT, Unit, UnitCycles, element_bytes, equal_names, prices_of
from accel_models.work.shapes import Shapes
from traces import MAC_KINDS, RECURRENT, Ints, Op


def array_cost(states: States, design: Design) -> UnitCost:
    """Return the cost of states that run on the array, tiles chosen by the mapper."""
    if np.any(states.shapes.steps > 1):
        return _one_after_the_other(states, design)
    work, shapes, where = states.work, states.shapes.scattered(), states.where
    operands = Operands(
        input_on_chip=where.inputs_on_chip,
        weights_on_chip=where.weights_resident | (shapes.kind == "matmul"),
        output_on_chip=where.output_on_chip,
        reserved_bytes=where.reserved_bytes,
        pinned_bytes=where.pinned_bytes,
        weight_bytes=work.weight_fetch_bytes,
        weights_first=True,
        aim=where.tile_aim,
        bands=where.bands,
        inputs_behind=where.behind.inputs,
        weights_behind=where.behind.weights,
        output_behind=where.behind.output,
    )
    mapping = _mapped(shapes, operands, design, states.whole)
    gather = gather_cycles(work, design)
    cycles = mapping.array_cycles + gather
    busy = Busy(
        cycles=cycles,
        first_tile_cycles=np.minimum(mapping.output_tile_cycles + gather, cycles),
        last_tile_cycles=np.minimum(mapping.last_tile_cycles, cycles),
        actions=_array_actions(work, shapes, mapping, cycles, design),
        feasible=mapping.feasible,
        misfit=_misfit(work, mapping),
        gather_cycles=gather,
        control_cycles=_control_cycles(mapping, design),
    )
    second = _second_operand_bytes(states, design)
    traffic = Traffic(
        weights=mapping.dram_weight_bytes,
        inputs=mapping.dram_input_bytes + second,
        outputs=mapping.dram_output_bytes,
        first_weights=mapping.first_weight_bytes,
        first_inputs=mapping.first_input_bytes + second,
        turn_cycles=mapping.turn_cycles,
    )
    return UnitCost(busy=busy, traffic=traffic)


def _mapped(shapes: Shapes, operands: Operands, design: Design, whole: Whole | None) -> Mapping:
    machine = array_machine(design)
    match machine.array.dataflow:
        case "ws" | "os" | "is":
            if whole is not None:
                whole = replace(whole, shapes=whole.shapes.scattered())
            return map_ops(shapes, machine, prices=_mapper_prices(design), operands=operands, whole=whole)
        case "rs":
            from accel_models.units.array.row_stationary.choosing import map_row_stationary  # noqa: PLC0415  # few are

            return map_row_stationary(shapes, machine, operands)
        case _:
            assert_never(machine.array.dataflow)


def _one_after_the_other(states: States, design: Design) -> UnitCost:
    """Price the steps of a recurrent cell: each needs the state that the step before has left.

    The products with all inputs are one large product; those with the hidden state are small ones, as many as
    steps, a row per input of the batch.  Choice: recurrent weights that fit half of the weight buffer are fetched
    once, others for every step.
    """
    work, shapes, where, steps = states.work, states.shapes, states.where, states.shapes.steps
    inputs, state, first = _products(shapes, work.weight_fetch_bytes)
    rest = work.weight_fetch_bytes - first
    here = replace(
        where, inputs_on_chip=np.ones_like(where.inputs_on_chip), output_on_chip=where.output_on_chip | True
    )
    whole, whole_step = states.whole, states.whole
    if whole is not None:
        all_inputs, all_state, all_first = _products(whole.shapes, whole.weight_fetch_bytes)
        whole_step = replace(whole, shapes=all_state, weight_fetch_bytes=whole.weight_fetch_bytes - all_first)
        whole = replace(whole, shapes=all_inputs, weight_fetch_bytes=all_first)
    before = States(work=replace(work, weight_fetch_bytes=first), shapes=inputs, where=where, whole=whole)
    step = States(work=replace(work, weight_fetch_bytes=rest), shapes=state, where=here, whole=whole_step)
    a, b = array_cost(before, design), array_cost(step, design)
    stays = 2 * rest <= (design.memory or UNLIMITED).weight_buffer
    busy = Busy(
        cycles=a.busy.cycles + steps * b.busy.cycles,
        first_tile_cycles=a.busy.cycles + b.busy.cycles,
        last_tile_cycles=b.busy.last_tile_cycles,
        actions=a.busy.actions + b.busy.actions.times(steps),
        feasible=a.busy.feasible & b.busy.feasible,
        misfit=a.busy.misfit or b.busy.misfit,
        gather_cycles=a.busy.gather_cycles + steps * b.busy.gather_cycles,
        control_cycles=a.busy.control_cycles + steps * b.busy.control_cycles,
    )
    outputs = shapes.output_elements * element_bytes(design)[0] * np.logical_not(where.output_on_chip)
    weights = a.traffic.weights + b.traffic.weights * np.where(stays, 1, steps)
    return UnitCost(busy=busy, traffic=replace(a.traffic, weights=weights, outputs=outputs))


def _products(cells: Shapes, weight_bytes: Ints) -> tuple[Shapes, Shapes, Ints]:
    """Return a cell's product with all inputs, that with the hidden state of one step, and the first's weights [B]."""
    gates, hidden = RECURRENT[cells.kind], cells.out_channels
    one = np.ones_like(hidden)
    inputs = replace(cells, kind="linear", out_channels=gates * hidden)
    state = replace(inputs, in_channels=hidden, in_height=one, in_width=one, out_height=one, out_width=one)
    share = inputs.weights / np.maximum(inputs.weights + state.weights, 1)
    return inputs, state, np.ceil(weight_bytes * share).astype(np.int64)


def _second_operand_bytes(states: States, design: Design) -> Ints:
    """Bytes of the second operand of a product of activations, if they come from DRAM.

    Choice: they come once, before the first row, and stay until the last.
    """
    away = np.logical_not(states.where.inputs_on_chip)
    return np.asarray(states.shapes.second_elements * element_bytes(design)[0] * away, np.int64)


def _control_cycles(mapping: Mapping, design: Design) -> Ints:
    tiles = mapping.pixel_tiles * mapping.channel_tiles * mapping.reduction_tiles
    each = design.memory.tile_overhead_cycles if design.memory is not None else 0
    return np.asarray(np.minimum(each * tiles, mapping.array_cycles), np.int64)


def _mapper_prices(design: Design) -> Prices | None:
    """Return what the mapper weighs bytes with; ``None`` makes it choose for latency."""
    if design.mapping == "latency" or design.memory is None:
        return None
    prices = prices_of(design)
    return Prices(
        dram_pj_per_byte=float(prices.value("dram_read_bytes")),  # one for all: ArrayUnit.columns
        buffer_pj_per_byte=float(prices.value("activation_sram_read_bytes")),
        near_pj_per_byte=float(prices.value("l2_read_bytes")) if design.memory.l2 else 0.0,
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
        design.technology,
        shapes.macs,
        cycles,
        pes=design.section(Array).peak_macs_per_cycle,
        gated_macs=_still_macs(work, shapes, design.array),
    )


def _still_macs(work: WorkStates, shapes: Shapes, array: Array | None) -> Ints | int:
    """MACs that are computed and do not switch: masked ones, and those of zeros among the inputs."""
    if array is None or not array.zero_gating:
        return 0
    zeros = array.run_length.inputs if array.run_length else 0.0
    switching: Ints = np.rint(work.useful_macs * (1 - zeros)).astype(np.int64)
    return shapes.macs - switching


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


@dataclass(frozen=True, slots=True)
class ArrayUnit:
    """One or more equal systolic arrays, tiles chosen by the mapper."""

    name: str = "array"
    settings: type[Array] = Array
    matrix: bool = True
    keeps_tensors: bool = True
    stages: tuple[Stage, ...] = STAGES
    chooses_tiles: bool = True
    parts: tuple[str, ...] = ()

    def faults(self, design: Design) -> Iterator[str]:
        """Yield depthwise layers for a core that is not there, and rows that stay with nowhere to stay."""
        array = design.section(Array)
        flow = DATAFLOWS[array.dataflow]
        if flow is None and array.scratchpads is None:
            yield NEEDS_SCRATCHPADS
        if flow is not None and array.run_length is not None:
            yield "array.run_length: activations are coded by the dataflow rs alone"
        if array.sum_registers and (flow is None or not flow.weights_stay):
            yield "array.sum_registers: a choice beside weights that stay, in ws alone"
        if array.pixels > 1 and (flow is None or not flow.weights_stay):
            yield "array.pixels: several pixels at a time share the weights that stay, in ws alone"
        if array.depthwise_on == "simd" and design.simd is None:
            yield "array.depthwise_on = 'simd', but the design has no simd core"

    def names(self, design: Design) -> tuple[str, ...]:
        """Return a name for each array."""
        return equal_names(self.name, design.section(Array).count)

    def takes(self, op: Op, design: Design) -> bool:
        """Take what multiplies; depthwise layers where the design sends them here."""
        if op.kind not in MAC_KINDS:
            return False
        return not op.is_depthwise or design.section(Array).depthwise_on == "array"

    def joins(self, op: Op) -> str | None:
        """Return its kind; a fully connected op is a convolution of as many pixels as vectors."""
        return "conv" if op.kind == "linear" else op.kind

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

    def caches(self, design: Design) -> tuple[int, ...]:
        """Return none."""
        return ()

    def outside_share(self, design: Design, weight_bytes: int) -> float:
        """Return 0: its weights have room."""
        return 0.0

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
