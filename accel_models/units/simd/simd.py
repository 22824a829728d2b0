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

from accel_models.units.simd.kernels import (
    Instructions,
    Kernel,
    Target,
    count_instructions,
    element_operations,
)
from accel_models.units.simd.software import ISAS, Isa, SoftwareParams
from accel_models.work.shapes import Shapes
from traces import MAC_KINDS, RECURRENT, Bools, ConfigError, Floats, Ints, OpKind, did_you_mean

_NS = 1e-9
INSTRUCTION_BYTES = 3  # assumption: Thumb-2 mixes 2 and 4 bytes
# assumption: each one pass of a vector unit: maximum, exponential, sum, scaling; sum, sum of squares, scaling
_PASSES: dict[OpKind, int] = {"softmax": 4, "layer_norm": 3}


def _at_least(name: str, value: float, least: float) -> None:
    if value < least:
        raise ConfigError(f"{name} = {value}: must be at least {least}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryWait:
    """What the core waits for when it reads or writes a memory."""

    line_ns: float  # to fetch one line beyond the first cycle [ns]; 0: tightly coupled
    line_bytes: int  # [B]
    cache_bytes: int = 0  # data cache in front [B]; 0: none

    def __post_init__(self) -> None:
        _at_least("MemoryWait.line_ns", self.line_ns, 0)
        _at_least("MemoryWait.line_bytes", self.line_bytes, 1)
        _at_least("MemoryWait.cache_bytes", self.cache_bytes, 0)

    def line_cycles(self, clock_hz: float) -> float:
        """Cycles the core stands still per line [cycles]."""
        return self.line_ns * _NS * clock_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideWeights:
    """Memory off the chip for the weights that its own does not hold."""

    inside_bytes: int  # of weights that the chip holds [B]
    byte_ns: float  # to read one weight byte from outside [ns]

    def __post_init__(self) -> None:
        _at_least("OutsideWeights.inside_bytes", self.inside_bytes, 0)
        _at_least("OutsideWeights.byte_ns", self.byte_ns, 0)


TIGHTLY_COUPLED = MemoryWait(line_ns=0.0, line_bytes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimdParams:
    """A core: its instruction set, its clock, what each class of instructions costs, its memories."""

    isa: Isa
    clock_hz: float  # [Hz]
    lanes_int8: int  # MACs per MAC instruction; a vector unit: elements per operation
    lanes_int16: int
    lanes_fp32: int
    vector_bytes: int  # that one load or store instruction moves [B]
    issue: float  # instructions sustained per cycle, against the single-issue costs below
    mac_cycles: float  # per MAC instruction
    alu_cycles: float  # per other arithmetic instruction
    load_cycles: float
    store_cycles: float
    branch_cycles: float  # per branch, pipeline refill included
    weight_memory: MemoryWait = TIGHTLY_COUPLED
    instruction_cache_bytes: int | None = None  # before code in the weight memory [B]; None: code never waits
    activation_memory: MemoryWait = TIGHTLY_COUPLED
    outside: OutsideWeights | None = None  # where weights lie that the chip has no room for
    dispatch_ns: float = 0.0  # per op: operating system, interpreter [ns]
    cores: int = 1  # that share the work of each op
    serial_share: float = 0.0  # of an op's work that one core does while the others wait [0..1]
    sync_ns: float = 0.0  # per op, if there are several cores: to wake them and to wait for the last [ns]

    def __post_init__(self) -> None:
        if self.isa not in ISAS:
            raise ConfigError(f"SimdParams.isa = {self.isa!r}{did_you_mean(self.isa, ISAS)}")
        for name in ("lanes_int8", "lanes_int16", "lanes_fp32", "vector_bytes", "cores"):
            _at_least(f"SimdParams.{name}", getattr(self, name), 1)
        for name in (
            "alu_cycles",
            "mac_cycles",
            "load_cycles",
            "store_cycles",
            "branch_cycles",
            "dispatch_ns",
        ):
            _at_least(f"SimdParams.{name}", getattr(self, name), 0)
        _at_least("SimdParams.sync_ns", self.sync_ns, 0)
        if not 0 <= self.serial_share <= 1:
            raise ConfigError(f"SimdParams.serial_share = {self.serial_share}: must be within 0 and 1")
        _at_least("SimdParams.instruction_cache_bytes", self.instruction_cache_bytes or 0, 0)
        for name in ("issue", "clock_hz"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"SimdParams.{name} = {getattr(self, name)}: must be above 0")

    def lanes(self, element_bytes: int) -> int:
        """MACs per instruction for operands of this many bytes."""
        lanes = {1: self.lanes_int8, 2: self.lanes_int16, 4: self.lanes_fp32}
        if element_bytes not in lanes:
            raise ConfigError(
                f"element size = {element_bytes} B: a SIMD core takes {', '.join(map(str, lanes))} B"
            )
        return lanes[element_bytes]

    @property
    def share(self) -> float:
        """Time of an op's work over that of one core alone: what is serial, and the rest divided (Amdahl)."""
        return self.serial_share + (1.0 - self.serial_share) / self.cores

    @property
    def op_ns(self) -> float:
        """Time per op beside its instructions [ns]."""
        return self.dispatch_ns + (self.sync_ns if self.cores > 1 else 0.0)

    def outside_share(self, network_weight_bytes: int) -> float:
        """Share of a network's weights that lie off the chip [0..1]."""
        if self.outside is None or network_weight_bytes <= self.outside.inside_bytes:
            return 0.0
        return 1.0 - self.outside.inside_bytes / network_weight_bytes


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


def simd_cycles(  # noqa: PLR0913  # the work, what runs it, and where its operands lie
    shapes: Shapes,
    core: SimdParams,
    software: SoftwareParams,
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
        The core, at its clock.
    software
        How well the kernels are written (not read for ``isa = "vector"``, which runs no program).
    weight_bytes, act_bytes
        Bytes per weight and per activation: 1 (int8), 2 (int16) or 4 (fp32) [B].
    outside_share
        Share of the weights that lie off the chip (:meth:`SimdParams.outside_share`) [0..1].

    Returns
    -------
    SimdCost
        Skipped work (no pixels, no input or no output channels) costs nothing at all.
    """
    active = (shapes.m > 0) & (shapes.in_channels > 0) & (shapes.out_channels > 0)
    widened = 2 if software.unpack_instructions and core.isa != "vector" else 1
    lanes = core.lanes(max(weight_bytes, act_bytes, widened))
    if core.isa == "vector":
        return _vector_cost(shapes, core, lanes, active)
    target = Target(isa=core.isa, lanes=lanes, vector_bytes=core.vector_bytes)
    if not software.vectorised:
        target = replace(target, lanes=1, vector_bytes=1)
    kernel = count_instructions(shapes, target, software, weight_bytes=weight_bytes, act_bytes=act_bytes)
    mac, im2col, requant, elementwise, row, op = (
        _single_issue_cycles(part, core, software) / core.issue for part in kernel.parts()
    )
    return SimdCost(
        mac_cycles=_whole(mac * core.share, active),
        im2col_cycles=_whole(im2col * core.share, active),
        requant_cycles=_whole(requant * core.share, active),
        elementwise_cycles=_whole(elementwise * core.share, active),
        row_cycles=_whole(row * core.share, active),
        op_cycles=_whole(op + core.op_ns * _NS * core.clock_hz, active),
        wait_cycles=_whole(
            _weight_wait(shapes, core, kernel, weight_bytes) * (1.0 - software.wait_hidden)
            + _code_wait(shapes, core, kernel, software)
            + _activation_wait(shapes, core, kernel, act_bytes)
            + _outside_wait(shapes, core, weight_bytes * np.asarray(outside_share)),
            active,
        ),
        instructions=_whole(sum((part.total for part in kernel.parts()), np.zeros(len(shapes))), active),
    )


def _single_issue_cycles(work: Instructions, core: SimdParams, software: SoftwareParams) -> Floats:
    """Cycles if one instruction issued at a time, with memory that never waits [cycles].

    A load costs ``load_cycles`` alone but one cycle behind another load (Cortex-M pipelines neighbouring
    loads), so a burst of b loads costs b + load_cycles - 1; stores likewise.
    """

    def in_bursts(cycles: float) -> float:
        return min(cycles, 1.0) + max(cycles - 1.0, 0.0) / software.load_burst

    return (
        work.mac * core.mac_cycles
        + work.alu * core.alu_cycles
        + (work.weight_load + work.load) * in_bursts(core.load_cycles)
        + work.store * in_bursts(core.store_cycles)
        + work.branch * core.branch_cycles
    )


def _weight_wait(shapes: Shapes, core: SimdParams, kernel: Kernel, weight_bytes: int) -> Floats:
    """Cycles for fetching weights, were none of it hidden [cycles].

    Weights are fetched once if what the kernel returns to fits the cache, else once per row of register blocks.
    """
    memory = core.weight_memory
    cached = kernel.resident_weights * weight_bytes <= memory.cache_bytes
    passes = np.where(cached, np.minimum(kernel.weight_passes, 1), kernel.weight_passes)
    lines = shapes.weights * weight_bytes * passes / memory.line_bytes
    return np.asarray(lines * memory.line_cycles(core.clock_hz), np.float64)


def _outside_wait(shapes: Shapes, core: SimdParams, bytes_outside: ArrayLike) -> Floats:
    """Cycles for weights from off the chip, each read once an op [cycles]; ``bytes_outside`` of each weight."""
    byte_ns = core.outside.byte_ns if core.outside else 0.0
    return np.asarray(shapes.weights * np.asarray(bytes_outside) * byte_ns * _NS * core.clock_hz, np.float64)


def _code_wait(shapes: Shapes, core: SimdParams, kernel: Kernel, software: SoftwareParams) -> Floats:
    """Cycles spent waiting for the code of depthwise kernels [cycles].

    What of it does not fit the instruction cache streams from the weight memory, prefetched while earlier code
    executes; the core waits as far as fetching takes longer than executing.  Other kernels are loops that fit.
    """
    if core.instruction_cache_bytes is None or software.depthwise_code <= core.instruction_cache_bytes:
        return np.zeros(len(shapes))
    missed = 1.0 - core.instruction_cache_bytes / software.depthwise_code
    memory, parts = core.weight_memory, (kernel.mac, kernel.im2col, kernel.requant)
    code = sum((part.total for part in parts), np.zeros(len(shapes))) * INSTRUCTION_BYTES
    fetch = code / memory.line_bytes * memory.line_cycles(core.clock_hz)
    execute = sum((_single_issue_cycles(part, core, software) for part in parts), np.zeros(len(shapes)))
    wait = missed * np.maximum(fetch - execute / core.issue, 0) * core.share
    return np.where(shapes.depthwise, wait, 0.0)


def _activation_wait(shapes: Shapes, core: SimdParams, kernel: Kernel, act_bytes: int) -> Floats:
    """Cycles spent waiting for activations [cycles].

    Without a data cache every load and store pays the wait; with one, each line of the op's activations pays
    once, and none if they all fit.
    """
    memory = core.activation_memory
    if memory.cache_bytes:
        bytes_moved = (shapes.input_elements + shapes.output_elements) * act_bytes
        lines = np.where(bytes_moved <= memory.cache_bytes, 0, bytes_moved / memory.line_bytes)
    else:
        accesses = sum((part.load + part.store for part in kernel.parts()), np.zeros(len(shapes)))
        lines = accesses * max(core.vector_bytes / memory.line_bytes, 1.0) / core.cores
    return np.asarray(lines * memory.line_cycles(core.clock_hz), np.float64)


def _vector_cost(shapes: Shapes, core: SimdParams, lanes: int, active: Bools) -> SimdCost:
    """Cost on a vector unit beside an array: whole vectors of channels, no program, no wait states.

    A tensor of E elements with C channels takes E / C x ceil(C / lanes) operations; an op that multiplies
    takes K of them per output and one to requantise.
    """
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
        mac_cycles=_whole(macs * core.mac_cycles / core.issue, active),
        im2col_cycles=zero,
        requant_cycles=_whole(requant * core.alu_cycles / core.issue, active),
        elementwise_cycles=_whole(elements * core.alu_cycles / core.issue, active),
        row_cycles=zero,
        op_cycles=_whole(np.full(len(shapes), core.dispatch_ns * _NS * core.clock_hz), active),
        wait_cycles=zero,
        instructions=_whole((macs + requant + elements).astype(np.float64), active),
    )


def _whole(cycles: NDArray[Any], active: Bools) -> Ints:
    """Round up to whole cycles; zero where there is no work."""
    return np.where(active, np.ceil(cycles - 1e-9), 0).astype(np.int64)
