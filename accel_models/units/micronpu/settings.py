"""The section ``micronpu`` of a design, and what the equations take of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accel_models.design.design import Design
from accel_models.design.ranges import MOST_COUNT, Count, CyclesUp, NotNegative, Positive, Room, Share, Time
from accel_models.design.sections import Part
from accel_models.units.micronpu.machine import Banks, MicroBlock, MicroNpu, OutputStage, Port, Rams
from traces import ConfigError

BlockSizes = tuple[Count, Count, Count]  # height, width, channels


class OutputCycles(Part):
    """Cycles per output element; see :class:`accel_models.units.micronpu.machine.OutputStage`."""

    default: Positive
    """Of an op that none of the others names."""
    max_pool: Positive
    """Of a maximum pool."""
    mul: Positive
    """Of a product of elements."""
    add: Positive
    """Of a sum of elements."""
    mul_to_32: Positive
    """Of a product of elements with 32-bit results."""
    unary_32: Positive
    """Of an op on one 32-bit operand."""
    binary_32: Positive
    """Of an op on two 32-bit operands."""
    relu: NotNegative
    """Added by a ReLU."""
    table: NotNegative
    """Added by a look-up table."""
    chained: bool = False
    """An element-wise op may follow in the same pass."""


class SharedBanks(Part):
    """Block buffer of 1 KiB banks; granules are the banks that a use is rounded up to."""

    count: Annotated[int, Field(ge=16, le=MOST_COUNT, strict=True)]
    """Banks of 1 KiB."""
    input_granule: Count
    """Banks that inputs of 8 and 16 bits are rounded up to."""
    wide_input_granule: Count
    """Banks that inputs of 32 bits are rounded up to."""
    sum_granule: Count
    """Banks that sums are rounded up to."""


class SeparateRams(Part):
    """Block buffers of their own."""

    inputs: Room
    """For inputs of a block."""
    sums: Room
    """For sums of a block."""


class NpuSettings(Part):
    """A microNPU; every option is an equation of :mod:`accel_models.units.micronpu`."""

    engines: Count = 1
    """Engines that share the work of a block."""
    micro_blocks: tuple[BlockSizes, ...]
    """Outputs computed at a time: height, width, channels; the best fit is taken."""
    pool_micro_blocks: tuple[BlockSizes, ...] = ()
    """The same for depthwise layers and pools; left out: as above."""
    largest_block: BlockSizes
    """Largest block: height, width, channels."""
    banks: SharedBanks | None = None
    """Block buffer of banks; this or ``rams``."""
    rams: SeparateRams | None = None
    """Block buffers of their own; this or ``banks``."""
    output_cycles: OutputCycles
    """Cycles of the output stage per element."""
    restart_delay_cycles: CyclesUp
    """Between two blocks."""
    pool_cycles_per_tap: Count
    """Of a micro-block of 8-bit elements."""
    channel_slots: tuple[Count, ...] = ()
    """Slots of copy, stream, weights, fast weights, inputs and scales; none: no bound."""
    sram_bytes_per_cycle: Positive
    """Width of the SRAM's port."""
    sram_latency_cycles: CyclesUp
    """Of a read or write."""
    sram_burst: Room
    """Bytes of one transfer."""
    sram_requests_in_flight: Count = 16
    """Transfers asked for before the first has ended."""
    sram_ports: Count = 1
    """Ports of the SRAM."""
    offchip_write_latency: Time = 0.0
    """Of a write to memory off the chip."""
    offchip_writes_in_flight: Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True)] = 0
    """Writes off the chip that may be under way; 0: none is possible."""
    feature_maps: Literal["sram", "sram_only", "offchip"] = "sram"
    """Where tensors live that the compiler has not moved; with sram_only, what is off the chip cannot be written."""
    weight_sigma: Positive = 20.0
    """Width of the Gaussian weights, in integer steps, that decides how well they compress."""
    weight_zeros: Share = 0.0
    """Share of weights that is zero."""


def check_settings(design: Design) -> None:
    """Refuse a section that no equation can read."""
    npu = design.section(NpuSettings)
    if (npu.banks is None) == (npu.rams is None):
        raise ConfigError("micronpu: needs banks or rams for its blocks, one of the two")
    if npu.channel_slots and len(npu.channel_slots) != 6:
        raise ConfigError(f"micronpu.channel_slots = {npu.channel_slots}: needs 6 numbers, or none")
    if design.memory is None:
        raise ConfigError(
            "micronpu: needs a memory: memory.activation_buffer is its SRAM, memory.dram holds weights"
        )
    if design.technology.precision != "int8":
        raise ConfigError(
            f"technology.precision = {design.technology.precision!r}: micronpu knows 'int8' alone"
        )


def machine_of(design: Design) -> MicroNpu:
    """Return what the equations take of a design, times in its clock."""
    npu = design.section(NpuSettings)
    memory = design.memory
    assert memory is not None  # checked when the design was read
    return MicroNpu(
        micro_blocks=npu.micro_blocks,
        pool_micro_blocks=npu.pool_micro_blocks or npu.micro_blocks,
        buffers=_buffers(npu),
        largest_block=_block(npu.largest_block),
        output=_output(npu.output_cycles),
        cores=npu.engines,
        restart_delay_cycles=npu.restart_delay_cycles,
        pool_steps_per_tap=npu.pool_cycles_per_tap,
        channel_slots=npu.channel_slots,
        sram=_sram(npu),
        offchip=_offchip(npu, design),
        feature_maps_offchip=npu.feature_maps == "offchip",
        stage_bytes=memory.activation_buffer if memory.shared_buffer else memory.weight_buffer,
    )


def _block(sizes: BlockSizes) -> MicroBlock:
    return sizes[0], sizes[1], sizes[2]


def _buffers(npu: NpuSettings) -> Banks | Rams:
    if npu.banks is not None:
        banks = npu.banks
        return Banks(
            total=banks.count,
            granule_8=banks.input_granule,
            granule_32=banks.wide_input_granule,
            granule_sums=banks.sum_granule,
        )
    assert npu.rams is not None  # one of the two, checked when the design was read
    return Rams(inputs=npu.rams.inputs, sums=npu.rams.sums)


def _output(cycles: OutputCycles) -> OutputStage:
    return OutputStage(
        default=cycles.default,
        max_pool=cycles.max_pool,
        mul=cycles.mul,
        add=cycles.add,
        mul_to_32=cycles.mul_to_32,
        unary_32=cycles.unary_32,
        binary_32=cycles.binary_32,
        relu=cycles.relu,
        lut=cycles.table,
        chained=cycles.chained,
    )


def _sram(npu: NpuSettings) -> Port:
    return Port(
        bytes_per_cycle=npu.sram_bytes_per_cycle,
        read_latency_cycles=npu.sram_latency_cycles,
        write_latency_cycles=npu.sram_latency_cycles,
        burst_bytes=npu.sram_burst,
        reads_in_flight=npu.sram_requests_in_flight,
        writes_in_flight=npu.sram_requests_in_flight,
        ports=npu.sram_ports,
    )


def _offchip(npu: NpuSettings, design: Design) -> Port:
    assert design.memory is not None  # checked when the design was read
    dram = design.memory.dram
    return Port(
        bytes_per_cycle=dram.bandwidth / design.clock,
        read_latency_cycles=round(dram.latency * design.clock),
        write_latency_cycles=round(npu.offchip_write_latency * design.clock),
        burst_bytes=dram.burst,
        reads_in_flight=dram.requests_in_flight,
        writes_in_flight=npu.offchip_writes_in_flight,
    )
