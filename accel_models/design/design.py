"""A design: one accelerator, as a frozen and checked value.

Every physical quantity is written with its unit (:mod:`accel_models.design.quantities`); unknown keys are errors.
``sources`` says for each value, by its dotted path or that of the group around it, where it comes from.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from accel_models.compiling.absorbing import Stage
from accel_models.design.quantities import parse_quantity, spell, whole
from accel_models.energy.params import DeviceClass, Precision
from accel_models.energy.tables import core_power, dram_table, operation_table
from accel_models.units.simd.software import Isa, load_software
from traces import ConfigError


def _quantity(kind: str, *, integer: bool = False) -> Any:
    def read(text: object) -> float | int:
        value = parse_quantity(text, kind)
        return whole(value, text) if integer else value

    return (BeforeValidator(read), PlainSerializer(lambda value: spell(value, kind), return_type=str))


# Ranges.  Choice: a number outside these is a slip of the pen, no design; inside them, every product of settings and
# sizes that the equations form stays below 2**62, which :mod:`accel_models.units.sane` checks once more.
MOST_CYCLES = 1 << 20  # an overhead of a millisecond at 1 GHz
LEAST_CYCLES = -16  # what an equation may count twice: latencies of a pipeline, not work
MOST_COUNT = 1 << 16  # the widest array or vector is a few thousand
MOST_BYTES = 1 << 40  # 1 TiB: more than any memory beside an accelerator
MOST_FACTOR = 1e6  # of cycles per instruction or event

Frequency = Annotated[float, *_quantity("frequency"), Field(ge=1.0, le=1e11)]  # 100 GHz: faster than logic
Size = Annotated[int, *_quantity("size", integer=True), Field(ge=0, le=MOST_BYTES)]
Room = Annotated[
    int, *_quantity("size", integer=True), Field(gt=0, le=MOST_BYTES)
]  # a size that cannot be nothing
Bandwidth = Annotated[
    float, *_quantity("bandwidth"), Field(ge=1.0, le=1e15)
]  # 1 PB/s: beyond all stacked memory
Time = Annotated[
    float, *_quantity("time"), Field(ge=0, le=1.0)
]  # a second: waits are of memories and hand-overs
Energy = Annotated[float, *_quantity("energy"), Field(ge=0, le=1e12)]  # 1 J for one action
Voltage = Annotated[float, *_quantity("voltage"), Field(ge=0.05, le=50.0)]  # of logic and its supply
Node = Annotated[
    int, *_quantity("length", integer=True), Field(gt=0, le=100_000)
]  # the first processor: 10 um
Power = Annotated[float, *_quantity("power"), Field(ge=0, le=1e6)]  # 1 MW
Temperature = Annotated[float, *_quantity("temperature"), Field(gt=0, le=1000.0)]  # silicon works below
Bits = Annotated[int, *_quantity("bits", integer=True), Field(gt=0, le=MOST_COUNT)]
Count = Annotated[int, Field(ge=1, le=MOST_COUNT, strict=True)]
Width = Annotated[int, Field(ge=1, le=64, strict=True)]  # of a number [bit]
Cycles = Annotated[int, Field(ge=LEAST_CYCLES, le=MOST_CYCLES, strict=True)]
CyclesUp = Annotated[int, Field(ge=0, le=MOST_CYCLES, strict=True)]  # not negative
Share = Annotated[float, Field(ge=0.0, le=1.0, strict=True)]
NotNegative = Annotated[float, Field(ge=0.0, le=MOST_FACTOR, strict=True)]
Positive = Annotated[float, Field(ge=1e-3, le=MOST_FACTOR, strict=True)]


class Part(BaseModel):
    """A section of a design."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Dataflow = Literal["ws", "os", "is", "rs"]
Drain = Literal["every_fold", "overlapped", "none"]
P = TypeVar("P", bound=Part)


class Scratchpads(Part):
    """What one PE of a row-stationary array stores, in numbers; see :mod:`accel_models.units.array.row_stationary`."""

    inputs: Count
    weights: Count
    sums: Count


class Array(Part):
    """R x C multiply-accumulate units; each option is an equation of :mod:`accel_models.units.array.systolic`."""

    rows: Count  # R [PEs]: the reduction in ws and is, output pixels in os
    cols: Count  # C [PEs]
    dataflow: Dataflow
    pixels: Count = 1  # ws: output pixels at a time, the array as often with the same weights
    count: Count = 1  # equal arrays that share the DRAM
    weight_preload: Literal["serial", "overlapped"] = "serial"  # ws, is: before its fold, or behind the last
    preload_gap_cycles: CyclesUp = (
        0  # overlapped: from the end of one load of the shadow registers to the next
    )
    preload_crosses_columns: bool = (
        False  # overlapped: that load waits for the change-over to cross C columns
    )
    first_preload: Literal["counted", "hidden"] = "counted"  # overlapped: hidden = loaded ahead of the op
    drain: Drain = "every_fold"  # overlapped: skew and drain show once; none: see ``drains``
    reduction: Literal["im2col", "per_tap"] = (
        "im2col"  # rows hold channels x kernel, or those of one tap at a time
    )
    drain_path: Literal["down", "across"] = "down"  # os: results leave down R rows, or across C columns
    hop_cycles: Count = 1  # for a partial sum to pass one row
    trim_folds: bool = False  # a part-filled fold pays for its occupied rows and columns only
    stream_block: CyclesUp = 0  # longest stream of one command [rows]; 0: no limit
    min_stream_cycles: CyclesUp = 0  # of the last stream
    fold_overhead_cycles: CyclesUp = 0
    gemm_overhead_cycles: Cycles = 0  # once per product: command latency
    multiplier_latency_cycles: CyclesUp = 0  # once per product, LM
    accumulator_latency_cycles: CyclesUp = 0  # once per product, LA
    pack_groups: bool = True  # small groups of a convolution lie side by side (group_packing)
    zero_gating: bool = False  # a masked MAC that is computed anyway does not switch
    depthwise_on: Literal["array", "simd"] = "array"
    scratchpads: Scratchpads | None = None  # rs: of each PE

    @property
    def drains(self) -> Drain:
        """How results leave: those of os alone can be read in parallel, others leave through the rows."""
        return "every_fold" if self.drain == "none" and self.dataflow != "os" else self.drain

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

    line_time: Time  # to fetch one line that is not cached; "0 ns" is tightly coupled
    line: Room  # bytes a fetch brings
    cache: Size  # "0 B" is none


class OutsideWeights(Part):
    """Memory off the chip for the weights of a network that the chip's own does not hold."""

    inside: Size  # weights that the chip holds
    byte: Time  # to read one byte from outside


class Simd(Part):
    """A core or the vector unit beside an array; see :class:`accel_models.units.simd.simd.SimdParams`."""

    isa: Isa
    clock: Frequency | None = None  # the design's clock when left out
    lanes_int8: Count
    lanes_int16: Count
    lanes_fp32: Count
    vector: Room  # bytes of one load or store instruction
    issue: Positive  # instructions a cycle
    mac_cycles: Positive
    alu_cycles: Positive
    load_cycles: Positive
    store_cycles: Positive
    branch_cycles: NotNegative
    weight_memory: MemoryWait
    instruction_cache: Size | None = None  # before code in the weight memory; left out: code never waits
    activation_memory: MemoryWait
    cores: Count = 1  # that share the work of each op
    serial_share: Share = 0.0  # of an op's work that one core does while the others wait
    dispatch: Time = 0.0  # operating system or interpreter, per op
    sync: Time = 0.0  # per op, with several cores: to wake them and to wait for the last
    outside: OutsideWeights | None = None  # left out: all weights find room on the chip


class Dram(Part):
    """Memory off the chip."""

    bandwidth: Bandwidth
    latency: Time
    burst: Room
    requests_in_flight: Count = 16
    request_overhead_cycles: CyclesUp = 0
    price: str  # row of tables/dram.csv


class Ports(Part):
    """Bits that pass between each buffer and the array in a cycle, reads and writes together.

    What is left out is as wide as the edge of the array that it feeds: a number per row or column, and of partial sums
    one each way, which no systolic dataflow ever waits for.
    """

    activation: Bits | None = None  # where buffers are shared, what shares one passes here too
    weight: Bits | None = None
    accumulator: Bits | None = None


class Memory(Part):
    """Buffers beside the array, and the DRAM behind them."""

    activation_buffer: Room
    weight_buffer: Size
    accumulator_buffer: Room
    shared_buffer: bool = False  # inputs and weights share the activation buffer
    shared_sums: bool = False  # inputs and partial sums share the activation buffer
    double_buffered: bool = True
    double_buffered_accumulator: bool = True
    halo_kept: bool = True  # rows that neighbouring tiles share stay in the buffer
    tile_overhead_cycles: CyclesUp = 0  # control per tile, while the array waits
    activation_bits: Width = 8
    weight_bits: Width = 8
    accumulator_bits: Width = 32
    word: Bits = 64  # of one SRAM access
    banks: Count = 1
    ports: Ports = Ports()
    dram: Dram


class Gemmini(Part):
    """What makes the array a Gemmini: its host, its queues, the caches before the DRAM.

    The design's ``array`` is its mesh then, and tiles are those of its library; see
    :mod:`accel_models.units.gemmini`.
    """

    command_interval_cycles: NotNegative  # between two pairs of commands of the array
    tile_issue_cycles: NotNegative  # of the host, per tile
    search_cycles: NotNegative  # of the host, per candidate of its search for tiles; 0: cut ahead of time
    packs_taps: bool = False  # taps of a kernel row share the array's rows while their channels fit
    skips_strided_rows: bool = False  # a 1x1 kernel of stride 2 loads only the pixels it uses
    loads_bias: bool = (
        False  # into the accumulator, before a tile's first product; zeros are written otherwise
    )
    row_align: Size = (
        1  # kept channels lie so many bytes apart, or a multiple, but never further than all of them
    )
    l2: Size
    l2_latency_cycles: NotNegative  # of a hit
    last_level_cache: Size
    l2_beat_cycles: NotNegative = 1.0  # per 16 bytes that L2 holds
    last_level_line_cycles: NotNegative = 0.0  # per line that L2 lacks and the last-level cache holds
    same_line_store_cycles: NotNegative = 0.0  # per store to the line of the store before


class Skip(Part):
    """What the hardware can leave out (design.md section 5)."""

    layers: bool = True
    channels: Literal["none", "compact", "tile", "prefix"] = "none"
    group: Count = 1  # channels per aligned group that ``tile`` skips together
    spatial: bool = False
    packed_outputs: bool = False  # ``compact``: producers that know the mask store kept channels side by side
    gather_elements_per_cycle: Annotated[float, Field(ge=1e-3, le=1e9, strict=True)] = (
        16.0  # ``compact``: packing kept channels
    )

    @property
    def rows(self) -> bool:
        """Whether rows of a sequence can be left out; Choice: what packs channels or tiles packs rows too."""
        return self.spatial or self.channels == "compact"


class Price(Part):
    """A price that the design states itself."""

    action: str
    value: Energy
    source: str


class Sleep(Part):
    """What a chip draws between frames when it sleeps, memories kept."""

    power: Power
    wake: Time  # until it computes again, at the power of waiting with clocks on


class Technology(Part):
    """Process and tables; see :class:`accel_models.energy.params.TechnologyParams`."""

    node: Node
    voltage: Voltage
    temperature: Temperature = 330.0
    device: DeviceClass = "lop"
    operations: str = "horowitz_45nm"
    precision: Precision = "int8"
    idle_clocking: Share = 0.1
    register_bits_per_pe: Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True)] = 48
    pe_buffer: Size = 0
    core_power: str | None = None
    supply: Voltage | None = None
    prices: tuple[Price, ...] = ()


def _check_tables(design: Design) -> None:
    """Refuse a name that no table knows when the design is read, not when it is priced."""
    load_software(design.software, design.simd.isa if design.simd else "vector")
    operation_table(design.technology.operations)
    if design.technology.core_power is not None:
        core_power(design.technology.core_power)
    if design.memory is not None and design.memory.dram.price != "none":
        dram_table(design.memory.dram.price)


AUTO = "auto"  # of ``gate_unit``: the compiler chooses


class Design(Part):
    """One accelerator."""

    name: str
    description: str
    clock: Frequency
    array: Array | None = None
    simd: Simd | None = None
    software: str = "tuned"  # kernel quality of a core: a set of tables/software.yaml
    memory: Memory | None = None  # None: unlimited, nothing is ever waited for
    mapping: Literal["latency", "energy"] = (
        "latency"  # what tiles of an array are chosen for; the other breaks ties
    )
    gemmini: Gemmini | None = None
    skip: Skip = Skip()
    elementwise: Literal["simd", "ignored"] = "simd"  # ignored: adds, pools ... are free and said to be
    output_stage: tuple[Stage, ...] = ()  # what units that requantise do to results on their way out
    gate_unit: str = "simd"  # a section that describes a unit; "auto": each gate op on its cheaper one
    gate_weights: Literal["resident", "fetched"] = "fetched"
    gate_handover: Time = 0.0  # of a decision from the unit that made it to one that obeys it
    technology: Technology
    sleep: Sleep | None = None  # None: a chip that waits with its clocks on
    sources: dict[str, str]  # dotted path of a value or of the group around it -> where it comes from
    changed: dict[str, str] = {}  # values set over those of the file, by dotted path

    @property
    def title(self) -> str:
        """Name, and the values that were set over those of the file: what tells two settings of a design apart."""
        values = ", ".join(f"{path} = {value}" for path, value in self.changed.items())
        return f"{self.name} ({values})" if values else self.name

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_tables(self)
        if self.skip.channels == "tile" and self.skip.group < 2:
            raise ValueError(f"skip.group = {self.skip.group}: skip.channels = 'tile' needs 2 or more")
        return self

    def section(self, part: type[P]) -> P:
        """Return the section that is of this class.

        Raises
        ------
        ConfigError
            If the design has none.
        """
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, part):
                return value
        raise ConfigError(f"design {self.name!r} has no section of {part.__name__}")

    @property
    def hash(self) -> str:
        """SHA-256 over every value but the words (name, description, sources, changed), first 16 hex digits."""
        data = self.model_dump(mode="json", exclude={"name", "description", "sources", "changed"})
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
