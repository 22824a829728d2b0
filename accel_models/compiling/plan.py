"""What a compiler decides from dense sizes and a design alone: output stages, where gates run, what stays.

Dense and dynamic network are planned by the same functions, each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accel_models.compiling.deciders import deciding_ops
from accel_models.compiling.places import assign_units, layout_family, place
from accel_models.compiling.rates import fetched_shares
from accel_models.compiling.steps import Compiler, absorb, stage_hosts
from accel_models.cost import FREE, Placement, WorkStates
from accel_models.design.design import AUTO, Design
from accel_models.design.sections import Memory
from accel_models.units.kinds import unit_kind, units_of
from accel_models.units.pricing import CostAsked, price_alike
from accel_models.work.kept_data import whole_ops
from accel_models.work.residency import (
    Choices,
    pinned_weights,
    smaller_sizes,
)
from traces import MAC_KINDS, NetworkGraph


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
    return plan_each([(graph, design)], compiler, Choices(batch=batch))[0]


def plan_each(
    asked: Sequence[tuple[NetworkGraph, Design]], compiler: Compiler, given: Choices
) -> list[Choices]:
    """Return the plan of every graph on its design, as :func:`plan` would.

    ``given`` says how many inputs run together, how many frames share the machine, and the rates of gates.
    """
    known: dict[tuple[int, object], Choices] = {}
    found = []
    units = _gate_units(asked) if compiler.place_gates else [{}] * len(asked)
    for (graph, design), gate_units in zip(asked, units, strict=True):
        key = id(graph), layout_family(design)
        if key not in known:
            known[key] = _laid_out(graph, design, compiler, given)
        found.append(replace(known[key], gate_units=gate_units))
    return found


def _laid_out(graph: NetworkGraph, design: Design, compiler: Compiler, given: Choices) -> Choices:
    """Return all but where gates run."""
    units = dict(zip(graph.index, assign_units(graph, design, Choices()), strict=True))
    hosts = stage_hosts(graph, [name for name, unit in units.items() if unit != FREE]) - graph.gate_ops
    able = {name: unit_kind(units[name]).stages for name in hosts}
    pins = compiler.pin and design.memory
    shares = fetched_shares(graph, given.rates, design.skip, given.batch)
    return replace(
        given,
        taken=absorb(graph, hosts, design.output_stage, compiler, able),
        pinned=pinned_weights(graph, pins, shares, given.frames) if pins else None,
    )


def ways_to_place(graph: NetworkGraph, design: Design, choices: Choices) -> list[tuple[Placement, ...]]:
    """Return what :func:`place` does, and then what it would do in smaller buffers, whose plans are allowed too.

    Where not all tensors stay, as many stay as smaller activation buffers would hold; where not all weights do, as
    many as smaller weight buffers would.  Both leave more room for what comes and goes.
    """
    placed = place(graph, design, choices)
    if (memory := design.memory) is None:
        return [placed]
    crowded = not all(where.output_on_chip for where in placed[:-1])
    keeps = [None, *(smaller_sizes(memory.activation_buffer) if crowded else ())]
    pins = dict.fromkeys((choices.pinned, *_pins_of_smaller_buffers(graph, design, memory, choices)))
    ways = [replace(choices, keep_bytes=keep, pinned=pinned) for pinned in pins for keep in keeps]
    return list(dict.fromkeys(place(graph, design, way) for way in ways))


def _pins_of_smaller_buffers(
    graph: NetworkGraph, design: Design, memory: Memory, choices: Choices
) -> Iterator[frozenset[str]]:
    """Yield the weights that smaller buffers would pin, in the end none; nothing where none are pinned anyway."""
    if not choices.pinned:
        return
    shares = fetched_shares(graph, choices.rates, design.skip, choices.batch)
    for size in smaller_sizes(memory.weight_buffer):
        pinned = pinned_weights(graph, memory, shares, choices.frames, size)
        yield pinned
        if not pinned:
            return


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Gate products that could run on more than one unit, an entry for each unit that each could run on."""

    works: tuple[WorkStates, ...]
    places: tuple[Placement, ...]  # of unit and tensors
    handed_cycles: tuple[
        int, ...
    ]  # that decisions which it waits for, and the one that it makes, take to come over

    @classmethod
    def of(cls, graph: NetworkGraph, design: Design) -> _Candidates:
        """Return those of a graph; none where there is no choice."""
        gates = [op for op in graph.ops if op.name in graph.gate_ops and op.kind in MAC_KINDS]
        if design.gate_unit != AUTO or not gates or len(units_of(design)) < 2:
            return cls((), (), ())
        deciders = deciding_ops(graph, design.skip) if design.handover_cycles else ()
        states = {work.op.name: work for work in whole_ops(gates, design)}
        found: list[tuple[WorkStates, Placement, int]] = []
        for unit in units_of(design):
            able = [op.name for op in gates if unit.takes(op, design)]
            placed = place(graph, design, Choices(gate_units=dict.fromkeys(able, unit.name)))
            for name in able:
                i = graph.index[name]
                handed = design.handover_cycles * _hand_overs(i, placed, deciders)
                found.append((states[name], placed[i], handed))
        return cls(*zip(*found, strict=True))


def _hand_overs(i: int, placed: Sequence[Placement], deciders: Sequence[frozenset[int]]) -> int:
    """Return how often a decision changes units before op i may run, and before what it decides is known.

    None of ``deciders``: nobody asks.
    """
    if not deciders:
        return 0

    def elsewhere(ops: Iterable[int]) -> bool:
        return any(placed[k].unit not in {FREE, placed[i].unit} for k in ops)

    return elsewhere(deciders[i]) + elsewhere(k for k, made in enumerate(deciders) if i in made)


def _gate_units(asked: Sequence[tuple[NetworkGraph, Design]]) -> list[Mapping[str, str]]:
    """Return each gate product's cheaper kind of unit, by itself, hand-overs counted; of equals the first."""
    known: dict[tuple[int, object], _Candidates] = {}
    for graph, design in asked:
        key = id(graph), layout_family(design)
        if key not in known:
            known[key] = _Candidates.of(graph, design)
    choices = [(k, known[id(graph), layout_family(design)]) for k, (graph, design) in enumerate(asked)]
    tries = [
        (k, CostAsked(work, where, asked[k][1]), handed)
        for k, each in choices
        for work, where, handed in zip(each.works, each.places, each.handed_cycles, strict=True)
    ]
    best: list[dict[str, tuple[float, str]]] = [{} for _ in asked]
    if not tries:
        return [{} for _ in asked]
    costs = price_alike([each for _, each, _ in tries]).each()
    whole = costs.joint.alone_cycles[costs.ends - 1].tolist()
    for (k, each, handed), taken, misfit in zip(tries, whole, costs.misfits, strict=True):
        cycles = float(taken + handed) if misfit is None else np.inf
        if cycles < best[k].get(each.work.op.name, (np.inf, ""))[0]:
            best[k][each.work.op.name] = cycles, each.placement.unit
    return [{name: unit for name, (_, unit) in found.items()} for found in best]
