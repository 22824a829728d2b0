"""Price ops on designs: the one place where kinds of units meet.

Ops that a unit joins, most often those of a kind, on designs of one family (:mod:`accel_models.design.design`), are
laid end to end, priced as one, and cut apart again: equal answers to op by op, in far fewer steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accel_models.cost import (
    FREE,
    TILE_AIMS,
    Busy,
    Cost,
    Misfit,
    Placement,
    States,
    TileAim,
    Traffic,
    UnitCost,
    Where,
    Whole,
    WorkStates,
)
from accel_models.cost_rows import OpCosts, Priced, end_to_end
from accel_models.design.design import Design, family, side_by_side
from accel_models.energy.actions import Actions
from accel_models.units.assemble import assemble, filled_up, whole_states
from accel_models.units.kinds import BESIDE_A_UNIT, chooses_tiles, element_bytes, unit_kind
from accel_models.work.kept_data import whole_ops
from accel_models.work.rows import joined
from accel_models.work.shapes import Shapes, shapes_of_ops
from traces import RECURRENT


@dataclass(frozen=True, slots=True)
class CostAsked:
    """States of one op whose cost is asked for."""

    work: WorkStates  # arrays (s,), as the design's skip mechanism sees them
    placement: Placement  # the op's unit and where its tensors live
    design: Design
    aims: tuple[
        TileAim, ...
    ] = ()  # what tiles are chosen for, state by state; left out: as the placement says


def price(work: WorkStates, placement: Placement, design: Design) -> Cost:
    """Return cycles, bytes and energy of each of the op's states on the design; see :class:`CostAsked`."""
    return _priced([CostAsked(work, placement, design)])


def price_all(works: Sequence[WorkStates], placements: Sequence[Placement], design: Design) -> OpCosts:
    """Return the cost of every op's states, as :func:`price` would."""
    asked = [CostAsked(work, place, design) for work, place in zip(works, placements, strict=True)]
    return price_alike(asked).each()


def price_alike(asked: Sequence[CostAsked]) -> Priced:
    """Price every op as :func:`price` would, equal work on equal terms once.

    Deep networks repeat their blocks, and designs their networks.
    """
    contents: dict[int, tuple[object, ...]] = {}
    first: dict[tuple[object, ...], int] = {}
    distinct: list[CostAsked] = []
    place = []
    for each in asked:
        content = contents.get(id(each.work))
        if content is None:
            content = contents[id(each.work)] = each.work.content
        at = first.setdefault((content, each.placement, each.aims, id(each.design)), len(distinct))
        if at == len(distinct):
            distinct.append(each)
        place.append(at)
    return _price_together(distinct, place)


def _price_together(asked: Sequence[CostAsked], place: Sequence[int]) -> Priced:
    """Price what is distinct; ``place`` is that of what was asked for among it."""
    pieces: list[Cost] = []
    starts = [0] * len(asked)
    misfits: list[Misfit | None] = [None] * len(asked)
    at = 0

    def put(cost: Cost, members: Sequence[int]) -> None:
        nonlocal at
        pieces.append(cost)
        for i in members:
            starts[i] = at
            at += len(asked[i].work)

    for members in _together(asked):
        cost = _priced([asked[i] for i in members])
        lengths = [len(asked[i].work) for i in members]
        fits = np.logical_and.reduceat(cost.feasible, np.cumsum([0, *lengths[:-1]]))
        put(cost, members)
        for i in (
            members[k] for k in np.flatnonzero(~fits)
        ):  # by itself it says which of its tiles does not fit
            alone = _priced([asked[i]])
            misfits[i] = alone.misfit
            put(alone, [i])
    lengths = [len(each.work) for each in asked]
    return Priced(end_to_end(pieces), starts, lengths, misfits, place)


def _together(asked: Sequence[CostAsked]) -> Iterable[list[int]]:
    """Return places of what can be priced in one call."""
    families: dict[tuple[str, int], object] = {}
    together: dict[object, list[int]] = {}
    for i, each in enumerate(asked):
        unit, op = each.placement.unit, each.work.op
        key = unit, id(each.design)
        if key not in families:
            columns = BESIDE_A_UNIT if unit == FREE else unit_kind(unit).columns(each.design)
            families[key] = family(each.design, frozenset(columns)) if columns else id(each.design)
        stepwise = op.kind in RECURRENT and op.out_pixels > 1
        joins = op.kind if unit == FREE else unit_kind(unit).joins(op)
        together.setdefault((unit, i if joins is None else joins, stepwise, families[key]), []).append(i)
    return together.values()


def _priced(asked: Sequence[CostAsked]) -> Cost:
    """Return the costs of what can be priced in one call, end to end."""
    works = [each.work for each in asked]
    cost, unit = _price_on(asked, works), asked[0].placement.unit
    if unit != FREE:
        grain = unit_kind(unit).moves_whole(asked[0].design)

        def price_again(states: Sequence[WorkStates]) -> Cost:
            return _price_on(asked, states)

        cost = filled_up(works, cost, grain, asked[0].design, price_again)
    return cost


def _price_on(asked: Sequence[CostAsked], works: Sequence[WorkStates]) -> Cost:
    """Return the joint cost of other states of what is asked, as they are."""
    unit, lengths = asked[0].placement.unit, [len(work) for work in works]
    design = side_by_side([each.design for each in asked], lengths)
    work = joined(works)
    where = Where.of([each.placement for each in asked], lengths)
    if any(each.aims for each in asked):
        where = replace(where, tile_aim=np.array([aim for each in asked for aim in _aims(each)]))
    whole = _wholes(asked, works, where) if chooses_tiles(unit) else None
    states = States(work=work, shapes=_shapes_left(work, works, asked), where=where, whole=whole)
    found = _beside(states, design) if unit == FREE else unit_kind(unit).cost(states, design)
    return assemble(states, found, design)


def _aims(asked: CostAsked) -> list[int]:
    """Return what the tiles of each state are chosen for, index into TILE_AIMS."""
    return [TILE_AIMS.index(aim) for aim in asked.aims or [asked.placement.tile_aim] * len(asked.work)]


def _wholes(asked: Sequence[CostAsked], works: Sequence[WorkStates], where: Where) -> Whole | None:
    """Return the ops that states are less of, as many inputs as any of their states; ``None`` if all are whole."""
    if all(whole_states(work).all() for work in works):
        return None
    all_of_each = [
        state
        for work, each in zip(works, asked, strict=True)
        for state in whole_ops([work.op], each.design, int(work.batch.max(initial=1)))
    ]
    place = np.repeat(np.arange(len(works)), [len(work) for work in works])
    code, first, of = np.unique(
        place * len(TILE_AIMS) + where.tile_aim, return_index=True, return_inverse=True
    )
    op = code // len(TILE_AIMS)
    joint = joined(all_of_each)
    return Whole(
        shapes=_shapes_left(joint, all_of_each, asked).take(op),
        weight_fetch_bytes=joint.weight_fetch_bytes[op],
        first=first,
        of=of,
    )


def _shapes_left(joint: WorkStates, works: Sequence[WorkStates], asked: Sequence[CostAsked]) -> Shapes:
    """Return the sizes of what each state computes, halos computed again included; nothing where it does not run."""
    kept = joint.in_channels * joint.runs, joint.out_channels * joint.runs
    lengths = [len(work) for work in works]
    shapes = shapes_of_ops([work.op for work in works], lengths, kept, joint.out_rows, joint.batch)
    dense = [work.op.out_height for work in works]
    bands = (each.placement.bands for each in asked)
    computed = [rows if band is None else band.rows for band, rows in zip(bands, dense, strict=True)]
    if computed == dense:
        return shapes
    more, rows = np.repeat(computed, lengths), np.repeat(dense, lengths)
    heights = -(-shapes.in_height * more // rows), -(-shapes.out_height * more // rows)
    return replace(shapes, in_height=heights[0], out_height=heights[1])


def _beside(states: States, design: Design) -> UnitCost:
    """Return what ops take that no unit runs: views, or taken over by an output stage.

    A stage takes no time of its own; what it reads besides its results is read from the buffer, or first brought
    there.  Choice: an operand from outside ends one cycle after it has landed.
    """
    work, shapes, where = states.work, states.shapes, states.where
    zero = np.zeros(len(states), np.int64)
    read = shapes.output_elements * element_bytes(design)[0] * (work.runs & where.stage_reads)
    brought = read * where.stage_brings
    cycles = np.minimum(brought, 1)
    busy = Busy(
        cycles=cycles,
        first_tile_cycles=cycles,
        last_tile_cycles=cycles,
        actions=Actions(activation_sram_read_bytes=0 if design.memory is None else read),
        feasible=np.ones(len(states), np.bool_),
    )
    first = -(-brought // np.maximum(shapes.out_height * shapes.batch, 1))  # row by row
    traffic = Traffic(weights=zero, inputs=brought, outputs=zero, first_weights=zero, first_inputs=first)
    return UnitCost(busy=busy, traffic=traffic)
