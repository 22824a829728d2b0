"""A Gemmini and its memory: what its loops take and give back, and how a design states it."""

from __future__ import annotations

from typing import NamedTuple, get_type_hints

from accel_models.design.design import Design
from accel_models.dram import Bus
from accel_models.units.gemmini.memory.dma import GemminiMemory
from accel_models.units.gemmini.memory.traffic import LINE_BYTES
from accel_models.units.gemmini.settings import Gemmini
from traces import ConfigError


class GemminiMachine(NamedTuple):
    """A weight-stationary Gemmini and its memory; the defaults are its default configuration.

    What several sections of a design say, flat: the loops are compiled for a tuple of numbers, and read nothing else.
    """

    memory: GemminiMemory
    rows: int = 16  # of the array: input channels
    cols: int = 16  # filters
    block_pixels: int = 16  # of one output row, that one pair of commands streams at most
    scratchpad_bytes: int = 256 << 10
    accumulator_bytes: int = 64 << 10
    input_bytes: int = 1  # of one input or result
    weight_bytes: int = 1
    sum_bytes: int = 4
    double_buffered: bool = True
    packs_taps: bool = False  # taps of a kernel row share the array's rows while their channels fit
    skips_strided_rows: bool = False  # a 1x1 kernel of stride 2 loads only the pixels it uses
    loads_bias: bool = False  # of 4 bytes a filter, into the accumulator; zeros are written otherwise
    row_align: int = 1  # what gates leave of a pixel's channels lies a multiple of so many bytes apart
    min_block_cycles: int = 4  # a block of pixels takes at least as long
    command_interval_cycles: float = 7.0  # between blocks' pairs of commands
    tile_issue_cycles: float = 40.0  # of the host, per tile

    @property
    def tile_scratchpad_bytes(self) -> int:
        """What the inputs and weights of one tile may take; with double buffers the next has the other half [B]."""
        return self.scratchpad_bytes // (2 if self.double_buffered else 1)

    @property
    def tile_accumulator_bytes(self) -> int:
        """What the results of one tile may take [B]."""
        return self.accumulator_bytes // (2 if self.double_buffered else 1)


class Run(NamedTuple):
    """Cycles and counts of one op alone, over all its tiles."""

    total: float  # from the first command to the last result in memory [cycles]
    load: float  # of that each queue works [cycles]
    execute: float
    store: float
    first_load: float  # until the array can begin [cycles]
    last_execute: float  # left for the array when the last tile has landed [cycles]
    dram_input_bytes: float  # lines that no cache held, whole [B]
    dram_weight_bytes: float
    dram_output_bytes: float
    loaded_input_bytes: float  # into the scratchpad, from wherever [B]
    loaded_weight_bytes: float
    array_input_reads: float  # from the scratchpad into the array [elements]
    array_weight_reads: float  # [elements]
    array_sums: float  # written into the accumulator, sums in between included [elements]


_CASTS = {kind: get_type_hints(kind) for kind in (GemminiMachine, GemminiMemory)}


def typed(machine: GemminiMachine) -> GemminiMachine:
    """Return the machine with every field of its declared type: the loops are compiled once for them."""
    memory = GemminiMemory(*(float(value) for value in machine.memory))
    rest = (
        kind(value)
        for kind, value in zip(list(_CASTS[GemminiMachine].values())[1:], machine[1:], strict=True)
    )
    return GemminiMachine(memory, *rest)


def gemmini_of(design: Design) -> GemminiMachine:
    """Return what a design with a Gemmini says of its queues, buffers and DRAM."""
    array, memory, queues = design.array, design.memory, design.section(Gemmini)
    if array is None or memory is None:
        raise ConfigError(f"design {design.name!r}: a Gemmini needs array and memory")
    return typed(
        GemminiMachine(
            memory=_memory(Bus(memory.dram, design.clock), queues, array.rows),
            rows=array.rows,
            cols=array.cols,
            block_pixels=array.stream_block,
            scratchpad_bytes=memory.activation_buffer,
            accumulator_bytes=memory.accumulator_buffer,
            input_bytes=-(-memory.activation_bits // 8),
            weight_bytes=-(-memory.weight_bits // 8),
            sum_bytes=-(-memory.accumulator_bits // 8),
            double_buffered=memory.double_buffered,
            packs_taps=queues.packs_taps,
            skips_strided_rows=queues.skips_strided_rows,
            loads_bias=queues.loads_bias,
            row_align=queues.row_align,
            min_block_cycles=array.min_stream_cycles,
            command_interval_cycles=queues.command_interval_cycles,
            tile_issue_cycles=queues.tile_issue_cycles,
        )
    )


def _memory(bus: Bus, queues: Gemmini, command_rows: int) -> GemminiMemory:
    """Return the DMA's view; a line takes what the DRAM's bandwidth, latency and window of requests give."""
    return GemminiMemory(
        latency_cycles=queues.l2_latency_cycles + queues.l2_beat_cycles - 1,  # to the end of the first beat
        beat_cycles=queues.l2_beat_cycles,
        requests_in_flight=bus.dram.requests_in_flight,
        command_rows=command_rows,
        l2_bytes=queues.l2,
        llc_bytes=queues.last_level_cache,
        llc_line_cycles=queues.last_level_line_cycles,
        line_cycles=bus.cycles_per_burst * -(-LINE_BYTES // bus.dram.burst),
        crowded_line_cycles=queues.crowded_line_cycles,
        same_line_store_cycles=queues.same_line_store_cycles,
    )
