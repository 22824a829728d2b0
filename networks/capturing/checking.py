"""A graph against an independent count: torch's own, operation by operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_map

from networks.capturing.tracing import trace
from networks.capturing.translation import Counted
from traces import GraphError, NetworkGraph

_DIRECTIONS = (".forward", ".backward")  # of a recurrent layer that reads both ways


def first_input(inputs: Any, axis: int = 0) -> tuple[Any, ...]:
    """Return the first input of a batch, as the arguments of a forward pass."""
    several = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)

    def first(value: Any) -> Any:
        return value.narrow(axis, 0, 1) if isinstance(value, Tensor) and value.ndim > axis else value

    found: tuple[Any, ...] = tree_map(first, several)
    return found


def check_macs(model: nn.Module, graph: NetworkGraph, inputs: Any) -> None:
    """Refuse a graph whose MACs differ from what torch counts in one forward pass of one input."""
    calls = trace(model, first_input(inputs), lambda output: output).calls
    counted = sum(call.macs for call in calls)
    if counted == graph.macs:
        return
    by_module: Counter[str] = Counter()
    for call in calls:
        by_module[call.module] += call.macs
    differing = [
        name for name, macs in by_module.items() if name in graph.index and graph.op(name).macs != macs
    ]
    first = ""
    if differing:
        name = differing[0]
        first = f"; first at {name!r}: torch {by_module[name]}, the graph {graph.op(name).macs}"
    raise GraphError(
        f"network {graph.name!r}: torch counts {counted} MACs in one forward pass, the graph has "
        f"{graph.macs}{first}; the graph is of another network or image size"
    )


def check_each(graph: NetworkGraph, counted: Sequence[Counted]) -> None:
    """Refuse a captured graph in which an op's MACs differ from what torch counts for that operation."""
    known = set[str]()
    for each in counted:
        parts = [f"{name}{part}" for name in each.names for part in ("", *_DIRECTIONS)]
        names = [name for name in parts if name in graph.index]
        known.update(names)
        own = sum(graph.op(name).macs for name in names)
        if own != each.macs:
            raise GraphError(
                f"network {graph.name!r}: op {(names or each.names)[0]!r} has {own} MACs in the graph, torch counts "
                f"{each.macs}; this is a fault of the capture: please report the layer and its sizes"
            )
    missing = [op.name for op in graph.ops if op.macs and op.name not in known]
    if missing:
        raise GraphError(f"network {graph.name!r}: torch counts no MACs for {missing[0]!r}, the graph does")
