"""From a checked design to the small parameter sets that the cost functions take."""

from __future__ import annotations

from functools import lru_cache

from accel_models.design.design import Design
from accel_models.design.sections import MemoryWait as WaitSettings
from accel_models.dram import MEBICYCLE, MemoryParams
from accel_models.energy.area import Area, area_mm2
from accel_models.energy.params import PriceOverride, SramMacro, TechnologyParams
from accel_models.energy.price_list import price_list
from accel_models.energy.prices import PriceList
from accel_models.units.kinds import silicon_of
from accel_models.units.simd.simd import MemoryWait, OutsideWeights, SimdParams
from traces import ConfigError

_NS = 1e9


def memory_params(design: Design) -> MemoryParams | None:
    """Return buffers and DRAM in cycles of the design's clock; ``None`` for unlimited memory."""
    memory = design.memory
    if memory is None:
        return None
    dram = memory.dram
    return MemoryParams(
        activation_buffer_bytes=memory.activation_buffer,
        weight_buffer_bytes=memory.weight_buffer,
        accumulator_buffer_bytes=memory.accumulator_buffer,
        shared_buffer=memory.shared_buffer,
        shared_sums=memory.shared_sums,
        banks=memory.banks,
        activation_port_bits=memory.ports.activation,
        weight_port_bits=memory.ports.weight,
        accumulator_port_bits=memory.ports.accumulator,
        double_buffered=memory.double_buffered,
        double_buffered_accumulator=memory.double_buffered_accumulator,
        halo_kept=memory.halo_kept,
        tile_overhead_cycles=memory.tile_overhead_cycles,
        activation_bits=memory.activation_bits,
        weight_bits=memory.weight_bits,
        accumulator_bits=memory.accumulator_bits,
        dram_bytes_per_mebicycle=max(1, round(dram.bandwidth / design.clock * MEBICYCLE)),
        dram_latency_cycles=round(dram.latency * design.clock),
        burst_bytes=dram.burst,
        requests_in_flight=dram.requests_in_flight,
        request_overhead_cycles=dram.request_overhead_cycles,
    )


def simd_params(design: Design) -> SimdParams:
    """Return the core's parameters at its clock; the design must have a SIMD core."""
    simd = design.simd
    if simd is None:
        raise ConfigError(f"design {design.name!r} has no simd core")
    with_units = {
        "clock",
        "vector",
        "weight_memory",
        "instruction_cache",
        "activation_memory",
        "dispatch",
        "sync",
        "outside",
    }
    outside = simd.outside
    return SimdParams(
        **simd.model_dump(exclude=with_units),
        clock_hz=simd.clock or design.clock,
        vector_bytes=simd.vector,
        weight_memory=_wait(simd.weight_memory),
        instruction_cache_bytes=simd.instruction_cache,
        activation_memory=_wait(simd.activation_memory),
        dispatch_ns=simd.dispatch * _NS,
        sync_ns=simd.sync * _NS,
        outside=None
        if outside is None
        else OutsideWeights(inside_bytes=outside.inside, byte_ns=outside.byte * _NS),
    )


def technology_params(design: Design) -> TechnologyParams:
    """Return process, tables and own prices."""
    tech = design.technology
    return TechnologyParams(
        node_nm=tech.node,
        voltage_v=tech.voltage,
        temperature_k=tech.temperature,
        device=tech.device,
        device_stated="device" in tech.model_fields_set,
        operations=tech.operations,
        dram=design.memory.dram.price if design.memory else "none",
        precision=tech.precision,
        weight_bits=design.memory.weight_bits if design.memory else None,
        idle_clocking=tech.idle_clocking,
        register_bits_per_pe=tech.register_bits_per_pe,
        pe_buffer_bytes=tech.pe_buffer,
        core_power=tech.core_power,
        supply_v=tech.supply,
        prices=tuple(PriceOverride(action=p.action, value_pj=p.value, source=p.source) for p in tech.prices),
    )


def sram_macros(design: Design) -> tuple[SramMacro, ...]:
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
    )


def peak_macs_per_cycle(design: Design) -> int:
    """MACs that the matrix units can do in a cycle, 0 without one [MAC/cycle]."""
    return silicon_of(design).pes


@lru_cache(maxsize=4096)
def _prices(technology: TechnologyParams, macros: tuple[SramMacro, ...], pes: int, lanes: int) -> PriceList:
    return price_list(technology, macros, pes=pes, lanes=lanes)


def design_prices(design: Design) -> PriceList:
    """Return the price of every action on this design."""
    silicon = silicon_of(design)
    return _prices(technology_params(design), sram_macros(design), silicon.pes, silicon.lanes)


def design_area(design: Design) -> Area:
    """Return the area by component."""
    silicon = silicon_of(design)
    return area_mm2(
        technology_params(design),
        sram_macros(design),
        pes=silicon.pes,
        lanes=silicon.lanes,
        cores=silicon.cores,
    )


def _wait(settings: WaitSettings) -> MemoryWait:
    return MemoryWait(
        line_ns=settings.line_time * _NS,
        line_bytes=settings.line,
        cache_bytes=settings.cache,
    )
