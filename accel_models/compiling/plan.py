"""What a compiler decides before ops are placed: what output stages take over, where gates run, what stays.

Dense and dynamic network are planned by the same function, each by itself, from dense sizes and a design alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accel_models.compiling.steps import Compiler, absorb, stage_hosts
from accel_models.cost import FREE, Placement, WorkStates
from accel_models.design.design import AUTO, Design
from accel_models.design.sections import Memory
from accel_models.units.kinds import unit_kind, units_of
from accel_models.units.pricing import CostAsked, price_alike
from accel_models.work.kept_data import whole_op
from accel_models.work.placement import assign_units, layout_family, place
from accel_models.work.residency import Choices, weight_bytes
from traces import MAC_KINDS, NetworkGraph

_GRAIN = 64  # bytes that the knapsack counts as one; Choice: an SRAM line of a shipped design or two


def plan(graph: NetworkGraph, design: Design, compiler: Compiler, batch: int = 1) -> Choices:
    """Return what the compiler decides for a graph on a design.

    Parameters
    ----------
    graph
        The network as it runs, gates and all; the dense network is a graph of its own.
    design
        Its output stage, units and buffers.
    compiler
        Which steps are taken.
    batch
        Inputs whose activations are held at once.
    """
    return plan_each([(graph, design)], compiler, batch)[0]


def plan_each(
    asked: Sequence[tuple[NetworkGraph, Design]], compiler: Compiler, batch: int = 1
) -> list[Choices]:
    """Return the plan of every graph on its design, as :func:`plan` would."""
    known: dict[tuple[int, object], Choices] = {}
    found = []
    units = _gate_units(asked) if compiler.place_gates else [{}] * len(asked)
    for (graph, design), gate_units in zip(asked, units, strict=True):
        key = id(graph), layout_family(design)
        if key not in known:
            known[key] = _laid_out(graph, design, compiler, batch)
        found.append(replace(known[key], gate_units=gate_units))
    return found


def _laid_out(graph: NetworkGraph, design: Design, compiler: Compiler, batch: int) -> Choices:
    """Return all but where gates run."""
    units = dict(zip(graph.index, assign_units(graph, design, Choices()), strict=True))
    hosts = stage_hosts(graph, [name for name, unit in units.items() if unit != FREE]) - graph.gate_ops
    able = {name: unit_kind(units[name]).stages for name in hosts}
    return Choices(
        taken=absorb(graph, hosts, design.output_stage, compiler, able),
        pinned=_pinned(graph, design.memory) if compiler.pin and design.memory else None,
        batch=batch,
    )


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Gate products that could run on more than one unit: per unit what runs there, and where its tensors lie."""

    units: tuple[tuple[str, tuple[WorkStates, ...], tuple[Placement, ...]], ...]

    @classmethod
    def of(cls, graph: NetworkGraph, design: Design) -> _Candidates:
        """Return those of a graph; none where there is no choice."""
        gates = [op for op in graph.ops if op.name in graph.gate_ops and op.kind in MAC_KINDS]
        if design.gate_unit != AUTO or not gates or len(units_of(design)) < 2:
            return cls(())
        states = {op.name: whole_op(op, design) for op in gates}
        found = []
        for unit in units_of(design):
            able = [op.name for op in gates if unit.takes(op, design)]
            placed = place(graph, design, Choices(gate_units=dict.fromkeys(able, unit.name)))
            there = tuple(placed[graph.index[name]] for name in able)
            found.append((unit.name, tuple(states[name] for name in able), there))
        return cls(tuple(found))


def _gate_units(asked: Sequence[tuple[NetworkGraph, Design]]) -> list[Mapping[str, str]]:
    """Return each gate product's cheaper kind of unit, alone on the machine; of equals the first."""
    known: dict[tuple[int, object], _Candidates] = {}
    for graph, design in asked:
        key = id(graph), layout_family(design)
        if key not in known:
            known[key] = _Candidates.of(graph, design)
    tries = [
        (k, CostAsked(work, where, design))
        for k, (graph, design) in enumerate(asked)
        for _, works, places in known[id(graph), layout_family(design)].units
        for work, where in zip(works, places, strict=True)
    ]
    best: list[dict[str, tuple[float, str]]] = [{} for _ in asked]
    for (k, each), cost in zip(tries, price_alike([each for _, each in tries]), strict=True):
        cycles = float(cost.alone_cycles[-1]) if cost.misfit is None else np.inf
        if cycles < best[k].get(each.work.op.name, (np.inf, ""))[0]:
            best[k][each.work.op.name] = cycles, each.placement.unit
    return [{name: unit for name, (_, unit) in found.items()} for found in best]


def _pinned(graph: NetworkGraph, memory: Memory) -> frozenset[str]:
    """Return the ops whose weights stay: most bytes kept, beside room for any two others that come and go.

    Choice: what is left holds the largest two ops that are not pinned at once, so that one can be fetched
    while another computes, as without pinning.
    """
    sizes = {op.name: weight_bytes(op, memory) for op in graph.ops if op.weight_count}
    buffer = 0 if memory.shared_buffer else memory.weight_buffer
    if sum(sizes.values()) <= buffer:
        return frozenset()  # all fit: nothing is fetched twice anyway
    coming = sorted(sizes.values())[-2:]
    names = [name for name, size in sizes.items() if size <= buffer - sum(coming)]
    return frozenset(names[i] for i in fill([sizes[name] for name in names], buffer - sum(coming)))


def fill(sizes: Sequence[int], room: int) -> list[int]:
    """Return the items whose sizes sum to the most that fits the room [B], to a grain of 64 bytes.

    The 0/1 knapsack with values equal to sizes (subset sum), by dynamic programming.
    """
    grains = [-(-size // _GRAIN) for size in sizes]
    bound = max(room // _GRAIN, 0)
    last = np.full(bound + 1, -1, np.int64)  # per filling, the item added last; -2: reached by nothing
    last[1:] = -2
    for i, grain in enumerate(grains):
        if 0 < grain <= bound:
            reached = last[:-grain] != -2  # the mark
            new = np.zeros(bound + 1, np.bool_)
            new[grain:] = reached & (last[grain:] == -2)
            last[new] = i
    at = int(np.flatnonzero(last != -2).max())
    chosen = []
    while at > 0:
        chosen.append(int(last[at]))
        at -= grains[chosen[-1]]
    return sorted(chosen)
