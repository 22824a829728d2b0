"""Kinds of compute units: what each is asked, the table of all kinds, and what a design of some comes to as a whole.

A kind is one place: a folder that holds its equations, an object ``UNIT`` there that keeps the promise of
:class:`Unit`, and a row of :data:`KINDS`.  Everything else looks a kind up here; nothing asks for its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, Protocol, runtime_checkable

from accel_models.compiling.steps import Stage
from accel_models.cost import States, UnitCost
from accel_models.design.design import Design, SideBySide
from accel_models.design.sections import Part, SecondLevel
from accel_models.energy.actions import Idle, PriceColumns, PriceList, PriceLookup, static_energy_pj
from accel_models.energy.area import Area, area_mm2
from accel_models.energy.chip import PRECISION_BYTES, Chip, Silicon, SramMacro
from accel_models.energy.price_list import price_list
from traces import ConfigError, Floats, Ints, Op, did_you_mean


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
    def chooses_tiles(self) -> bool:
        """Whether :meth:`cost` heeds what tiles are to be chosen for (:attr:`accel_models.cost.Placement.tile_aim`)."""

    def joins(self, op: Op) -> str | None:
        """Return what ops agree in whose states :meth:`cost` may be asked for end to end, most often their kind.

        ``None`` of an op that is alone there.
        """

    def runs_bands(self, design: Design) -> bool:
        """Return whether it can run an op band by band, among others (:attr:`accel_models.cost.Placement.bands`)."""

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return settings, by dotted path, in which designs may differ whose states :meth:`cost` is asked for at once.

        It then finds a column there, one value per state (:mod:`accel_models.design.design`).
        """

    def moves_whole(self, design: Design) -> int:
        """Return the channels that it moves whole: kept ones are filled up to a multiple where that is cheaper."""

    def caches(self, design: Design) -> tuple[int, ...]:
        """Return the bytes of each cache that its loads and stores go through, the nearest first; usually none."""

    def outside_share(self, design: Design, weight_bytes: int) -> float:
        """Return the share of a network's weights that lie off the chip of a design without a ``memory`` [0..1]."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Other sections of a design that describe it; beside its own they are no units of their own."""

    def faults(self, design: Design) -> Iterator[str]:
        """Yield what this kind cannot model of a design, by the name of the setting."""

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


def cache_sizes(design: Design) -> tuple[int, ...]:
    """Return the bytes of the caches that a design's unit works through, the nearest first; none for most."""
    return max((unit.caches(design) for unit in units_of(design)), key=len)


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


def chip_of(design: Design) -> Chip:
    """Return what area and prices follow from: its units, its buffers, and the memory behind them."""
    dram = design.memory.dram.price if design.memory else "none"
    return Chip(
        silicon=silicon_of(design),
        buffers=_buffers(design),
        dram=dram,
        weight_bits=design.memory.weight_bits if design.memory else None,
    )


def _buffers(design: Design) -> tuple[SramMacro, ...]:
    """Return the on-chip buffers; a design without ``memory`` states none."""
    memory = design.memory
    if memory is None:
        return ()
    word, banks = memory.word, memory.banks
    shared = memory.shared_buffer
    weight = memory.activation_buffer if shared else memory.weight_buffer
    return (
        SramMacro(role="activation", size_bytes=memory.activation_buffer, word_bits=word, banks=banks),
        SramMacro(role="weight", size_bytes=weight, word_bits=word, banks=banks, shared=shared),
        SramMacro(
            role="accumulator",
            size_bytes=memory.activation_buffer if memory.shared_sums else memory.accumulator_buffer,
            word_bits=word,
            banks=banks,
            shared=memory.shared_sums,
        ),
        *_second_level(memory.l2),
    )


def _second_level(l2: SecondLevel | None) -> tuple[SramMacro, ...]:
    """Return the memory behind the buffers, if there is one."""
    if l2 is None:
        return ()
    return (
        SramMacro(role="l2", size_bytes=l2.size, word_bits=l2.word, banks=l2.banks, setting="memory.l2.size"),
    )


def peak_macs_per_cycle(design: Design) -> int:
    """MACs that the matrix units can do in a cycle, 0 without one [MAC/cycle]."""
    return silicon_of(design).pes


@lru_cache(maxsize=256)
def design_prices(design: Design) -> PriceList:
    """Return the price of every action on this design."""
    return price_list(design.technology, chip_of(design))


def prices_of(design: Design) -> PriceLookup:
    """Return what looks up a price: a number, or a column of designs side by side."""
    if isinstance(design, SideBySide):
        return PriceColumns(tuple(design_prices(each) for each in design.each), design.counts)
    return design_prices(design)


def design_area(design: Design) -> Area:
    """Return the area by component."""
    return area_mm2(design.technology, chip_of(design))


def static_pj(design: Design, units: tuple[str, ...], latency: UnitCycles, busy: UnitCycles) -> Floats:
    """Leakage, DRAM standby and idle clocking over each row's time, shape (n,) [pJ].

    Parameters
    ----------
    design
        Its prices and clock.
    units
        Names of the columns of ``busy``.
    latency, busy
        Cycles until each row was done, shape (n,), and cycles each unit worked, shape (n, units).
    """
    idle = idle_of(design, units, latency, busy)
    return static_energy_pj(design_prices(design), latency, design.clock, idle)
