"""What a compiler knows of gates beforehand: which the hardware can use, and rates of other inputs than those replayed.

Channels are sorted by how often they are kept: a permutation of weights that costs nothing at run time.  Groups of
channels are skipped only when all of a group is; sorted, rarely kept channels lie side by side.  Rates are
recorded on validation images (``TraceInfo.rates``), so that the compiler knows nothing of the future.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from accel_models.compiling.steps import Compiler
from accel_models.design.sections import Skip
from traces import RECURRENT, WEIGHTED, Floats, Gate, Ints, NetworkGraph, Op, Packed, Trace

Rates = Mapping[str, Sequence[float]]  # per gate, of each of its bits, or answers


def usable(gate: Gate, skip: Skip) -> bool:
    """Return whether hardware that skips so can use the gate at all."""
    match gate.rules.decides:
        case "runs":
            return skip.layers
        case "channels":
            return skip.some_channels
        case "tiles":
            return skip.spatial
        case "rows":
            return skip.rows
        case "elements":
            return False


def known_rates(graph: NetworkGraph, rates: Rates) -> Floats | None:
    """Return each op's execution rate, shape (ops,), from rates of other inputs; ``None`` if a gate has none.

    An op under several gates runs at most as often as the rarest lets it (Choice: the rates say nothing of how they
    go together); an op that only loses channels or tiles always runs.
    """
    found = np.ones(len(graph.ops))
    for i, op in enumerate(graph.ops):
        for gate in graph.guarding.get(op.name, ()):
            if gate.rules.decides != "runs":
                continue
            if gate.name not in rates:
                return None
            found[i] = min(found[i], _runs(gate, op.name, rates[gate.name]))
    return found


def fetched_shares(graph: NetworkGraph, rates: Rates, skip: Skip, batch: int = 1) -> dict[str, float]:
    """Return which share of each op's weights a batch of other inputs fetched on average, if they do not stay [0..1].

    What the design cannot skip, and what has no rates, is fetched whole.  Choice: so are weights of input channels
    that do not exist: they lie scattered, and leaving them out saves few bursts; and inputs of a batch are independent.
    """
    known = known_rates(graph, rates) if skip.layers else None
    found = {}
    for i, op in enumerate(graph.ops):
        share = 1.0 if known is None else float(known[i])
        if skip.some_channels:
            share *= _kept(graph, op, rates)
        found[op.name] = 1.0 - (1.0 - share) ** batch
    return found


def _kept(graph: NetworkGraph, op: Op, rates: Rates) -> float:
    """Return the mean share of the op's outputs that its channel gates keep."""
    gates = [gate for gate in graph.guarding.get(op.name, ()) if gate.rules.decides == "channels"]
    means = [
        np.mean(rates[gate.name]) for gate in gates if gate.rules.stored == "bits" and gate.name in rates
    ]
    return float(min(means, default=1.0))


def _runs(gate: Gate, op: str, rates: Sequence[float]) -> float:
    """Return how often the gate lets the op run: a layer gate's rate, or that of answers behind the op's level."""
    if not gate.rules.picks_answer:
        return float(rates[0])
    level = gate.levels[gate.guards.index(op)]
    return min(float(sum(rates[level + 1 :])), 1.0)


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
        decisions[name] = permuted(decisions[name].view(np.uint8), order)
        if name in scores:
            scores[name] = scores[name][:, order]
    return replace(trace, decisions=decisions, scores=scores)


def permuted(packed: Packed, order: Order) -> Packed:
    """Return packed bits (n, ceil(size / 8)) with bit ``order[k]`` at place k.

    Eight bits are one byte; where its 256 values go is a table for every word of 64 bits that takes some of them.
    """
    goes_to = np.argsort(order)
    bits = np.arange(256, dtype=np.uint64)[:, None] >> np.arange(8, dtype=np.uint64) & np.uint64(1)
    words = np.zeros((-(-len(order) // 64), len(packed)), "<u8")
    for byte, values in enumerate(np.ascontiguousarray(packed.T)):
        places = goes_to[8 * byte : 8 * byte + 8]
        moved = bits[:, : len(places)] << (places % 64).astype(np.uint64)
        for word in set((places // 64).tolist()):
            table = np.bitwise_or.reduce(moved[:, places // 64 == word], axis=1)
            words[word] |= table.take(values)
    return np.ascontiguousarray(words.T).view(np.uint8)[:, : packed.shape[1]]


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
    guards = [other for other in graph.guarding.get(op.name, ()) if other.rules.decides == "channels"]
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
