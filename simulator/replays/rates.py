"""How often each op runs, as a compiler may know it beforehand: rates of other inputs than those that are judged.

A trace that carries none (``TraceInfo.rates``) gives its first half, which is then judged by nothing: no input is told
what it will do itself.
"""

from __future__ import annotations

from accel_models import known_rates
from simulator.policy import Policy
from traces import ConfigError, Floats, Trace, lower


def held_out_rates(trace: Trace, policy: Policy) -> tuple[Floats | None, int]:
    """Return each op's execution rate on other inputs, if the policy reads it, and how many first inputs these are.

    Parameters
    ----------
    trace
        The trace, or its first part.
    policy
        How decisions meet the hardware.

    Raises
    ------
    ConfigError
        If the trace has neither rates nor inputs to spare.
    """
    if not policy.fetching.reads_rates:
        return None, 0
    known = known_rates(trace.graph, trace.info.rates)
    if known is not None:
        return known, 0
    seen = first_half(trace, f"prefetch = {policy.prefetch!r}", policy.batch)
    return lower(trace.rows(0, seen)).rate, seen


def first_half(trace: Trace, what: str, batch: int = 1) -> int:
    """Return how many first inputs stand in for others, so that those left are whole batches if there is one.

    Choice: half of them.
    """
    if len(trace) < 2:
        raise ConfigError(
            f"{what}: needs rates of other inputs (TraceInfo.rates, as `lacuna record` stores them), or 2 inputs or "
            f"more, of which the first half stands in for others; the trace has {len(trace)}"
        )
    left = len(trace) - len(trace) // 2
    return len(trace) - (left - left % batch if left > batch else left)


def stand_in_note(seen: int) -> tuple[str, ...]:
    """Return what to know of inputs that were left out, a line if there are any."""
    if not seen:
        return ()
    plural = "input stands" if seen == 1 else "inputs stand"
    return (
        f"the first {seen:,} {plural} in for others, of which the trace says nothing, and nothing here is of them",
    )
