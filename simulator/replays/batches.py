"""Which inputs run together."""

from __future__ import annotations

import numpy as np

from simulator.policy import Policy
from traces import Ints, Trace


def group_inputs(trace: Trace, policy: Policy) -> Ints | None:
    """Return the rows of each batch, shape (g, B), -1 where the last is not full; None without batches.

    ``similar`` sorts the inputs by their decisions first, gate by gate and bit by bit, equal ones in order
    of arrival, so that a batch's inputs open much the same gates.  Choice: a sort, not an optimal grouping.
    """
    if policy.batch == 1:
        return None
    order = _by_similarity(trace) if policy.batch_order == "similar" else np.arange(len(trace))
    groups = np.full(-(-len(trace) // policy.batch) * policy.batch, -1, np.int64)
    groups[: len(trace)] = order
    return groups.reshape(-1, policy.batch)


def _by_similarity(trace: Trace) -> Ints:
    coarse_first = sorted(trace.graph.gates, key=lambda gate: gate.rules.stored == "bits")
    columns = [trace.decisions[gate.name].view(np.uint8).reshape(len(trace), -1) for gate in coarse_first]
    if not columns:
        return np.arange(len(trace))
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    return np.argsort(rows.view(np.dtype((np.void, rows.shape[1]))).ravel(), kind="stable").astype(np.int64)
