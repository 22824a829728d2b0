"""What a chip is made of, which of the things that it does have a price, and where their energy counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from traces import ConfigError

DeviceClass = Literal["hp", "lop", "lstp"]
Precision = Literal["int8", "int16", "fp16", "fp32"]
EnergyPart = Literal["mac_pj", "sram_pj", "dram_pj", "simd_pj"]
MemoryRole = Literal["weight", "activation", "accumulator", "l2"]
# Choice: low standby power, as SRAM macros of chips that run from batteries: at 22 nm and 330 K the 1.6 MB of Vega
# would leak 78 mW in CACTI's class lop, where the whole chip draws 49.4 mW at its peak (arXiv 2110.09101, abstract).
DEFAULT_DEVICE: DeviceClass = "lstp"
PRECISION_BYTES: dict[Precision, int] = {"int8": 1, "int16": 2, "fp16": 2, "fp32": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Silicon:
    """What compute units are made of."""

    pes: int = 0  # multiply-accumulate units with their registers, over all equal units
    lanes: int = 0  # of a vector unit beside a matrix unit
    cores: int = 0  # processor cores

    def __add__(self, other: Silicon) -> Silicon:
        return Silicon(
            pes=self.pes + other.pes, lanes=self.lanes + other.lanes, cores=self.cores + other.cores
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SramMacro:
    """One on-chip buffer, made of ``banks`` equal CACTI macros.

    ``shared`` marks a second role of a buffer that is already in the list: accesses are priced, leakage
    and area are not counted again.
    """

    role: MemoryRole
    size_bytes: int  # over all banks [B]
    word_bits: int = 64  # of one access [bit]
    banks: int = 1
    shared: bool = False
    setting: str = ""  # of a design that states its size, for messages; memory.<role>_buffer when empty

    def __post_init__(self) -> None:
        for name in ("size_bytes", "word_bits", "banks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{self.named}: {name} = {getattr(self, name)}; must be at least 1")

    @property
    def named(self) -> str:
        """Return the setting that states the size."""
        return self.setting or f"memory.{self.role}_buffer"

    @property
    def bank_bytes(self) -> float:
        """Capacity of one bank [B]."""
        return self.size_bytes / self.banks


def pe_scratchpad(size_bytes: int) -> SramMacro:
    """Return the scratchpad inside a PE as a macro."""
    return SramMacro(role="weight", size_bytes=size_bytes, word_bits=32, setting="technology.pe_buffer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """Compute units, on-chip buffers, and the memory behind them."""

    silicon: Silicon = Silicon()
    buffers: tuple[SramMacro, ...] = ()  # two roles may share one (``shared``)
    dram: str = "none"  # row of ``tables/dram.csv``
    weight_bits: int | None = None  # of a multiplication's weight; None: as many as the precision has


PRICED_ACTIONS = {  # what a design may override, and the unit its price is per
    "macs": "pJ/op",
    "zero_gated_macs": "pJ/op",
    "pe_cycles": "pJ/cycle",
    "control_cycles": "pJ/cycle",
    "idle_pe_cycles": "pJ/cycle",
    "pe_buffer_bytes": "pJ/B",
    "noc_bytes": "pJ/B",
    "weight_sram_read_bytes": "pJ/B",
    "weight_sram_write_bytes": "pJ/B",
    "activation_sram_read_bytes": "pJ/B",
    "activation_sram_write_bytes": "pJ/B",
    "accumulator_read_bytes": "pJ/B",
    "accumulator_write_bytes": "pJ/B",
    "l2_read_bytes": "pJ/B",
    "l2_write_bytes": "pJ/B",
    "simd_macs": "pJ/op",
    "simd_ops": "pJ/op",
    "simd_cycles": "pJ/cycle",
    "idle_simd_cycles": "pJ/cycle",
    "core_cycles": "pJ/cycle",
    "idle_core_cycles": "pJ/cycle",
    "dram_read_bytes": "pJ/B",
    "dram_write_bytes": "pJ/B",
    "dram_activations": "pJ/row",
}
PART_OF: dict[str, EnergyPart] = {  # where the energy of what happens counts
    "macs": "mac_pj",
    "zero_gated_macs": "mac_pj",
    "pe_cycles": "mac_pj",
    "control_cycles": "mac_pj",
    "pe_buffer_bytes": "mac_pj",
    "noc_bytes": "mac_pj",
    "weight_sram_read_bytes": "sram_pj",
    "weight_sram_write_bytes": "sram_pj",
    "activation_sram_read_bytes": "sram_pj",
    "activation_sram_write_bytes": "sram_pj",
    "accumulator_read_bytes": "sram_pj",
    "accumulator_write_bytes": "sram_pj",
    "l2_read_bytes": "sram_pj",
    "l2_write_bytes": "sram_pj",
    "simd_macs": "simd_pj",
    "simd_ops": "simd_pj",
    "simd_cycles": "simd_pj",
    "core_cycles": "simd_pj",
    "dram_read_bytes": "dram_pj",
    "dram_write_bytes": "dram_pj",
    "dram_activations": "dram_pj",
}
