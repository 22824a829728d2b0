"""Silicon area of a design: PEs and what feeds them, control, vector lanes, SRAM macros, cores [mm2].

Three constants are fitted on NVDLA's seven published configurations at 28 nm: ``MACRO_FACTOR`` here, and the
areas of ``pe_overhead`` and ``array_control`` in the operation tables.  Chips that nothing was fitted on
differ by up to a factor of 1.7, so results state a band of +-2x (``band``), as energy does where it was scaled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel_models.design.sections import Technology
from accel_models.energy.chip import PRECISION_BYTES, Chip, Silicon, SramMacro, pe_scratchpad
from accel_models.energy.sram import macro_figures
from accel_models.energy.tables import core_power, operation_table
from accel_models.energy.technology import area_factor
from traces import ConfigError

CELL_UTILIZATION = 0.7  # share of a placed block that is cells, the rest routing and clock (assumption)
# A compiled macro over CACTI's area of the same words (class lstp): ports, redundancy, test, power rails, halo.  Fitted
# on NVDLA (nvdla.org/primer.html), 28 nm.  Gemmini's scratchpad at 22 nm (recalled) is 2.3 times CACTI's.
MACRO_FACTOR = 2.43
LANE_REGISTERS = 32  # 32-bit registers per vector lane (assumption: an architectural file of 32)
CORES_ALONE = "of a processor core the area counts no memories: neither SRAM nor flash"  # in words
AREA_BAND = 2.0  # an area may be off by this factor either way


@dataclass(frozen=True, slots=True)
class AreaPart:
    """One component's area."""

    name: str
    mm2: float
    source: str
    scaled: bool = False  # carried from another node
    utilization: float = 1.0  # share of ``mm2`` that is cells and macros, the rest is left for routing

    @property
    def cell_mm2(self) -> float:
        """Area of cells and macros before placement, what synthesis reports [mm2]."""
        return self.mm2 * self.utilization


@dataclass(frozen=True, slots=True)
class Area:
    """Area of a design by component."""

    parts: tuple[AreaPart, ...]

    def __iter__(self) -> Iterator[AreaPart]:
        return iter(self.parts)

    @property
    def total_mm2(self) -> float:
        """Sum of the parts [mm2]."""
        return sum(part.mm2 for part in self.parts)

    @property
    def cell_mm2(self) -> float:
        """Sum of the parts before placement [mm2]."""
        return sum(part.cell_mm2 for part in self.parts)

    @property
    def scaled(self) -> bool:
        """Whether any part was carried from another node."""
        return any(part.scaled for part in self.parts)

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest area this model cannot tell apart [mm2]."""
        return self.total_mm2 / AREA_BAND, self.total_mm2 * AREA_BAND


def area_mm2(technology: Technology, chip: Chip) -> Area:
    """Add up the area of a design.

    A PE is one multiply-accumulate unit of the design's precision and its registers; beside it stands what
    grows with the number of PEs (operand distribution, sums and their alignment, post-processing), beside
    them all what does not (sequencer, address generators, DMA, bus interfaces, pooling), counted once however
    many arrays there are (Choice).  A vector lane is a 32-bit multiplier, two adders and its slice of the
    register file.  Logic is placed at 70 % cell utilisation; buffers are CACTI macros times ``MACRO_FACTOR``.
    DRAM, flash and pads are not counted.

    Parameters
    ----------
    technology
        Node, device class, operation table, and the processor core where there is one.
    chip
        Units and on-chip buffers; a ``shared`` role adds nothing.
    """
    parts = []
    if technology.core_power is not None:
        core, cores = core_power(technology.core_power), chip.silicon.cores
        name = "core" if cores == 1 else f"{cores} cores"
        source = f"{core.chip}, core without memories (assumption)"
        parts.append(AreaPart(name, core.area_mm2 * cores, source))
    parts += _named_cells(technology, chip.silicon)
    pes = chip.silicon.pes
    if pes:
        parts += _array_overhead(technology, pes)
    if technology.pe_buffer and pes:
        parts.append(_macros(technology, "pe_buffers", pe_scratchpad(technology.pe_buffer), pes))
    parts += [_macros(technology, f"{m.role}_sram", m, m.banks) for m in chip.buffers if not m.shared]
    return Area(tuple(parts))


def logic_area_mm2(technology: Technology, silicon: Silicon) -> tuple[float, bool]:
    """Return the area of MACs, registers and vector lanes [mm2] and whether it was scaled.

    Leakage is charged for this area alone: what leaks beside it is part of the overhead of PEs and control
    that was fitted on power (``price_list``).
    """
    parts = _named_cells(technology, silicon)
    return sum(part.mm2 for part in parts), any(part.scaled for part in parts)


def _named_cells(technology: Technology, silicon: Silicon) -> list[AreaPart]:
    """Return what the operation table names: MACs with their registers, lanes of the vector unit."""
    pe = {f"{technology.precision}_mac": 1.0, "register_bit": float(technology.register_bits_per_pe)}
    lane = {"int32_mul": 1.0, "int32_add": 2.0, "register_bit": 32.0 * LANE_REGISTERS}
    blocks = (("array", pe, silicon.pes), ("vector_unit", lane, silicon.lanes))
    return [_cells(technology, name, cells, count) for name, cells, count in blocks if count]


def _array_overhead(technology: Technology, pes: int) -> list[AreaPart]:
    """Return what feeds, drains and steers an array; the share of a PE grows with operand width (assumption).

    NVDLA's MACs do two int8 products or one of int16, so its area per MAC doubles with the width too.
    """
    width = float(PRECISION_BYTES[technology.precision])
    return [
        _cells(technology, "array_overhead", {"pe_overhead": width}, pes),
        _cells(technology, "array_control", {"array_control": 1.0}, 1),
    ]


def _macros(technology: Technology, name: str, macro: SramMacro, count: int) -> AreaPart:
    """Return ``count`` banks of a buffer."""
    cost = macro_figures(technology, macro)
    source = f"CACTI 7, {technology.class_named}, {count} macros x {MACRO_FACTOR}"
    return AreaPart(name, float(cost.area_mm2) * count * MACRO_FACTOR, source, cost.scaled)


def _cells(technology: Technology, name: str, cells: dict[str, float], count: int) -> AreaPart:
    """Return the area of ``count`` copies of a block made of so many of each cell of the operation table."""
    table = operation_table(technology.operations)
    um2 = 0.0
    for cell, number in cells.items():
        if (cell, "area") not in table:
            raise ConfigError(
                f"technology.operations = {technology.operations!r} has no area for {cell!r}, "
                f"which the {name} needs; 'horowitz_45nm' has all areas"
            )
        um2 += table[cell, "area"].value * number
    first = table[next(iter(cells)), "area"]
    scaled = first.node_nm != technology.node or first.provenance == "scaled"
    placed = um2 * area_factor(first.node_nm, technology.node) * count / CELL_UTILIZATION * 1e-6
    source = f"{count} x {um2:.0f} um2 of {technology.operations} / {CELL_UTILIZATION} utilisation"
    return AreaPart(name, placed, source, scaled, CELL_UTILIZATION)
