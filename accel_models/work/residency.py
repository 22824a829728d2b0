"""What stays on chip from op to op: in the buffers, in a second level behind them, and what caches still hold.

A cache that replaces lines at random keeps of what was touched before ``n`` other bytes came in a share of
exp(-n / its size).  Only what was not there comes in, so ops that find much leave much.
Choice: an op touches its operands half way through what it brings in itself, and finds them as they are before.

Source: random replacement: SiFive's inclusive cache (Chipyard's L2), FireSim's model of a last-level cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp

from accel_models.compiling.steps import Absorbed
from accel_models.cost import Cached
from accel_models.design.design import Design
from accel_models.design.sections import Memory
from traces import INPUT, NetworkGraph, Op

Lifetimes = Mapping[str, range]  # per tensor, positions of ops


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a compiler decided before ops are placed; see :mod:`accel_models.compiling.plan`."""

    taken: Mapping[str, Absorbed] = field(default_factory=dict)  # ops that an output stage takes over
    gate_units: Mapping[str, str] = field(default_factory=dict)  # kind of unit of gate ops it placed
    pinned: frozenset[str] | None = None  # ops whose weights stay; None: all if they fit, else gates'
    batch: int = 1  # inputs whose activations are held at once
    keep_bytes: int | None = None  # of the activation buffer, for tensors that stay; None: all of it


@dataclass(frozen=True, slots=True)
class Tensors:
    """Sizes and lifetimes of tensors in the activation buffer, those that an output stage changes left out."""

    final: Mapping[str, str]  # of a tensor that a stage goes on with: the one that is written in the end
    sizes: Mapping[str, int]  # [B], over a batch; 0 of what is never written
    lives: Lifetimes  # from the op that writes it to its last reader
    roots: Mapping[str, str]  # of a view: the op or input whose tensor it shows

    @classmethod
    def of(
        cls, graph: NetworkGraph, memory: Memory, choices: Choices, views: frozenset[str] = frozenset()
    ) -> Tensors:
        """Return what the compiled graph writes; ``views`` are ops that show another one's tensor."""
        final: dict[str, str] = {}
        for op in reversed(graph.ops):
            taken = choices.taken.get(op.name)
            if taken is not None and op.kind != "global_avg_pool":  # a pool reads along, the tensor stays
                for name in op.inputs:
                    if name != taken.operand and _goes_on(name, taken, choices):
                        final[name] = final.get(op.name, op.name)
        roots: dict[str, str] = {}
        for op in graph.ops:
            if op.name in views:
                source = op.inputs[0]
                roots[op.name] = roots.get(source, source)
                final[op.name] = final.get(roots[op.name], roots[op.name])
        sizes = {
            op.name: 0 if op.name in final else choices.batch * _tensor_bytes(op, memory) for op in graph.ops
        }
        last = {roots.get(name, name): i for i, op in enumerate(graph.ops) for name in op.inputs}
        hosts = {name: graph.index[taken.host] for name, taken in choices.taken.items()}
        lives = {
            op.name: range(hosts.get(op.name, i), last.get(op.name, i) + 1) for i, op in enumerate(graph.ops)
        }
        return cls(final, sizes, lives, roots)


def _goes_on(name: str, taken: Absorbed, choices: Choices) -> bool:
    """Whether the tensor is the host's own, or one that its stage already took over."""
    before = choices.taken.get(name)
    return name == taken.host or (before is not None and before.host == taken.host)


def weight_bytes(op: Op, memory: Memory) -> int:
    return -(-op.weight_count * memory.weight_bits // 8)


def _tensor_bytes(op: Op, memory: Memory) -> int:
    return -(-op.output_elements * memory.activation_bits // 8)


def kept_tensors(
    graph: NetworkGraph, memory: Memory, tensors: Tensors, keep_bytes: int | None = None
) -> frozenset[str]:
    """Return the outputs that stay in the activation buffer: greedily in program order, less what crowds.

    An op that streams an input needs room for a tile of it beside what stays; where there is none, the
    largest tensor held there goes (of equals the last).  ``keep_bytes`` leaves more room for tiles.
    """
    bound = memory.activation_buffer
    if memory.shared_buffer:
        bound -= max((weight_bytes(op, memory) for op in graph.ops), default=0)
    keep = bound if keep_bytes is None else min(keep_bytes, bound)
    kept = set(_first_come([op.name for op in graph.ops], tensors, keep))
    while (crowding := _crowding(graph, memory, kept, tensors, bound)) is not None:
        kept.remove(crowding)
    return frozenset(kept)


def _first_come(names: Sequence[str], tensors: Tensors, room: int) -> list[str]:
    """Return the tensors that find room as long as they live, first come, first kept."""
    held: Counter[int] = Counter()  # bytes while op i runs
    found = []
    for name in names:
        size, span = tensors.sizes[name], tensors.lives[name]
        if all(held[i] + size <= room for i in span):
            found.append(name)
            held.update(dict.fromkeys(span, size))
    return found


def _crowding(
    graph: NetworkGraph, memory: Memory, kept: set[str], tensors: Tensors, bound: int
) -> str | None:
    """Return the tensor to give up for the first op that has no room for a tile of its inputs."""
    held = reserved_bytes(graph, kept, tensors)
    for i, op in enumerate(graph.ops):
        streams = op.name not in tensors.roots and any(
            tensors.roots.get(name, name) not in kept for name in op.inputs
        )
        if streams and held[i] and held[i] + _tile_bytes(op, memory) > bound:
            alive = [other for other in graph.ops if other.name in kept and i in tensors.lives[other.name]]
            return max(alive, key=lambda other: (tensors.sizes[other.name], graph.index[other.name])).name
    return None


def _tile_bytes(op: Op, memory: Memory) -> int:
    """Room for the input of one output pixel, twice if the next tile loads meanwhile [B]."""
    elements = op.kernel_height * op.kernel_width * op.in_channels
    return (1 + memory.double_buffered) * -(-elements * memory.activation_bits // 8)


def reserved_bytes(graph: NetworkGraph, kept: Collection[str], tensors: Tensors) -> list[int]:
    """Return the bytes of the activation buffer that kept tensors hold while each op runs."""
    held = [0] * len(graph.ops)
    for name in kept:
        for j in tensors.lives[name]:
            held[j] += tensors.sizes[name]
    return held


def held_while(kept: Collection[str], tensors: Tensors, first: int, last: int) -> int:
    """Return the bytes of the activation buffer that kept tensors hold while ops ``first`` to ``last`` take turns."""
    lives = ((name, tensors.lives[name]) for name in kept)
    return sum(tensors.sizes[name] for name, span in lives if span.start <= last and first < span.stop)


def resident_weights(graph: NetworkGraph, design: Design, memory: Memory, choices: Choices) -> frozenset[str]:
    """Return the ops whose weights stay: all if they fit, else those pinned, or a gate's if the design says so."""
    buffer = 0 if memory.shared_buffer else memory.weight_buffer
    sizes = {op.name: weight_bytes(op, memory) for op in graph.ops if op.weight_count}
    if sum(sizes.values()) <= buffer:
        return frozenset(sizes)
    gates = frozenset(name for name in graph.gate_ops if name in sizes)
    fits = 2 * sum(sizes[name] for name in gates) <= buffer
    always = gates if design.gate_weights == "resident" and fits else frozenset()
    return always | (choices.pinned or frozenset())


def weight_space(memory: Memory, pinned: int) -> int:
    """Buffer that weights share which come and go, beside so many that stay [B]."""
    return (memory.activation_buffer if memory.shared_buffer else memory.weight_buffer) - pinned


LAPS = 4  # of a program that runs again and again, until what its ops find changes no more

Touched = tuple[
    tuple[str, int], ...
]  # an op's input, weights and output: which memory, and how many bytes of it
Ranges = list[tuple[int, float]]  # of a memory: up to which byte, and when it was touched last; ends rise


def cached_shares(program: Sequence[Touched], sizes: Sequence[int], laps: int = LAPS) -> tuple[Cached, ...]:
    """Return what each step of a program finds in caches of these ``sizes``, in the last of so many laps."""
    by_cache = [_shares(program, size, laps) for size in sizes]
    return tuple(tuple(step) for step in zip(*by_cache, strict=True))


def _shares(program: Sequence[Touched], size: int, laps: int) -> list[tuple[float, ...]]:
    filled = 0.0  # bytes so far
    history: dict[str, Ranges] = {}
    for _ in range(laps):
        steps = []
        for touched in program:
            found, new = _step(touched, history, filled, size)
            for name, bytes_ in touched:
                if name == INPUT:  # comes from outside each time
                    continue
                longer = [(end, when) for end, when in history.get(name, []) if end > bytes_]
                history[name] = [(bytes_, filled + new / 2), *longer]
            filled += new
            steps.append(found)
    return steps


def _step(
    touched: Touched, history: Mapping[str, Ranges], filled: float, size: int
) -> tuple[tuple[float, ...], float]:
    """Return the shares that a step finds, and the bytes that it brings in."""
    found = tuple(_share(history.get(name, []), bytes_, filled, size) for name, bytes_ in touched)
    return found, sum(bytes_ * (1 - share) for (_, bytes_), share in zip(touched, found, strict=True))


def _share(ranges: Ranges, touched: int, filled: float, size: int) -> float:
    there, begin = 0.0, 0
    for end, when in ranges:
        there += max(min(end, touched) - begin, 0) * exp(-(filled - when) / size)
        begin = min(end, touched)
    return there / max(touched, 1)


def network_shares(graph: NetworkGraph, design: Design) -> tuple[Cached, ...]:
    """Return what each op of a network finds that runs input after input; nothing where a design has no caches."""
    if design.gemmini is None or design.memory is None:
        return ((),) * len(graph.ops)
    program = [_touched(op, design.memory) for op in graph.ops]
    return cached_shares(program, cache_sizes(design))


def cache_sizes(design: Design) -> tuple[int, ...]:
    """Return the bytes of a design's caches, the nearest first."""
    return () if design.gemmini is None else (design.gemmini.l2, design.gemmini.last_level_cache)


def _touched(op: Op, memory: Memory) -> Touched:
    """Return what an op touches, one memory per tensor; Choice: its first input stands for all of them."""
    act, wgt = -(-memory.activation_bits // 8), -(-memory.weight_bits // 8)
    inputs = (op.inputs[0] if op.inputs else INPUT, op.in_height * op.in_width * op.in_channels * act)
    return inputs, (f"weights of {op.name}", op.weight_count * wgt), (op.name, op.output_elements * act)


@dataclass(frozen=True, slots=True)
class BehindBuffers:
    """What lies in the memory behind the buffers, ``memory.l2``: tensors first, weights in what is left.

    Choice: tensors that the buffers cannot keep come first, in program order, for as long as they live, since each is
    moved twice in every inference; weights of whole ops follow in program order, loaded there before the first input,
    as far as they fit beside the tensors at their fullest.
    """

    tensors: frozenset[str] = frozenset()  # names of the ops that write them
    weights: frozenset[str] = frozenset()  # names of the ops that read them

    @classmethod
    def of(
        cls,
        graph: NetworkGraph,
        memory: Memory,
        tensors: Tensors,
        kept: Collection[str],
        resident: Collection[str],
    ) -> BehindBuffers:
        """Return what finds room; ``kept`` tensors and ``resident`` weights lie in the buffers already."""
        if memory.l2 is None:
            return cls()
        away = [op.name for op in graph.ops if op.name not in kept and tensors.sizes[op.name]]
        behind = _first_come(away, tensors, memory.l2.size)
        held = reserved_bytes(graph, behind, tensors)
        room, weights = memory.l2.size - max(held, default=0), set[str]()
        for op in graph.ops:
            own = weight_bytes(op, memory)
            if own and op.name not in resident and own <= room:
                weights.add(op.name)
                room -= own
        return cls(frozenset(behind), frozenset(weights))
