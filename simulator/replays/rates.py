"""How often each op runs, as a compiler may know it beforehand: rates of other inputs than those replayed."""

from __future__ import annotations

from accel_models import known_rates
from traces import Floats, Trace, lower

HELD_OUT = 0.5  # share of a trace that stands in for other inputs where it names none; Choice: its first half


def held_out_rates(trace: Trace) -> Floats:
    """Return each op's execution rate by the trace's own rates of other inputs, or by its first half."""
    known = known_rates(trace.graph, trace.info.rates)
    return lower(trace.rows(0, max(int(len(trace) * HELD_OUT), 1))).rate if known is None else known
