"""Where each op runs and where its tensors live, decided once per graph and design on dense sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from accel_models.cost import FREE, Placement
from accel_models.design.design import Design, Memory
from accel_models.units.kinds import unit_described_by, units_of
from traces import MAC_KINDS, VIEWS, NetworkGraph, Op, UnsupportedError

Lifetimes = dict[str, range]  # per tensor

# Choice: beside a matrix unit, concatenation and slicing are addresses, not work: producers write where results lie.
_VIEWS_BESIDE_A_MATRIX_UNIT = frozenset({"concat", *VIEWS})


def place(graph: NetworkGraph, design: Design) -> tuple[Placement, ...]:
    """Place every op of the graph.

    Activations stay on chip from producer to last reader if, at every op in between, all tensors that
    stay fit the activation buffer together beside a tile of what does not; first come, first kept, in
    program order (Choice).  The input
    comes from DRAM.  Weights are resident if those of the whole network fit the weight buffer, or if they
    are a gate's and the design keeps gate weights resident; such weights take their share of the buffer.
    Nothing stays where a unit keeps no tensors: it loads and stores every tensor of every op.

    Raises
    ------
    UnsupportedError
        If an op has no unit on this design; the message names it.
    """
    units = tuple(_unit(op, graph, design) for op in graph.ops)
    memory = design.memory
    if memory is None:
        return tuple(_unlimited(unit) for unit in units)
    tensors = _tensors(graph, units)
    lifetimes = _lifetimes(graph, tensors)
    keeps = all(unit.keeps_tensors for unit in units_of(design))
    kept = _kept_tensors(graph, memory, lifetimes, tensors) if keeps else frozenset()
    resident = _resident_weights(graph, design, memory)
    reserved = _reserved_bytes(graph, memory, kept, lifetimes)
    space = _weight_space(graph, memory, resident)
    return tuple(
        Placement(
            unit=unit,
            inputs_on_chip=all(tensors[name] in kept for name in op.inputs),
            output_on_chip=tensors[op.name] in kept,
            weights_resident=op.name in resident,
            weight_prefetch_bytes=0 if op.name in resident else min(_weight_bytes(op, memory), space),
            reserved_bytes=reserved[i],
        )
        for i, (op, unit) in enumerate(zip(graph.ops, units, strict=True))
    )


def _unlimited(unit: str) -> Placement:
    return Placement(
        unit=unit,
        inputs_on_chip=True,
        output_on_chip=True,
        weights_resident=True,
        weight_prefetch_bytes=0,
        reserved_bytes=0,
    )


def weight_space_bytes(graph: NetworkGraph, design: Design) -> int:
    """Buffer that prefetched weights share: what resident weights leave free [B]."""
    if design.memory is None:
        return 0
    return _weight_space(graph, design.memory, _resident_weights(graph, design, design.memory))


def _unit(op: Op, graph: NetworkGraph, design: Design) -> str:
    """Return the kind of unit: a gate's ops where the design says, others on the first that takes them."""
    if op.kind == "reshape":
        return FREE
    units = units_of(design)
    beside = any(unit.matrix for unit in units)
    if beside and op.kind not in MAC_KINDS:
        if op.kind in _VIEWS_BESIDE_A_MATRIX_UNIT or design.elementwise == "ignored":
            return FREE
    elif beside and op.name in graph.gate_ops:
        gate_unit = unit_described_by(design.gate_unit, design)
        assert gate_unit is not None  # checked when the design was read
        return gate_unit.name
    for unit in units:
        if unit.takes(op, design):
            return unit.name
    raise UnsupportedError(
        f"op {op.name!r} ({op.kind}): design {design.name!r} has no simd core to run it; "
        f"add one, or state elementwise: ignored"
    )


def _weight_bytes(op: Op, memory: Memory) -> int:
    return -(-op.weight_count * memory.weight_bits // 8)


def _tensor_bytes(op: Op, memory: Memory) -> int:
    return -(-op.output_elements * memory.activation_bits // 8)


def _tensors(graph: NetworkGraph, units: Sequence[str]) -> dict[str, str]:
    """Return for every op and input whose tensor it is in memory: a view is its producer's."""
    found = {name: name for name in graph.input_sizes}
    for op, unit in zip(graph.ops, units, strict=True):
        found[op.name] = found[op.inputs[0]] if op.kind in VIEWS and unit == FREE else op.name
    return found


def _lifetimes(graph: NetworkGraph, tensors: Mapping[str, str]) -> Lifetimes:
    """Return per tensor the positions of the ops from its producer to its last reader."""
    last = {tensors[name]: i for i, op in enumerate(graph.ops) for name in op.inputs}
    made = ((i, op.name) for i, op in enumerate(graph.ops) if tensors[op.name] == op.name)
    return {name: range(i, last.get(name, i) + 1) for i, name in made}


def _kept_tensors(
    graph: NetworkGraph, memory: Memory, lifetimes: Lifetimes, tensors: Mapping[str, str]
) -> frozenset[str]:
    """Return the outputs that stay in the activation buffer: greedily in program order, less what crowds.

    An op that streams an input needs room for a tile of it beside what stays; where there is none, the
    largest tensor held there goes (of equals the last).
    """
    bound = memory.activation_buffer
    if memory.shared_buffer:
        bound -= max((_weight_bytes(op, memory) for op in graph.ops), default=0)
    held = [0] * len(graph.ops)  # bytes kept while op i runs
    kept: set[str] = set()
    for op in graph.ops:
        if op.name not in lifetimes:
            continue
        size, span = _tensor_bytes(op, memory), lifetimes[op.name]
        if all(held[j] + size <= bound for j in span):
            kept.add(op.name)
            for j in span:
                held[j] += size
    while (crowding := _crowding(graph, memory, kept, lifetimes, bound, tensors)) is not None:
        kept.remove(crowding)
    return frozenset(kept)


def _crowding(  # noqa: PLR0913, PLR0917  # what is kept where, and for how long
    graph: NetworkGraph,
    memory: Memory,
    kept: set[str],
    lifetimes: Lifetimes,
    bound: int,
    tensors: Mapping[str, str],
) -> str | None:
    """Return the tensor to give up for the first op that has no room for a tile of its inputs."""
    held = _reserved_bytes(graph, memory, kept, lifetimes)
    for i, op in enumerate(graph.ops):
        streams = op.name in lifetimes and any(tensors[name] not in kept for name in op.inputs)
        if streams and held[i] and held[i] + _tile_bytes(op, memory) > bound:
            alive = [other for other in graph.ops if other.name in kept and i in lifetimes[other.name]]
            return max(alive, key=lambda other: (_tensor_bytes(other, memory), graph.index[other.name])).name
    return None


def _tile_bytes(op: Op, memory: Memory) -> int:
    """Room for the input of one output pixel, twice if the next tile loads meanwhile [B]."""
    elements = op.kernel_height * op.kernel_width * op.in_channels
    return (1 + memory.double_buffered) * -(-elements * memory.activation_bits // 8)


def _reserved_bytes(
    graph: NetworkGraph, memory: Memory, kept: Collection[str], lifetimes: Lifetimes
) -> list[int]:
    """Return the bytes of the activation buffer that kept tensors hold while each op runs."""
    held = [0] * len(graph.ops)
    for op in graph.ops:
        if op.name in kept:
            for j in lifetimes[op.name]:
                held[j] += _tensor_bytes(op, memory)
    return held


def _resident_weights(graph: NetworkGraph, design: Design, memory: Memory) -> frozenset[str]:
    buffer = 0 if memory.shared_buffer else memory.weight_buffer
    sizes = {op.name: _weight_bytes(op, memory) for op in graph.ops if op.weight_count}
    if sum(sizes.values()) <= buffer:
        return frozenset(sizes)
    gates = frozenset(name for name in graph.gate_ops if name in sizes)
    fits = 2 * sum(sizes[name] for name in gates) <= buffer
    return gates if design.gate_weights == "resident" and fits else frozenset()


def _weight_space(graph: NetworkGraph, memory: Memory, resident: frozenset[str]) -> int:
    buffer = memory.activation_buffer if memory.shared_buffer else memory.weight_buffer
    return buffer - sum(_weight_bytes(op, memory) for op in graph.ops if op.name in resident)
