"""A design: one accelerator, as a frozen and checked value.

Every physical quantity is written with its unit (:mod:`accel_models.design.quantities`); unknown keys are errors.
``sources`` says for each value, by its dotted path or that of the group around it, where it comes from.

Several designs are priced at once: cost functions are elementwise in their states, so what differs between designs
becomes columns, one value per state of work.  Designs of one *family* agree in all but such numbers; everything that
decides which equation holds is the same for all of them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Hashable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from accel_models.compiling.steps import Stage
from accel_models.design.quantities import Frequency, Time, by_name, spell
from accel_models.design.sections import Memory, P, Part, Skip, Sleep, Technology
from accel_models.design.unit_sections import Array, Simd
from accel_models.energy.chip import PRECISION_BYTES
from accel_models.units.simd.software import SOFTWARE
from traces import ConfigError, card_html

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
    software: Annotated[str, *by_name(SOFTWARE)] = "tuned"
    """Kernel quality of a core: a set of the table of software."""
    memory: Memory | None = None
    """Buffers and DRAM; left out: unlimited, nothing is ever waited for."""
    mapping: Literal["latency", "energy"] = "latency"
    """What tiles, what stays on chip and fused layers are chosen for: never slower with more memory, or not dearer."""
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

    @property
    def about(self) -> str:
        """What it is; where values were changed, what it was before."""
        return f"as shipped: {self.description}" if self.changed else self.description

    @property
    def handover_cycles(self) -> int:
        """Cycles until a decision of one unit is known to another."""
        return math.ceil(self.gate_handover * self.clock)

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"<Design: {self.title}: {self.about}>"

    def _repr_html_(self) -> str:
        found = {
            name: getattr(self, name)
            for name, kind in type(self).model_fields.items()
            if kind.default is None
        }
        sections = [name for name, value in found.items() if isinstance(value, Part)]
        clock = spell(self.clock, "frequency")
        facts = [
            ("what", self.about),
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

    @cached_property
    def hash(self) -> str:
        """SHA-256 over every value but the words (name, description, sources, changed), first 16 hex digits."""
        data = self.model_dump(mode="json", exclude={"name", "description", "sources", "changed"})
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


_WORDS = frozenset({"name", "description", "sources", "changed"})  # decide no number


class SideBySide(Design):
    """Designs of one family: of each so many states, in this order."""

    each: tuple[Design, ...]
    """The designs."""
    counts: tuple[int, ...]
    """States of each."""


def side_by_side(designs: Sequence[Design], states: Sequence[int]) -> Design:
    """Return the designs of so many states each as one; a design that stands alone as it is.

    Parameters
    ----------
    designs
        One or more of one :func:`family`.
    states
        States of work that each prices, end to end.
    """
    pairs = groupby(zip(designs, states, strict=True), key=lambda pair: id(pair[0]))
    runs = [list(members) for _, members in pairs]
    each, counts = [run[0][0] for run in runs], [sum(count for _, count in run) for run in runs]
    if len(each) == 1:
        return each[0]
    stacked = _stacked(each, counts)
    values = {name: getattr(stacked, name) for name in type(stacked).model_fields}
    return SideBySide.model_construct(**values, each=tuple(each), counts=tuple(counts))


@lru_cache(maxsize=1024)  # a sweep asks a dozen times for each of the designs that it prices together
def family(design: Design, columns: frozenset[str]) -> Hashable:
    """Return what designs agree in of which settings ``columns`` (dotted paths) alone may differ."""
    return _values(design, "", columns | _WORDS)


def _values(part: Part, path: str, left_out: Collection[str]) -> Hashable:
    """Return the values of a section but those left out."""
    found = []
    for name in type(part).model_fields:
        if path + name not in left_out:
            value = getattr(part, name)
            found.append(_values(value, f"{path}{name}.", left_out) if isinstance(value, Part) else value)
    return tuple(found)


def part_rows(part: P, rows: NDArray[np.intp] | slice) -> P:
    """Return a section with these rows of its columns; one without columns is returned itself."""
    taken: dict[str, object] = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, np.ndarray):
            taken[name] = value[rows]
        elif isinstance(value, Part) and (inside := part_rows(value, rows)) is not value:
            taken[name] = inside
    return part.model_copy(update=taken) if taken else part


def columns_of(part: Part) -> Iterator[NDArray[Any]]:
    """Yield the columns of a section."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, Part):
            yield from columns_of(value)


def _stacked(parts: Sequence[P], states: Sequence[int]) -> P:
    """Return sections of one class as one; a number that differs is a column."""
    first = parts[0]
    columns: dict[str, object] = {}
    for name in type(first).model_fields:
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], Part):
            columns[name] = _stacked(values, states)
        elif isinstance(values[0], int | float) and any(value != values[0] for value in values[1:]):
            columns[name] = np.repeat(np.asarray(values), states)
    return first.model_copy(update=columns)
