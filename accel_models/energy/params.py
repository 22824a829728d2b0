"""What a design states about its technology: the inputs of the energy and area models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from traces import ConfigError

DeviceClass = Literal["hp", "lop", "lstp"]
Precision = Literal["int8", "int16", "fp16", "fp32"]
MemoryRole = Literal["weight", "activation", "accumulator"]
PRECISION_BYTES: dict[Precision, int] = {"int8": 1, "int16": 2, "fp16": 2, "fp32": 4}
# Choice: low standby power, as SRAM macros of chips that run from batteries: at 22 nm and 330 K the 1.6 MB of Vega
# would leak 78 mW in CACTI's class lop, where the whole chip draws 49.4 mW at its peak (arXiv 2110.09101, abstract).
DEFAULT_DEVICE: DeviceClass = "lstp"
DEFAULT_REGISTER_BITS = 48  # per PE: 8 b weight + 8 b activation + 32 b partial sum


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOverride:
    """One price a design states itself, instead of the table's."""

    action: str
    value_pj: float  # pJ per unit of the action (operation, byte, cycle, row)
    source: str

    def __post_init__(self) -> None:
        if not self.value_pj >= 0:
            raise ConfigError(f"prices.{self.action} = {self.value_pj} pJ: must not be negative")
        if not self.source.strip():
            raise ConfigError(
                f"prices.{self.action}: source is empty; say where {self.value_pj} pJ comes from"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyParams:
    """Process, voltage, temperature and tables of one design.

    Attributes
    ----------
    node_nm, voltage_v
        Node [nm] and core voltage [V] of logic and SRAM.
    temperature_k
        Junction temperature [K]; acts on leakage only, as it does in CACTI.
    device
        ITRS device class of SRAM and logic leakage.
    device_stated
        Whether somebody chose it; prices say so where nobody did.
    operations
        The one table of operation energies (``tables/operations.csv``); tables are never mixed.
    dram
        Row of ``tables/dram.csv``, or ``"none"`` for a design without external memory.
    precision, weight_bits
        Of a multiplication; the second of its weight where it is another than the first's.
    idle_clocking
        Share of the array's register clocking that goes on in idle cycles [0..1].  0.1 stands for
        clock gating down to the trunk of the tree (assumption), 1 for no gating.
    register_bits_per_pe
        Flip-flop bits clocked in one PE in a busy cycle [bit].
    pe_buffer_bytes
        Scratchpad inside each PE [B]; 0 in a systolic array.
    core_power
        Row of ``tables/cores.csv`` when the design is a processor core: all its energy is then energy per
        busy cycle of that chip.
    supply_v
        Board supply of the core [V]; ``None`` means the row's own.
    """

    node_nm: int
    voltage_v: float
    temperature_k: float = 330.0
    device: DeviceClass = DEFAULT_DEVICE
    device_stated: bool = True
    operations: str = "horowitz_45nm"
    dram: str = "none"
    precision: Precision = "int8"
    weight_bits: int | None = None
    idle_clocking: float = 0.1
    register_bits_per_pe: int = DEFAULT_REGISTER_BITS
    pe_buffer_bytes: int = 0
    core_power: str | None = None
    supply_v: float | None = None
    prices: tuple[PriceOverride, ...] = ()

    @property
    def weight_share(self) -> float:
        """Bits of a weight over those of the precision."""
        whole = 8 * PRECISION_BYTES[self.precision]
        return (self.weight_bits or whole) / whole

    @property
    def operand_bytes(self) -> float:
        """Mean width of the two operands of a multiplication [B]."""
        return PRECISION_BYTES[self.precision] * (1.0 + self.weight_share) / 2

    @property
    def class_named(self) -> str:
        """The device class as prices name it."""
        return (
            self.device if self.device_stated else f"{self.device} (default: technology.device is not stated)"
        )

    def __post_init__(self) -> None:
        if not 0.0 <= self.idle_clocking <= 1.0:
            raise ConfigError(f"technology.idle_clocking = {self.idle_clocking}: must lie in 0..1")
        for name in ("node_nm", "voltage_v", "temperature_k", "supply_v"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"technology.{name} = {value}: must be positive")
        for name in ("register_bits_per_pe", "pe_buffer_bytes"):
            if getattr(self, name) < 0:
                raise ConfigError(f"technology.{name} = {getattr(self, name)}: must not be negative")


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
