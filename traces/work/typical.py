"""The input that rates of other inputs promise: what a compiler may take for granted of inputs it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from traces.base.arrays import Floats
from traces.graphs.kinds import Decisions
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.trace import Trace
from traces.work.workload import open_trace


def typical_trace(graph: NetworkGraph, rates: Mapping[str, Sequence[float]]) -> Trace:
    """Return a trace of the one input that decides as gates do on average; inputs that all decide alike are this input.

    A layer runs if it ever does, and the deepest exit answers that ever did: how often, the rates themselves say.  Of
    channels, tiles, rows and elements as many are kept as on average, half rounded up and one at least if one ever
    was, those that are kept most often; of widths the nearest to the average.  A gate without rates is open.

    Parameters
    ----------
    graph
        The network.
    rates
        Per gate how often each bit was 1, or each index was chosen (``TraceInfo.rates``).
    """
    trace = open_trace(graph)
    known = [gate for gate in graph.gates if len(rates.get(gate.name, ())) == gate.size]
    decisions = {gate.name: _decision(gate, np.asarray(rates[gate.name], np.float64)) for gate in known}
    info = trace.info.model_copy(update={"rates": {gate.name: tuple(rates[gate.name]) for gate in known}})
    return replace(trace, info=info, decisions={**trace.decisions, **decisions})


def _decision(gate: Gate, rates: Floats) -> Decisions:
    """Return the decision of one input as a trace holds it."""
    match gate.rules.stored:
        case "flag":
            return gate.rules.store(rates > 0)
        case "bits":
            kept = max(int(rates.sum() + 0.5), int(rates.any()))
            bits = np.zeros(gate.size, np.bool_)
            bits[np.argsort(-rates, kind="stable")[:kept]] = True
            return gate.rules.store(bits[None])
        case "index":
            widths = np.asarray(gate.widths, np.float64)
            if gate.rules.picks_answer:
                chosen = int(np.flatnonzero(rates).max(initial=0))
            else:
                chosen = int(np.abs(widths - widths @ rates / max(rates.sum(), 1e-9)).argmin())
            return gate.rules.store(np.array([chosen]))
