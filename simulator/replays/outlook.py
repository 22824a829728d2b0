"""What is expected of inputs before they are seen, and what a plan is worth for it.

A plan (tiles, what stays on chip, layers fused) is chosen before any input is seen.  With rates the typical one of
other inputs is expected (:func:`traces.typical_trace`): every task takes its time there, times how often its op runs,
and decisions are waited for.  Without rates, and of a network without gates, all gates are expected to be open.  Where
all inputs decide alike, and so did the others, that is what each of them takes.

Whatever policy a replay has, what is expected waits for decisions, which takes no hand-over: so policies are compared
on the same plan, and the oracle bounds them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, repeat
from operator import attrgetter, eq

import numpy as np

from accel_models import (
    TILE_AIMS,
    Compiler,
    CostAsked,
    Design,
    OpCosts,
    Placement,
    Priced,
    SkippedWorkload,
    WorkStates,
    compiled_trace,
    known_rates,
    rows_of,
    static_pj,
)
from simulator.engines.fast import simulate
from simulator.policy import Policy
from simulator.schedules.durations import TICKS, Durations, Latencies, durations, mapped
from simulator.schedules.schedule import Schedule
from traces import Floats, NetworkGraph, Workload, lower, typical_trace

_WAIT = Policy(prefetch="wait")
_EXPECTED, _WHOLE = 0, -1

Placements = tuple[Placement, ...]


def _rows(works: Sequence[WorkStates], rows: Iterable[Sequence[int]]) -> tuple[WorkStates, ...]:
    """Return these states of each op."""
    return tuple(map(rows_of, works, map(np.array, rows)))


@dataclass(frozen=True, slots=True, eq=False)
class Typical:
    """The typical input of a network, before any design sees it."""

    workload: Workload
    shares: Floats  # (ops,), how often each op runs

    @classmethod
    def of(
        cls, graph: NetworkGraph, rates: Mapping[str, Sequence[float]], compiler: Compiler
    ) -> Typical | None:
        """Return the one that rates promise; ``None`` where they do not say how often every op runs."""
        shares = known_rates(graph, rates) if rates and graph.gates else None
        if shares is None:
            return None
        return cls(lower(compiled_trace(typical_trace(graph, rates), compiler)), shares)


@dataclass(frozen=True, eq=False)
class Outlook:
    """What to expect of the inputs of a network on a design."""

    graph: NetworkGraph
    works: tuple[
        WorkStates, ...
    ]  # per op what is expected, then the whole op; that alone where they are the same
    shares: Floats | None = None  # (ops,), how often each op runs; None: always
    batch: int = 1  # inputs that run together

    @classmethod
    def gates_open(cls, work: SkippedWorkload) -> Outlook:
        """Expect that nothing is skipped."""
        return cls(work.graph, _rows(work.states, repeat([_WHOLE])))

    @classmethod
    def of(cls, typical: Typical, seen: SkippedWorkload, batch: int) -> Outlook:
        """Expect the typical input, ``seen`` as a design sees so many of them."""
        works = _rows(seen.states, [[place, _WHOLE] for place in seen.state_index[0].tolist()])
        expected, whole = _rows(works, repeat([_EXPECTED])), _rows(works, repeat([_WHOLE]))
        alike = list(map(eq, *(map(attrgetter("content"), states) for states in (expected, whole))))
        each = (one if same else two for one, two, same in zip(whole, works, alike, strict=True))
        return cls(seen.graph, tuple(each), typical.shares, batch)

    def asked(
        self, placements: Sequence[Placement], design: Design, free: Collection[int] = ()
    ) -> list[CostAsked]:
        """Return the costs to ask for; of ops in ``free`` one for every aim that tiles can be chosen for."""
        found = []
        for i, (work, where) in enumerate(zip(self.works, placements, strict=True)):
            if i not in free:
                found.append(CostAsked(work, where, design))
            elif len(work) == 1:
                found.append(CostAsked(self._by_aim[i], where, design, TILE_AIMS))
            else:
                found += [CostAsked(work, where, design, (aim,) * len(work)) for aim in TILE_AIMS]
        return found

    @cached_property
    def _by_aim(self) -> tuple[WorkStates, ...]:
        """What is first expected of each op, a row per aim."""
        return _rows(self.works, repeat([_EXPECTED] * len(TILE_AIMS)))

    def gathered(self, priced: Priced, asked: Iterator[int], free: Collection[int] = ()) -> OpCosts:
        """Return the costs per op of what :meth:`asked` asks for; of ops in ``free`` what is expected first by aim.

        Parameters
        ----------
        priced, asked
            All that was asked for, and the places in it of what comes next; as many are taken as were asked for here.
        free
            As in :meth:`asked`.
        """
        by_aim = len(TILE_AIMS)
        return priced.costs(
            [
                tuple(islice(asked, by_aim if i in free and len(work) > 1 else 1))
                for i, work in enumerate(self.works)
            ]
        )

    def durations(self, schedule: Schedule, costs: OpCosts) -> Durations:
        """Return what tasks are expected to take, in parts of a cycle, :attr:`fine` of them."""
        tables = durations(schedule, costs, _WAIT, np.ones(len(costs)), Latencies())
        if self.shares is None:
            return tables
        each = [(float(self.shares[task.op]), task.kind) for task in schedule.tasks]
        shares = [self._any_runs(share) if kind == "weights" else share for share, kind in each]
        ticks = np.repeat(np.array(shares) * TICKS, tables.states)
        return mapped(tables, lambda table: np.rint(table * ticks).astype(np.int64))

    @property
    def fine(self) -> int:
        """Parts of a cycle that expected times are whole numbers of."""
        return 1 if self.shares is None else TICKS

    def _any_runs(self, share: float) -> float:
        """Return how often any input of a batch runs an op that each runs so often (Choice: independently)."""
        return 1.0 - (1.0 - share) ** self.batch

    def worth(self, schedule: Schedule, costs: OpCosts, design: Design) -> tuple[float, float]:
        """Return the cycles and the energy [pJ] that are expected; without end where it does not fit."""
        if not costs.joint.feasible.all():
            return np.inf, np.inf
        times = simulate(self.durations(schedule, costs), np.zeros((1, len(costs)), np.uint16))
        cycles, busy = times.latency / self.fine, times.busy / self.fine
        shares = np.ones(len(costs)) if self.shares is None else self.shares
        moving = costs.joint.energy.total_pj[costs.starts]  # of what is expected, which stands first
        static = static_pj(design, schedule.units, cycles, busy)
        return float(cycles[0]), float(shares @ moving) + float(static[0])
