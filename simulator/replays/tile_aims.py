"""Tiles chosen in context: what each op's tiles are chosen for, so that the schedule of the whole network is short.

The mapper sees one op.  By itself an op waits for its first weights, so small tiles look fast; in a schedule they
are fetched while the op before computes, and small tiles only cost control.  So every op is mapped for each of
:data:`accel_models.TILE_AIMS`, and the schedule with all gates open says which choice is best:

1. one aim for all ops, the best of four;
2. each op changed alone; the changes that help are taken in the order of what they gain, as many as are best
   together; and again, until nothing helps.

Whatever policy a replay has, the schedule asked waits for decisions, which takes no hand-over: so policies are
compared on the same tiles, and the oracle bounds them all.

The first aim of step 1 is every op by itself, so a network never takes longer than with tiles chosen one by one.
Where activations do not all fit, the same is done for tensors kept as in smaller buffers, which leaves larger tiles
room; the shortest schedule wins, of equals the one that keeps most.
Stream chooses tiles of layers together too, with a genetic search (Symons et al., IEEE TC 2024, section IV).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from accel_models import (
    TILE_AIMS,
    Choices,
    Cost,
    CostAsked,
    Design,
    Placement,
    SkippedWorkload,
    WorkStates,
    chooses_tiles,
    place,
    price_alike,
    rows_of,
)
from simulator.policy import Policy
from simulator.replays.tile_search import Search, search_each
from simulator.schedules.durations import Latencies, durations
from simulator.schedules.shared import Schedules
from traces import NetworkGraph

_TIMES = (
    "compute_cycles", "first_tile_cycles", "last_tile_cycles", "weight_cycles", "weight_first_cycles",
    "input_cycles", "input_first_cycles", "output_cycles",
)  # fmt: skip


def ways_to_keep(
    graph: NetworkGraph, design: Design, choices: Choices, placements: tuple[Placement, ...]
) -> list[tuple[Placement, ...]]:
    """Return the placements, and others that keep fewer tensors on chip where not all can stay.

    Choice: as many as fit 1, 1.5, 2, 3, 4, 6 ... KiB of the buffer, whatever its size, so that a larger buffer can do
    what a smaller one does.
    """
    ways = [placements]
    if design.memory is None or all(place.output_on_chip for place in placements[:-1]):
        return ways
    for doublings in range(design.memory.activation_buffer.bit_length() - 10, -1, -1):
        for size in (3 << doublings + 9, 2 << doublings + 9):
            if size < design.memory.activation_buffer:
                other = place(graph, design, replace(choices, keep_bytes=size))
                if other != ways[-1]:
                    ways.append(other)
    return ways


@dataclass(frozen=True, slots=True, eq=False)
class Aiming:
    """A network whose tiles are to be chosen."""

    work: SkippedWorkload  # of each op the last state, nothing skipped, is looked at
    ways: Sequence[tuple[Placement, ...]]  # to place its ops; the first of equals wins
    design: Design
    ops: Collection[int] | None = None  # whose tiles are chosen anew; all if left out


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """One way to place one network, and what its ops take by aim."""

    asked: int  # place among what is to be aimed
    placements: tuple[Placement, ...]
    free: tuple[int, ...]  # ops whose unit heeds an aim
    dense: tuple[WorkStates, ...]  # a row per aim; one where there is no choice


def aim_tiles(asked: Sequence[Aiming], schedules: Schedules) -> list[tuple[Placement, ...]]:
    """Return the placements of each network's shortest schedule, with what each op's tiles are chosen for.

    Parameters
    ----------
    asked
        Networks on designs.
    schedules
        Of designs that place alike.
    """
    tries = _tries(asked)
    costs = _priced(tries, asked)
    searches: list[Search] = []
    tried: list[_Try] = []
    for each, cost in zip(tries, costs, strict=True):
        if all(
            one.feasible.all() for one in cost
        ):  # else something does not fit, whatever tiles are chosen for
            where = asked[each.asked]
            schedule = schedules.of(where.work.graph, each.placements, cost, where.design)
            tables = durations(schedule, cost, Policy(prefetch="wait"), np.ones(len(cost)), Latencies())
            searches.append(Search(tables, _changes(cost, each.free)))
            tried.append(each)
    placements = [each.ways[0] for each in asked]
    least = np.full(len(asked), np.inf)
    for each, (aims, latency) in zip(tried, search_each(searches), strict=True):
        if latency < least[each.asked]:
            least[each.asked] = latency
            placements[each.asked] = tuple(
                replace(place, tile_aim=TILE_AIMS[aim]) if i in each.free else place
                for i, (place, aim) in enumerate(zip(each.placements, aims.tolist(), strict=True))
            )
    return placements


def _tries(asked: Sequence[Aiming]) -> list[_Try]:
    """Return every way to place every network that has a choice of tiles."""
    known: dict[tuple[int, int], _Try] = {}
    found = []
    for k, each in enumerate(asked):
        if each.design.memory is None or each.design.mapping == "energy":
            continue
        for placements in each.ways:
            key = id(each.work), id(placements)
            if key not in known:
                able = range(len(placements)) if each.ops is None else each.ops
                free = tuple(i for i in able if chooses_tiles(placements[i].unit))
                known[key] = _Try(k, placements, free, _dense_by_aim(each.work, free))
            if known[key].free:
                found.append(replace(known[key], asked=k))
    return found


def _dense_by_aim(work: SkippedWorkload, free: Collection[int]) -> tuple[WorkStates, ...]:
    """Return each op with nothing skipped, a row per aim of those that are free to choose."""
    rows = [np.full(len(TILE_AIMS) if i in free else 1, -1) for i in range(len(work.states))]
    return tuple(rows_of(states, row) for states, row in zip(work.states, rows, strict=True))


def _priced(tries: Sequence[_Try], asked: Sequence[Aiming]) -> list[list[Cost]]:
    """Return each op's cost in each try, a row per aim."""
    each = [
        CostAsked(work, place, asked[one.asked].design, TILE_AIMS if len(work) > 1 else ())
        for one in tries
        for work, place in zip(one.dense, one.placements, strict=True)
    ]
    costs = iter(price_alike(each))
    return [list(islice(costs, len(one.dense))) for one in tries]


def _changes(costs: Sequence[Cost], free: Sequence[int]) -> list[tuple[int, int]]:
    """Return ops and aims that give the op times that no aim before gives it."""
    found = []
    for i in free:
        times = np.stack([getattr(costs[i], name) for name in _TIMES])
        seen: set[bytes] = set()
        for aim in range(times.shape[1]):
            if (key := times[:, aim].tobytes()) not in seen:
                seen.add(key)
                found.append((i, aim))
    return found
