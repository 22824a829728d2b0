"""The sections of a design: each class is one, each attribute a key, and its docstring what the key means.

``lacuna inspect --keys``, ``docs/design_keys.md`` and the JSON Schema are made from them.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from accel_models.design.quantities import (
    MOST_COUNT,
    Bandwidth,
    Bits,
    Count,
    CyclesUp,
    Energy,
    NodeLength,
    Power,
    Room,
    Share,
    Size,
    Temperature,
    Time,
    Voltage,
    Width,
    by_name,
)
from accel_models.energy.chip import DEFAULT_DEVICE, PRICED_ACTIONS, DeviceClass, Precision
from accel_models.energy.tables import CORES, DRAM, OPERATIONS, Named
from traces import ConfigError, Frozen


class Part(Frozen):
    """A section of a design; what its settings mean stands under each (:mod:`accel_models.design.meanings`)."""


P = TypeVar("P", bound=Part)


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
    price: Annotated[str, *by_name(DRAM)]
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

    The DMA that fills the buffers moves it, in bursts as long as the DRAM's; see :mod:`accel_models.work.residency`.
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
    """The next tile's sums have the other half of the accumulator; else the array waits until it is emptied."""
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

    @cached_property
    def some_channels(self) -> bool:
        """Whether channels can be left out at all."""
        return self.channels != "none"

    @cached_property
    def packs(self) -> bool:
        """Whether kept channels are packed, so that every count of them and every place is as good."""
        return self.channels == "compact"

    @cached_property
    def rows(self) -> bool:
        """Whether rows of a sequence can be left out; Choice: what packs channels or tiles packs rows too."""
        return self.spatial or self.packs


def _said(source: str) -> str:
    if not source.strip():
        raise ConfigError("the price has no source; say where it comes from")
    return source


_PRICED = Named("priced action", lambda: tuple(PRICED_ACTIONS))


class StatedPrice(Part):
    """A price that the design states itself."""

    action: Annotated[str, *by_name(_PRICED)]
    """Name of an action, as `lacuna inspect D --energy` lists them."""
    value: Energy
    """Energy of one."""
    source: Annotated[str, AfterValidator(_said)]
    """Where it comes from."""


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
    operations: Annotated[str, *by_name(OPERATIONS)] = "horowitz_45nm"
    """The one table of operation energies."""
    precision: Precision = "int8"
    """Of multiplications."""
    idle_clocking: Share = 0.1
    """Share of the clocking of registers that goes on in idle cycles."""
    register_bits_per_pe: Annotated[int, Field(ge=0, le=MOST_COUNT, strict=True)] = 48
    """Flip-flop bits clocked in one PE in a busy cycle."""
    pe_buffer: Size = 0
    """Scratchpad inside each PE; nothing in a systolic array."""
    core_power: Annotated[str, *by_name(CORES)] | None = None
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
