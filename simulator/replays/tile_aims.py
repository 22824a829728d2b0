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
Every candidate is a row of the fast engine; designs with one schedule are searched side by side.
Stream chooses tiles of layers together too, with a genetic search (Symons et al., IEEE TC 2024, section IV).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from accel_models import (
    TILE_AIMS,
    Cost,
    CostAsked,
    Design,
    Placement,
    SkippedWorkload,
    WorkStates,
    chooses_tiles,
    price_alike,
    rows_of,
)
from simulator.engines.fast import simulate
from simulator.policy import Policy
from simulator.schedules.durations import Durations, Latencies, durations
from simulator.schedules.shared import Schedules
from traces import Ints

Aims = NDArray[np.uint16]  # (ops,), index into TILE_AIMS
ROUNDS = 3  # Choice: of step 2; on the shipped networks a third changes nothing
_TIMES = (
    "compute_cycles", "first_tile_cycles", "last_tile_cycles", "weight_cycles", "weight_first_cycles",
    "input_cycles", "input_first_cycles", "output_cycles",
)  # fmt: skip


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
        fits = all(one.feasible.all() for one in cost)
        if fits:  # else something does not fit, whatever tiles are chosen for
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
                choosy = {unit for unit in {where.unit for where in placements} if chooses_tiles(unit)}
                free = tuple(i for i in able if placements[i].unit in choosy)
                known[key] = _Try(k, placements, free, _dense_by_aim(each.work, free))
            if known[key].free:
                found.append(replace(known[key], asked=k))
    return found


def _dense_by_aim(work: SkippedWorkload, free: Collection[int]) -> tuple[WorkStates, ...]:
    """Return each op with nothing skipped, a row per aim of those that are free to choose."""
    rows = [np.full(len(TILE_AIMS) if i in free else 1, -1) for i in range(len(work.states))]
    return tuple(map(rows_of, work.states, rows))


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


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A network on a design, its ops priced by aim."""

    tables: Durations  # a state per aim
    changes: Sequence[tuple[int, int]]  # ops and aims that give the op times of their own


@dataclass(slots=True, eq=False)
class _State:
    """How far a search is."""

    search: Search
    aims: Aims
    best: int = np.iinfo(np.int64).max  # latency [cycles]
    order: list[tuple[int, int]] = field(default_factory=list)  # changes to take together, best first
    several: list[int] = field(init=False)  # ops with a choice

    def __post_init__(self) -> None:
        self.several = sorted({i for i, aim in self.search.changes if aim})

    def tried(self) -> list[tuple[int, int]]:
        """Return the changes of one op that are left."""
        free = frozenset(self.several)
        return [(i, aim) for i, aim in self.search.changes if i in free and self.aims[i] != aim]


def search_each(searches: Sequence[Search]) -> list[tuple[Aims, int]]:
    """Return the aims of the shortest schedule found in each search, and its latency [cycles]."""
    found: dict[int, tuple[Aims, int]] = {}
    together: dict[int, list[int]] = {}
    for k, search in enumerate(searches):
        together.setdefault(id(search.tables.schedule), []).append(k)
    for members in together.values():
        found.update(zip(members, _searched([searches[k] for k in members]), strict=True))
    return [found[k] for k in range(len(searches))]


def _searched(searches: Sequence[Search]) -> Iterator[tuple[Aims, int]]:
    """Yield what :func:`search_each` returns, of searches with one schedule."""
    ops = len(searches[0].tables.schedule.graph.ops)
    states = [_State(search, np.zeros(ops, np.uint16)) for search in searches]
    side = _SideBySide.of([search.tables for search in searches])
    _take_shortest(side, dict(enumerate(states)), [_uniform(state) for state in states])
    active = dict(enumerate(states))
    for _ in range(ROUNDS):
        active = {k: state for k, state in active.items() if state.tried()}
        if not active:
            break
        took = side.latencies(list(active), [_alone(state) for state in active.values()])
        for state, latency in zip(active.values(), took, strict=True):
            tried = state.tried()
            state.order = [tried[k] for k in np.argsort(latency, kind="stable") if latency[k] < state.best]
        active = {k: state for k, state in active.items() if state.order}
        if not active:
            break
        active = _take_shortest(side, active, [_steps(state) for state in active.values()])
    yield from ((state.aims, state.best) for state in states)


def _take_shortest(
    side: _SideBySide, states: dict[int, _State], rows: Sequence[NDArray[np.uint16]]
) -> dict[int, _State]:
    """Give each search its shortest row, the first of equals, and return those that got shorter by it."""
    shorter = {}
    for (k, state), aims, latency in zip(
        states.items(), rows, side.latencies(list(states), rows), strict=True
    ):
        row = int(latency.argmin())
        if latency[row] < state.best:
            state.aims, state.best = aims[row], int(latency[row])
            shorter[k] = state
    return shorter


def _uniform(state: _State) -> NDArray[np.uint16]:
    """Return a row per aim, for all ops."""
    rows = np.zeros((len(TILE_AIMS), len(state.aims)), np.uint16)
    rows[:, state.several] = np.arange(len(TILE_AIMS))[:, None]
    return rows


def _alone(state: _State) -> NDArray[np.uint16]:
    """Return a row per change, taken alone."""
    tried = state.tried()
    rows = np.tile(state.aims, (len(tried), 1))
    rows[range(len(tried)), [i for i, _ in tried]] = [aim for _, aim in tried]
    return rows


def _steps(state: _State) -> NDArray[np.uint16]:
    """Return a row per change that helps, taken together with all that help more."""
    rows = np.tile(state.aims, (len(state.order), 1))
    for k, (i, aim) in enumerate(state.order):
        rows[k:, i] = aim
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _SideBySide:
    """Tables of several designs as one: state s of design d is state s x designs + d."""

    tables: Durations
    designs: int

    @classmethod
    def of(cls, tables: Sequence[Durations]) -> _SideBySide:
        """Join tables of one schedule whose ops have equally many states."""
        count, first = len(tables), tables[0]

        def joint(name: str) -> Ints:
            return np.stack([getattr(each, name) for each in tables], axis=1).ravel()

        return cls(
            replace(
                first,
                base=first.base * count,
                states=first.states * count,
                cycles=joint("cycles"),
                first=joint("first"),
                tail=joint("tail"),
            ),
            count,
        )

    def latencies(self, designs: Sequence[int], rows: Sequence[NDArray[np.uint16]]) -> list[Ints]:
        """Return the latency of each design's rows [cycles]."""
        sizes = [len(each) for each in rows]
        index = np.concatenate(rows).astype(np.uint32) * np.uint32(self.designs)
        index += np.repeat(np.asarray(designs, np.uint32), sizes)[:, None]
        latency = simulate(self.tables, np.asfortranarray(index)).latency
        return np.split(latency, np.cumsum(sizes)[:-1])
