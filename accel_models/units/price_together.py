"""Price many ops of a design at once: equal answers to op by op, in far fewer steps.

Ops on the same unit and of the same kind are laid end to end, priced as one, and cut apart again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from accel_models.cost import Cost, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.energy.actions import EnergyParts
from accel_models.units.array.price import price_on_array
from accel_models.units.pricing import price, shapes_left
from accel_models.units.simd.price import price_on_simd
from accel_models.work.shapes import Shapes
from traces import RECURRENT

Arrays = TypeVar("Arrays", Shapes, WorkStates)

_FLAGS = ("inputs_on_chip", "output_on_chip", "weights_resident", "reserved_bytes")


def price_all(
    works: Sequence[WorkStates], placements: Sequence[Placement], design: Design
) -> tuple[Cost, ...]:
    """Return the cost of every op's states, as :func:`accel_models.units.pricing.price` would."""
    costs: list[Cost | None] = [None] * len(works)
    together: dict[tuple[str, str, bool], list[int]] = {}
    for i, (work, placement) in enumerate(zip(works, placements, strict=True)):
        stepwise = work.op.kind in RECURRENT and work.op.out_pixels > 1
        together.setdefault((placement.unit, work.op.kind, stepwise), []).append(i)
    # The library's tiles are those of each op's whole sizes, which the joined work does not know.
    alone = {"none", "array"} if design.mapping == "gemmini_library" else {"none"}
    for (unit, _, _), members in together.items():
        if unit in alone or len(members) == 1:
            continue
        stacked = _price_stacked([works[i] for i in members], [placements[i] for i in members], design)
        for i, cost in zip(members, stacked, strict=True):
            costs[i] = cost if cost.feasible.all() else None  # alone, it says which of its tiles does not fit
    return tuple(
        price(work, placement, design) if cost is None else cost
        for work, placement, cost in zip(works, placements, costs, strict=True)
    )


def _price_stacked(
    works: Sequence[WorkStates], placements: Sequence[Placement], design: Design
) -> list[Cost]:
    shapes = _end_to_end([shapes_left(work) for work in works])
    work = _end_to_end(works)
    lengths = [len(each) for each in works]
    spread: dict[str, Any] = {
        name: np.repeat([getattr(placement, name) for placement in placements], lengths) for name in _FLAGS
    }
    placement = replace(placements[0], **spread)  # each of its flags an array, one value per state
    on = price_on_array if placement.unit == "array" else price_on_simd
    return _cut(on(work, shapes, placement, design), lengths)


def _end_to_end(parts: Sequence[Arrays]) -> Arrays:
    """Join arrays; what is no array is the first part's."""
    joined: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    return replace(parts[0], **joined)


def _cut(cost: Cost, lengths: Sequence[int]) -> list[Cost]:
    """Return each op's rows of a joint cost."""
    edges = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    return [_rows(cost, slice(start, stop)) for start, stop in pairwise(edges)]


def _rows(cost: Cost, rows: slice) -> Cost:
    picked: dict[str, Any] = {
        field.name: getattr(cost, field.name)[rows]
        for field in fields(cost)
        if isinstance(getattr(cost, field.name), np.ndarray)
    }
    parts = {field.name: getattr(cost.energy, field.name)[rows] for field in fields(EnergyParts)}
    return replace(cost, energy=EnergyParts(**parts), misfit=None, **picked)
