"""What a design comes to as a whole: its chip, its prices, its area, its peak."""

from __future__ import annotations

from accel_models.design.design import Design, SideBySide
from accel_models.design.sections import SecondLevel
from accel_models.energy.actions import static_energy_pj
from accel_models.energy.area import Area, area_mm2
from accel_models.energy.price_list import price_list
from accel_models.energy.prices import Chip, PriceColumns, PriceList, PriceLookup, SramMacro
from accel_models.units.kinds import UnitCycles, idle_of, silicon_of
from traces import Floats


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
