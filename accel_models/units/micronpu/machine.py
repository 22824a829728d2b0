"""A microNPU as its equations see it: its section, and its memories as ports in its clock.

Source of structure and equations: Arm Vela 5.2.0 (PyPI ``ethos-u-vela``), its C++ core Regor: the performance and
block files of ``ethosu55``, ``ethosu65`` and ``ethosu85``.  Vela is an estimate, not silicon: it holds no driver,
no command fetch, no host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel_models.design.design import Design
from accel_models.design.sections import Memory
from accel_models.units.micronpu.settings import BlockSizes, NpuSettings, SeparateRams, SharedBanks


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A memory as the NPU sees it."""

    bytes_per_cycle: float
    read_latency_cycles: float
    write_latency_cycles: float
    burst_bytes: int
    reads_in_flight: int = 0  # 0: bandwidth alone bounds a channel (U55, U65)
    writes_in_flight: int = 0
    ports: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroNpu:
    """One microNPU with its memories; equal engines split every block."""

    npu: NpuSettings
    sram: Port
    offchip: Port
    stage_bytes: int  # of the SRAM, for weights that the DMA brings ahead [B]

    @property
    def buffers(self) -> SharedBanks | SeparateRams:
        """What blocks lie in; banks on U55 and U65, RAMs of their own on U85."""
        buffers = self.npu.banks or self.npu.rams
        assert buffers is not None  # one of the two, checked when the design was read
        return buffers

    @property
    def pool_micro_blocks(self) -> tuple[BlockSizes, ...]:
        """What finishes together of depthwise layers and pools."""
        return self.npu.pool_micro_blocks or self.npu.micro_blocks

    @property
    def feature_maps_offchip(self) -> bool:
        """Whether the home of tensors is off the chip; the SRAM holds what the compiler moves there."""
        return self.npu.feature_maps == "offchip"

    @property
    def depth_first_channels(self) -> int:
        """Input channels of a block taken channel by channel: what they are rounded up to."""
        return 32 if isinstance(self.buffers, SharedBanks) else 64

    @property
    def macs_per_cycle(self) -> int:
        """Peak: a micro-block takes 4 cycles for 32 input channels [MAC/cycle]."""
        height, width, channels = self.npu.micro_blocks[0]
        return height * width * channels * 8 * self.npu.engines


def faults_of_settings(design: Design) -> Iterator[str]:
    """Yield what no equation can read."""
    npu = design.section(NpuSettings)
    if (npu.banks is None) == (npu.rams is None):
        yield "micronpu: needs banks or rams for its blocks, one of the two"
    if npu.channel_slots and len(npu.channel_slots) != 6:
        yield f"micronpu.channel_slots = {npu.channel_slots}: needs 6 numbers, or none"
    if npu.channel_slots and npu.offchip_write_latency and not npu.offchip_writes_in_flight:
        yield (
            "micronpu.offchip_writes_in_flight = 0: needs at least 1 beside channel_slots, whose rates it bounds "
            "where a write has a latency"
        )
    if design.memory is None:
        yield "micronpu: needs a memory: memory.activation_buffer is its SRAM, memory.dram holds weights"
    elif design.memory.l2 is not None:
        yield "memory.l2: a micronpu has one level on the chip, its SRAM; state memory.activation_buffer"
    if design.technology.precision != "int8":
        yield f"technology.precision = {design.technology.precision!r}: micronpu knows 'int8' alone"


def machine_of(design: Design) -> MicroNpu:
    """Return what the equations take of a design, times in its clock."""
    npu, memory = design.section(NpuSettings), design.section(Memory)
    return MicroNpu(
        npu=npu,
        sram=_sram(npu),
        offchip=_offchip(npu, design),
        stage_bytes=memory.activation_buffer if memory.shared_buffer else memory.weight_buffer,
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
    dram = design.section(Memory).dram
    return Port(
        bytes_per_cycle=dram.bandwidth / design.clock,
        read_latency_cycles=round(dram.latency * design.clock),
        write_latency_cycles=round(npu.offchip_write_latency * design.clock),
        burst_bytes=dram.burst,
        reads_in_flight=dram.requests_in_flight,
        writes_in_flight=npu.offchip_writes_in_flight,
    )
