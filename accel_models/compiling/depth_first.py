"""Which layers can be fused depth-first on a design, and into how many bands (:mod:`accel_models.work.depth_first`).

A chain is fused where what lies between its ops would go to DRAM and back, and

- only the next op reads it, row by row: a convolution, a pool over windows, a function of elements;
- no decision about an op of the chain needs the result of another: a gate that pools a tensor needs all of it
  before its reader may begin, so what such a gate guards is never fused with what it reads;
- no gate leaves out tiles or rows of it: what remains is no band;
- its weights find room in the weight buffer together, and its bands in the activation buffer beside what stays there
  and the tiles of what streams in.

Ops that an output stage took over go with their host.  Groups are taken in program order, three ops before two, with
as few bands, 2, 4, 8 ..., as fit (Choice); and again two at a time, for longer groups need not be better.  Which of
them a network is better off with, its schedule says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from accel_models.compiling.places import free_views, weight_space_bytes
from accel_models.cost import FREE, Bands, Placement
from accel_models.design.design import Design
from accel_models.design.sections import Memory
from accel_models.units.kinds import unit_kind, units_of
from accel_models.work.depth_first import Group, band_bytes, band_count, band_rows
from accel_models.work.residency import (
    Choices,
    Tensors,
    beside_other_frames,
    held_while,
    weight_bytes,
)
from traces import NetworkGraph, Op

MOST_OPS = 3  # of a group; Choice: a residual block has two or three on its way
_BY_ROWS = frozenset({"conv", "max_pool", "avg_pool", "activation"})


def ways_to_fuse(
    graph: NetworkGraph,
    design: Design,
    choices: Choices,
    placements: Sequence[Placement],
    deciding: Sequence[Collection[int]],
) -> list[tuple[Group, ...]]:
    """Return the chains that can be fused, in program order: as long as they fit, then shorter.

    Parameters
    ----------
    graph, design, choices
        What is compiled, for what, and what was decided before.
    placements
        Of every op, nothing fused: tensors that stay on chip whole gain nothing.
    deciding
        Per op the places of the ops whose results decide whether and how wide it runs.
    """
    if design.memory is None or not all(unit.keeps_tensors for unit in units_of(design)):
        return []
    chains = _Chains.of(graph, design, choices, placements, deciding)
    ways = [chains.groups(most) for most in range(MOST_OPS, 1, -1)]
    return [way for way in dict.fromkeys(ways) if way]


def fused(
    graph: NetworkGraph,
    design: Design,
    choices: Choices,
    placements: Sequence[Placement],
    groups: Sequence[Group],
) -> tuple[Placement, ...]:
    """Return the placements with groups that run band by band: a group's bands and weights are held all along."""
    memory = design.section(Memory)
    tensors = Tensors.of(graph, memory, choices, free_views(graph, [where.unit for where in placements]))
    kept = _kept(graph, placements)
    found = list(placements)
    for group in groups:
        ops, places = [graph.op(name) for name in group.ops], [graph.index[name] for name in group.ops]
        rows = band_rows(ops, group.bands, memory.halo_kept)
        held = held_while(kept, tensors, places[0], places[-1])
        held += choices.frames * band_bytes(ops, rows, memory)
        reserved = beside_other_frames(held, memory.activation_buffer, choices.frames)
        weights = [
            0 if placements[i].weights_resident else weight_bytes(graph.ops[i], memory) for i in places
        ]
        for i, size, row in zip(places, weights, rows, strict=True):
            found[i] = replace(
                placements[i],
                inputs_on_chip=placements[i].inputs_on_chip or i > places[0],
                output_on_chip=placements[i].output_on_chip or i < places[-1],
                inputs_behind=placements[i].inputs_behind and i == places[0],
                output_behind=placements[i].output_behind and i == places[-1],
                reserved_bytes=reserved,
                pinned_bytes=placements[i].pinned_bytes + (sum(weights) - size if size else 0),
                bands=Bands(
                    count=group.bands, rows=row.computed, ops_before=i - places[0], ops_behind=places[-1] - i
                ),
            )
    return tuple(found)


def _kept(graph: NetworkGraph, placements: Sequence[Placement]) -> frozenset[str]:
    return frozenset(op.name for op, where in zip(graph.ops, placements, strict=True) if where.output_on_chip)


@dataclass(frozen=True, slots=True, eq=False)
class _Chains:
    """What decides which ops may follow each other band by band."""

    graph: NetworkGraph
    design: Design
    memory: Memory
    placements: Sequence[Placement]
    tensors: Tensors
    kept: frozenset[str]  # tensors that stay on chip whole
    readers: Mapping[
        str, frozenset[str]
    ]  # of a written tensor, ops that read it, also for what they took over
    needs: Mapping[str, int]  # per op, the last place of an op whose result it needs beside its operand

    @classmethod
    def of(
        cls,
        graph: NetworkGraph,
        design: Design,
        choices: Choices,
        placements: Sequence[Placement],
        deciding: Sequence[Collection[int]],
    ) -> _Chains:
        """Look at a compiled graph."""
        memory = design.section(Memory)
        tensors = Tensors.of(graph, memory, choices, free_views(graph, [where.unit for where in placements]))
        hosts = {
            op.name: choices.taken[op.name].host if op.name in choices.taken else op.name for op in graph.ops
        }
        readers: dict[str, set[str]] = {op.name: set() for op in graph.ops}
        needs = {op.name: -1 for op in graph.ops}
        for op, made in zip(graph.ops, deciding, strict=True):
            host = hosts[op.name]
            read = [
                name for name in op.inputs if name in hosts and hosts[tensors.roots.get(name, name)] != host
            ]
            beside = [graph.index[hosts[name]] for name in read if host != op.name]
            needs[host] = max(needs[host], *made, *beside, -1)
            for name in read if op.name not in tensors.roots else ():
                readers[tensors.final.get(name, name)].add(host)
        whole = {name: frozenset(names) for name, names in readers.items()}
        return cls(graph, design, memory, placements, tensors, _kept(graph, placements), whole, needs)

    def groups(self, most: int) -> tuple[Group, ...]:
        """Return groups of at most so many ops in program order."""
        found: list[Group] = []
        fused: set[str] = set()
        for op in self.graph.ops:
            if op.name not in fused and (group := self._group_from(op, most)) is not None:
                found.append(group)
                fused.update(group.ops)
        return tuple(found)

    def _group_from(self, first: Op, most: int) -> Group | None:
        """Return the group that begins with this op: the longest that fits, if one does."""
        chain = [first] if self._able(first) else []
        while chain and len(chain) < most and (following := self._next(chain)) is not None:
            chain.append(following)
        while len(chain) > 1:
            if (bands := self._bands(chain)) is not None:
                names = tuple(op.name for op in chain)
                return Group(names, bands)
            chain.pop()
        return None

    def _able(self, op: Op) -> bool:
        """Whether the op can run band by band at all."""
        unit = self.placements[self.graph.index[op.name]].unit
        partial = any(gate.rules.decides in {"tiles", "rows"} for gate in self.graph.guards_of(op.name))
        return (
            op.kind in _BY_ROWS
            and unit != FREE
            and unit_kind(unit).runs_bands(self.design)
            and not (partial and (self.design.skip.spatial or self.design.skip.rows))
            and self._written(op).output_elements == op.output_elements
        )

    def _next(self, chain: Sequence[Op]) -> Op | None:
        """Return the op that may go on with the chain."""
        before, graph = chain[-1], self.graph
        written, at = self._written(before), graph.index[before.name]
        readers = self.readers[written.name]
        if written.name in self.kept or len(readers) != 1:
            return None
        op = graph.op(next(iter(readers)))
        between = self.placements[at + 1 : graph.index[op.name]]
        follows = len(op.inputs) == 1 and self.tensors.final.get(op.inputs[0], op.inputs[0]) == written.name
        early = self.needs[op.name] < graph.index[chain[0].name]
        alone = all(where.unit == FREE for where in between)
        return op if follows and early and alone and self._able(op) else None

    def _written(self, op: Op) -> Op:
        """Return the op under whose name the op's results are written in the end."""
        return self.graph.op(self.tensors.final.get(op.name, op.name))

    def _bands(self, chain: Sequence[Op]) -> int | None:
        """Return the fewest bands that fit; ``None`` if none do."""
        memory = self.memory
        places = [self.graph.index[op.name] for op in chain]
        fetched = [op for op, i in zip(chain, places, strict=True) if not self.placements[i].weights_resident]
        weights = sum(weight_bytes(op, memory) for op in fetched)
        if weights > weight_space_bytes(self.graph, self.placements, self.design):
            return None
        held = held_while(self.kept, self.tensors, places[0], places[-1])
        room = (memory.activation_buffer - held) // self.tensors.frames
        room -= weights if memory.shared_buffer else 0
        streams = not self.placements[places[0]].inputs_on_chip
        bands = 2
        while bands < 2 * chain[-1].out_height:
            rows = band_rows(chain, bands, memory.halo_kept)
            band = band_bytes(chain, rows, memory)
            if band + streams * self._tile_bytes(chain[0], rows[0].made) <= room:
                return band_count(chain[-1], bands)
            bands *= 2
        return None

    def _tile_bytes(self, op: Op, rows: int) -> int:
        """Room for the input under some rows of the op's output, twice if the next comes meanwhile [B]."""
        height = min((rows - 1) * op.stride_height + op.span_height, op.in_height)
        elements = height * op.in_width * op.in_channels
        return (1 + self.memory.double_buffered) * -(-elements * self.memory.activation_bits // 8)
