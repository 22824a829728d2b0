"""Channels sorted by how often they are kept: a permutation of weights that costs nothing at run time.

Groups of channels are skipped only when all of a group is; sorted, rarely kept channels lie side by side.
Rates are those of other inputs than the replayed ones (``TraceInfo.rates``, recorded on validation images),
so that the compiler knows nothing of the future.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from accel_models.compiling.compiler import Compiler
from traces import RECURRENT, WEIGHTED, Gate, Ints, NetworkGraph, Op, Trace, pack_mask

Order = Ints

# Kinds whose output channels are their one input's, each by itself.
_CHANNEL_BY_CHANNEL = frozenset({"activation", "max_pool", "avg_pool", "global_avg_pool"})


def channel_orders(graph: NetworkGraph, rates: Mapping[str, Sequence[float]]) -> dict[str, Order]:
    """Return the order of each gate's channels, most often kept first; gates that cannot be sorted are left out.

    Parameters
    ----------
    graph
        The network.
    rates
        Per gate the execution rate of each channel, shape (size,), measured on other inputs.
    """
    orders = {}
    for gate in graph.gates:
        known = rates.get(gate.name)
        if known is not None and len(known) == gate.size and can_sort(gate, graph):
            orders[gate.name] = np.argsort(-np.asarray(known, np.float64), kind="stable")
    return orders


def compiled_trace(trace: Trace, compiler: Compiler) -> Trace:
    """Return the trace as the compiled network would have recorded it; one without rates is sorted by nothing."""
    return sort_channels(trace, channel_orders(trace.graph, trace.info.rates)) if compiler.sort else trace


def sort_channels(trace: Trace, orders: Mapping[str, Order]) -> Trace:
    """Return the trace as the permuted network would have recorded it."""
    if not orders:
        return trace
    decisions = dict(trace.decisions)
    scores = dict(trace.scores)
    for name, order in orders.items():
        decisions[name] = pack_mask(trace.mask(name)[:, order])
        if name in scores:
            scores[name] = scores[name][:, order]
    return replace(trace, decisions=decisions, scores=scores)


def can_sort(gate: Gate, graph: NetworkGraph) -> bool:
    """Whether the gate's channels can be permuted by permuting weights alone.

    They can where every tensor that carries them is made by ops the gate guards (or from such a tensor,
    channel by channel) and ends in ops that mix channels: convolutions without groups, products.
    """
    if (gate.rules.decides, gate.rules.stored) != ("channels", "bits") or any(
        not _makes(graph.op(name), gate, graph) for name in gate.guards
    ):
        return False
    carried = set(gate.guards)
    for op in graph.ops:
        if op.name in carried or carried.isdisjoint(op.inputs):
            continue
        if _mixes(op):
            continue
        if not _carries_on(op, carried, gate, graph):
            return False
        carried.add(op.name)
    return _all_read(carried, graph)


def _makes(op: Op, gate: Gate, graph: NetworkGraph) -> bool:
    """Whether the guarded op's output channels are free, or those of an input that the gate guards too."""
    guards = [other for other in graph.guards_of(op.name) if other.rules.decides == "channels"]
    if len(guards) > 1:
        return False
    if op.kind in WEIGHTED and op.groups == 1 and op.kind not in RECURRENT:
        return True
    channelwise = op.is_depthwise or op.kind in _CHANNEL_BY_CHANNEL
    return channelwise and all(name in gate.guards for name in op.inputs)


def _mixes(op: Op) -> bool:
    """Whether the op's output does not depend on the order of its input channels once weights follow."""
    return op.kind in WEIGHTED and op.groups == 1


def _carries_on(op: Op, carried: Iterable[str], gate: Gate, graph: NetworkGraph) -> bool:
    """Whether the op passes the channels on one by one, nothing else put beside them."""
    if op.is_depthwise:
        return op.out_channels == op.in_channels
    if op.kind == "mul":
        return all(name in carried or name in gate.computed_by for name in op.inputs)
    return op.kind in _CHANNEL_BY_CHANNEL


def _all_read(carried: Iterable[str], graph: NetworkGraph) -> bool:
    """Whether no carried tensor is an answer of the network, whose order means something."""
    read = {name for op in graph.ops for name in op.inputs}
    answers = {name for gate in graph.gates for name in gate.exits}
    return all(name in read and name not in answers for name in carried)
