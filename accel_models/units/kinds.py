"""Kinds of compute units: what each is asked and answers, what it says of itself, and the table of all kinds.

A kind is one place: a folder that holds its equations, an object ``UNIT`` there that keeps the promise of
:class:`Unit`, and a row of :data:`KINDS`.  Everything else looks a kind up here; nothing asks for its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol, runtime_checkable

import numpy as np

from accel_models.compiling.steps import Stage
from accel_models.cost import TILE_AIMS, Cached, Misfit, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.design.sections import Part
from accel_models.energy.actions import Actions, Idle
from accel_models.energy.prices import PRECISION_BYTES, Silicon
from accel_models.work.shapes import Shapes
from traces import Bools, ConfigError, Floats, Ints, Op, did_you_mean


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
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class States:
    """States of one op, or of several of one kind laid end to end where the unit joins ops; s of them."""

    work: WorkStates  # its ``op`` is that of the first state
    shapes: Shapes  # what each state computes; nothing where it does not run
    where: Where

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


def element_bytes(design: Design) -> tuple[int, int, int]:
    """Bytes of an activation, a weight and an accumulator word."""
    memory = design.memory
    if memory is None:
        width = PRECISION_BYTES[design.technology.precision]
        return width, width, 4
    bits = (memory.activation_bits, memory.weight_bits, memory.accumulator_bits)
    act, wgt, acc = (-(-b // 8) for b in bits)
    return act, wgt, acc


# Settings of buffers and bus that cost functions take as columns; what is free of a unit depends on no others.
BESIDE_A_UNIT: Final = (
    "memory.activation_buffer", "memory.weight_buffer", "memory.accumulator_buffer", "memory.tile_overhead_cycles",
    "memory.dram.bandwidth", "memory.dram.latency", "array.rows", "array.cols",
)  # fmt: skip

UnitCycles = Floats | Ints

# A kind's name, which is that of its section in a design, and the module that holds its UNIT.  Modules are
# imported when a design first has the section.
KINDS: Final[dict[str, str]] = {
    "array": "accel_models.units.array.unit",
    "gemmini": "accel_models.units.gemmini.unit",
    "micronpu": "accel_models.units.micronpu.unit",
    "simd": "accel_models.units.simd.unit",
}


@runtime_checkable
class Unit(Protocol):
    """A kind of compute unit; all it says depends on the design alone."""

    @property
    def name(self) -> str:
        """Key of :data:`KINDS`, of a design's section and of :attr:`accel_models.cost.Placement.unit`."""

    @property
    def settings(self) -> type[Part]:
        """What the section holds."""

    @property
    def matrix(self) -> bool:
        """Whether it is built for products: it takes its ops first, a unit that is not takes what is left."""

    @property
    def keeps_tensors(self) -> bool:
        """Whether a tensor can stay on chip from one op to the next."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What can be done to its results on their way out, if a design's ``output_stage`` says that it is."""

    @property
    def joins_ops(self) -> bool:
        """Whether :meth:`cost` may be asked for states of several ops of one kind laid end to end."""

    @property
    def chooses_tiles(self) -> bool:
        """Whether :meth:`cost` heeds what tiles are to be chosen for (:attr:`accel_models.cost.Placement.tile_aim`)."""

    def runs_bands(self, design: Design) -> bool:
        """Return whether it can run an op band by band, among others (:attr:`accel_models.cost.Placement.bands`)."""

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return settings, by dotted path, in which designs may differ whose states :meth:`cost` is asked for at once.

        It then finds a column there, one value per state (:mod:`accel_models.design.design`).
        """

    def moves_whole(self, design: Design) -> int:
        """Return the channels that it moves whole: kept ones are filled up to a multiple where that is cheaper."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Other sections of a design that describe it; beside its own they are no units of their own."""

    def check(self, design: Design) -> None:
        """Refuse a design that this kind cannot model with a :class:`ConfigError` that names the setting."""

    def names(self, design: Design) -> tuple[str, ...]:
        """Return a name for each of the equal units, as schedules and results print them."""

    def takes(self, op: Op, design: Design) -> bool:
        """Return whether the op can run here."""

    def peak_macs_per_cycle(self, design: Design) -> float:
        """Return what one of the equal units does at most in a cycle of the design's clock [MAC/cycle]."""

    def silicon(self, design: Design) -> Silicon:
        """Return what all of the equal units are made of."""

    def cost(self, states: States, design: Design) -> UnitCost:
        """Return what states of an op take: arrays of shape (s,), zero where nothing runs."""

    def idle(self, design: Design, latency: UnitCycles, busy: UnitCycles) -> Idle:
        """Return what clocks on while the unit waits.

        Parameters
        ----------
        design
            The design.
        latency
            Cycles that the design is on, shape (n,).
        busy
            Of those, the cycles that each equal unit works, shape (n, units).
        """


def unit_kind(name: str) -> Unit:
    """Return the kind of this name.

    Raises
    ------
    ConfigError
        If :data:`KINDS` has no such row.
    """
    if name not in KINDS:
        raise ConfigError(f"unit {name!r}: no such kind of unit{did_you_mean(name, KINDS)}")
    return _load(KINDS[name])


@cache
def _load(module: str) -> Unit:
    unit: Unit = importlib.import_module(module).UNIT
    return unit


def units_of(design: Design) -> tuple[Unit, ...]:
    """Return the kinds of units that the design has, matrix units first, in the order of :data:`KINDS`."""
    stated = [unit_kind(name) for name in KINDS if getattr(design, name, None) is not None]
    parts = {part for unit in stated for part in unit.parts}
    return tuple(sorted((u for u in stated if u.name not in parts), key=lambda unit: not unit.matrix))


def chooses_tiles(unit: str) -> bool:
    """Return whether this kind of unit, or none, heeds what tiles are to be chosen for."""
    return unit in KINDS and unit_kind(unit).chooses_tiles


def has_matrix_unit(design: Design) -> bool:
    """Return whether the design has more than processor cores."""
    return any(unit.matrix for unit in units_of(design))


def matrix_names(design: Design) -> frozenset[str]:
    """Return the names, as schedules and results print them, of the design's matrix units."""
    return frozenset(name for unit in units_of(design) if unit.matrix for name in unit.names(design))


def unit_described_by(section: str, design: Design) -> Unit | None:
    """Return the unit that a section of the design describes."""
    return next((unit for unit in units_of(design) if section in {unit.name, *unit.parts}), None)


def silicon_of(design: Design) -> Silicon:
    """Return what all units of the design are made of."""
    return sum((unit.silicon(design) for unit in units_of(design)), Silicon())


def equal_names(name: str, count: int) -> tuple[str, ...]:
    """Return ``name``, or ``name0``, ``name1`` ... of several."""
    return (name,) if count == 1 else tuple(f"{name}{k}" for k in range(count))


def idle_of(design: Design, names: Sequence[str], latency: UnitCycles, busy: UnitCycles) -> Idle:
    """Return what clocks on in all units while they wait; ``names`` are those of the columns of ``busy``."""
    total = Idle()
    for unit in units_of(design):
        columns = [names.index(name) for name in unit.names(design)]
        total = total + unit.idle(design, latency, busy[:, columns])
    return total
