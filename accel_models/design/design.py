"""A design: one accelerator, as a frozen and checked value.

Every physical quantity is written with its unit (:mod:`accel_models.design.quantities`); unknown keys are errors.
``sources`` says for each value, by its dotted path or that of the group around it, where it comes from.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal, Self

from pydantic import model_validator

from accel_models.compiling.absorbing import Stage
from accel_models.design.quantities import spell
from accel_models.design.ranges import Frequency, Time
from accel_models.design.sections import Array, Gemmini, Memory, P, Part, Simd, Skip, Sleep, Technology
from accel_models.energy.chip import PRECISION_BYTES
from accel_models.energy.tables import core_power, dram_table, operation_table
from accel_models.units.simd.software import load_software
from traces import ConfigError, card_html


def _check_tables(design: Design) -> None:
    """Refuse a name that no table knows when the design is read, not when it is priced."""
    load_software(design.software, design.simd.isa if design.simd else "vector")
    operation_table(design.technology.operations)
    if design.technology.core_power is not None:
        core_power(design.technology.core_power)
    if design.memory is not None and design.memory.dram.price != "none":
        dram_table(design.memory.dram.price)


AUTO = "auto"  # of ``gate_unit``: the compiler chooses


class Design(Part):
    """One accelerator."""

    name: str
    """What it is called."""
    description: str
    """What it is, in a sentence."""
    clock: Frequency
    """Of all units that do not state their own."""
    array: Array | None = None
    """A systolic array."""
    simd: Simd | None = None
    """A core, or the vector unit beside an array."""
    software: str = "tuned"
    """Kernel quality of a core: a set of the table of software."""
    memory: Memory | None = None
    """Buffers and DRAM; left out: unlimited, nothing is ever waited for."""
    mapping: Literal["latency", "energy"] = "latency"
    """What tiles of an array are chosen for; the other breaks ties."""
    gemmini: Gemmini | None = None
    """What makes the array a Gemmini."""
    skip: Skip = Skip()
    """What the hardware can leave out."""
    elementwise: Literal["simd", "ignored"] = "simd"
    """Adds, pools and the like run on the SIMD unit, or are free and said to be."""
    output_stage: tuple[Stage, ...] = ()
    """What units that requantise do to results on their way out."""
    gate_unit: str = "simd"
    """Section of the unit that runs gates; auto: each gate op on its cheaper one."""
    gate_weights: Literal["resident", "fetched"] = "fetched"
    """Whether weights of gates stay on the chip, or are fetched like others."""
    gate_handover: Time = 0.0
    """Of a decision from the unit that made it to one that obeys it."""
    technology: Technology
    """Process and tables of prices."""
    sleep: Sleep | None = None
    """What the chip draws between frames; left out: it waits with its clocks on."""
    sources: dict[str, str]
    """Where each value comes from, by its dotted path or that of the group around it."""
    changed: dict[str, str] = {}  # noqa: RUF012  (pydantic copies it)
    """Values set over those of the file, by dotted path."""

    @property
    def title(self) -> str:
        """Name, and the values that were set over those of the file: what tells two settings of a design apart."""
        return ", ".join([self.name, *(f"{path}={value}" for path, value in self.changed.items())])

    def __repr__(self) -> str:
        return f"<Design: {self.title}: {self.description}>"

    def _repr_html_(self) -> str:
        found = {
            name: getattr(self, name)
            for name, kind in type(self).model_fields.items()
            if kind.default is None
        }
        sections = [name for name, value in found.items() if isinstance(value, Part)]
        clock = spell(self.clock, "frequency")
        facts = [
            ("what", self.description),
            ("clock", clock),
            ("sections", ", ".join(sections)),
            ("hash", self.hash),
        ]
        return card_html(f"Design {self.title}", facts)

    @model_validator(mode="after")
    def _fill_widths(self) -> Self:
        """Let what the memory leaves out be as wide as the precision; it stays unset, so it follows a change."""
        if self.memory is not None:
            bits = 8 * PRECISION_BYTES[self.technology.precision]
            unset = {"activation_bits", "weight_bits"} - self.memory.model_fields_set
            self.memory.__dict__.update(dict.fromkeys(unset, bits))  # frozen, and no one else's yet
        return self

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_tables(self)
        if self.skip.channels == "tile" and self.skip.group < 2:
            raise ValueError(f"skip.group = {self.skip.group}: skip.channels = 'tile' needs 2 or more")
        return self

    def section(self, part: type[P]) -> P:
        """Return the section that is of this class.

        Raises
        ------
        ConfigError
            If the design has none.
        """
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, part):
                return value
        raise ConfigError(f"design {self.name!r} has no section of {part.__name__}")

    @property
    def hash(self) -> str:
        """SHA-256 over every value but the words (name, description, sources, changed), first 16 hex digits."""
        data = self.model_dump(mode="json", exclude={"name", "description", "sources", "changed"})
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
