"""Layers fused depth-first: as many groups as the schedule of the whole network is better off with.

Which chains can be fused, and how, :mod:`accel_models.compiling.depth_first` says.  Of those groups the ones with the
least weights are tried together, more and more of them, each time with tiles of their own; with all gates open the
best is taken that is neither slower nor dearer than the plan without.  So fusing can only help the network as a
whole, dense or with its gates.

Choice: inside of a group ops stand in the schedule one after the other, the first behind all weights of the group.
What transfers of the group's input and output could overlap beyond that is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from accel_models import (
    Choices,
    Cost,
    CostAsked,
    Design,
    Group,
    Placement,
    SkippedWorkload,
    depth_first_groups,
    fused,
    price_alike,
    rows_of,
    static_pj,
)
from simulator.engines.fast import simulate
from simulator.policy import Policy, deciding_ops
from simulator.replays.tile_aims import Aiming, aim_tiles
from simulator.schedules.durations import Latencies, durations
from simulator.schedules.shared import Schedules

_TRIES = 4  # Choice: sets of groups to try, evenly spread from one group to all

Placements = tuple[Placement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A network whose ops are placed one after the other."""

    work: SkippedWorkload  # of each op the last state, nothing skipped, is looked at
    placements: Placements
    choices: Choices
    design: Design


def fuse_each(asked: Sequence[Planned], policy: Policy, schedules: Schedules) -> list[Placements]:
    """Return each network's placements, with the groups fused that it is better off with.

    Parameters
    ----------
    asked
        Networks on designs.
    policy
        Whether tiles are chosen together.
    schedules
        Of designs that place alike.
    """
    known: dict[tuple[int, int, int], Placements] = {}
    found = []
    for each in asked:
        key = id(each.work), id(each.placements), id(each.design)
        if key not in known:
            known[key] = _fused_best(each, policy, schedules)
        found.append(known[key])
    return found


def _fused_best(each: Planned, policy: Policy, schedules: Schedules) -> Placements:
    ways = _ways(each)
    if not ways:
        return each.placements
    if policy.tile:
        ways = aim_tiles([Aiming(each.work, [way], each.design, _members(way)) for way in ways], schedules)
    by_energy = each.design.mapping == "energy"
    best = each.placements
    base, *taken = _taken_each(each, [best, *ways], schedules)
    least = base
    for way, took in zip(ways, taken, strict=True):
        better = took[::-1] < least[::-1] if by_energy else took < least
        if better and took[0] <= base[0] and took[1] <= base[1]:
            best, least = way, took
    return best


def _members(placements: Placements) -> list[int]:
    """Return the ops that run band by band: what other ops' tiles are chosen for stays."""
    return [i for i, where in enumerate(placements) if where.bands is not None]


def _ways(each: Planned) -> list[Placements]:
    """Return placements with more and more groups fused, those with the least weights first."""
    graph = each.work.graph
    deciding = deciding_ops(graph, each.design.skip)
    groups = depth_first_groups(graph, each.design, each.choices, each.placements, deciding)

    def weights(group: Group) -> int:
        return sum(graph.op(name).weight_count for name in group.ops)

    rising = sorted(groups, key=weights)
    counts = sorted({round(k) for k in np.linspace(1, len(rising), _TRIES)} if rising else ())
    return [fused(graph, each.design, each.choices, each.placements, rising[:count]) for count in counts]


def _taken_each(each: Planned, ways: Sequence[Placements], schedules: Schedules) -> list[tuple[float, float]]:
    """Return cycles and energy [pJ] of each way with all gates open; without end where it does not fit."""
    dense = [rows_of(states, np.array([-1])) for states in each.work.states]
    asked = [
        CostAsked(work, where, each.design) for way in ways for work, where in zip(dense, way, strict=True)
    ]
    costs = iter(price_alike(asked))
    return [_taken(each, way, list(islice(costs, len(dense))), schedules) for way in ways]


def _taken(
    each: Planned, placements: Placements, costs: Sequence[Cost], schedules: Schedules
) -> tuple[float, float]:
    if not all(cost.feasible.all() for cost in costs):
        return np.inf, np.inf
    schedule = schedules.of(each.work.graph, placements, costs, each.design)
    tables = durations(schedule, costs, Policy(prefetch="wait"), np.ones(len(costs)), Latencies())
    times = simulate(tables, np.zeros((1, len(costs)), np.uint16))
    moving = sum(float(np.asarray(cost.energy.total_pj)[0]) for cost in costs)
    static = static_pj(each.design, schedule.units, times.latency, times.busy)
    return float(times.latency[0]), moving + float(static[0])
