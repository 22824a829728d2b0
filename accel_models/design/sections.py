"""The sections of a design: each class is one, each attribute a key, and its docstring what the key means.

``lacuna inspect --keys``, ``docs/design_keys.md`` and the JSON Schema are made from them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator

from accel_models.design.ranges import (
    MOST_COUNT,
    Bandwidth,
    Bits,
    Count,
    Cycles,
    CyclesUp,
    Energy,
    Frequency,
    NodeLength,
    NotNegative,
    Positive,
    Power,
    Room,
    Share,
    Size,
    Temperature,
    Time,
    Units,
    Voltage,
    Width,
)
from accel_models.energy.chip import DEFAULT_DEVICE, DeviceClass, Precision
from accel_models.energy.prices import PRICED_ACTIONS
from accel_models.units.simd.software import Isa
from traces import ConfigError, Frozen, did_you_mean


class Part(Frozen):
    """A section of a design."""

    model_config = ConfigDict(use_attribute_docstrings=True)


Dataflow = Literal["ws", "os", "is", "rs"]
Drain = Literal["every_fold", "overlapped", "none"]
P = TypeVar("P", bound=Part)


class Scratchpads(Part):
    """What one PE of a row-stationary array stores, in numbers; see :mod:`accel_models.units.array.row_stationary`."""

    inputs: Count
    """Input values that a PE holds."""
    weights: Count
    """Weights that a PE holds."""
    sums: Count
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
    """A masked MAC that is computed anyway does not switch."""
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


class Simd(Part):
    """A core or the vector unit beside an array; see :mod:`accel_models.units.simd.simd`."""

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


class Dram(Part):
    """Memory off the chip."""

    bandwidth: Bandwidth
    """Peak, shared by all that transfers."""
    latency: Time
    """From a request to its first byte."""
    burst: Room
    """Bytes of the smallest transfer; what is shorter takes a whole one."""
    requests_in_flight: Count = 16
    """Bursts asked for before the first has come."""
    request_overhead_cycles: CyclesUp = 0
    """Issue and hand-over of one burst, beyond latency and data."""
    price: str
    """Row of the table of DRAM prices, or none."""


class Ports(Part):
    """Bits that pass between each buffer and the array in a cycle, reads and writes together.

    What is left out is as wide as the edge of the array that it feeds: a number per row or column, and of partial sums
    one each way, which no systolic dataflow ever waits for.
    """

    activation: Bits | None = None
    """Of the activation buffer; where buffers are shared, what shares one passes here too."""
    weight: Bits | None = None
    """Of the weight buffer."""
    accumulator: Bits | None = None
    """Of the accumulator buffer."""


class SecondLevel(Part):
    """Memory on the chip behind the buffers: what they cannot keep lies here before it goes off the chip.

    The DMA that fills the buffers moves it, in bursts as long as the DRAM's; see :mod:`accel_models.work.second_level`.
    """

    size: Room
    """Holds tensors from op to op, and weights from input to input."""
    bandwidth: Bandwidth
    """Between it and the buffers."""
    latency: Time
    """From a request to its first byte."""
    word: Bits = 64
    """Bits of one access."""
    banks: Count = 1
    """Equal SRAM macros that it is made of."""


class Memory(Part):
    """Buffers beside the array, a second level where there is one, and the DRAM behind them."""

    activation_buffer: Room
    """Holds inputs and outputs on the chip."""
    weight_buffer: Size
    """Holds weights on the chip; not read where the buffer is shared."""
    accumulator_buffer: Room
    """Holds partial sums."""
    shared_buffer: bool = False
    """Inputs and weights share the activation buffer."""
    shared_sums: bool = False
    """Inputs and partial sums share the activation buffer."""
    double_buffered: bool = True
    """The next tile loads into the other half of a buffer."""
    double_buffered_accumulator: bool = True
    """The next tile's sums have the other half of the accumulator."""
    halo_kept: bool = True
    """Rows that neighbouring tiles share stay in the buffer."""
    tile_overhead_cycles: CyclesUp = 0
    """Control per tile, while the array waits."""
    activation_bits: Width = 8
    """Of one activation; left out: as many as technology.precision has."""
    weight_bits: Width = 8
    """Of one weight, in memory and in the multiplier; left out: as many as technology.precision has."""
    accumulator_bits: Width = 32
    """Of one partial sum."""
    word: Bits = 64
    """Bits of one SRAM access."""
    banks: Count = 1
    """Of each buffer; what shares a buffer takes whole banks."""
    ports: Ports = Ports()
    """Width of the buffers towards the array."""
    dma: Literal["in_order", "out_of_order"] = "in_order"
    """Whether outputs and inputs may pass weights that wait for a gate's decision."""
    l2: SecondLevel | None = None
    """Memory on the chip behind the buffers; left out: what they cannot keep goes off the chip."""
    dram: Dram
    """Memory off the chip."""


class Gemmini(Part):
    """What makes the array a Gemmini: its host, its queues, the caches before the DRAM.

    The design's ``array`` is its mesh then, and tiles are those of its library; see
    :mod:`accel_models.units.gemmini`.
    """

    command_interval_cycles: NotNegative
    """Between two pairs of commands of the array."""
    tile_issue_cycles: NotNegative
    """Of the host, per tile."""
    search_cycles: NotNegative
    """Of the host, per candidate of its search for tiles; 0: cut ahead of time."""
    packs_taps: bool = False
    """Taps of a kernel row share the array's rows while their channels fit."""
    skips_strided_rows: bool = False
    """A 1x1 kernel of stride 2 loads only the pixels it uses."""
    loads_bias: bool = False
    """A bias is loaded into the accumulator before a tile's first product; zeros are written otherwise."""
    row_align: Size = 1
    """Kept channels lie so many bytes apart, or a multiple, but never further than all of them."""
    l2: Size
    """Size of the cache before the last level."""
    l2_latency_cycles: NotNegative
    """Of a hit."""
    last_level_cache: Size
    """Size of the cache before the DRAM."""
    l2_beat_cycles: NotNegative = 1.0
    """Per 16 bytes that L2 holds."""
    last_level_line_cycles: NotNegative = 0.0
    """Per line that L2 lacks and the last-level cache holds."""
    same_line_store_cycles: NotNegative = 0.0
    """Per store to the line of the store before."""


class Skip(Part):
    """What the hardware can leave out."""

    layers: bool = True
    """Ops behind a closed layer or exit gate are not run."""
    channels: Literal["none", "compact", "tile", "prefix"] = "none"
    """How closed channels are left out: not at all, packed, in aligned groups, or all behind the last kept one."""
    group: Count = 1
    """Channels per aligned group that ``tile`` skips together."""
    spatial: bool = False
    """Tiles, tokens and elements that a gate closes are left out."""
    packed_outputs: bool = False
    """``compact``: producers that know the mask store kept channels side by side."""
    gather_elements_per_cycle: Annotated[float, Field(ge=1e-3, le=1e9, strict=True)] = 16.0
    """With ``compact``: elements packed per cycle before an op reads them."""

    @property
    def some_channels(self) -> bool:
        """Whether channels can be left out at all."""
        return self.channels != "none"

    @property
    def packs(self) -> bool:
        """Whether kept channels are packed, so that every count of them and every place is as good."""
        return self.channels == "compact"

    @property
    def rows(self) -> bool:
        """Whether rows of a sequence can be left out; Choice: what packs channels or tiles packs rows too."""
        return self.spatial or self.packs


class StatedPrice(Part):
    """A price that the design states itself."""

    action: str
    """Name of an action, as `lacuna inspect D --energy` lists them."""
    value: Energy
    """Energy of one."""
    source: str
    """Where it comes from."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.action not in PRICED_ACTIONS:
            raise ValueError(
                f"{self.action!r} is no priced action{did_you_mean(self.action, PRICED_ACTIONS)}"
            )
        if not self.source.strip():
            raise ValueError(f"the price of {self.action} has no source; say where it comes from")
        return self


class Sleep(Part):
    """What a chip draws between frames when it sleeps, memories kept."""

    power: Power
    """While it sleeps."""
    wake: Time
    """Until it computes again, at the power of waiting with clocks on."""


class Technology(Part):
    """Process, and the tables of energy and area; see :mod:`accel_models.energy`."""

    node: NodeLength
    """Process node; energy and area are scaled to it."""
    voltage: Voltage
    """Of logic and SRAM."""
    temperature: Temperature = 330.0
    """Of the junction; acts on leakage alone."""
    device: DeviceClass | None = None
    """ITRS device class of SRAM and of logic leakage; left out: lstp, and prices say so."""
    operations: str = "horowitz_45nm"
    """The one table of operation energies."""
    precision: Precision = "int8"
    """Of multiplications."""
    idle_clocking: Share = 0.1
    """Share of the clocking of registers that goes on in idle cycles."""
    register_bits_per_pe: Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True)] = 48
    """Flip-flop bits clocked in one PE in a busy cycle."""
    pe_buffer: Size = 0
    """Scratchpad inside each PE; nothing in a systolic array."""
    core_power: str | None = None
    """Row of the table of processor cores: all energy is then energy per busy cycle of that chip."""
    supply: Voltage | None = None
    """Board supply of a processor core; left out: that of its row."""
    prices: tuple[StatedPrice, ...] = ()
    """Prices that this design states itself, before any table."""

    @property
    def device_class(self) -> DeviceClass:
        """The device class, the default where none is stated."""
        return self.device or DEFAULT_DEVICE

    @property
    def class_named(self) -> str:
        """The device class as prices name it."""
        return self.device or f"{DEFAULT_DEVICE} (default: technology.device is not stated)"
