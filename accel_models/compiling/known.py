"""What a compiler may know of gates beforehand: rates of other inputs than those replayed (``TraceInfo.rates``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from accel_models.design.sections import Skip
from traces import Floats, Gate, NetworkGraph, Op

Rates = Mapping[str, Sequence[float]]  # per gate, of each of its bits, or answers


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
