"""Price ops on a design: the one place where kinds of units meet.

Ops on the same unit and of the same kind are laid end to end, priced as one, and cut apart again, where their unit
allows it: equal answers to op by op, in far fewer steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from accel_models.cost import FREE, Cost, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.energy.actions import Actions
from accel_models.units.assemble import assemble
from accel_models.units.kinds import unit_kind
from accel_models.units.round_up import filled_up
from accel_models.units.unit_cost import Busy, States, Traffic, UnitCost, Where, element_bytes
from accel_models.work.rows import joined, rows_of
from accel_models.work.shapes import Shapes, shapes_of
from traces import RECURRENT


def price(work: WorkStates, placement: Placement, design: Design) -> Cost:
    """Return cycles, bytes and energy of each of the op's states on the design.

    Parameters
    ----------
    work
        The op's distinct states, arrays (s,), as the design's skip mechanism sees them.
    placement
        The op's unit and where its tensors live.
    design
        The accelerator.
    """
    if placement.unit == FREE:
        return _beside(work, placement, design)
    return _filled_up(work, placement, _price_on(placement.unit, [work], [placement], design), design)


def price_all(
    works: Sequence[WorkStates], placements: Sequence[Placement], design: Design
) -> tuple[Cost, ...]:
    """Return the cost of every op's states, as :func:`price` would."""
    costs: list[Cost | None] = [None] * len(works)
    together: dict[tuple[str, str, bool], list[int]] = {}
    for i, (work, placement) in enumerate(zip(works, placements, strict=True)):
        stepwise = work.op.kind in RECURRENT and work.op.out_pixels > 1
        together.setdefault((placement.unit, work.op.kind, stepwise), []).append(i)
    for (unit, _, _), members in together.items():
        if unit == FREE or len(members) == 1 or not unit_kind(unit).joins_ops:
            continue
        joint = _price_on(unit, [works[i] for i in members], [placements[i] for i in members], design)
        for i, cost in zip(members, _cut(joint, [len(works[i]) for i in members]), strict=True):
            if cost.feasible.all():  # else, alone, it says which of its tiles does not fit
                costs[i] = _filled_up(works[i], placements[i], cost, design)
    return tuple(
        price(work, placement, design) if cost is None else cost
        for work, placement, cost in zip(works, placements, costs, strict=True)
    )


def shapes_left(work: WorkStates) -> Shapes:
    """Return the sizes of what each state computes; nothing where it does not run."""
    return shapes_of(
        work.op,
        np.where(work.runs, work.in_channels, 0),
        np.where(work.runs, work.out_channels, 0),
        out_height=work.out_rows,
        batch=work.batch,
    )


def _filled_up(work: WorkStates, placement: Placement, cost: Cost, design: Design) -> Cost:
    """Return the cost with kept channels filled up where that is cheaper."""

    def price_again(states: WorkStates) -> Cost:
        return _price_on(placement.unit, [states], [placement], design)

    return filled_up(work, cost, unit_kind(placement.unit).moves_whole(design), design, price_again)


def _price_on(
    unit: str, works: Sequence[WorkStates], placements: Sequence[Placement], design: Design
) -> Cost:
    states = States(
        work=joined(works),
        shapes=joined([shapes_left(work) for work in works]),
        where=Where.of(placements, [len(work) for work in works]),
    )
    return assemble(unit, states, unit_kind(unit).cost(states, design), design)


def _cut(cost: Cost, lengths: Sequence[int]) -> list[Cost]:
    """Return each op's rows of a joint cost."""
    edges = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    return [
        replace(rows_of(cost, rows), energy=rows_of(cost.energy, rows), misfit=None)
        for rows in (slice(start, stop) for start, stop in pairwise(edges))
    ]


def _beside(work: WorkStates, placement: Placement, design: Design) -> Cost:
    """Return the cost of an op that no unit runs: a view, or taken over by an output stage.

    A stage takes no time of its own; what it reads besides its results is read from the buffer, or first brought
    there.  Choice: an operand from outside ends one cycle after it has landed.
    """
    shapes = shapes_left(work)
    zero = np.zeros(len(work), np.int64)
    read = zero
    if placement.stage_reads != "nothing":
        read = np.where(work.runs, shapes.output_elements, 0) * element_bytes(design)[0]
    brought = read if placement.stage_reads == "off_chip" else zero
    cycles = np.minimum(brought, 1)
    busy = Busy(
        cycles=cycles,
        first_tile_cycles=cycles,
        last_tile_cycles=cycles,
        actions=Actions(activation_sram_read_bytes=0 if design.memory is None else read),
        feasible=np.ones(len(work), np.bool_),
    )
    first = -(-brought // np.maximum(shapes.out_height * shapes.batch, 1))  # row by row
    traffic = Traffic(weights=zero, inputs=brought, outputs=zero, first_weights=zero, first_inputs=first)
    where = Where.of([placement], [len(work)])
    return assemble(
        FREE, States(work=work, shapes=shapes, where=where), UnitCost(busy=busy, traffic=traffic), design
    )
