"""Several designs priced at once: what differs between them becomes columns, one value per state of work.

Cost functions are elementwise in their states, so a number of the design may stand beside each state instead of once
for all.  Designs of one *family* agree in all but such numbers; everything that decides which equation holds is the
same for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel_models.design.design import Design
from accel_models.design.sections import P, Part

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


def family(design: Design, columns: Collection[str]) -> Hashable:
    """Return what designs agree in of which settings ``columns`` (dotted paths) alone may differ."""
    return _values(design, "", frozenset(columns) | _WORDS)


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
