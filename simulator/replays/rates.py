"""How often each op runs, as a compiler may know it beforehand: rates of other inputs than those replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from traces import Floats, Gate, NetworkGraph, Trace, lower

HELD_OUT = 0.5  # share of a trace that stands in for other inputs where it names none; Choice: its first half


def known_rates(graph: NetworkGraph, rates: Mapping[str, Sequence[float]]) -> Floats | None:
    """Return each op's execution rate, shape (ops,), from rates of other inputs; ``None`` if a gate has none.

    An op under several gates runs at most as often as the rarest lets it (Choice: the rates say nothing of how they
    go together); an op that only loses channels or tiles always runs.
    """
    found = np.ones(len(graph.ops))
    for i, op in enumerate(graph.ops):
        for gate in graph.guards_of(op.name):
            if gate.rules.decides != "runs":
                continue
            if gate.name not in rates:
                return None
            found[i] = min(found[i], _runs(gate, op.name, rates[gate.name]))
    return found


def _runs(gate: Gate, op: str, rates: Sequence[float]) -> float:
    """Return how often the gate lets the op run: a layer gate's rate, or that of answers behind the op's level."""
    if not gate.rules.picks_answer:
        return float(rates[0])
    level = gate.levels[gate.guards.index(op)]
    return min(float(sum(rates[level + 1 :])), 1.0)


def held_out_rates(trace: Trace) -> Floats:
    """Return each op's execution rate by the trace's own rates of other inputs, or by its first half."""
    known = known_rates(trace.graph, trace.info.rates)
    return lower(trace.rows(0, max(int(len(trace) * HELD_OUT), 1))).rate if known is None else known
