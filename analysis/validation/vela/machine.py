"""The design that a row of Vela names: the shipped one with the memories of the row."""

from __future__ import annotations

import re

from accel_models import Design, design_names, load_design
from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, number

_DEDICATED = re.compile(r"Dedicated_Sram(?:_(\d+)KB)?")
# Vela's mode Shared_Sram bounds nothing but by what the system has; nothing compared here needs as much.
_UNBOUNDED = "16 MiB"


def design_of(row: Row, *, sigma: float = 20.0, zeros: float = 0.0) -> Design:
    """Return the design of a row, its clock and memories as the row says.

    Parameters
    ----------
    row
        Names the accelerator and the memory mode; of an op, also what its memories do.
    sigma, zeros
        Width of its Gaussian weights, and the share of them that is zero.
    """
    name = row["accelerator"].replace("-", "_")
    if name not in design_names():
        raise NotCovered(f"accelerator {row['accelerator']!r}: no design {name!r}")
    return load_design(name, {**_weights(sigma, zeros), **_mode(row), **_memories(row)})


def _weights(sigma: float, zeros: float) -> dict[str, object]:
    return {"micronpu.weight_sigma": sigma, "micronpu.weight_zeros": zeros}


def _mode(row: Row) -> dict[str, object]:
    dedicated = _DEDICATED.fullmatch(row["memory_mode"])
    if dedicated:
        size = f"{dedicated[1]} KiB" if dedicated[1] else _UNBOUNDED
        return {"micronpu.feature_maps": "offchip", "memory.activation_buffer": size}
    if row["memory_mode"] != "Shared_Sram":
        raise NotCovered(f"memory mode {row['memory_mode']!r}: known: Shared_Sram, Dedicated_Sram")
    return {"micronpu.feature_maps": "sram", "memory.activation_buffer": _UNBOUNDED}


# Vela's systems (vela.ini): clock, bytes a cycle of SRAM and off the chip, latencies of reads and writes, requests.
SYSTEMS: dict[str, dict[str, str]] = {
    "Ethos_U55_High_End_Embedded": {
        "core_clock_hz": "500e6",
        "sram_bytes_per_cycle": "8",
        "offchip": "OffChipFlash",
    },
    "Ethos_U65_Client_Server": {"core_clock_hz": "1e9", "sram_bytes_per_cycle": "16", "offchip": "Dram"},
    "Ethos_U65_Embedded": {"core_clock_hz": "500e6", "sram_bytes_per_cycle": "16", "offchip": "OffChipFlash"},
    "Ethos_U85_SYS_DRAM_Mid": {"core_clock_hz": "1e9", "sram_bytes_per_cycle": "32", "offchip": "Dram"},
    "Ethos_U85_SYS_Flash_High": {
        "core_clock_hz": "500e6",
        "sram_bytes_per_cycle": "32",
        "offchip": "OffChipFlash",
    },
}
_OFFCHIP: dict[str, dict[str, str]] = {
    "Dram": {
        "offchip_bytes_per_cycle": "12",
        "offchip_read_latency": "500",
        "offchip_write_latency": "250",
        "reads": "64",
        "writes": "32",
    },
    "OffChipFlash": {
        "offchip_bytes_per_cycle": "1",
        "offchip_read_latency": "64",
        "offchip_write_latency": "0",
        "reads": "2",
        "writes": "0",
    },
}


def _memories(row: Row) -> dict[str, object]:
    if row["system_config"] not in SYSTEMS:
        raise NotCovered(f"system {row['system_config']!r}: known: {', '.join(SYSTEMS)}")
    system = {**SYSTEMS[row["system_config"]], **{k: v for k, v in row.items() if v}}
    if system["offchip"] not in _OFFCHIP:
        raise NotCovered(f"memory {system['offchip']!r}: known: {', '.join(_OFFCHIP)}")
    system = {**_OFFCHIP[system["offchip"]], **system}
    clock = number(system, "core_clock_hz")
    return {
        "clock": f"{clock:.0f} Hz",
        "micronpu.sram_bytes_per_cycle": number(system, "sram_bytes_per_cycle"),
        "micronpu.offchip_write_latency": f"{_latency(system, 'offchip_write_latency') / clock:.12f} s",
        "micronpu.offchip_writes_in_flight": int(system["writes"]),
        "memory.dram.bandwidth": f"{number(system, 'offchip_bytes_per_cycle') * clock:.0f} B/s",
        "memory.dram.latency": f"{_latency(system, 'offchip_read_latency') / clock:.12f} s",
        "memory.dram.requests_in_flight": int(system["reads"]),
    }


def _latency(system: dict[str, str], column: str) -> float:
    """Return a latency of a row's memory, none at all included [cycles]."""
    return 0.0 if system[column] in {"0", "0.0"} else number(system, column)
