"""Sections of a design as tests write them: read and checked as in a file."""

from __future__ import annotations

from typing import TypeVar

from accel_models.design.sections import Part, Technology

S = TypeVar("S", bound=Part)


def section(kind: type[S], **values: object) -> S:
    """Return a section with these values, quantities with their units."""
    return kind.model_validate(values)


def but(part: S, **values: object) -> S:
    """Return the section with other values; those of a section inside, given as a mapping, replace it."""
    return type(part).model_validate({**part.model_dump(mode="json", exclude_unset=True), **values})


def technology(**values: object) -> Technology:
    """Return 45 nm at 0.9 V, Horowitz's own node where nothing is scaled, but for these values."""
    return section(Technology, **({"node": "45 nm", "voltage": "0.9 V"} | values))
