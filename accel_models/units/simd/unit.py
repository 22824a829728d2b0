"""SIMD cores as a kind of unit: a processor of its own, or the vector unit beside a matrix unit.

cycles = instructions by class x cycles per class / sustained issue      (how well the core runs the kernels)
       + lines of code, weights and activations fetched x time per line  (memory wait states, some of them hidden)
       + dispatch per op                                                 (operating system, if there is one)

The instructions come from :mod:`accel_models.units.simd.kernels` and depend on the software set, their cycles and the
waits from :mod:`accel_models.units.simd.core`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.compiling.steps import Stage
from accel_models.cost import Busy, States, Traffic, UnitCost, WorkStates
from accel_models.design.design import Design
from accel_models.design.unit_sections import Simd
from accel_models.energy.actions import Actions, Idle
from accel_models.energy.chip import Silicon
from accel_models.units.kinds import BESIDE_A_UNIT, Unit, UnitCycles, element_bytes, has_matrix_unit
from accel_models.units.simd.core import (
    Core,
    activation_wait,
    code_wait,
    outside_wait,
    roofline_cycles,
    single_issue_cycles,
    weight_wait,
)
from accel_models.units.simd.kernels import Target, count_instructions
from accel_models.units.simd.software import load_software
from accel_models.work.shapes import Shapes, element_operations
from traces import MAC_KINDS, RECURRENT, Bools, Ints, Op, OpKind

# assumption: each one pass of a vector unit: maximum, exponential, sum, scaling; sum, sum of squares, scaling
_PASSES: dict[OpKind, int] = {"softmax": 4, "layer_norm": 3}


def core_of(design: Design) -> Core:
    """Return the design's core at its clock, with the design's kernels; it must have a SIMD core."""
    simd = design.section(Simd)
    return Core(simd, simd.clock or design.clock, load_software(design.software, simd.isa))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimdCost:
    """Cycles of ``n`` pieces of work, term by term, each shape (n,) [cycles]."""

    mac_cycles: Ints  # the MAC loop
    im2col_cycles: Ints  # gathering convolution windows
    requant_cycles: Ints  # bias, scaling and store of each output
    elementwise_cycles: Ints  # adds, pooling, activations
    row_cycles: Ints  # set-up per register block and output pixel
    op_cycles: Ints  # call of the op, dispatch
    wait_cycles: Ints  # memory wait states
    instructions: Ints  # executed, all cores together

    @property
    def total_cycles(self) -> Ints:
        """Sum of the terms [cycles]."""
        loops = self.mac_cycles + self.im2col_cycles + self.requant_cycles + self.elementwise_cycles
        return loops + self.row_cycles + self.op_cycles + self.wait_cycles


def simd_cycles(
    shapes: Shapes,
    core: Core,
    *,
    weight_bytes: int = 1,
    act_bytes: int = 1,
    outside_share: ArrayLike = 0.0,
) -> SimdCost:
    """Price ``n`` pieces of work on one core.

    Parameters
    ----------
    shapes
        The work, sizes after gating; arrays (n,).
    core
        The core, at its clock, and its kernels.
    weight_bytes, act_bytes
        Bytes per weight and per activation: 1 (int8), 2 (int16) or 4 (fp32) [B].
    outside_share
        Share of the weights that lie off the chip [0..1]: :meth:`accel_models.design.unit_sections.Simd.outside_share`.

    Returns
    -------
    SimdCost
        Skipped work (no pixels, no input or no output channels) costs nothing at all.
    """
    active = (shapes.m > 0) & (shapes.in_channels > 0) & (shapes.out_channels > 0)
    simd, software = core.simd, core.software
    widened = 2 if software.unpack_instructions and simd.isa != "vector" else 1
    lanes = simd.lanes(max(weight_bytes, act_bytes, widened))
    if simd.isa == "vector":
        return _vector_cost(shapes, core, lanes, active)
    target = Target(isa=simd.isa, lanes=lanes, vector_bytes=simd.vector)
    if not software.vectorised:
        target = replace(target, lanes=1, vector_bytes=1)
    kernel = count_instructions(shapes, target, software, weight_bytes=weight_bytes, act_bytes=act_bytes)
    mac, im2col, requant, elementwise, row, op = (
        single_issue_cycles(part, core) / simd.issue for part in kernel.parts()
    )
    mac = np.maximum(mac, roofline_cycles(shapes, core, simd.lanes(max(weight_bytes, act_bytes))))
    loops = (mac + im2col + requant + elementwise + row) * simd.share
    return SimdCost(
        mac_cycles=_whole(mac * simd.share, active),
        im2col_cycles=_whole(im2col * simd.share, active),
        requant_cycles=_whole(requant * simd.share, active),
        elementwise_cycles=_whole(elementwise * simd.share, active),
        row_cycles=_whole(row * simd.share, active),
        op_cycles=_whole(op + simd.op_time * core.clock_hz, active),
        wait_cycles=_whole(
            weight_wait(shapes, core, kernel, weight_bytes) * (1.0 - software.wait_hidden)
            + code_wait(shapes, core, kernel)
            + activation_wait(shapes, core, kernel, act_bytes)
            + outside_wait(shapes, core, weight_bytes * np.asarray(outside_share), loops),
            active,
        ),
        instructions=_whole(sum((part.total for part in kernel.parts()), np.zeros(len(shapes))), active),
    )


def _vector_cost(shapes: Shapes, core: Core, lanes: int, active: Bools) -> SimdCost:
    """Cost on a vector unit beside an array: whole vectors of channels, no program, no wait states.

    A tensor of E elements with C channels takes E / C x ceil(C / lanes) operations; an op that multiplies
    takes K of them per output and one to requantise.
    """
    simd = core.simd
    vectors = shapes.m * -(-shapes.out_channels // lanes)
    zero = np.zeros(len(shapes), np.int64)
    macs, requant, elements = zero, zero, zero
    if shapes.kind in MAC_KINDS:
        gates = RECURRENT.get(shapes.kind, 1)
        macs, requant = vectors * shapes.k * gates, vectors * gates
    else:
        per_output = element_operations(shapes) // np.maximum(shapes.output_elements, 1)
        per_output = per_output * _PASSES.get(shapes.kind, 1)
        elements = (vectors * per_output * np.maximum(shapes.operands - 1, 1)).astype(np.int64)
    return SimdCost(
        mac_cycles=_whole(macs * simd.mac_cycles / simd.issue, active),
        im2col_cycles=zero,
        requant_cycles=_whole(requant * simd.alu_cycles / simd.issue, active),
        elementwise_cycles=_whole(elements * simd.alu_cycles / simd.issue, active),
        row_cycles=zero,
        op_cycles=_whole(np.full(len(shapes), simd.dispatch * core.clock_hz), active),
        wait_cycles=zero,
        instructions=_whole((macs + requant + elements).astype(np.float64), active),
    )


def _whole(cycles: NDArray[Any], active: Bools) -> Ints:
    """Round up to whole cycles; zero where there is no work."""
    return np.where(active, np.ceil(cycles - 1e-9), 0).astype(np.int64)


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
    chooses_tiles: bool = False
    parts: tuple[str, ...] = ()

    def faults(self, design: Design) -> Iterator[str]:
        """Yield nothing: what a design can say can be modelled."""
        yield from ()

    def names(self, design: Design) -> tuple[str, ...]:
        """Return its name: cores share the work of each op, so they are one unit."""
        return (self.name,)

    def takes(self, op: Op, design: Design) -> bool:
        """Take everything."""
        return True

    def joins(self, op: Op) -> str | None:
        """Return its kind."""
        return op.kind

    def runs_bands(self, design: Design) -> bool:
        """Return True: it streams row by row."""
        return True

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return what its costs do not depend on but through the bus."""
        return BESIDE_A_UNIT

    def moves_whole(self, design: Design) -> int:
        """Return 1: any number of channels is as good."""
        return 1

    def caches(self, design: Design) -> tuple[int, ...]:
        """Return none: what its own hold is part of a kernel's time."""
        return ()

    def outside_share(self, design: Design, weight_bytes: int) -> float:
        """Return what the chip's own memory has no room for."""
        return design.section(Simd).outside_share(weight_bytes)

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
