"""What a microNPU is made of: micro-blocks, block buffers, an output stage, ports to memory.

Source of structure and equations: Arm Vela 5.2.0 (PyPI ``ethos-u-vela``), its C++ core Regor: the performance and
block files of ``ethosu55``, ``ethosu65`` and ``ethosu85``.  Vela is an estimate, not silicon: it holds no driver,
no command fetch, no host.
"""

from __future__ import annotations

from dataclasses import dataclass

MicroBlock = tuple[int, int, int]  # height, width, channels


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputStage:
    """Cycles per output element, the scaling and activation hardware behind the sums [cycles]."""

    default: float  # convolution, fully connected, depthwise, average pool, copy
    max_pool: float
    mul: float
    add: float  # and subtract, both operands rescaled
    mul_to_32: float  # a product kept in 32 bits
    unary_32: float  # 32-bit operands
    binary_32: float
    relu: float  # least per element with a fused clip
    lut: float  # ... with a fused table (sigmoid, tanh)
    chained: bool = False  # ops fused behind another add their cycles (U85) instead of hiding


@dataclass(frozen=True, slots=True, kw_only=True)
class Banks:
    """One buffer of 1 KiB banks that input blocks and sums share (U55, U65)."""

    total: int
    granule_8: int  # banks that input blocks of so many bits are rounded to
    granule_32: int
    granule_sums: int  # ... and 32-bit sums

    @property
    def usable(self) -> int:
        """Banks between the two kept for output and those kept at the end for tables."""
        return self.total - 2 - self.tables

    @property
    def tables(self) -> int:
        """Banks kept at the end."""
        return 2 if self.total > 16 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rams:
    """Separate buffers of input blocks and sums (U85) [B]."""

    inputs: int
    sums: int


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
    """One microNPU with its memories; ``cores`` equal engines split every block."""

    micro_blocks: tuple[MicroBlock, ...]  # what the MACs finish together
    pool_micro_blocks: tuple[MicroBlock, ...]  # ... of depthwise layers and pools
    buffers: Banks | Rams
    largest_block: MicroBlock
    output: OutputStage
    cores: int
    restart_delay_cycles: int  # per kernel step of a block of one micro-block in the plane
    pool_steps_per_tap: int  # cycles of a micro-block per tap of a pool over 8 bits
    channel_slots: tuple[int, ...]  # buffers per memory channel (copy, stream, weights, fast, inputs, scales)
    sram: Port
    offchip: Port
    feature_maps_offchip: bool  # their home is off the chip; the SRAM holds what the compiler moves there
    stage_bytes: int  # of the SRAM, for weights that the DMA brings ahead [B]

    @property
    def depth_first_channels(self) -> int:
        """Input channels of a block taken channel by channel: what they are rounded up to."""
        return 32 if isinstance(self.buffers, Banks) else 64

    @property
    def macs_per_cycle(self) -> int:
        """Peak: a micro-block takes 4 cycles for 32 input channels [MAC/cycle]."""
        height, width, channels = self.micro_blocks[0]
        return height * width * channels * 8 * self.cores
