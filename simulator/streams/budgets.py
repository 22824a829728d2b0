"""Resource-dependent halting (DDI): per frame a budget, and the deepest exit that it affords answers.

Source: Wang et al., "Dual Dynamic Inference: Enabling More Efficient, Adaptive and Controllable Deep
Inference", IEEE JSTSP 14(4), 2020: under a hard budget inference halts at an exit for all samples, while easy
samples still leave earlier where the network lets them.

What a frame will take is not known before it has run.  So an exit is affordable if a quantile of what it takes, over
the first half of the inputs (Choice), is within the budget.  The second half is what is judged: a frame of it that
takes more than its budget is not in budget.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models import Choices, Design, compiled_trace
from simulator.engines.fast import simulate
from simulator.policy import Policy, first_half, held_out_rates
from simulator.replays.accounting import spent
from simulator.replays.prepare import Prepared, Setting, prepare
from traces import Bools, ConfigError, Floats, Ints, Trace, UnsupportedError, exit_gate, lower, with_exits


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What each frame may take; both limits hold where both are given."""

    latency_s: float | None = None
    energy_j: float | None = None  # static energy over the frame's own time included
    quantile: float = (
        0.95  # of an exit's cost over the first half of the inputs, that has to be within the limits
    )

    def __post_init__(self) -> None:
        if self.latency_s is None and self.energy_j is None:
            raise ConfigError("budget: needs latency_s, energy_j or both")
        for name in ("latency_s", "energy_j"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise ConfigError(f"budget.{name} = {value}: must be above 0 and finite")
        if not 0 < self.quantile <= 1:
            raise ConfigError(f"budget.quantile = {self.quantile}: must be above 0 and at most 1")

    def within(self, latency_s: Floats, energy_j: Floats) -> Bools:
        """Return what is within both limits, elementwise."""
        latency_limit = np.inf if self.latency_s is None else self.latency_s
        energy_limit = np.inf if self.energy_j is None else self.energy_j
        return np.asarray((latency_s <= latency_limit) & (energy_j <= energy_limit))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halted:
    """Inputs under a budget that others were chosen exits by: the second half of a trace, ``n`` of them."""

    trace: Trace  # with the exits that answer
    seen: int  # inputs before them, by which exits were found affordable
    exits: Ints  # (n,), exit that answers
    in_budget: Bools  # (n,), at that exit
    correct: Bools  # (n,), and in budget
    latency_cycles: Ints  # (n, exits), of every input at every exit
    energy_pj: Floats  # (n, exits)

    @property
    def accuracy(self) -> float:
        """Share of frames answered in budget and correctly [0..1]."""
        return float(self.correct.mean())


def halt(
    trace: Trace, design: Design, budget: Budget, policy: Policy | None = None, frames: int = 1
) -> Halted:
    """Return which exit answers each input of the second half under a budget, and how well.

    Parameters
    ----------
    trace
        Of a network with one exit gate, with the prediction of every exit.
    design, policy
        What every exit costs is found on these, one input alone at a time.
    budget
        Per frame.
    frames
        On the machine at once, which share its buffers.

    Raises
    ------
    UnsupportedError
        If the network has no exits or the trace does not hold their predictions.
    ConfigError
        If not even the first exit is affordable, or there are no two inputs.
    """
    gate = exit_gate(trace)
    seen = first_half(trace, "budget")
    costs = [_cost_at(trace, k, design, policy or Policy(), frames) for k in range(gate.size)]
    latency = np.stack([cycles for cycles, _ in costs], axis=1)
    energy = np.stack([pj for _, pj in costs], axis=1)
    seconds, joules = latency / design.clock, energy * 1e-12
    typical = [
        np.quantile(cost[:seen], budget.quantile, axis=0, method="higher") for cost in (seconds, joules)
    ]
    affordable = np.flatnonzero(budget.within(*typical))
    if not len(affordable):
        raise ConfigError(
            f"budget: below the first exit; {gate.exits[0]!r} takes at least "
            f"{latency.min() / design.clock:.4g} s and {energy.min() * 1e-12:.4g} J on {design.name!r}"
        )
    judged, latency, energy = trace.rows(seen, len(trace)), latency[seen:], energy[seen:]
    exits = np.minimum(affordable.max(), judged.decisions[gate.name].astype(np.int64))
    taken = (np.arange(len(judged)), exits)
    in_budget = budget.within(seconds[seen:][taken], joules[seen:][taken])
    halted = with_exits(judged, exits.astype(np.uint8))
    return Halted(
        trace=halted,
        seen=seen,
        exits=exits,
        in_budget=in_budget,
        correct=(halted.predictions == judged.labels) & in_budget,
        latency_cycles=latency,
        energy_pj=energy,
    )


def _cost_at(trace: Trace, k: int, design: Design, policy: Policy, frames: int) -> tuple[Ints, Floats]:
    """Return cycles and energy [pJ] of every input if exit k answers it."""
    stopped = with_exits(trace, np.full(len(trace), k, np.uint8))
    rates, _ = held_out_rates(trace, policy)
    asked = Setting(lower(compiled_trace(stopped, policy.compiler)), design, rates=rates)
    prepared = prepare(asked, policy, Choices(frames=frames, rates=trace.info.rates))
    check_fits(prepared, frames)
    times = simulate(prepared.tables, prepared.work.state_index)
    return times.latency, spent(prepared, times).energy.total_pj


def check_fits(prepared: Prepared, frames: int) -> None:
    """Refuse a network that does not fit a machine that so many frames share, with demand and bound."""
    if prepared.misfit is not None:
        fewer = f" or keep fewer than {frames} frames in flight" if frames > 1 else ""
        raise UnsupportedError(f"design {prepared.design.name!r}: {prepared.misfit.reason}{fewer}")
