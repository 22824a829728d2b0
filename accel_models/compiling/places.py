"""Where each op of a network runs and its tensors lie, given what the compiler decided.

Dense and dynamic network are placed by the same functions, each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from accel_models.compiling.steps import Absorbed
from accel_models.cost import FREE, Placement, StageOperand
from accel_models.design.design import AUTO, Design, family
from accel_models.design.sections import Memory
from accel_models.energy.chip import PRECISION_BYTES
from accel_models.units.kinds import BESIDE_A_UNIT, Unit, cache_sizes, unit_described_by, units_of
from accel_models.work.caches import network_shares
from accel_models.work.residency import (
    BehindBuffers,
    Choices,
    Tensors,
    beside_other_frames,
    kept_tensors,
    reserved_bytes,
    resident_weights,
    weight_bytes,
    weights_buffer,
)
from traces import MAC_KINDS, VIEWS, NetworkGraph, Op, UnsupportedError

# Choice: beside a matrix unit, concatenation and slicing are addresses, not work: producers write where results lie.
_VIEWS_BESIDE_A_MATRIX_UNIT = frozenset({"concat", *VIEWS})


def place(graph: NetworkGraph, design: Design, choices: Choices | None = None) -> tuple[Placement, ...]:
    """Place every op of the graph.

    Activations stay on chip from producer to last reader if, at every op in between, all tensors that stay fit the
    activation buffer together beside a tile of what does not; first come, first kept, in program order (Choice).  The
    input comes from DRAM.  Weights are resident if those of the whole network fit the weight buffer, or if they are a
    gate's and the design keeps gate weights resident, or if the compiler pinned them, for their share of the buffer.
    What the buffers cannot keep, but for results, lies in ``memory.l2`` as far as that has room
    (:mod:`accel_models.work.residency`); an op of which one input comes from DRAM takes all from there (Choice).
    Nothing stays where a unit keeps no tensors: it loads and stores every tensor of every op.  Choice: nor where
    partial sums share the buffer, because those of as many filters as find room fill it.

    Raises
    ------
    UnsupportedError
        If an op has no unit on this design; the message names it.
    """
    made = choices or Choices()
    units = assign_units(graph, design, made)
    memory = design.memory
    if memory is None:
        outside = _outside_share(graph, design)
        return tuple(_unlimited(op, unit, made, outside) for op, unit in zip(graph.ops, units, strict=True))
    lies = _Whereabouts.of(graph, design, memory, made, units)
    tensors, inside, resident = lies.tensors, lies.tensors.read(graph), lies.resident
    held = [
        beside_other_frames(size, memory.activation_buffer, made.frames)
        for size in reserved_bytes(graph, lies.kept, tensors)
    ]
    weights = [weight_bytes(op, memory) for op in graph.ops]
    pinned = sum(weights[graph.index[name]] for name in resident)
    taken = beside_other_frames(pinned, weights_buffer(memory), made.frames)
    space = weights_buffer(memory) - taken
    caches = cache_sizes(design)
    cached = network_shares(graph, memory, caches) if caches else ((),) * len(graph.ops)
    return tuple(
        Placement(
            unit=unit,
            inputs_on_chip=all(lies.on_chip(name) for name in op.inputs),
            output_on_chip=lies.on_chip(op.name),
            weights_resident=op.name in resident,
            weight_prefetch_bytes=0 if op.name in resident else min(weights[i], space),
            reserved_bytes=held[i],
            pinned_bytes=0 if op.name in resident else taken,
            frames=made.frames,
            stage_reads=_stage_reads(made.taken.get(op.name), lies.on_chip),
            cached=cached[i],
            inputs_behind=lies.come_from_near(op, made.taken.get(op.name)),
            output_behind=lies.near(op.name) and op.name in inside,
            weights_behind=op.name in lies.behind.weights,
            comes_in=any(tensors.roots.get(name, name) in graph.input_sizes for name in op.inputs),
            goes_out=op.name not in inside,
        )
        for i, (op, unit) in enumerate(zip(graph.ops, units, strict=True))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Whereabouts:
    """What of a graph lies where."""

    tensors: Tensors
    kept: frozenset[str]  # in the activation buffer
    resident: frozenset[str]  # ops whose weights stay in theirs
    behind: BehindBuffers

    @classmethod
    def of(
        cls, graph: NetworkGraph, design: Design, memory: Memory, made: Choices, units: Sequence[str]
    ) -> _Whereabouts:
        """Return what lies where when the ops run on these units."""
        tensors = Tensors.of(graph, memory, made, free_views(graph, units))
        keeps = all(unit.keeps_tensors for unit in units_of(design)) and not memory.shared_sums
        kept = kept_tensors(graph, memory, tensors, made.keep_bytes) if keeps else frozenset()
        resident = resident_weights(graph, design, memory, made)
        return cls(tensors, kept, resident, BehindBuffers.of(graph, memory, tensors, kept, resident))

    def on_chip(self, name: str) -> bool:
        """Whether a tensor lies in the activation buffer, as it is written in the end."""
        return self.tensors.final.get(name, name) in self.kept

    def near(self, name: str) -> bool:
        """Whether a tensor lies in the second level behind the buffers."""
        return self.tensors.final.get(name, name) in self.behind.tensors

    def come_from_near(self, op: Op, taken: Absorbed | None) -> bool:
        """Whether nothing that the op reads comes from DRAM."""
        read = op.inputs if taken is None else [taken.operand] if taken.operand else []
        return bool(read) and all(self.on_chip(name) or self.near(name) for name in read)


def free_views(graph: NetworkGraph, units: Sequence[str]) -> frozenset[str]:
    """Return the ops that show another one's tensor and cost nothing, given each op's unit."""
    pairs = zip(graph.ops, units, strict=True)
    return frozenset(op.name for op, unit in pairs if op.kind in VIEWS and unit == FREE)


def stay_on_chip(placements: Sequence[Placement]) -> bool:
    """Return whether no tensor between ops leaves the chip, so that nothing is won by fusing ops or keeping others."""
    return all(where.output_on_chip or where.unit == FREE for where in placements[:-1])


def layout_family(design: Design) -> Hashable:
    """Return what designs agree in that place every op alike: all but what times alone follow from."""
    shared = set(BESIDE_A_UNIT).intersection(*(unit.columns(design) for unit in units_of(design)))
    return family(design, frozenset(path for path in shared if not path.endswith("_buffer")))


def _outside_share(graph: NetworkGraph, design: Design) -> float:
    """Return the share of the weights that a chip with memory outside has no room for itself."""
    total = sum(op.weight_count for op in graph.ops) * PRECISION_BYTES[design.technology.precision]
    return max(unit.outside_share(design, total) for unit in units_of(design))


def _unlimited(op: Op, unit: str, choices: Choices, outside: float) -> Placement:
    return Placement(
        unit=unit,
        inputs_on_chip=True,
        output_on_chip=True,
        weights_resident=True,
        weight_prefetch_bytes=0,
        reserved_bytes=0,
        stage_reads=_stage_reads(choices.taken.get(op.name), lambda _: True),
        outside_share=outside,
    )


def _stage_reads(taken: Absorbed | None, on_chip: Callable[[str], bool]) -> StageOperand:
    if taken is None or taken.operand is None:
        return "nothing"
    return "on_chip" if on_chip(taken.operand) else "off_chip"


def weight_space_bytes(graph: NetworkGraph, placements: Sequence[Placement], design: Design) -> int:
    """Buffer that prefetched weights share: what resident weights and other frames leave free [B]."""
    memory = design.memory
    if memory is None:
        return 0
    ops = zip(graph.ops, placements, strict=True)
    pinned = sum(weight_bytes(op, memory) for op, place in ops if place.weights_resident)
    frames = max((where.frames for where in placements), default=1)
    return weights_buffer(memory) - beside_other_frames(pinned, weights_buffer(memory), frames)


def assign_units(graph: NetworkGraph, design: Design, choices: Choices) -> tuple[str, ...]:
    """Return each op's kind of unit: a gate's ops where the design says, others on the first that takes them.

    What an output stage took over, and what is only a view, is free.
    """
    units = units_of(design)
    beside = any(unit.matrix for unit in units)
    ignored = design.elementwise == "ignored"

    def decided(op: Op) -> str | None:
        if op.name in choices.taken or op.kind == "reshape":
            return FREE
        if beside and op.kind not in MAC_KINDS:
            if ignored or op.kind in _VIEWS_BESIDE_A_MATRIX_UNIT:
                return FREE
        elif beside and op.name in graph.gate_ops:
            return _gate_unit(op, design, choices)
        return None

    known = [decided(op) for op in graph.ops]
    first = _first_that_take(
        [op for op, unit in zip(graph.ops, known, strict=True) if unit is None], units, design
    )
    return tuple(first[op.terms] if unit is None else unit for op, unit in zip(graph.ops, known, strict=True))


def _first_that_take(
    ops: Sequence[Op], units: Sequence[Unit], design: Design
) -> Mapping[tuple[object, ...], str]:
    """Return the first unit that takes each op, by its terms: networks repeat their blocks."""
    left = {op.terms: op for op in reversed(ops)}
    found: dict[tuple[object, ...], str] = {}
    for unit in units:
        taken = [terms for terms, op in left.items() if unit.takes(op, design)]
        found.update(dict.fromkeys(taken, unit.name))
        for terms in taken:
            del left[terms]
    for op in ops:
        if op.terms in left:
            raise UnsupportedError(
                f"op {op.name!r} ({op.kind}): design {design.name!r} has no simd core to run it; "
                f"add one, or state elementwise: ignored"
            )
    return found


def _gate_unit(op: Op, design: Design, choices: Choices) -> str:
    """Return the unit of a gate's product; Choice: ``auto`` left to nobody is the unit beside the array."""
    if op.name in choices.gate_units:
        return choices.gate_units[op.name]
    if design.gate_unit == AUTO:
        return next(unit.name for unit in reversed(units_of(design)) if unit.takes(op, design))
    gate_unit = unit_described_by(design.gate_unit, design)
    assert gate_unit is not None  # checked when the design was read
    return gate_unit.name
