"""How long a core takes for instructions, and how long it waits for the memories that it fetches from.

The cycles per class of instructions come from the core's documentation.  Time that memory takes is in nanoseconds, so
it costs more cycles at a higher clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from accel_models.design.unit_sections import Simd
from accel_models.units.simd.kernels import Instructions, Kernel
from accel_models.units.simd.software import Software
from accel_models.work.shapes import Shapes
from traces import Floats


@dataclass(frozen=True, slots=True)
class Core:
    """A core at its clock, and the kernels that run on it."""

    simd: Simd
    clock_hz: float  # [Hz]
    software: Software  # not read where ``simd.isa`` is ``vector``: that runs no program


INSTRUCTION_BYTES = 3  # assumption: Thumb-2 mixes 2 and 4 bytes


def single_issue_cycles(work: Instructions, core: Core) -> Floats:
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


def roofline_cycles(shapes: Shapes, core: Core, lanes: int) -> Floats:
    """Cycles of one core's MAC instructions alone, every lane busy: no kernel multiplies faster [cycles].

    It decides only where a design's own numbers contradict the counts of its kernels.
    """
    return np.asarray(shapes.macs * (core.simd.mac_cycles / (lanes * core.simd.issue)), np.float64)


def weight_wait(shapes: Shapes, core: Core, kernel: Kernel, weight_bytes: int) -> Floats:
    """Cycles for fetching weights, were none of it hidden [cycles].

    Weights are fetched once if what the kernel returns to fits the cache, else once per row of register blocks.
    """
    memory = core.simd.weight_memory
    cached = kernel.resident_weights * weight_bytes <= memory.cache
    passes = np.where(cached, np.minimum(kernel.weight_passes, 1), kernel.weight_passes)
    lines = shapes.weights * weight_bytes * passes / memory.line
    return np.asarray(lines * (memory.line_time * core.clock_hz), np.float64)


def outside_wait(shapes: Shapes, core: Core, bytes_outside: ArrayLike, loops: Floats) -> Floats:
    """Cycles spent waiting for weights from off the chip, each read once an op [cycles].

    Parameters
    ----------
    shapes, core
        The work and its core.
    bytes_outside
        Of each weight [B].
    loops
        Cycles of the op's loops, behind which memory that is streamed ahead hides, shape (n,).
    """
    outside = core.simd.outside
    if outside is None:
        return np.zeros(len(shapes))
    time = np.asarray(shapes.weights * np.asarray(bytes_outside) * (outside.byte * core.clock_hz), np.float64)
    return np.maximum(time - loops, 0.0) if outside.streamed else time


def code_wait(shapes: Shapes, core: Core, kernel: Kernel) -> Floats:
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
    execute = sum((single_issue_cycles(part, core) for part in parts), np.zeros(len(shapes)))
    wait = missed * np.maximum(fetch - execute / simd.issue, 0) * simd.share
    return np.where(shapes.depthwise, wait, 0.0)


def activation_wait(shapes: Shapes, core: Core, kernel: Kernel, act_bytes: int) -> Floats:
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
