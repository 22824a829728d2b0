"""A whole static network on one SIMD core: the sum over its ops, as bare-metal runtimes run them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from accel_models import Core, Shapes, joined, shapes_of, simd_cycles
from traces import NetworkGraph, OpKind


def network_work(graph: NetworkGraph) -> tuple[Shapes, ...]:
    """Return the dense work of one input, ops of a kind together."""
    by_kind: dict[OpKind, list[Shapes]] = {}
    for op in graph:
        by_kind.setdefault(op.kind, []).append(shapes_of(op))
    return tuple(joined(pieces) for pieces in by_kind.values())


def work_cycles(work: Iterable[Shapes], core: Core, *, element_bytes: int = 1) -> int:
    """Return the cycles of all work, one op after the other [cycles]."""
    pieces = tuple(work)
    outside = core.simd.outside_share(sum(int(shapes.weights.sum()) for shapes in pieces) * element_bytes)
    costs = (
        simd_cycles(shapes, core, weight_bytes=element_bytes, act_bytes=element_bytes, outside_share=outside)
        for shapes in pieces
    )
    return int(sum(np.sum(cost.total_cycles) for cost in costs))
