"""From a checked design to the energy and area models: its technology, its macros, its price list."""

from __future__ import annotations

from accel_models.area import Area, area_mm2
from accel_models.design import Design
from accel_models.energy_params import MemoryRole, PriceOverride, SramMacro, TechnologyParams
from accel_models.price_list import price_list
from accel_models.prices import PriceList


def technology_of(design: Design) -> TechnologyParams:
    """Return what the energy and area models need to know about the design's process and tables."""
    stated = design.technology
    return TechnologyParams(
        node_nm=stated.node,
        voltage_v=stated.voltage,
        temperature_k=stated.temperature,
        device=stated.device,
        operations=stated.operations,
        dram="none" if design.memory is None else design.memory.dram.price,
        precision=stated.precision,
        idle_clocking=stated.idle_clocking,
        register_bits_per_pe=stated.register_bits_per_pe,
        pe_buffer_bytes=stated.pe_buffer,
        core_power=stated.core_power,
        supply_v=stated.supply,
        prices=tuple(
            PriceOverride(action=p.action, value_pj=p.value, source=p.source) for p in stated.prices
        ),
    )


def memories_of(design: Design) -> tuple[SramMacro, ...]:
    """Return the design's on-chip buffers; none when its memory is unlimited or a buffer has no bytes.

    A shared scratchpad is listed as the activation buffer and again, marked ``shared``, for the weights.
    """
    memory = design.memory
    if memory is None:
        return ()
    weight_bytes = memory.activation_buffer if memory.shared_buffer else memory.weight_buffer
    macros: tuple[tuple[MemoryRole, int, bool], ...] = (
        ("activation", memory.activation_buffer, False),
        ("weight", weight_bytes, memory.shared_buffer),
        ("accumulator", memory.accumulator_buffer, False),
    )
    return tuple(
        SramMacro(role=role, size_bytes=size, word_bits=memory.word, banks=memory.banks, shared=shared)
        for role, size, shared in macros
        if size
    )


def pe_count(design: Design) -> int:
    """Return the multiply-accumulate units of all the design's arrays."""
    return 0 if design.array is None else design.array.rows * design.array.cols * design.array.count


def vector_lanes(design: Design) -> int:
    """Return the lanes of a vector unit; a processor core has its own price and area."""
    is_vector_unit = design.simd is not None and design.technology.core_power is None
    return design.simd.lanes_int8 if design.simd is not None and is_vector_unit else 0


def prices_of(design: Design) -> PriceList:
    """Return the design's price list (what ``lacuna inspect DESIGN --energy`` prints)."""
    return price_list(
        technology_of(design), memories_of(design), pes=pe_count(design), lanes=vector_lanes(design)
    )


def area_of(design: Design) -> Area:
    """Return the design's area by component."""
    return area_mm2(
        technology_of(design), memories_of(design), pes=pe_count(design), lanes=vector_lanes(design)
    )
