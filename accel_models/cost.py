"""What is priced, where it lies, what a unit says of it and what it costs: the values from skipping to schedule.

::

    OpStates ──skipping──► WorkStates ──price──► Cost
    (traces)               (this design's view)  (cycles, bytes, energy per state)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from accel_models.energy.actions import Actions, EnergyParts
from accel_models.work.shapes import Shapes
from traces import Bools, Floats, Ints, Op

StageOperand = Literal["nothing", "on_chip", "off_chip"]
# What tiles are chosen for, given what else runs: the op by itself; its weights there when it begins, fetched during
# the op before; fewest cycles of its unit; fewest bytes on the bus.
TileAim = Literal["alone", "prefetched", "compute", "bytes"]
TILE_AIMS: Final[tuple[TileAim, ...]] = get_args(TileAim)
MOST_COST: Final = float(1 << 62)  # of an op; sums over ops and inputs stay within 64 bits, and twice that
FREE: Final = "none"  # the unit of an op that is free: fused, or only a view
Cached = tuple[tuple[float, ...], ...]  # share of input, weights and output in each cache, the nearest first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkStates:
    """An op's distinct states as one design's skip mechanism sees them; arrays of shape (s,).

    The first difference to :class:`traces.work.workload.OpStates`: channels are those that the hardware *computes*
    (all of them with ``none``, whole groups with ``tile``), ``useful_macs`` those that the gates kept.
    """

    op: Op
    runs: Bools
    in_channels: Ints  # computed; 0 where it does not run
    out_channels: Ints
    out_rows: Ints  # computed rows of the output, halo not counted; dense without spatial gates
    batch: Ints  # inputs that run this op together and share its weights (1 without batches)
    useful_macs: Ints  # kept by the gates, over the batch [MAC]
    weight_fetch_bytes: Ints  # on the bus for the kept weights once, whole bursts, positions counted [B]
    gathered_elements: Ints  # activations packed because channels before them were skipped [elements]

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def content(self) -> tuple[object, ...]:
        """What decides its cost: all but names."""
        arrays = (
            self.runs, self.in_channels, self.out_channels, self.out_rows, self.batch, self.useful_macs,
            self.weight_fetch_bytes, self.gathered_elements,
        )  # fmt: skip
        return (*self.op.terms, *map(np.ndarray.tobytes, arrays))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """How an op runs with others of a group, band by band; see :mod:`accel_models.work.depth_first`."""

    count: int  # bands of rows that the group is cut into
    rows: int  # of the op's output that all bands compute: more than it has where halos are computed again
    ops_before: int  # places in program order back to the first op of the group
    ops_behind: int  # ... and on to its last


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an op's tensors live on a design, decided once per graph on dense sizes."""

    unit: str  # a kind of accel_models.units.kinds, or FREE
    inputs_on_chip: bool
    output_on_chip: bool
    weights_resident: bool  # loaded before the first input; never fetched again
    weight_prefetch_bytes: int  # buffer space its weights take while prefetched; 0 when resident [B]
    reserved_bytes: int  # of the activation buffer, held by tensors that stay while it runs [B]
    pinned_bytes: int = 0  # of the weight buffer, held by other ops' resident weights [B]
    frames: int = 1  # on the machine at once, which share what is free of the buffers
    stage_reads: StageOperand = "nothing"  # besides its results, by the output stage that took the op over
    cached: Cached = ()  # what caches hold when it begins; empty where a unit has none, or they hold nothing
    outside_share: float = 0.0  # of its weights, that lie off a chip whose own memory is full [0..1]
    inputs_behind: bool = False  # what comes in comes from memory.l2, not from DRAM
    output_behind: bool = False  # what goes out goes there
    weights_behind: bool = False  # loaded there before the first input, and fetched from there
    comes_in: bool = False  # reads the network's input
    goes_out: bool = False  # what it writes is a result of the network: no op reads it
    tile_aim: TileAim = "alone"  # what its tiles are chosen for, where the unit has a choice
    bands: Bands | None = None  # of an op that is fused with others depth-first


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Why an op does not run on a design: its smallest tile, or all its tensors, need more of a buffer than is free."""

    op: str
    buffer: str  # activation, weight or accumulator
    demand_bytes: int
    bound_bytes: int  # what is free of the buffer [B]
    inputs: int = 0  # whose tensors must lie in the buffer whole; 0 where a tile is all that must

    @property
    def reason(self) -> str:
        """One line for people, with the way out."""
        what, way_out = "its smallest tile needs", ""
        if self.inputs:
            what = "its tensors need"
        if self.inputs > 1:
            what, way_out = f"its tensors of {self.inputs} inputs need", " or run fewer inputs together"
        return (
            f"op {self.op!r}: {what} {self.demand_bytes} B of the {self.buffer} buffer, "
            f"{self.bound_bytes} B are free; enlarge memory.{self.buffer}_buffer{way_out}"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cost:
    """Cost of each state of one op; arrays of shape (s,), zero where the op does not run.

    Times are of one unit each, without waiting for another: the schedule overlaps them.
    """

    compute_cycles: Ints  # the unit is busy, operands at hand
    gather_cycles: Ints  # of them, packing what is kept
    control_cycles: Ints  # of them, steering tiles
    first_tile_cycles: Ints  # from its start until its first output tile is ready for a consumer's DMA
    last_tile_cycles: Ints  # compute of the last tile: left to do when its last operand has landed
    weight_cycles: Ints  # DMA of the weights
    weight_first_cycles: Ints  # ... until the first tile of them has landed
    input_cycles: Ints  # DMA of inputs that are not on chip
    input_first_cycles: Ints
    output_cycles: Ints  # DMA of outputs that do not stay on chip
    weight_bytes: Ints  # on the bus [B]
    input_bytes: Ints
    output_bytes: Ints
    macs: Ints  # computed [MAC]
    useful_macs: Ints  # kept by the gates [MAC]
    sram_bytes: Ints  # read and written on chip [B]
    energy: EnergyParts  # all but static, of the whole state
    weight_energy_pj: Floats  # part of ``energy`` that fetching the weights takes [pJ]
    feasible: Bools
    misfit: Misfit | None = None  # of the worst state, if one is not feasible

    @property
    def dram_bytes(self) -> Ints:
        """All bytes on the bus [B]."""
        return self.weight_bytes + self.input_bytes + self.output_bytes

    @property
    def last_store_cycles(self) -> Ints:
        """Cycles to store the last output tile; Choice: its share of stores is that of compute but for packing."""
        compute = np.maximum(self.compute_cycles - self.gather_cycles, 1)
        share = np.minimum(self.last_tile_cycles, compute)
        return np.asarray(-(-self.output_cycles * share // compute), np.int64)

    @property
    def alone_cycles(self) -> Ints:
        """Cycles of each state with nothing else on the machine.

        Weights, then inputs come in on one bus, in the order of the schedule; compute starts with the first
        tile of both and ends no earlier than the last tile after either has landed; outputs follow the compute
        in the same way.
        """
        loaded = self.weight_cycles + self.input_cycles
        behind_weights = np.where(self.input_cycles > 0, self.weight_cycles + self.input_first_cycles, 0)
        start = np.maximum(self.weight_first_cycles, behind_weights)
        tail = np.minimum(self.last_tile_cycles, self.compute_cycles)
        end = np.maximum(start + self.compute_cycles, np.where(loaded > 0, loaded + tail, 0))
        first = np.minimum(self.first_tile_cycles, self.compute_cycles)
        stored = np.maximum(loaded, start + first) + self.output_cycles
        with_store = np.maximum(np.maximum(end, stored), end + self.last_store_cycles)
        return np.asarray(np.where(self.output_cycles > 0, with_store, end))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearOperands:
    """Which operands of each state are moved from or to the second level on the chip; arrays of shape (s,)."""

    inputs: Bools
    output: Bools
    weights: Bools

    @classmethod
    def of(cls, placements: Sequence[Placement], states: Sequence[int]) -> NearOperands:
        """Return those of so many states of each op, end to end."""
        return cls(
            inputs=np.repeat([place.inputs_behind for place in placements], states),
            output=np.repeat([place.output_behind for place in placements], states),
            weights=np.repeat([place.weights_behind for place in placements], states),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Where:
    """Where the tensors of each state lie; arrays of shape (s,).  See :class:`accel_models.cost.Placement`."""

    inputs_on_chip: Bools
    output_on_chip: Bools
    weights_resident: Bools
    reserved_bytes: Ints  # of the activation buffer, held by others [B]
    pinned_bytes: Ints  # of the weight buffer, held by others [B]
    cached: Cached  # of the first op: units before which there are caches do not join ops
    outside_share: Floats  # of the weights, off a chip whose own memory is full [0..1]
    tile_aim: Ints  # index into TILE_AIMS
    stage_reads: Bools  # besides its results, by the output stage that took the op over
    stage_brings: Bools  # of that, what comes from off the chip
    bands: Ints  # of rows, that the op shares with others of a depth-first group; 1 of an op by itself
    behind: NearOperands  # what is moved from or to memory.l2 instead of the DRAM
    comes_in: Bools  # reads the network's input
    goes_out: Bools  # writes a result of the network

    @classmethod
    def of(cls, placements: Sequence[Placement], states: Sequence[int]) -> Where:
        """Return the places of so many states of each op, end to end."""
        return cls(
            inputs_on_chip=np.repeat([place.inputs_on_chip for place in placements], states),
            output_on_chip=np.repeat([place.output_on_chip for place in placements], states),
            weights_resident=np.repeat([place.weights_resident for place in placements], states),
            reserved_bytes=np.repeat([place.reserved_bytes for place in placements], states),
            pinned_bytes=np.repeat([place.pinned_bytes for place in placements], states),
            cached=placements[0].cached,
            outside_share=np.repeat([place.outside_share for place in placements], states),
            tile_aim=np.repeat([TILE_AIMS.index(place.tile_aim) for place in placements], states),
            stage_reads=np.repeat([place.stage_reads != "nothing" for place in placements], states),
            stage_brings=np.repeat([place.stage_reads == "off_chip" for place in placements], states),
            bands=np.repeat([place.bands.count if place.bands else 1 for place in placements], states),
            behind=NearOperands.of(placements, states),
            comes_in=np.repeat([place.comes_in for place in placements], states),
            goes_out=np.repeat([place.goes_out for place in placements], states),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whole:
    """The ops that states are states of, nothing skipped: what a compiler cuts, which knows no gate's decision.

    Arrays of shape (w,) but ``of``; an op counts once for every aim that its states have.
    """

    shapes: Shapes
    weight_fetch_bytes: Ints  # on the bus for all weights once [B]
    first: NDArray[np.intp]  # the first state of each
    of: NDArray[np.intp]  # (s,), which of them each state is one of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class States:
    """States of one op, or of several of one kind laid end to end where the unit joins ops; s of them."""

    work: WorkStates  # its ``op`` is that of the first state
    shapes: Shapes  # what each state computes; nothing where it does not run
    where: Where
    whole: Whole | None = (
        None  # what a unit that chooses tiles chooses them for; left out where every state is whole
    )

    def __len__(self) -> int:
        return len(self.work)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Busy:
    """What an op does on its unit, operands at hand; arrays of shape (s,)."""

    cycles: Ints  # of the design's clock
    first_tile_cycles: Ints  # until the first tile of results is there
    last_tile_cycles: Ints  # left to do when the last operand has landed
    actions: Actions  # all but the DRAM's and the writing of fetched weights into their buffer
    feasible: Bools
    misfit: Misfit | None = None  # why, where one is not
    gather_cycles: Ints | int = 0  # of ``cycles``: packing what is kept
    control_cycles: Ints | int = 0  # of ``cycles``: steering tiles


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Bytes of an op on the bus, and of them what its first tile needs; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints
    first_weights: Ints
    first_inputs: Ints
    turn_cycles: Ints | int = 0  # that loads wait for the first bytes of tiles which take turns in one buffer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BusTimes:
    """Cycles that the DMA works for an op's :class:`Traffic`; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints
    first_weights: Ints
    first_inputs: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitCost:
    """What states of an op take of a unit and of the bus."""

    busy: Busy
    traffic: Traffic
    times: BusTimes | None = None  # of a unit with a memory system of its own; else the design's DRAM tells
