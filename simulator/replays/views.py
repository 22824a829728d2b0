"""What replays find out about a trace that depends on no design, or on little of one: found out once, and kept."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from accel_models import (
    Choices,
    Compaction,
    Compiler,
    Copies,
    Design,
    Groups,
    OpCosts,
    Placement,
    SkippedWorkload,
    compiled_trace,
    skip,
    units_of,
    view_key,
    weight_space_bytes,
)
from simulator.policy import Policy
from simulator.replays.outlook import Outlook, Placements, Typical
from simulator.schedules.schedule import Schedule, build_schedule
from traces import (
    MeanWorkload,
    NetworkGraph,
    Trace,
    Workload,
    dense_workload,
    lower,
    mean_workload,
)

_MOST_SEEN = 32  # Choice: skip mechanisms that are remembered, some 2 MB each of 10,000 inputs
_MOST_PLANS = 256  # Choice: two for a design
_MOST_DENSE = 8  # Choice: networks; some 100 KB each
_MOST_OF_A_PLAN = 2  # Choice: schedules, by which transfers inputs ask for; then all are forgotten
_MOST_COSTS = 12  # Choice: an explained replay has three; some 300 KB each of 10,000 inputs
_MOST_SCHEDULES = 256  # Choice: then all are forgotten; some 100 KiB each
_TRACES_KEPT = 2  # Choice: a network and what it is compared with


class _Known(NamedTuple):
    """The typical input that was expected last, and of what."""

    graph: NetworkGraph
    rates: Mapping[str, Sequence[float]]
    compiler: Compiler
    typical: Typical | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where a network's ops run and its tensors lie on a design, and the schedules that follow from it."""

    graph: NetworkGraph  # kept beside the design, for their ids are the key of a plan
    design: Design
    rates: Mapping[str, Sequence[float]]
    placements: Placements
    _schedules: dict[tuple[bytes, ...], Schedule] = field(default_factory=dict)

    def schedule(self, costs: OpCosts) -> Schedule:
        """Return the schedule of ops that cost so much, of which only whether a transfer ever takes time is read."""
        moves = tuple(moved.tobytes() for moved in costs.moves)
        found = self._schedules.get(moves)
        if found is None:
            if len(self._schedules) >= _MOST_OF_A_PLAN:
                self._schedules.clear()
            found = SCHEDULES.of(self.graph, self.placements, costs, self.design)
            self._schedules[moves] = found
        return found


class _Costed(NamedTuple):
    """What was priced, all of it kept, for its ids are the key."""

    work: SkippedWorkload
    plan: Placements
    design: Design
    costs: OpCosts


class Plans:
    """Plans by what they follow from, which no input is: parts of a trace and other traces of a network share them.

    Beside them the work of the dense network, which follows from the network alone.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Plan] = {}
        self._dense: dict[int, tuple[NetworkGraph, Workload]] = {}  # by the graph's identity

    def of(self, graph: NetworkGraph, design: Design, told: Choices, policy: Policy) -> Plan | None:
        """Return the plan of a network on a design, if it has been found."""
        found = self._known.get(_plan_key(graph, design, told, policy))
        return found if found is not None and found.rates == told.rates else None

    def keep(self, plan: Plan, told: Choices, policy: Policy) -> None:
        """Remember a plan that was found for these choices."""
        if len(self._known) >= _MOST_PLANS:
            self._known.pop(next(iter(self._known)), None)  # found longest ago
        self._known[_plan_key(plan.graph, plan.design, told, policy)] = plan

    def dense(self, graph: NetworkGraph) -> Workload:
        """Return the work of the dense network inside the dynamic one."""
        found = self._dense.get(id(graph))
        if found is None:
            if len(self._dense) >= _MOST_DENSE:
                self._dense.pop(next(iter(self._dense)), None)  # found longest ago
            found = self._dense[id(graph)] = graph, dense_workload(graph.without_gates())
        return found[1]


class Schedules:
    """Schedules by what they follow from: equal ones are one object."""

    def __init__(self) -> None:
        # Each schedule holds its graph, whose identity is in the key.
        self._known: dict[tuple[object, ...], Schedule] = {}

    def of(
        self, graph: NetworkGraph, placements: Sequence[Placement], costs: OpCosts, design: Design
    ) -> Schedule:
        """Return the schedule of the graph on the design, as :func:`build_schedule`."""
        memory = design.memory
        key = (
            id(graph),
            tuple((place.unit, place.weight_prefetch_bytes, place.bands) for place in placements),
            weight_space_bytes(graph, placements, design),
            *(moved.tobytes() for moved in costs.moves),
            tuple(unit.names(design) for unit in units_of(design)),
            None if memory is None else memory.dma,
            bool(design.gate_handover),
            design.skip,
        )
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_SCHEDULES:
                self._known = {}
            found = self._known[key] = build_schedule(graph, placements, costs, design)
        return found


PLANS = Plans()
SCHEDULES = Schedules()


class Views:
    """A trace lowered, and seen through the skip mechanisms that came by: for replays on many designs.

    Give the same value to every :func:`simulator.replays.run.replay` of this trace.  Parts of it, and other traces,
    are looked at anew each time, so nothing grows but with the number of different mechanisms.
    """

    def __init__(self, trace: object) -> None:
        self.trace = trace if isinstance(trace, Trace) else None  # what is streamed is not looked at twice
        self._sorted: Trace | None = None
        self._lowered: dict[int, Workload] = {}  # by the identity of the trace, sorted or not
        self._means: dict[int, MeanWorkload] = {}  # by the identity of what it is the mean of
        self._dense: Workload | None = None
        # What was looked at is kept beside what was seen of it: its id is in the key.
        self._seen: dict[Hashable, tuple[Workload, SkippedWorkload]] = {}
        self._typical: _Known | None = None
        self._costs: dict[tuple[int, int, int], _Costed] = {}

    def compiled(self, part: Trace, compiler: Compiler) -> Trace:
        """Return the trace with its channels sorted, as :func:`accel_models.compiled_trace`."""
        if part is not self.trace or not compiler.sort:
            return compiled_trace(part, compiler)
        if self._sorted is None:
            self._sorted = compiled_trace(part, compiler)
        return self._sorted

    def lowered(self, part: Trace) -> Workload:
        """Return what the gates left to do, as :func:`traces.work.lowering.lower`."""
        if part is not self.trace and part is not self._sorted:
            return lower(part)
        if id(part) not in self._lowered:
            self._lowered[id(part)] = lower(part)
        return self._lowered[id(part)]

    def mean(self, workload: Workload) -> MeanWorkload:
        """Return the workload at its mean rates, as :func:`traces.work.mean.mean_workload`."""
        if not self._knows(workload):
            return mean_workload(workload)
        if id(workload) not in self._means:
            self._means[id(workload)] = mean_workload(workload)
        return self._means[id(workload)]

    def dense(self, graph: NetworkGraph) -> Workload:
        """Return the work of the dense network inside the dynamic one."""
        self._dense = PLANS.dense(graph)
        return self._dense

    def outlook(self, work: SkippedWorkload, design: Design, choices: Choices, compiler: Compiler) -> Outlook:
        """Return what a compiler expects of the inputs of a network on a design."""
        graph, rates, known = work.graph, choices.rates, self._typical
        if not rates or not graph.gates:
            return Outlook.gates_open(work)
        if known is None or known.graph is not graph or known[1:3] != (rates, compiler):
            known = self._typical = _Known(graph, rates, compiler, Typical.of(graph, rates, compiler))
        if known.typical is None:
            return Outlook.gates_open(work)
        seen = self.skipped(known.typical.workload, design, Copies(choices.batch), "union")
        return Outlook.of(known.typical, seen, choices.batch)

    def costs(self, work: SkippedWorkload, plan: Placements, design: Design) -> OpCosts | None:
        """Return what a network's ops cost on a design, placed so, if they have been priced lately."""
        found = self._costs.get((id(work), id(plan), id(design)))
        return None if found is None else found.costs

    def keep_costs(self, costs: OpCosts, work: SkippedWorkload, plan: Placements, design: Design) -> None:
        """Remember costs of what comes again."""
        if not any(work is seen for _, seen in self._seen.values()):
            return
        if len(self._costs) >= _MOST_COSTS:
            del self._costs[next(iter(self._costs))]  # priced longest ago
        self._costs[id(work), id(plan), id(design)] = _Costed(work, plan, design, costs)

    def skipped(
        self, workload: Workload, design: Design, groups: Groups | None, compaction: Compaction
    ) -> SkippedWorkload:
        """Return what the design computes and fetches, as :func:`accel_models.work.skipping.skip`."""
        if not self._knows(workload):
            return skip(workload, design, groups, compaction)
        rows = (groups.shape, groups.tobytes()) if isinstance(groups, np.ndarray) else groups
        key = (id(workload), view_key(design), rows, compaction)
        found = self._seen.pop(key, None)
        if found is None:
            found = workload, skip(workload, design, groups, compaction)
            if len(self._seen) == _MOST_SEEN:
                del self._seen[next(iter(self._seen))]  # asked for longest ago
        self._seen[key] = found
        return found[1]

    def _knows(self, workload: Workload) -> bool:
        means = [each.workload for each in self._means.values()]
        typical = self._typical and self._typical.typical
        mine = (self._dense, typical and typical.workload, *self._lowered.values(), *means)
        return any(workload is each for each in mine)


def _plan_key(graph: NetworkGraph, design: Design, told: Choices, policy: Policy) -> Hashable:
    """Return what tells plans apart, graphs and designs by identity."""
    return id(graph), id(design), told.batch, told.frames, policy


@lru_cache(maxsize=_TRACES_KEPT)
def views_of(trace: Trace, inputs: int, content: str) -> Views:
    """Return what replays of the first so many inputs of this very trace found out.

    ``content`` is their hash, lest somebody wrote to its arrays.
    """
    del content  # part of the key alone
    return Views(trace if inputs == len(trace) else trace.rows(0, inputs))
