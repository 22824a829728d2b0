"""Kinds of compute units: what each says of itself, and the table of all kinds.

A kind is one place: a folder that holds its equations, an object ``UNIT`` there that keeps the promise of
:class:`Unit`, and a row of :data:`KINDS`.  Everything else looks a kind up here; nothing asks for its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from accel_models.energy.actions import Idle
from accel_models.energy.chip import Silicon
from traces import ConfigError, Floats, Ints, did_you_mean

if TYPE_CHECKING:
    from accel_models.compiling.absorbing import Stage
    from accel_models.design.design import Design
    from accel_models.design.sections import Part
    from accel_models.units.unit_cost import States, UnitCost
    from traces import Op

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

        It then finds a column there, one value per state (:mod:`accel_models.design.side_by_side`).
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
