"""Other ways to place ops than the first: those of smaller buffers, whose plans are always allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from accel_models.compiling.plan import place
from accel_models.compiling.rates import fetched_shares
from accel_models.cost import Placement
from accel_models.design.design import Design
from accel_models.design.sections import Memory
from accel_models.work.residency import Choices, pinned_weights, smaller_sizes
from traces import NetworkGraph


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
