"""The compiled loop of the fast engine; imported only when it runs, because numba is slow to import."""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 128  # inputs whose times are kept side by side; measured on 550 tasks, 32 take 1.7 times as long


@njit(nogil=True, cache=True, boundscheck=False)
def replay_rows(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0913, PLR0915, PLR0917, C901  # one loop nest: numba compiles it as one, and calls inside it would cost more than the work
    rows, index, links, luts, policy, scaling, results
):
    """Replay inputs ``rows[0]`` to ``rows[1] - 1``; see :mod:`simulator.engines.fast` for the equations."""
    op, unit, lists, after, decisions, streams = links
    base, states, cycles, first, tail = luts
    waits, whole, cut, slot = policy
    scaled, share = scaling
    latency, busy, waited, early, spans = results
    tasks, units = op.shape[0], busy.shape[1]
    keep = spans.shape[1] > 0
    start = np.zeros((tasks, BLOCK), np.int64)
    end = np.zeros((tasks, BLOCK), np.int64)
    free = np.zeros((units, BLOCK), np.int64)
    worked = np.zeros((units, BLOCK), np.int64)
    ready = np.zeros(BLOCK, np.int64)
    decided = np.zeros(BLOCK, np.int64)
    time = np.zeros(BLOCK, np.int64)
    left = np.zeros(BLOCK, np.int64)
    for low in range(rows[0], rows[1], BLOCK):
        m = min(BLOCK, rows[1] - low)
        free[:] = 0
        worked[:] = 0
        for t in range(tasks):
            u, o, at = unit[t], op[t], base[t]
            begin, finish = start[t], end[t]
            if u >= 0:
                ready[:] = free[u]
            else:
                ready[:] = 0
            for q in range(after[t], after[t + 1]):
                other = end[lists[q]]
                for b in range(BLOCK):
                    ready[b] = max(ready[b], other[b])
            if scaled[t]:
                dense = cycles[at + states[t] - 1]
                for b in range(m):
                    time[b] = dense * share[low + b] >> 20
            else:
                table, state = cycles[at : at + states[t]], index[o, low : low + m]
                for b in range(m):
                    time[b] = table[state[b]]
            q0, q1 = decisions[t], decisions[t + 1]
            if q1 > q0 and (waits[t] or whole[t] > 0):
                decided[:] = end[lists[q0]]
                for q in range(q0 + 1, q1):
                    other = end[lists[q]]
                    for b in range(BLOCK):
                        decided[b] = max(decided[b], other[b])
                if whole[t] > 0:
                    for b in range(m):
                        most = max(whole[t], time[b])
                        early_b = max(decided[b] - ready[b], 0)
                        early_b = min((early_b + cut - 1) // cut * cut, most)
                        time[b] = early_b + (time[b] * (most - early_b) + most - 1) // most
                        early[low + b, slot[t]] = early_b
                else:
                    total = 0
                    for b in range(m):
                        wait = max(decided[b] - ready[b], 0)
                        total += wait
                        ready[b] += wait
                    waited[t] += total
            begin[:] = ready
            q0, q1 = streams[t], streams[t + 1]
            if q1 > q0:
                for q in range(q0, q1):
                    p = lists[q]
                    other = start[p]
                    if scaled[p]:
                        for b in range(m):
                            lead = first[base[p] + states[p] - 1] * share[low + b] >> 20
                            if time[b] > 0:
                                begin[b] = max(begin[b], other[b] + lead)
                    else:
                        for b in range(m):
                            if time[b] > 0:
                                begin[b] = max(begin[b], other[b] + first[base[p] + index[o, low + b]])
                for b in range(m):
                    finish[b] = begin[b] + time[b]
                for b in range(m):
                    if scaled[t]:
                        left[b] = tail[at + states[t] - 1] * share[low + b] >> 20
                    else:
                        left[b] = tail[at + index[o, low + b]]
                for q in range(q0, q1):
                    other = end[lists[q]]
                    for b in range(m):
                        if time[b] > 0:
                            finish[b] = max(finish[b], other[b] + left[b])
            else:
                for b in range(BLOCK):
                    finish[b] = begin[b] + time[b]
            if u >= 0:
                for b in range(BLOCK):
                    free[u, b] = finish[b]
                    worked[u, b] += time[b]
            if keep:
                for b in range(m):
                    spans[0, low + b, t] = begin[b]
                    spans[1, low + b, t] = finish[b]
                    spans[2, low + b, t] = time[b]
        for t in range(tasks):
            for b in range(m):
                latency[low + b] = max(latency[low + b], end[t, b])
        for u in range(units):
            for b in range(m):
                busy[low + b, u] = worked[u, b]
