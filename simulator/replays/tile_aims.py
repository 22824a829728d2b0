"""Tiles chosen in context: what each op's tiles are chosen for, so that the schedule of the whole network is short.

The mapper sees one op.  By itself an op waits for its first weights, so small tiles look fast; in a schedule they
are fetched while the op before computes, and small tiles only cost control.  So every op is mapped for each of
:data:`accel_models.TILE_AIMS`, and the schedule of what is expected (:mod:`simulator.replays.outlook`) says which
choice is best:

1. one aim for all ops, the best of four;
2. each op changed alone; the changes that help are taken in the order of what they gain, as many as are best
   together; and again, until nothing helps.

The first aim of step 1 is every op by itself, so what is expected never takes longer than with tiles chosen one by
one.  Every candidate is a row of the fast engine; designs with one schedule are searched side by side.
Stream chooses tiles of layers together too, with a genetic search (Symons et al., IEEE TC 2024, section IV).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from accel_models import TILE_AIMS, Design, OpCosts, chooses_tiles, price_alike
from simulator.engines.fast import simulate
from simulator.replays.outlook import Outlook, Placements
from simulator.replays.views import SCHEDULES
from simulator.schedules.durations import Durations
from traces import Ints

Aims = NDArray[np.uint16]  # (ops,), index into TILE_AIMS
ROUNDS = 3  # Choice: of step 2; on the shipped networks a third changes nothing
_TIMES = (
    "compute_cycles", "first_tile_cycles", "last_tile_cycles", "weight_cycles", "weight_first_cycles",
    "input_cycles", "input_first_cycles", "output_cycles",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Aiming:
    """A network, its ops placed, whose tiles are to be chosen."""

    outlook: Outlook
    placements: Placements
    design: Design
    ops: Collection[int] | None = None  # whose tiles are chosen anew; all if left out

    def free(self) -> frozenset[int]:
        """Return the ops whose unit heeds an aim."""
        if self.design.memory is None or self.design.mapping == "energy":
            return frozenset()
        able = range(len(self.placements)) if self.ops is None else self.ops
        choosy = {unit for unit in {where.unit for where in self.placements} if chooses_tiles(unit)}
        return frozenset(i for i in able if self.placements[i].unit in choosy)


def aim_tiles(asked: Sequence[Aiming]) -> list[Placements]:
    """Return each network's placements with what each op's tiles are chosen for, for the shortest schedule.

    They are as they were where no op has a choice, or something does not fit whatever tiles are chosen for.

    Parameters
    ----------
    asked
        Networks on designs.
    """
    found = [each.placements for each in asked]
    free = [each.free() for each in asked]
    choosing = [k for k, ops in enumerate(free) if ops]
    costs = _priced([(asked[k], free[k]) for k in choosing])
    searches: dict[int, Search] = {}
    for k, cost in zip(choosing, costs, strict=True):
        if cost.joint.feasible.all():
            each = asked[k]
            schedule = SCHEDULES.of(each.outlook.graph, each.placements, cost, each.design)
            tables = each.outlook.durations(schedule, cost)
            searches[k] = Search(tables, _changes(cost, sorted(free[k])))
    for (k, _), (aims, _) in zip(searches.items(), search_each(list(searches.values())), strict=True):
        found[k] = tuple(
            replace(place, tile_aim=TILE_AIMS[aim]) if i in free[k] else place
            for i, (place, aim) in enumerate(zip(asked[k].placements, aims.tolist(), strict=True))
        )
    return found


def _priced(choosing: Sequence[tuple[Aiming, frozenset[int]]]) -> list[OpCosts]:
    """Return each op's cost in each network, a row per aim of those that are free to choose."""
    if not choosing:
        return []
    asked = [each.outlook.asked(each.placements, each.design, free) for each, free in choosing]
    priced, places = price_alike(list(chain(*asked))), count()
    return [each.outlook.gathered(priced, places, free) for each, free in choosing]


def _changes(costs: OpCosts, free: Sequence[int]) -> list[tuple[int, int]]:
    """Return ops and aims that give the op times that no aim before gives it."""
    found = []
    times = np.stack([getattr(costs.joint, name) for name in _TIMES], axis=1)
    for i in free:
        seen: set[bytes] = set()
        start = int(costs.starts[i])
        for aim in range(len(TILE_AIMS)):
            if (key := times[start + aim].tobytes()) not in seen:
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
