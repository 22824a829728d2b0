"""The plan of a network on a design: what stays on chip, what tiles are chosen for, which layers are fused.

Plans are held against each other by what they are worth for what is expected of the inputs
(:mod:`simulator.replays.outlook`): the shortest schedule wins, of equals the cheapest, then the one that keeps most on
chip; with ``mapping: energy`` the cheapest, of equals the shortest.

Candidates are the compiler's own placements and, where activations or weights do not all fit, those that keep as many
as smaller buffers would, so that what comes and goes has more room (:func:`accel_models.ways_to_place`): so a larger
buffer can do what a smaller one does.  Each has tiles chosen in context (:mod:`simulator.replays.tile_aims`), and each
is tried with layers fused depth-first: which chains can be, and how, :mod:`accel_models.compiling.depth_first` says; of
those groups the ones with the least weights are tried together, more and more of them.

Choice: inside of a group ops stand in the schedule one after the other, the first behind all weights of the group.
What transfers of the group's input and output could overlap beyond that is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

import numpy as np

from accel_models import Choices, Design, Group, deciding_ops, fused, price_alike, stay_on_chip, ways_to_fuse
from simulator.policy import Policy
from simulator.replays.outlook import Outlook, Placements
from simulator.replays.tile_aims import Aiming, aim_tiles
from simulator.replays.views import SCHEDULES
from traces import NetworkGraph

_TRIES = 4  # Choice: sets of groups to try, evenly spread from one group to all


@dataclass(frozen=True, slots=True, eq=False)
class Planning:
    """A network on a design whose plan is asked for."""

    outlook: Outlook
    ways: Sequence[Placements]  # to place its ops, the compiler's own first
    design: Design
    choices: Choices


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A plan to choose from."""

    asked: int
    placements: Placements
    fused: bool = False


def best_plans(asked: Sequence[Planning], policy: Policy) -> list[Placements]:
    """Return the best plan of each network on its design.

    Parameters
    ----------
    asked
        Networks on designs.
    policy
        Which steps are taken.
    """
    plain = [_Candidate(k, way) for k, each in enumerate(asked) for way in each.ways]
    if policy.tile:
        plain = _aimed(plain, asked)
    banded = _fused(plain, asked) if policy.depth_first else []
    if policy.tile:
        banded = _aimed(banded, asked)
    return _chosen([*plain, *banded], asked)


def _fused(plain: Sequence[_Candidate], asked: Sequence[Planning]) -> list[_Candidate]:
    """Return the plans with layers fused."""
    found = []
    for each in plain:
        if stay_on_chip(each.placements):
            continue
        of = asked[each.asked]
        ways = _fused_ways(of.outlook.graph, of.design, of.choices, each.placements)
        found += [_Candidate(each.asked, way, fused=True) for way in ways]
    return found


def _fused_ways(
    graph: NetworkGraph, design: Design, choices: Choices, placements: Placements
) -> list[Placements]:
    """Return placements with more and more groups fused, in each way, those with the least weights first."""
    deciding = deciding_ops(graph, design.skip)

    def weights(group: Group) -> int:
        return sum(graph.op(name).weight_count for name in group.ops)

    tried: dict[Sequence[Group], None] = {}
    for groups in ways_to_fuse(graph, design, choices, placements, deciding):
        rising = sorted(groups, key=weights)
        counts = {round(k) for k in np.linspace(1, len(rising), _TRIES)}
        tried.update(dict.fromkeys(tuple(rising[:count]) for count in sorted(counts)))
    return [fused(graph, design, choices, placements, groups) for groups in tried]


def _banded(placements: Placements) -> list[int]:
    """Return the ops that run band by band: what other ops' tiles are chosen for stays."""
    return [i for i, where in enumerate(placements) if where.bands is not None]


def _aimed(candidates: Sequence[_Candidate], asked: Sequence[Planning]) -> list[_Candidate]:
    """Return the candidates with their tiles chosen in context; of fused ones, those of what is fused."""
    aiming = [
        Aiming(
            asked[each.asked].outlook,
            each.placements,
            asked[each.asked].design,
            _banded(each.placements) if each.fused else None,
        )
        for each in candidates
    ]
    found = aim_tiles(aiming)
    return [replace(each, placements=places) for each, places in zip(candidates, found, strict=True)]


def _chosen(candidates: Sequence[_Candidate], asked: Sequence[Planning]) -> list[Placements]:
    """Return the best candidate of each network; where there is but one, nothing is priced."""
    found = [each.ways[0] for each in asked]
    several = [0] * len(asked)
    for each in candidates:
        several[each.asked] += 1
    open_ = [k for k, each in enumerate(candidates) if several[each.asked] > 1]
    worths = dict(zip(open_, _worths([candidates[k] for k in open_], asked), strict=True))
    best: dict[int, tuple[float, float]] = {}
    for k, each in enumerate(candidates):
        if several[each.asked] == 1:
            found[each.asked] = each.placements
            continue
        key = worths[k][::-1] if asked[each.asked].design.mapping == "energy" else worths[k]
        if each.asked not in best or key < best[each.asked]:
            best[each.asked] = key
            found[each.asked] = each.placements
    return found


def _worths(candidates: Sequence[_Candidate], asked: Sequence[Planning]) -> list[tuple[float, float]]:
    """Return what each candidate is worth: expected cycles and energy [pJ]."""
    if not candidates:
        return []
    costed = [
        asked[each.asked].outlook.asked(each.placements, asked[each.asked].design) for each in candidates
    ]
    priced, places = price_alike(list(chain(*costed))), count()
    found = []
    for each in candidates:
        outlook, design = asked[each.asked].outlook, asked[each.asked].design
        own = outlook.gathered(priced, places)
        schedule = SCHEDULES.of(outlook.graph, each.placements, own, design)
        found.append(outlook.worth(schedule, own, design))
    return found
