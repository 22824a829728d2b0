"""How often each op runs, as a compiler may know it beforehand: rates of other inputs than those that are judged.

Of a trace that carries none (``TraceInfo.rates``) each half is told those of the other in a replay; a stream, whose
frames wait for each other, shows the second half alone.  No input is told what it will do itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accel_models import known_rates
from simulator.policy import Policy
from traces import ConfigError, Floats, Trace, Workload, lower


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
    """Return how many first inputs stand in for others: whole batches, if there are more than one.

    Choice: half of them.
    """
    if len(trace) < 2:
        raise ConfigError(
            f"{what}: needs rates of other inputs (TraceInfo.rates, as `lacuna record` stores them), or 2 inputs or "
            f"more, of which the first half stands in for others; the trace has {len(trace)}"
        )
    batches = max(len(trace) // 2 // batch, 1) * batch
    return batches if batches < len(trace) else len(trace) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """A half of a trace, or all of it, and what the policy may know of it."""

    trace: Trace
    rates: Floats | None  # of each op
    workload: Workload | None = None  # of the part, if it was lowered to tell the other


def halves(trace: Trace, policy: Policy, lowered: Callable[[Trace], Workload] = lower) -> list[Half]:
    """Return the trace in parts, each with the rates that the policy may know of its ops: never its own.

    Choice: where a trace carries no rates, each half is told those of the other, so that all inputs are replayed.
    """
    if not policy.fetching.reads_rates:
        return [Half(trace, None)]
    known = known_rates(trace.graph, trace.info.rates)
    if known is not None:
        return [Half(trace, known)]
    seen = first_half(trace, f"prefetch = {policy.prefetch!r}", policy.batch)
    parts = trace.rows(0, seen), trace.rows(seen, len(trace))
    earlier, later = (lowered(part) for part in parts)
    return [Half(parts[0], later.rate, earlier), Half(parts[1], earlier.rate, later)]


def halves_note(trace: Trace, policy: Policy) -> tuple[str, ...]:
    """Return what to know of a replay whose trace carries no rates of other inputs, a line if the policy reads them."""
    if not policy.fetching.reads_rates or known_rates(trace.graph, trace.info.rates) is not None:
        return ()
    return ("the trace says nothing of other inputs: each half is told the other's rates",)


def stand_in_note(seen: int) -> tuple[str, ...]:
    """Return what to know of inputs that were left out, a line if there are any."""
    if not seen:
        return ()
    plural = "input stands" if seen == 1 else "inputs stand"
    return (
        f"the first {seen:,} {plural} in for others, of which the trace says nothing, and nothing here is of them",
    )
