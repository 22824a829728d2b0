"""Early exits chosen again, from what a trace holds of every exit: its answer and its confidence.

A trace is recorded with the network run to its last exit, so what another threshold, or a budget, would have
answered is known without the network.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Floats
from traces.base.errors import ConfigError, UnsupportedError
from traces.graphs.parts import Gate
from traces.trace import Trace


def exit_gate(trace: Trace) -> Gate:
    """Return the trace's one exit gate, whose answers are recorded."""
    gates = [gate for gate in trace.graph.gates if gate.rules.picks_answer]
    if len(gates) != 1:
        raise UnsupportedError(f"network {trace.graph.name!r} has {len(gates)} exit gates, needs one")
    if gates[0].name not in trace.exit_predictions:
        raise UnsupportedError(f"the trace does not hold the predictions of exit gate {gates[0].name!r}")
    return gates[0]


def choose_exit(confidences: NDArray[np.float16], threshold: float | Floats) -> NDArray[np.uint8]:
    """Return the first exit at least as confident as ``threshold``, else the last, (n,) from (n, exits)."""
    sure = confidences.astype(np.float32) >= threshold
    sure[:, -1] = True
    first: NDArray[np.uint8] = sure.argmax(1).astype(np.uint8)
    return first


def with_exits(trace: Trace, exits: NDArray[np.uint8]) -> Trace:
    """Return the trace as it were had these exits answered, (n,), with their predictions."""
    gate = exit_gate(trace)
    answers = trace.exit_predictions[gate.name][np.arange(len(trace)), exits]
    return replace(trace, predictions=answers, decisions={**trace.decisions, gate.name: exits})


def with_exit_threshold(trace: Trace, threshold: float) -> Trace:
    """Return the trace in which the first exit at least as confident as ``threshold`` answers.

    Parameters
    ----------
    trace
        Recorded with every exit's prediction and confidence.
    threshold
        Of the largest softmax [0..1]; above 1 the last exit always answers.

    Raises
    ------
    UnsupportedError
        The network has no exits, or the trace does not hold their predictions and confidences.
    """
    if not threshold >= 0:
        raise ConfigError(f"exit threshold = {threshold}: must be 0 or more; above 1 the last exit answers")
    gate = exit_gate(trace)
    if gate.name not in trace.exit_confidences:
        raise UnsupportedError(f"the trace does not hold the confidences of exit gate {gate.name!r}")
    return with_exits(trace, choose_exit(trace.exit_confidences[gate.name], threshold))
