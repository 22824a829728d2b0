"""The sections of a design that describe compute units; the dataflows of an array are a row each.

A row says which sizes of a product M x K x N lie along the array, and which streams:

========  =======  =======  ========  ===================================================
dataflow  rows     columns  streams   stays in a PE: the operand without the streamed size
========  =======  =======  ========  ===================================================
``ws``    K        N        M         weights
``is``    K        M        N         inputs
``os``    M        N        K         sums
``rs``    rows of filters and of outputs; it has no folds: :mod:`accel_models.units.array.row_stationary`
========  =======  =======  ========  ===================================================

Nothing else asks for a dataflow's name: what follows from it follows from its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from accel_models.design.quantities import (
    Count,
    Cycles,
    CyclesUp,
    Frequency,
    NotNegative,
    Positive,
    Room,
    Share,
    Size,
    Time,
    Units,
)
from accel_models.design.sections import Part
from accel_models.units.simd.software import Isa
from traces import ConfigError

Dataflow = Literal["ws", "os", "is", "rs"]
Drain = Literal["every_fold", "overlapped", "none"]
# Choice: at most 18 times Eyeriss's 224 weights; passes try each number.
PadValues = Annotated[int, Field(ge=1, le=4096, strict=True)]


class Scratchpads(Part):
    """What one PE of a row-stationary array stores, in numbers; see :mod:`accel_models.units.array.row_stationary`."""

    inputs: PadValues
    """Input values that a PE holds."""
    weights: PadValues
    """Weights that a PE holds."""
    sums: PadValues
    """Partial sums that a PE holds."""


class RunLength(Part):
    """Zeros that cross the DRAM bus in runs; see :mod:`accel_models.units.array.row_stationary.coding`."""

    inputs: Share = 0.0
    """Zeros among what an op reads."""
    outputs: Share = 0.0
    """Zeros among what an op leaves."""


class Array(Part):
    """R x C multiply-accumulate units; each option is an equation of :mod:`accel_models.units.array.systolic`."""

    rows: Count
    """R [PEs]: the reduction in ws and is, output pixels in os, filter rows in rs."""
    cols: Count
    """C [PEs]: output channels in ws and os, output pixels in is, output rows in rs."""
    dataflow: Dataflow
    """What stays in a PE: weights (ws), outputs (os), inputs (is) or rows of a convolution (rs)."""
    pixels: Count = 1
    """In ws: output pixels at a time, the R x C units as often with the same weights."""
    sum_registers: bool = False
    """In ws: PEs hold sums too, so an op may keep those of a few pixels while the weights change fold by fold."""
    count: Units = 1
    """Equal arrays that share the DRAM."""
    weight_preload: Literal["serial", "overlapped"] = "serial"
    """In ws and is: weights load before their fold (serial), or behind the fold before (overlapped)."""
    preload_gap_cycles: CyclesUp = 0
    """With overlapped preload: from the end of one load of the shadow registers to the next."""
    preload_crosses_columns: bool = False
    """With overlapped preload: the load waits until the change-over has crossed C columns."""
    first_preload: Literal["counted", "hidden"] = "counted"
    """With overlapped preload: whether the first load of an op counts, or is hidden ahead of the op."""
    drain: Drain = "every_fold"
    """Whether skew and drain show in every fold, once per op (overlapped), or not at all."""
    reduction: Literal["im2col", "per_tap"] = "im2col"
    """Rows hold channels x kernel taps (im2col), or the channels of one tap at a time (per_tap)."""
    drain_path: Literal["down", "across"] = "down"
    """In os: results leave down R rows, or across C columns."""
    hop_cycles: Count = 1
    """For a partial sum to pass one row."""
    trim_folds: bool = False
    """A part-filled fold pays for its occupied rows and columns only."""
    stream_block: CyclesUp = 0
    """Longest stream of one command [rows]; 0: no limit."""
    min_stream_cycles: CyclesUp = 0
    """Least length of the last stream."""
    fold_overhead_cycles: CyclesUp = 0
    """Control once per fold, beyond the equations."""
    gemm_overhead_cycles: Cycles = 0
    """Once per product: commands."""
    multiplier_latency_cycles: CyclesUp = 0
    """Once per product: pipeline of a multiplier, LM."""
    accumulator_latency_cycles: CyclesUp = 0
    """Once per product: pipeline of an accumulator, LA."""
    pack_groups: bool = True
    """Small groups of a convolution lie side by side on the array."""
    zero_gating: bool = False
    """A masked MAC that is computed anyway, or one of a zero among the inputs (``run_length``), does not switch."""
    depthwise_on: Literal["array", "simd"] = "array"
    """The unit that runs depthwise convolutions."""
    scratchpads: Scratchpads | None = None
    """In rs: what each PE stores; needed there, and read by no other dataflow."""
    run_length: RunLength | None = None
    """In rs alone: activations cross the DRAM bus coded by runs of zeros; left out: as they are."""

    @property
    def product_overhead_cycles(self) -> int:
        """Cycles that every product takes once, g: its commands, and the pipeline of multiplier and accumulator."""
        return self.gemm_overhead_cycles + self.multiplier_latency_cycles + self.accumulator_latency_cycles

    @property
    def peak_macs_per_cycle(self) -> int:
        """Every unit of one array busy [MAC/cycle]."""
        return self.rows * self.cols * self.pixels


class MemoryWait(Part):
    """Memory that a core fetches from, with the cache in front of it."""

    line_time: Time
    """To fetch one line that is not cached; "0 ns" is tightly coupled."""
    line: Room
    """Bytes a fetch brings."""
    cache: Size
    """Bytes of the cache in front; "0 B" is none."""


class OutsideWeights(Part):
    """Memory off the chip for the weights of a network that the chip's own does not hold."""

    inside: Size
    """Bytes of weights that the chip holds."""
    byte: Time
    """To read one byte from outside."""
    streamed: bool = False
    """Whether they come while the core computes, so that the longer of both counts; else it waits for every byte."""


class Simd(Part):
    """A core or the vector unit beside an array; see :mod:`accel_models.units.simd.unit`."""

    isa: Isa
    """Instruction set, whose kernels' instruction counts price the core."""
    clock: Frequency | None = None
    """Clock of this unit; the design's when left out."""
    lanes_int8: Count
    """8-bit MACs per MAC instruction; of a vector unit, elements per operation."""
    lanes_int16: Count
    """The same for 16 bits."""
    lanes_fp32: Count
    """The same for 32-bit floating point."""
    vector: Room
    """Bytes of one load or store instruction."""
    issue: Positive
    """Instructions sustained per cycle, against the single-issue costs below."""
    mac_cycles: Positive
    """Per MAC instruction."""
    alu_cycles: Positive
    """Per other arithmetic instruction."""
    load_cycles: Positive
    """Per load."""
    store_cycles: Positive
    """Per store."""
    branch_cycles: NotNegative
    """Per branch, refill of the pipeline included."""
    weight_memory: MemoryWait
    """Where weights and code lie."""
    instruction_cache: Size | None = None
    """Cache before code in the weight memory; left out: code never waits."""
    activation_memory: MemoryWait
    """Where activations lie."""
    cores: Count = 1
    """Cores that share the work of each op."""
    serial_share: Share = 0.0
    """Share of an op's work that one core does while the others wait."""
    dispatch: Time = 0.0
    """Operating system or interpreter, once per op."""
    sync: Time = 0.0
    """With several cores, once per op: to wake them and to wait for the last."""
    outside: OutsideWeights | None = None
    """Memory for weights that the chip does not hold; left out: all find room on the chip."""

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
    def op_time(self) -> float:
        """Time per op beside its instructions [s]."""
        return self.dispatch + (self.sync if self.cores > 1 else 0.0)

    def outside_share(self, network_weight_bytes: int) -> float:
        """Share of a network's weights that lie off the chip [0..1]."""
        if self.outside is None or network_weight_bytes <= self.outside.inside:
            return 0.0
        return 1.0 - self.outside.inside / network_weight_bytes


ProductSize = Literal["m", "k", "n"]
NO_FOLDS = "array.dataflow = 'rs': a row-stationary array works in passes, not in folds"


@dataclass(frozen=True, slots=True)
class Streaming:
    """Where the sizes of a product lie."""

    rows: ProductSize
    cols: ProductSize
    streams: ProductSize

    @property
    def sums_stay(self) -> bool:
        """Whether the reduction streams, so that sums grow in their PEs and leave when they are whole."""
        return self.streams == "k"

    @property
    def weights_stay(self) -> bool:
        """Whether pixels stream past weights that stay."""
        return self.streams == "m"

    @property
    def inputs_stay(self) -> bool:
        """Whether filters stream past inputs that stay."""
        return self.streams == "n"


# None: products are not laid over the array in folds.
DATAFLOWS: Final[Mapping[Dataflow, Streaming | None]] = {
    "ws": Streaming("k", "n", "m"),
    "is": Streaming("k", "m", "n"),
    "os": Streaming("m", "n", "k"),
    "rs": None,
}


def streaming_of(dataflow: Dataflow) -> Streaming:
    """Return where the sizes of a product lie; a dataflow that has no folds is refused."""
    found = DATAFLOWS[dataflow]
    if found is None:
        raise ConfigError(NO_FOLDS)
    return found
