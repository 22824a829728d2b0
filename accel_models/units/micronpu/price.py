"""Price an op's states on a microNPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.cost import BusTimes, Busy, Misfit, States, Traffic, UnitCost
from accel_models.design.design import Design
from accel_models.design.sections import Memory
from accel_models.dram import whole_bursts
from accel_models.energy.actions import Actions, array_actions
from accel_models.units.micronpu.cycles import OpCycles, op_cycles
from accel_models.units.micronpu.lowering import passes_of
from accel_models.units.micronpu.machine import MicroNpu, machine_of
from accel_models.units.micronpu.memory.staging import Staging, stage_weights
from accel_models.units.micronpu.memory.transfers import copy_cycles
from accel_models.units.micronpu.passes import Layout, Pass
from accel_models.units.micronpu.settings import NpuSettings
from accel_models.units.micronpu.total import memory_cycles, table_cycles
from accel_models.units.micronpu.work import Engine, NpuWork, up
from traces import WEIGHTED, Bools, Floats, Ints

_SUM_BYTES = 4
_STEP_CHANNELS = 32  # input channels that a sum takes in before it is written back


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Priced:
    """One pass, once: shape (s,)."""

    work: NpuWork
    cycles: OpCycles
    staging: Staging
    busy: Floats  # the slowest of engine and memories


def npu_cost(states: States, design: Design) -> UnitCost:
    """Return the cost of states that run on the microNPU.

    The engines read and write tensors themselves, so that is part of their time; the DMA alone brings staged weights.
    Choice: whether an op's weights are staged is decided as if the op before took as long as the op, or, where it reads
    the network's input, as if there were none; what is hidden then is the schedule's.  Weights of kept channels
    compress like all.
    """
    machine, layout = machine_of(design), _layout(states, design)
    passes = passes_of(states, layout, machine)
    priced = [_price_pass(each.work, machine, states, design) for each in passes]
    busy = sum(
        (np.ceil(p.busy) * each.times for p, each in zip(priced, passes, strict=True)), np.zeros(len(states))
    )
    cycles = busy.astype(np.int64)
    main, times = priced[0], passes[0].times
    staged = main.staging.staged & (times > 0)
    feasible, misfit = _misfit(states, design)
    last = np.minimum(np.where(staged, main.staging.last_slice_cycles, 0).astype(np.int64), cycles)
    return UnitCost(
        busy=Busy(
            cycles=cycles,
            first_tile_cycles=cycles,
            last_tile_cycles=last,
            actions=_actions(states, passes, priced, cycles, design),
            feasible=feasible,
            misfit=misfit,
        ),
        traffic=_traffic(states, passes, priced, layout, design),
        times=_times(states, main, times, machine, design),
    )


def _layout(states: States, design: Design) -> Layout:
    """Return where tensors lie.

    Between ops as bricks of 16 channels; what the network takes in and gives out lies pixel by pixel, and off the chip
    where feature maps do.  A design whose tensors live in the SRAM puts those off the chip that are not kept and do
    not fit it.
    """
    npu, where = design.section(NpuSettings), states.where
    inside = (_demand(states) <= _room(states, design)) & (npu.feature_maps != "offchip")
    inside |= npu.feature_maps == "sram_only"  # where it does not fit, it does not run
    return Layout(
        in_offchip=~where.inputs_on_chip & ~inside,
        out_offchip=(~where.output_on_chip | where.goes_out) & ~inside,
        in_bricks=~where.comes_in,
        out_bricks=~where.goes_out,
        weight_sigma=npu.weight_sigma,
        weight_zeros=npu.weight_zeros,
    )


def _demand(states: States) -> Ints:
    """Bytes of the op's tensors that nothing keeps on chip."""
    where, shapes = states.where, states.shapes
    inputs = np.where(where.inputs_on_chip, 0, shapes.input_elements)
    return inputs + np.where(where.output_on_chip, 0, shapes.output_elements)


def _room(states: States, design: Design) -> Ints:
    return np.asarray(design.section(Memory).activation_buffer - states.where.reserved_bytes)


def _misfit(states: States, design: Design) -> tuple[Bools, Misfit | None]:
    """Return whether each state runs at all: tensors must lie in the SRAM where nothing else can be written."""
    demand, room = _demand(states), _room(states, design)
    fits = (demand <= room) | (design.section(NpuSettings).feature_maps != "sram_only")
    if fits.all():
        return fits, None
    worst = int(np.argmax(np.where(fits, -1, demand)))
    op = states.work.op.name
    return fits, Misfit(
        op=op,
        buffer="activation",
        demand_bytes=int(demand[worst]),
        bound_bytes=int(room[worst]),
        inputs=int(states.shapes.batch[worst]),
    )


def _price_pass(work: NpuWork, machine: MicroNpu, states: States, design: Design) -> _Priced:
    cycles = op_cycles(work, machine)
    first = states.where.comes_in
    staging = stage_weights(work, cycles, machine, np.where(first, 0.0, cycles.engine), first)
    staging = staging.moved_in(_weights_inside(states), cycles.engine)
    sram, offchip = memory_cycles(work, cycles, staging, machine, np.zeros(len(work)))
    table = np.where(work.looks_up, table_cycles(machine), 0.0)
    busy = np.maximum(staging.engine + table, np.maximum(sram, offchip))
    return _Priced(work=work, cycles=cycles, staging=staging, busy=busy)


def _weights_inside(states: States) -> Bools:
    """Whether weights lie in the SRAM for good, or are activations."""
    inside = np.full(len(states), states.shapes.kind not in WEIGHTED)
    return inside | states.where.weights_resident


def _fetched(states: States, main: _Priced, times: Ints, design: Design) -> Floats:
    """Bytes of one copy of the weights and scales of what is kept; broken bursts count as on any bus.

    Bursts are broken by the places of kept channels; that one weight takes a whole burst breaks none.
    """
    memory = design.section(Memory)
    raw = -(-states.shapes.weights * memory.weight_bits // 8)
    packed = np.maximum(whole_bursts(raw, memory.dram.burst), 1)
    broken = np.maximum(states.work.weight_fetch_bytes / packed, 1.0)
    groups = np.where(main.work.has_weights, times // np.maximum(states.shapes.batch, 1), 0)
    if states.shapes.kind not in {"conv", "conv_transpose", "linear"}:
        groups = np.minimum(groups, 1)
    return np.where(_weights_inside(states), 0.0, main.staging.total_bytes * broken * groups)


def _times(states: States, main: _Priced, times: Ints, machine: MicroNpu, design: Design) -> BusTimes:
    """Return the DMA's work: weights that are staged; all else the engines move."""
    zero = np.zeros(len(states), np.int64)
    fetched = np.where(main.staging.staged, _fetched(states, main, times, design), 0.0)
    share = main.staging.first_bytes / np.maximum(main.staging.total_bytes, 1)
    weights = np.where(fetched > 0, copy_cycles(fetched, machine), 0).astype(np.int64)
    first = np.where(fetched > 0, copy_cycles(fetched * share, machine), 0).astype(np.int64)
    return BusTimes(weights=weights, inputs=zero, outputs=zero, first_weights=first, first_inputs=zero)


def _traffic(
    states: States, passes: tuple[Pass, ...], priced: list[_Priced], layout: Layout, design: Design
) -> Traffic:
    zero = np.zeros(len(states), np.int64)
    main, times = priced[0], passes[0].times
    again = np.where(main.staging.staged, 1, main.cycles.plane_blocks)
    weights = np.ceil(_fetched(states, main, times, design) * again).astype(np.int64)
    inputs, outputs = zero.copy(), zero.copy()
    for each, one in zip(passes, priced, strict=True):
        moved = one.cycles.moved
        inputs += np.where(one.work.in_offchip, moved.read, 0) * each.times
        inputs += np.where(one.work.second_offchip, moved.second, 0) * each.times
        outputs += np.where(one.work.out_offchip, moved.written, 0) * each.times
    return Traffic(weights=weights, inputs=inputs, outputs=outputs, first_weights=weights, first_inputs=zero)


def _actions(
    states: States, passes: tuple[Pass, ...], priced: list[_Priced], cycles: Ints, design: Design
) -> Actions:
    """Count what happens inside: MACs, elements through the output stage, bytes of SRAM and block buffers."""
    pes = machine_of(design).macs_per_cycle
    total = array_actions(design.technology, states.shapes.macs, cycles, pes=pes)
    for each, one in zip(passes, priced, strict=True):
        total = total + _inside(one).times(each.times)
    return total


def _inside(one: _Priced) -> Actions:
    """Count one pass.

    Choice: a sum is read and written in the block buffer once for every 32 input channels and tap, an input once for
    every tap, as the MACs take them.
    """
    work, moved, staging = one.work, one.cycles.moved, one.staging
    elements = work.out_height * work.out_width * work.out_channels
    summed = (work.engine != Engine.ELEMENTWISE) & (work.engine != Engine.POOL)
    steps = work.taps * np.where(work.engine == Engine.CONV, up(work.in_channels, _STEP_CHANNELS), 1)
    sums = np.where(summed, elements * steps * _SUM_BYTES, 0)
    compared = np.where(work.engine == Engine.POOL, elements * (work.taps - 1), 0)
    return Actions(
        simd_ops=elements + compared,  # one requantisation per element
        activation_sram_read_bytes=np.where(work.in_offchip, 0, moved.read + moved.second),
        activation_sram_write_bytes=np.where(work.out_offchip, 0, moved.written),
        weight_sram_read_bytes=np.where(staging.staged, one.cycles.weights * one.cycles.plane_blocks, 0),
        accumulator_read_bytes=sums,
        accumulator_write_bytes=sums,
    )
