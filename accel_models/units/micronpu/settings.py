"""The section ``micronpu`` of a design."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accel_models.design.quantities import (
    MOST_COUNT,
    Count,
    CyclesUp,
    NotNegative,
    Positive,
    Room,
    Share,
    Time,
)
from accel_models.design.sections import Part

BlockSizes = tuple[Count, Count, Count]  # height, width, channels


class OutputCycles(Part):
    """Cycles per output element, of the scaling and activation hardware behind the sums."""

    default: Positive
    """Of an op that none of the others names: convolution, fully connected, depthwise, average pool, copy."""
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

    @property
    def usable(self) -> int:
        """Banks between the two kept for output and those kept at the end for tables."""
        return self.count - 2 - self.tables

    @property
    def tables(self) -> int:
        """Banks kept at the end."""
        return 2 if self.count > 16 else 0


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
    """Writes off the chip that may be under way, at least 1 beside channel_slots where they have a latency."""
    feature_maps: Literal["sram", "sram_only", "offchip"] = "sram"
    """Where tensors live that the compiler has not moved; with sram_only, what is off the chip cannot be written."""
    weight_sigma: Positive = 20.0
    """Width of the Gaussian weights, in integer steps, that decides how well they compress."""
    weight_zeros: Share = 0.0
    """Share of weights that is zero."""
