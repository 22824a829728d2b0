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

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from accel_models import (
    TILE_AIMS,
    Choices,
    Cost,
    Design,
    Placement,
    SkippedWorkload,
    WorkStates,
    chooses_tiles,
    joined,
    place,
    price_all,
    rows_of,
)
from simulator.engines.fast import simulate
from simulator.policy import Policy
from simulator.schedules.durations import Durations, Latencies, durations
from simulator.schedules.schedule import build_schedule
from traces import NetworkGraph, Op

Aims = NDArray[np.uint16]  # (ops,), index into TILE_AIMS
ROUNDS = 3  # Choice: of step 2; on the shipped networks a third changes nothing

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


def aim_tiles(
    work: SkippedWorkload, ways: Sequence[tuple[Placement, ...]], design: Design
) -> tuple[Placement, ...]:
    """Return the placements of the shortest schedule, with what each op's tiles are chosen for.

    Parameters
    ----------
    work
        The network; of each op the last state, nothing skipped, is looked at.
    ways
        To place its ops; the first of equals wins.
    design
        The accelerator.
    """
    best, least = ways[0], np.inf
    for placements in ways:
        found, latency = _aimed(work, placements, design)
        if latency < least:
            best, least = found, latency
    return best


def _aimed(
    work: SkippedWorkload, placements: tuple[Placement, ...], design: Design
) -> tuple[tuple[Placement, ...], float]:
    """Return the placements with aims, and the latency of their schedule [cycles]; infinity if none was looked for."""
    free = [i for i, place in enumerate(placements) if chooses_tiles(place.unit)]
    if not free or design.memory is None or design.mapping == "energy":
        return placements, np.inf
    dense = [rows_of(states, slice(-1, None)) for states in work.states]
    costs = _by_aim(dense, placements, free, design)
    if not all(cost.feasible.all() for cost in costs):
        return placements, np.inf  # something does not fit, whatever its tiles are chosen for
    schedule = build_schedule(work.graph, placements, costs, design)
    tables = durations(schedule, costs, Policy(prefetch="wait"), np.ones(len(costs)), Latencies())
    aims, latency = _search(tables, _changes(costs, free), len(costs))
    aimed = (replace(place, tile_aim=TILE_AIMS[aim]) for place, aim in zip(placements, aims, strict=True))
    return tuple(aimed), latency


def _by_aim(
    dense: Sequence[WorkStates], placements: Sequence[Placement], free: Sequence[int], design: Design
) -> list[Cost]:
    """Return each op's cost, a row per aim; one row where there is no choice."""
    chosen = set(free)
    asked = [(i, aim) for i in range(len(dense)) for aim in (TILE_AIMS if i in chosen else TILE_AIMS[:1])]
    works = [dense[i] for i, _ in asked]
    found = price_alike(works, [replace(placements[i], tile_aim=aim) for i, aim in asked], design)
    rows: list[list[Cost]] = [[] for _ in dense]
    for (i, _), cost in zip(asked, found, strict=True):
        rows[i].append(cost)
    return [replace(joined(costs), energy=joined([cost.energy for cost in costs])) for costs in rows]


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


def _search(tables: Durations, changes: Sequence[tuple[int, int]], ops: int) -> tuple[Aims, int]:
    """Return the aims of the shortest schedule found, and its latency [cycles]."""
    several = sorted({i for i, aim in changes if aim})
    uniform = np.zeros((len(TILE_AIMS), ops), np.uint16)
    uniform[:, several] = np.arange(len(TILE_AIMS))[:, None]
    aims, best = _shortest(tables, uniform)
    for _ in range(ROUNDS):
        tried = [(i, aim) for i, aim in changes if i in several and aims[i] != aim]
        if not tried:
            break
        alone = np.tile(aims, (len(tried), 1))
        alone[range(len(tried)), [i for i, _ in tried]] = [aim for _, aim in tried]
        took = simulate(tables, alone).latency
        order = [tried[k] for k in np.argsort(took, kind="stable") if took[k] < best]
        if not order:
            break
        steps = np.tile(aims, (len(order), 1))
        for k, (i, aim) in enumerate(order):
            steps[k:, i] = aim
        found, took_best = _shortest(tables, steps)
        if took_best >= best:
            break
        aims, best = found, took_best
    return aims, best


def _shortest(tables: Durations, aims: Aims) -> tuple[Aims, int]:
    """Return the row whose schedule is shortest, the first of equals, and its latency [cycles]."""
    latency = simulate(tables, aims).latency
    row = int(latency.argmin())
    return aims[row], int(latency[row])


def price_alike(
    states: Sequence[WorkStates], placements: Sequence[Placement], design: Design
) -> tuple[Cost, ...]:
    """Price every op, equal work on equal terms once: deep networks repeat their blocks."""
    keys = [
        (_shape_of(work.op), placement, *(array.tobytes() for array in _arrays(work)))
        for work, placement in zip(states, placements, strict=True)
    ]
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    chosen = list(first.values())
    costs = price_all([states[i] for i in chosen], [placements[i] for i in chosen], design)
    known = dict(zip(first, costs, strict=True))
    return tuple(known[key] for key in keys)


def _shape_of(op: Op) -> tuple[object, ...]:
    """Return what of an op decides its cost: all but names."""
    return (len(op.inputs), *(value for name, value in op if name not in {"name", "inputs"}))


def _arrays(work: WorkStates) -> list[NDArray[np.generic]]:
    return [getattr(work, field.name) for field in fields(work) if field.name != "op"]
