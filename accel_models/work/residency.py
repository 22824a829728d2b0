"""What stays on chip from op to op: tensors and weights in the buffers, and in a second level behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from accel_models.compiling.steps import Absorbed
from accel_models.design.design import Design
from accel_models.design.sections import Memory
from traces import NetworkGraph, Op

_GRAIN = 64  # bytes that the knapsack counts as one; Choice: an SRAM line of a shipped design or two
_MOST_GRAINS = 65536  # ... and how many at most

Lifetimes = Mapping[str, range]  # per tensor, positions of ops


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a compiler decided before ops are placed; see :mod:`accel_models.compiling.plan`."""

    taken: Mapping[str, Absorbed] = field(default_factory=dict)  # ops that an output stage takes over
    gate_units: Mapping[str, str] = field(default_factory=dict)  # kind of unit of gate ops it placed
    pinned: frozenset[str] | None = None  # ops whose weights stay; None: all if they fit, else gates'
    batch: int = 1  # inputs that run together, whose activations are held at once
    frames: int = 1  # of a stream on the machine at once, each with tensors, weights and tiles of its own
    rates: Mapping[str, Sequence[float]] = field(default_factory=dict)  # of gates, on other inputs
    keep_bytes: int | None = None  # tensors stay as in an activation buffer of so many; None: in the design's


@dataclass(frozen=True, slots=True)
class Tensors:
    """Sizes and lifetimes of tensors in the activation buffer, those that an output stage changes left out."""

    final: Mapping[str, str]  # of a tensor that a stage goes on with: the one that is written in the end
    sizes: Mapping[str, int]  # [B], over a batch; 0 of what is never written
    lives: Lifetimes  # from the op that writes it to its last reader
    roots: Mapping[str, str]  # of a view: the op or input whose tensor it shows
    frames: int = 1  # on the machine at once; sizes are of all their tensors

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
        inputs = choices.batch * choices.frames
        sizes = {op.name: 0 if op.name in final else inputs * _tensor_bytes(op, memory) for op in graph.ops}
        last = {roots.get(name, name): i for i, op in enumerate(graph.ops) for name in op.inputs}
        hosts = {name: graph.index[taken.host] for name, taken in choices.taken.items()}
        lives = {
            op.name: range(hosts.get(op.name, i), last.get(op.name, i) + 1) for i, op in enumerate(graph.ops)
        }
        return cls(final, sizes, lives, roots, choices.frames)

    def read(self, graph: NetworkGraph) -> frozenset[str]:
        """Return the ops whose results, as they are written in the end, another op or the machine's control reads.

        A view reads nothing; decisions of gates are the control's.
        """
        written = {name: self.final.get(name, name) for name in graph.index}
        found = {
            source
            for op in graph.ops
            if op.name not in self.roots
            for name in op.inputs
            if (source := written.get(self.roots.get(name, name), name)) != written[op.name]
        }
        return graph.gate_ops | {name for name, source in written.items() if source in found}


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
    largest tensor held there goes (of equals the last).  ``keep_bytes`` keeps what a smaller buffer would.
    """
    bound = memory.activation_buffer if keep_bytes is None else min(keep_bytes, memory.activation_buffer)
    if memory.shared_buffer:
        bound -= tensors.frames * max((weight_bytes(op, memory) for op in graph.ops), default=0)
    kept = set(_first_come([op.name for op in graph.ops], tensors, bound))
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
        if streams and held[i] and held[i] + tensors.frames * _tile_bytes(op, memory) > bound:
            alive = [other for other in graph.ops if other.name in kept and i in tensors.lives[other.name]]
            return max(alive, key=lambda other: (tensors.sizes[other.name], graph.index[other.name])).name
    return None


def _tile_bytes(op: Op, memory: Memory) -> int:
    """Room for the input of one output pixel, twice if the next tile loads meanwhile [B]."""
    elements = op.kernel_height * op.kernel_width * op.in_channels
    return (1 + memory.double_buffered) * -(-elements * memory.activation_bits // 8)


def reserved_bytes(graph: NetworkGraph, kept: Collection[str], tensors: Tensors) -> list[int]:
    """Return the bytes of the activation buffer that kept tensors hold while each op runs, of all frames."""
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


def beside_other_frames(held: int, buffer: int, frames: int) -> int:
    """Return the bytes of a buffer that are no room for one of so many frames on the machine.

    What is ``held`` for all of them, and what the others have of the rest.  Choice: frames share that in equal
    parts, since each may be at another op; resident weights serve all of them.
    """
    return buffer - (buffer - held) // frames


def smaller_sizes(buffer: int) -> Iterator[int]:
    """Yield the sizes below a buffer's that plans for smaller ones are made for, the largest first [B].

    Choice: 1, 1.5, 2, 3, 4, 6 ... KiB, whatever the buffer.
    """
    for doublings in range(buffer.bit_length() - 10, -1, -1):
        yield from (size for size in (3 << doublings + 9, 2 << doublings + 9) if size < buffer)


def weights_buffer(memory: Memory) -> int:
    """Return the size of the buffer that weights lie in [B]."""
    return memory.activation_buffer if memory.shared_buffer else memory.weight_buffer


def pinned_weights(
    graph: NetworkGraph,
    memory: Memory,
    shares: Mapping[str, float],
    frames: int = 1,
    buffer_bytes: int | None = None,
) -> frozenset[str]:
    """Return the ops whose weights stay: most bytes saved, beside room for any two others that come and go.

    ``shares`` says which part of an op's weights an inference fetches on average: gated ones save less.
    ``buffer_bytes`` pins as a smaller buffer would.

    Choice: what is left holds the largest two ops that are not pinned at once, so that one can be fetched
    while another computes, as without pinning; for each of ``frames`` on the machine.
    """
    sizes = {op.name: weight_bytes(op, memory) for op in graph.ops if op.weight_count}
    whole = 0 if memory.shared_buffer else memory.weight_buffer
    buffer = whole if buffer_bytes is None else min(buffer_bytes, whole)
    if sum(sizes.values()) <= buffer:
        return frozenset()  # all fit: nothing is fetched twice anyway
    room = buffer - frames * sum(sorted(sizes.values())[-2:])
    names = [name for name, size in sizes.items() if size <= room]
    values = [sizes[name] * shares[name] for name in names]
    return frozenset(names[i] for i in fill([sizes[name] for name in names], room, values))


def fill(sizes: Sequence[int], room: int, values: Sequence[float]) -> list[int]:
    """Return the items of most value that fit the room [B], to a grain of 64 bytes.

    The 0/1 knapsack by dynamic programming.  Choice: the grain is coarser where 64 bytes would be more than 65,536.
    """
    grain = _GRAIN * max(-(-room // (_GRAIN * _MOST_GRAINS)), 1)
    grains = [-(-size // grain) for size in sizes]
    bound = max(room // grain, 0)
    worth = np.zeros(bound + 1)  # most value in so many grains
    taken = np.zeros((len(sizes), bound + 1), np.bool_)
    for i, (own, value) in enumerate(zip(grains, values, strict=True)):
        if 0 < own <= bound:
            with_it = worth[:-own] + value
            taken[i, own:] = with_it > worth[own:]
            worth[own:] = np.maximum(worth[own:], with_it)
    chosen, left = [], bound
    for i in reversed(range(len(sizes))):
        if taken[i, left]:
            chosen.append(i)
            left -= grains[i]
    return sorted(chosen)


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
