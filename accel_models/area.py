"""Silicon area of a design: PEs, vector lanes, SRAM macros and processor cores [mm2].

No source tells the area of a whole accelerator at a node we can check, so results state a band of +-2x
(``band``), as energy does where it was scaled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel_models.energy_params import SramMacro, TechnologyParams
from accel_models.energy_tables import core_power, operation_table
from accel_models.sram import macro_cost
from accel_models.technology import area_factor
from traces.errors import ConfigError

CELL_UTILIZATION = 0.7  # share of a placed block that is cells, the rest routing and clock (assumption)
LANE_REGISTERS = 32  # 32-bit registers per vector lane (assumption: an architectural file of 32)
AREA_BAND = 2.0  # an area may be off by this factor either way


@dataclass(frozen=True, slots=True)
class AreaPart:
    """One component's area."""

    name: str
    mm2: float
    source: str
    scaled: bool = False  # carried from another node


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
    def scaled(self) -> bool:
        """Whether any part was carried from another node."""
        return any(part.scaled for part in self.parts)

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest area this model cannot tell apart [mm2]."""
        return self.total_mm2 / AREA_BAND, self.total_mm2 * AREA_BAND


def area_mm2(
    technology: TechnologyParams,
    memories: tuple[SramMacro, ...],
    *,
    pes: int = 0,
    lanes: int = 0,
    cores: int = 1,
) -> Area:
    """Add up the area of a design.

    A PE is one multiply-accumulate unit of the design's precision and its registers; a vector lane is a
    32-bit multiplier, two adders and its slice of the register file; both at 70 % cell utilisation.
    Buffers are CACTI macros.  DRAM, flash, pads and control are not counted.

    Parameters
    ----------
    technology
        Node, device class and operation table.
    memories
        On-chip buffers; a ``shared`` role adds nothing.
    pes, lanes
        Multiply-accumulate units of the array, lanes of the vector unit.
    cores
        Processor cores, where the technology names one.
    """
    parts = []
    if technology.core_power is not None:
        core = core_power(technology.core_power)
        name = "core" if cores == 1 else f"{cores} cores"
        source = f"{core.chip}, core without memories (assumption)"
        parts.append(AreaPart(name, core.area_mm2 * cores, source))
    if pes or lanes:
        parts += _logic_parts(technology, pes, lanes)
    if technology.pe_buffer_bytes and pes:
        buffer = SramMacro(role="weight", size_bytes=technology.pe_buffer_bytes, word_bits=32, banks=1)
        cost = macro_cost(technology, buffer)
        parts.append(
            AreaPart("pe_buffers", float(cost.area_mm2) * pes, f"CACTI 7, {pes} macros", scaled=cost.scaled)
        )
    for macro in memories:
        if not macro.shared:
            cost = macro_cost(technology, macro)
            size = float(cost.area_mm2) * macro.banks
            parts.append(AreaPart(f"{macro.role}_sram", size, f"CACTI 7, {technology.device}", cost.scaled))
    return Area(tuple(parts))


def logic_area_mm2(technology: TechnologyParams, *, pes: int, lanes: int) -> tuple[float, bool]:
    """Return the area of PEs and vector lanes [mm2] and whether it was scaled."""
    parts = _logic_parts(technology, pes, lanes)
    return sum(part.mm2 for part in parts), any(part.scaled for part in parts)


def _logic_parts(technology: TechnologyParams, pes: int, lanes: int) -> list[AreaPart]:
    pe = {f"{technology.precision}_mac": 1.0, "register_bit": float(technology.register_bits_per_pe)}
    lane = {"int32_mul": 1.0, "int32_add": 2.0, "register_bit": 32.0 * LANE_REGISTERS}
    parts = [_cells(technology, "array", pe, pes)] if pes else []
    return [*parts, _cells(technology, "vector_unit", lane, lanes)] if lanes else parts


def _cells(technology: TechnologyParams, name: str, cells: dict[str, float], count: int) -> AreaPart:
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
    scaled = first.node_nm != technology.node_nm or first.provenance == "scaled"
    factor = area_factor(first.node_nm, technology.node_nm)
    source = f"{count} x {um2:.0f} um2 of {technology.operations} / {CELL_UTILIZATION} utilisation"
    return AreaPart(name, um2 * factor * count / CELL_UTILIZATION * 1e-6, source, scaled)
