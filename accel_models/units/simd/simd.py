"""Cycles of a network's ops on a SIMD core: a microcontroller, an application core, or a vector unit.

cycles = instructions by class x cycles per class / sustained issue      (how well the core runs the kernels)
       + lines of code, weights and activations fetched x time per line  (memory wait states, some of them hidden)
       + dispatch per op                                                 (operating system, if there is one)

The instructions come from :mod:`accel_models.units.simd.kernels` and depend on the software set; the cycles per
class come from the core's documentation.  Time that memory takes is in nanoseconds, so it costs more cycles
at a higher clock.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.design.design import Design
from accel_models.design.unit_sections import Simd
from accel_models.units.simd.kernels import Instructions, Kernel, Target, count_instructions
from accel_models.units.simd.software import Software, load_software
from accel_models.work.shapes import Shapes, element_operations
from traces import MAC_KINDS, RECURRENT, Bools, Floats, Ints, OpKind


@dataclass(frozen=True, slots=True)
class Core:
    """A core at its clock, and the kernels that run on it."""

    simd: Simd
    clock_hz: float  # [Hz]
    software: Software  # not read where ``simd.isa`` is ``vector``: that runs no program


def core_of(design: Design) -> Core:
    """Return the design's core at its clock, with the design's kernels; it must have a SIMD core."""
    simd = design.section(Simd)
    return Core(simd, simd.clock or design.clock, load_software(design.software, simd.isa))


INSTRUCTION_BYTES = 3  # assumption: Thumb-2 mixes 2 and 4 bytes
# assumption: each one pass of a vector unit: maximum, exponential, sum, scaling; sum, sum of squares, scaling
_PASSES: dict[OpKind, int] = {"softmax": 4, "layer_norm": 3}


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
        terms = (getattr(self, f.name) for f in fields(self) if f.name.endswith("_cycles"))
        return sum(terms, np.zeros(len(self.mac_cycles), np.int64))


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
        _single_issue_cycles(part, core) / simd.issue for part in kernel.parts()
    )
    mac = np.maximum(mac, _roofline_cycles(shapes, core, simd.lanes(max(weight_bytes, act_bytes))))
    return SimdCost(
        mac_cycles=_whole(mac * simd.share, active),
        im2col_cycles=_whole(im2col * simd.share, active),
        requant_cycles=_whole(requant * simd.share, active),
        elementwise_cycles=_whole(elementwise * simd.share, active),
        row_cycles=_whole(row * simd.share, active),
        op_cycles=_whole(op + simd.op_time * core.clock_hz, active),
        wait_cycles=_whole(
            _weight_wait(shapes, core, kernel, weight_bytes) * (1.0 - software.wait_hidden)
            + _code_wait(shapes, core, kernel)
            + _activation_wait(shapes, core, kernel, act_bytes)
            + _outside_wait(shapes, core, weight_bytes * np.asarray(outside_share)),
            active,
        ),
        instructions=_whole(sum((part.total for part in kernel.parts()), np.zeros(len(shapes))), active),
    )


def _single_issue_cycles(work: Instructions, core: Core) -> Floats:
    """Cycles if one instruction issued at a time, with memory that never waits [cycles].

    A load costs ``load_cycles`` alone but one cycle behind another load (Cortex-M pipelines neighbouring
    loads), so a burst of b loads costs b + load_cycles - 1; stores likewise.
    """
    simd, burst = core.simd, core.software.load_burst

    def in_bursts(cycles: float) -> float:
        return min(cycles, 1.0) + max(cycles - 1.0, 0.0) / burst

    return (
        work.mac * simd.mac_cycles
        + work.alu * simd.alu_cycles
        + (work.weight_load + work.load) * in_bursts(simd.load_cycles)
        + work.store * in_bursts(simd.store_cycles)
        + work.branch * simd.branch_cycles
    )


def _roofline_cycles(shapes: Shapes, core: Core, lanes: int) -> Floats:
    """Cycles of one core's MAC instructions alone, every lane busy: no kernel multiplies faster [cycles].

    It decides only where a design's own numbers contradict the counts of its kernels.
    """
    return np.asarray(shapes.macs * (core.simd.mac_cycles / (lanes * core.simd.issue)), np.float64)


def _weight_wait(shapes: Shapes, core: Core, kernel: Kernel, weight_bytes: int) -> Floats:
    """Cycles for fetching weights, were none of it hidden [cycles].

    Weights are fetched once if what the kernel returns to fits the cache, else once per row of register blocks.
    """
    memory = core.simd.weight_memory
    cached = kernel.resident_weights * weight_bytes <= memory.cache
    passes = np.where(cached, np.minimum(kernel.weight_passes, 1), kernel.weight_passes)
    lines = shapes.weights * weight_bytes * passes / memory.line
    return np.asarray(lines * (memory.line_time * core.clock_hz), np.float64)


def _outside_wait(shapes: Shapes, core: Core, bytes_outside: ArrayLike) -> Floats:
    """Cycles for weights from off the chip, each read once an op [cycles]; ``bytes_outside`` of each weight."""
    outside = core.simd.outside
    byte_time = outside.byte if outside else 0.0
    return np.asarray(shapes.weights * np.asarray(bytes_outside) * byte_time * core.clock_hz, np.float64)


def _code_wait(shapes: Shapes, core: Core, kernel: Kernel) -> Floats:
    """Cycles spent waiting for the code of depthwise kernels [cycles].

    What of it does not fit the instruction cache streams from the weight memory, prefetched while earlier code
    executes; the core waits as far as fetching takes longer than executing.  Other kernels are loops that fit.
    """
    simd, size = core.simd, core.software.depthwise_code
    if simd.instruction_cache is None or size <= simd.instruction_cache:
        return np.zeros(len(shapes))
    missed = 1.0 - simd.instruction_cache / size
    memory, parts = simd.weight_memory, (kernel.mac, kernel.im2col, kernel.requant)
    code = sum((part.total for part in parts), np.zeros(len(shapes))) * INSTRUCTION_BYTES
    fetch = code / memory.line * (memory.line_time * core.clock_hz)
    execute = sum((_single_issue_cycles(part, core) for part in parts), np.zeros(len(shapes)))
    wait = missed * np.maximum(fetch - execute / simd.issue, 0) * simd.share
    return np.where(shapes.depthwise, wait, 0.0)


def _activation_wait(shapes: Shapes, core: Core, kernel: Kernel, act_bytes: int) -> Floats:
    """Cycles spent waiting for activations [cycles].

    Without a data cache every load and store pays the wait; with one, each line of the op's activations pays
    once, and none if they all fit.
    """
    memory = core.simd.activation_memory
    if memory.cache:
        bytes_moved = (shapes.input_elements + shapes.output_elements) * act_bytes
        lines = np.where(bytes_moved <= memory.cache, 0, bytes_moved / memory.line)
    else:
        accesses = sum((part.load + part.store for part in kernel.parts()), np.zeros(len(shapes)))
        lines = accesses * max(core.simd.vector / memory.line, 1.0) / core.simd.cores
    return np.asarray(lines * (memory.line_time * core.clock_hz), np.float64)


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
