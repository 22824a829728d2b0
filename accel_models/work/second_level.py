"""What lies in the memory behind the buffers, ``memory.l2``: tensors first, weights in what is left.

Choice: tensors that the buffers cannot keep come first, in program order, for as long as they live, since each is moved
twice in every inference; weights of whole ops follow in program order, loaded there before the first input, as far as
they fit beside the tensors at their fullest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from accel_models.design.sections import Memory
from accel_models.work.residency import Tensors, reserved_bytes, weight_bytes
from traces import NetworkGraph


@dataclass(frozen=True, slots=True)
class BehindBuffers:
    """What of a network lies there."""

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
        size = memory.l2.size
        behind: set[str] = set()
        held = [0] * len(graph.ops)
        for op in graph.ops:
            own = tensors.sizes[op.name]
            if op.name in kept or not own or any(held[i] + own > size for i in tensors.lives[op.name]):
                continue
            behind.add(op.name)
            held = reserved_bytes(graph, behind, tensors)
        room, weights = size - max(held, default=0), set[str]()
        for op in graph.ops:
            own = weight_bytes(op, memory)
            if own and op.name not in resident and own <= room:
                weights.add(op.name)
                room -= own
        return cls(frozenset(behind), frozenset(weights))
