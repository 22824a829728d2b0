"""How decisions meet the hardware: when weights are fetched, which inputs run together, what may be known of them.

Rates say how often each op runs, on *other* inputs than those that are judged: those that a trace carries
(``TraceInfo.rates``); else each half of a replay is told those of the other, and a stream, whose frames wait for each
other, shows the second half alone.  No input is told what it will do itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from accel_models import STEPS, Compiler, Design, known_rates, units_of, usable
from traces import ConfigError, Floats, Frozen, Ints, Trace, Workload, explain, lower

Prefetch = Literal["wait", "speculate", "predict", "oracle"]


@dataclass(frozen=True, slots=True)
class PrefetchRules:
    """What is true of a way to fetch weights that a gate guards."""

    speculates: bool = False  # they are fetched before the decision
    reads_rates: bool = False  # of ops alone whose execution rate exceeds ``theta``
    knows_decisions: bool = False  # nothing ever waits for a decision


PREFETCH: Final[Mapping[Prefetch, PrefetchRules]] = {
    "wait": PrefetchRules(),
    "speculate": PrefetchRules(speculates=True),
    "predict": PrefetchRules(speculates=True, reads_rates=True),
    "oracle": PrefetchRules(knows_decisions=True),
}


class Policy(Frozen):
    """Policy of a replay.

    ==============  =====================================================================================
    ``prefetch``    weights of what a gate guards are fetched
    ==============  =====================================================================================
    ``wait``        after the decision
    ``speculate``   before it; what turns out skipped is wasted, the transfer cut at the next burst
    ``predict``     before it for ops whose execution rate exceeds ``theta``, after it for others; rates of other
                    inputs: those a trace carries, or in each half of its first 32,768 inputs the
                    rates of the other half (a stream shows the second alone)
    ``oracle``      as needed: decisions are known before the input arrives; the lower bound
    ==============  =====================================================================================
    """

    prefetch: Prefetch = "wait"
    theta: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    batch_order: Literal["arrival", "similar"] = "arrival"
    compaction: Literal["union", "per_input"] = "union"
    fold: bool = True  # the compiler's steps; see accel_models.compiling.steps
    fuse: bool = True
    sort: bool = True
    place_gates: bool = True
    pin: bool = True
    tile: bool = True
    depth_first: bool = True
    seed: Annotated[int, Field(ge=0)] = 0

    if not TYPE_CHECKING:  # type checkers know each setting by its name and type

        def __init__(self, **settings):
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise ConfigError(explain(error, Policy, "policy.")) from None

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Self:
        """Return the policy that settings by name describe, as they come from a file or a command line."""
        values: dict[str, Any] = dict(settings)
        return cls(**values)

    @property
    def fetching(self) -> PrefetchRules:
        """What is true of the way in which weights are fetched."""
        return PREFETCH[self.prefetch]

    @property
    def compiler(self) -> Compiler:
        """What is done to graph and trace before they are priced."""
        return Compiler(**{step: getattr(self, step) for step in STEPS})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.batch == 1 and self.batch_order == "similar":
            raise ValueError("batch_order = 'similar' needs batch = 2 or more")
        return self


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


# What a gate decides: what hardware without it cannot skip, and the setting that says it can.
_ABLE: Final[Mapping[str, tuple[str, str]]] = {
    "runs": ("layers", "skip.layers=true"),
    "channels": ("channels", "skip.channels=compact"),
    "tiles": ("tiles of a feature map", "skip.spatial=true"),
    "rows": ("rows of a sequence", "skip.spatial=true"),
    "elements": ("single elements", ""),
}


def hints(trace: Trace, design: Design, compiler: Compiler) -> tuple[str, ...]:
    """Return what to know of gates on a design: a line each.

    Kinds of gates that it cannot use, decisions handed over for nothing, what is compiled without rates.

    Parameters
    ----------
    trace
        The trace, or a part of it.
    design, compiler
        What it is replayed on, and how it is compiled.
    """
    lines = []
    for decides, (what, setting) in _ABLE.items():
        idle = [
            gate
            for gate in trace.graph.gates
            if gate.rules.decides == decides and not usable(gate, design.skip)
        ]
        if idle:
            way_out = f"; --set {setting} if the hardware can" if setting else ""
            gates = "gate skips" if len(idle) == 1 else "gates skip"
            lines.append(
                f"{len(idle)} {idle[0].kind} {gates} nothing: {design.name} cannot skip {what}{way_out}"
            )
    if trace.graph.gate_ops and len(units_of(design)) > 1 and "gate_handover" not in design.model_fields_set:
        lines.append(
            f"decisions cross units for nothing: {design.name} does not state gate_handover; "
            f"--set gate_handover=TIME if that takes any"
        )
    return (*lines, *_unknown(trace, design, compiler))


def _unknown(trace: Trace, design: Design, compiler: Compiler) -> tuple[str, ...]:
    """Return a line on what is compiled without rates of gates that the design can use, if anything is."""
    rates = trace.info.rates
    lacking = [gate for gate in trace.graph.gates if usable(gate, design.skip) and gate.name not in rates]
    plans = design.memory is not None and (compiler.pin or compiler.tile or compiler.depth_first)
    done = []
    if compiler.sort and any(gate.rules.decides == "channels" for gate in lacking):
        done.append("channels are sorted by nothing")
    if plans and lacking and (not rates or known_rates(trace.graph, rates) is None):
        done.append("plans are made for all gates open")
    if not done:
        return ()
    missing = "" if len(lacking) == len(trace.graph.gates) else f" of {lacking[0].name}"
    return (f"{', '.join(done)}: the trace has no rates of other inputs{missing} (TraceInfo.rates)",)
