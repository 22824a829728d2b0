"""From a workload to what an engine needs: skip, place, price, schedule, in this order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accel_models import (
    Bus,
    Copies,
    Cost,
    Design,
    Groups,
    Misfit,
    Placement,
    SkippedWorkload,
    place,
    plan,
    skip,
)
from simulator.policy import Policy
from simulator.replays.tile_aims import aim_tiles, price_alike, ways_to_keep
from simulator.replays.views import Views
from simulator.schedules.durations import Durations, Latencies, durations
from simulator.schedules.schedule import Schedule, build_schedule
from traces import Bools, Floats, Ints, NetworkGraph, UnsupportedError, Workload, dynamic_ops


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inputs (or batches) priced and scheduled on one design, ready for an engine."""

    design: Design
    policy: Policy
    work: SkippedWorkload
    placements: tuple[Placement, ...]
    costs: tuple[Cost, ...]  # per op; the last state is the dense one
    schedule: Schedule
    tables: Durations
    sizes: Ints  # (rows,), inputs that each row of the workload stands for

    @property
    def graph(self) -> NetworkGraph:
        """The network."""
        return self.work.graph

    @cached_property
    def dynamic(self) -> Bools:
        """Which ops only the dynamic network needs, shape (ops,)."""
        names = dynamic_ops(self.graph)
        return np.array([op.name in names for op in self.graph.ops], np.bool_)

    @cached_property
    def misfit(self) -> Misfit | None:
        """Why the network does not fit the design; ``None`` if it does."""
        return next((cost.misfit for cost in self.costs if cost.misfit is not None), None)


def prepare(  # noqa: PLR0913, PLR0917  # one argument per thing that decides a replay
    workload: Workload,
    design: Design,
    policy: Policy,
    rates: Floats | None = None,
    groups: Groups | None = None,
    views: Views | None = None,
) -> Prepared:
    """Return the workload ready for an engine.

    Parameters
    ----------
    workload
        What is left to do for ``n`` inputs.
    design, policy
        Hardware and how decisions meet it.
    rates
        Recorded execution rate of each op for ``predict``, shape (ops,); the workload's own if left out.
    groups
        Inputs that run together; every input alone if left out.
    views
        What other designs found out about this trace.
    """
    _check_supported(policy, design)
    see = skip if views is None else views.skipped
    work = see(workload, design, groups, policy.compaction)
    choices = plan(work.graph, design, policy.compiler, policy.batch)
    placements = place(work.graph, design, choices)
    known = workload.rate if rates is None else rates
    if policy.tile:
        ways = ways_to_keep(work.graph, design, choices, placements)
        placements = aim_tiles(work, ways, design)
    costs = price_alike(work.states, placements, design)
    schedule = build_schedule(work.graph, placements, costs, design)
    return Prepared(
        design=design,
        policy=policy,
        work=work,
        placements=placements,
        costs=costs,
        schedule=schedule,
        tables=durations(schedule, costs, policy, known, _latencies(design)),
        sizes=_sizes(len(work), groups),
    )


def _sizes(rows: int, groups: Groups | None) -> Ints:
    """Return the inputs that each row stands for."""
    if groups is None or isinstance(groups, Copies):
        return np.full(rows, 1 if groups is None else groups.batch, np.int64)
    return np.asarray((groups >= 0).sum(axis=1), np.int64)


def _check_supported(policy: Policy, design: Design) -> None:
    """Refuse what the design's hardware cannot do; to speculate without a DRAM is merely idle."""
    skip = design.skip
    if policy.compaction == "per_input" and skip.some_channels and not skip.packs:
        raise UnsupportedError(
            f"policy.compaction = 'per_input': design {design.name!r} has skip.channels = {skip.channels!r}, which "
            f"cannot give the inputs of a batch channels of their own; use 'union'"
        )


def _latencies(design: Design) -> Latencies:
    memory = design.memory
    cut = 1 if memory is None else math.ceil(Bus(memory.dram, design.clock).burst_cycles)
    return Latencies(cut_cycles=cut, handover_cycles=math.ceil(design.gate_handover * design.clock))
