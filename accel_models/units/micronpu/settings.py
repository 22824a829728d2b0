"""The section ``micronpu`` of a design, and what the equations take of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accel_models.design.design import (
    MOST_COUNT,
    Count,
    CyclesUp,
    Design,
    NotNegative,
    Part,
    Positive,
    Room,
    Share,
    Time,
)
from accel_models.units.micronpu.machine import Banks, MicroBlock, MicroNpu, OutputStage, Port, Rams
from traces import ConfigError

Sizes = tuple[Count, Count, Count]  # height, width, channels


class OutputCycles(Part):
    """Cycles per output element; see :class:`accel_models.units.micronpu.machine.OutputStage`."""

    default: Positive
    max_pool: Positive
    mul: Positive
    add: Positive
    mul_to_32: Positive
    unary_32: Positive
    binary_32: Positive
    relu: NotNegative
    table: NotNegative
    chained: bool = False


class SharedBanks(Part):
    """Block buffer of 1 KiB banks; granules are the banks that a use is rounded up to."""

    count: Annotated[int, Field(ge=16, le=MOST_COUNT, strict=True)]
    input_granule: Count
    wide_input_granule: Count  # of 32 bits
    sum_granule: Count


class SeparateRams(Part):
    """Block buffers of their own."""

    inputs: Room
    sums: Room


class NpuSettings(Part):
    """A microNPU; every option is an equation of :mod:`accel_models.units.micronpu`."""

    engines: Count = 1  # that share the work of a block
    micro_blocks: tuple[Sizes, ...]
    pool_micro_blocks: tuple[Sizes, ...] = ()  # of depthwise layers and pools; left out: the same
    largest_block: Sizes
    banks: SharedBanks | None = None
    rams: SeparateRams | None = None
    output_cycles: OutputCycles
    restart_delay_cycles: CyclesUp
    pool_cycles_per_tap: Count  # of a micro-block of 8-bit elements
    channel_slots: tuple[
        Count, ...
    ] = ()  # copy, stream, weights, fast weights, inputs, scales; none: no bound
    sram_bytes_per_cycle: Positive
    sram_latency_cycles: CyclesUp
    sram_burst: Room
    sram_requests_in_flight: Count = 16
    sram_ports: Count = 1
    offchip_write_latency: Time = 0.0
    offchip_writes_in_flight: Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True)] = 0
    # Where tensors live that the compiler has not moved; with sram_only, what is off the chip cannot be written.
    feature_maps: Literal["sram", "sram_only", "offchip"] = "sram"
    weight_sigma: Positive = (
        20.0  # Gaussian weights of this width, integer steps, decide how well they compress
    )
    weight_zeros: Share = 0.0  # share of weights that is zero


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


def _block(sizes: Sizes) -> MicroBlock:
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
