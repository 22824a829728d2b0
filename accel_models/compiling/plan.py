"""What a compiler decides before ops are placed: what output stages take over, where gates run, what stays.

Dense and dynamic network are planned by the same function, each by itself, from dense sizes and a design alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from accel_models.compiling.absorbing import absorb, stage_hosts
from accel_models.compiling.compiler import Compiler
from accel_models.cost import FREE
from accel_models.design.design import AUTO, Design
from accel_models.design.sections import Memory
from accel_models.units.kinds import units_of
from accel_models.units.pricing import price_all
from accel_models.work.placement import place, unit_of
from accel_models.work.residency import Choices, weight_bytes
from accel_models.work.skipping import whole_op
from traces import MAC_KINDS, NetworkGraph

_GRAIN = 64  # bytes that the knapsack counts as one; Choice: an SRAM line of a shipped design or two


def plan(graph: NetworkGraph, design: Design, compiler: Compiler, batch: int = 1) -> Choices:
    """Return what the compiler decides for a graph on a design.

    Parameters
    ----------
    graph
        The network as it runs, gates and all; the static network is a graph of its own.
    design
        Its output stage, units and buffers.
    compiler
        Which steps are taken.
    batch
        Inputs whose activations are held at once.
    """
    units = {op.name: unit_of(op, graph, design) for op in graph.ops}
    hosts = stage_hosts(graph, [name for name, unit in units.items() if unit != FREE])
    return Choices(
        taken=absorb(graph, hosts - graph.gate_ops, design.output_stage, compiler),
        gate_units=_gate_units(graph, design) if compiler.place_gates else {},
        pinned=_pinned(graph, design.memory) if compiler.pin and design.memory else None,
        batch=batch,
    )


def _gate_units(graph: NetworkGraph, design: Design) -> Mapping[str, str]:
    """Return each gate product's cheaper kind of unit, alone on the machine; of equals the first."""
    gates = [op for op in graph.ops if op.name in graph.gate_ops and op.kind in MAC_KINDS]
    kinds = [unit.name for unit in units_of(design)]
    if design.gate_unit != AUTO or not gates or len(kinds) < 2:
        return {}
    states = [whole_op(op, design) for op in gates]
    best = dict.fromkeys([op.name for op in gates], (np.inf, ""))
    for unit in units_of(design):
        able = [state for state in states if unit.takes(state.op, design)]
        placed = place(graph, design, Choices(gate_units={state.op.name: unit.name for state in able}))
        costs = price_all(able, [placed[graph.index[state.op.name]] for state in able], design)
        for state, cost in zip(able, costs, strict=True):
            cycles = float(cost.alone_cycles[-1]) if cost.misfit is None else np.inf
            if cycles < best[state.op.name][0]:
                best[state.op.name] = (cycles, unit.name)
    return {name: unit for name, (_, unit) in best.items() if unit}


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
