"""Reading the energy and area tables that ship beside the code (``accel_models/tables/*.csv``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from traces import ConfigError, did_you_mean, read_rows


def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of ``tables/<name>.csv``, every cell as text."""
    return read_rows("accel_models.tables", f"{name}.csv")


@dataclass(frozen=True, slots=True)
class Named:
    """What a design takes from a table by its name there."""

    what: str
    names: Callable[[], tuple[str, ...]]

    def known(self, name: str) -> str:
        """Return the name; one that is not there is refused."""
        if name not in self.names():
            raise ConfigError(f"no such {self.what}{did_you_mean(name, self.names())}")
        return name

    def __get_pydantic_json_schema__(self, core: object, handler: object) -> dict[str, object]:
        """Return the names: pydantic asks for a schema's sake, so no other command reads the table for them."""
        return {"type": "string", "enum": list(self.names())}


def _column(table: str, column: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row[column] for row in read_table(table)))


OPERATIONS: Final = Named("operation table", lambda: _column("operations", "table"))
DRAM: Final = Named("memory", lambda: (*_column("dram", "type"), "none"))
CORES: Final = Named("core", lambda: _column("cores", "name"))


@dataclass(frozen=True, slots=True)
class Operation:
    """One cell of an operation table: what one operation (or one register bit) costs."""

    action: str
    value: float
    unit: str  # pJ, pJ/B or um2
    node_nm: int
    voltage_v: float
    provenance: str  # primary, secondary, derived, scaled (from another node), recalled
    source: str
    note: str


@cache
def operation_table(name: str) -> dict[tuple[str, str], Operation]:
    """Return one coherent operation table, by (action, ``"energy"`` or ``"area"``).

    Horowitz and Aladdin disagree by 4x on an 8-bit multiply, so a design names one table and every
    operation comes from it.
    """
    OPERATIONS.known(name)
    return {
        (row["action"], "area" if row["unit"] == "um2" else "energy"): Operation(
            action=row["action"],
            value=float(row["value"]),
            unit=row["unit"],
            node_nm=int(row["node_nm"]),
            voltage_v=float(row["voltage_v"]),
            provenance=row["provenance"],
            source=row["source"],
            note=row["note"],
        )
        for row in read_table("operations")
        if row["table"] == name
    }


@dataclass(frozen=True, slots=True)
class DramPrice:
    """One cell of the DRAM table."""

    value: float
    unit: str  # pJ/bit, pJ or mW
    voltage: str
    provenance: str
    source: str


@cache
def dram_table(kind: str) -> dict[str, DramPrice]:
    """Return the prices of one kind of external memory: read, write, activate, standby, power_down."""
    DRAM.known(kind)
    return {
        row["action"]: DramPrice(
            float(row["value"]), row["unit"], row["voltage_v"], row["provenance"], row["source"]
        )
        for row in read_table("dram")
        if row["type"] == kind
    }


@dataclass(frozen=True, slots=True)
class CorePower:
    """What one chip with a processor core draws while it runs a network.

    Power of a busy core is proportional to its clock, so one figure serves every clock: the charge per
    cycle.  Behind a linear regulator (``ldo``) the charge does not depend on the supply and the energy is
    charge x supply; behind a switching regulator (``smps``) the energy does not depend on the supply.
    """

    name: str
    chip: str
    charge_pc: float  # uA/MHz = pC per cycle, at ``supply_v``
    supply_v: float
    regulator: str  # ldo or smps
    node_nm: int
    idle_fraction: float  # of the busy power, waiting with clocks on
    area_mm2: float  # of the core without its memories; 0 when no source tells
    provenance: str
    source: str
    note: str

    def cycle_pj(self, supply_v: float | None = None) -> float:
        """Energy of one busy cycle [pJ] at a board supply [V]."""
        if supply_v is None or self.regulator == "smps":
            return self.charge_pc * self.supply_v
        return self.charge_pc * supply_v


@cache
def core_power(name: str) -> CorePower:
    """Return the row ``name`` of the table of processor cores."""
    row = {row["name"]: row for row in read_table("cores")}[CORES.known(name)]
    return CorePower(
        name=name,
        chip=row["chip"],
        charge_pc=float(row["charge_pc"]),
        supply_v=float(row["supply_v"]),
        regulator=row["regulator"],
        node_nm=int(row["node_nm"]),
        idle_fraction=float(row["idle_fraction"]),
        area_mm2=float(row["area_mm2"]),
        provenance=row["provenance"],
        source=row["source"],
        note=row["note"],
    )
