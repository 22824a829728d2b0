"""Resource-dependent halting (DDI): per frame a budget, and the deepest exit that it affords answers.

Source: Wang et al., "Dual Dynamic Inference: Enabling More Efficient, Adaptive and Controllable Deep
Inference", IEEE JSTSP 14(4), 2020: under a hard budget inference halts at an exit for all samples, while easy
samples still leave earlier where the network lets them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models import Design, compiled_trace
from simulator.engines.fast import simulate
from simulator.policy import Policy
from simulator.replays.accounting import spent
from simulator.replays.prepare import prepare
from traces import ConfigError, Trace, exit_gate, lower, with_exits

NO_EXIT = -1  # of a frame whose budget does not reach the first exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What each frame may take; both limits hold where both are given."""

    latency_s: float | None = None
    energy_j: float | None = None  # static energy over the frame's own time included

    def __post_init__(self) -> None:
        if self.latency_s is None and self.energy_j is None:
            raise ConfigError("budget: needs latency_s, energy_j or both")
        for name in ("latency_s", "energy_j"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"budget.{name} = {value}: must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halted:
    """A trace under a budget."""

    trace: Trace  # with the exits that answer; frames without one stop at the first
    exits: NDArray[np.int64]  # (n,), exit that answers, or NO_EXIT
    correct: NDArray[np.bool_]  # (n,)
    latency_cycles: NDArray[np.int64]  # (n, exits), of every input at every exit
    energy_pj: NDArray[np.float64]  # (n, exits)

    @property
    def accuracy(self) -> float:
        """Share of frames answered in budget and correctly [0..1]."""
        return float(self.correct.mean())


def halt(trace: Trace, design: Design, budget: Budget, policy: Policy | None = None) -> Halted:
    """Return which exit answers each input under a budget, and how well.

    Parameters
    ----------
    trace
        Of a network with one exit gate, with the prediction of every exit.
    design, policy
        What every exit costs is found on these, one input alone at a time.
    budget
        Per frame.

    Raises
    ------
    UnsupportedError
        If the network has no exits or the trace does not hold their predictions.
    ConfigError
        If not one input reaches its first exit within the budget.
    """
    gate = exit_gate(trace)
    costs = [_cost_at(trace, k, design, policy or Policy()) for k in range(gate.size)]
    latency = np.stack([cycles for cycles, _ in costs], axis=1)
    energy = np.stack([pj for _, pj in costs], axis=1)
    affordable = np.ones(latency.shape, np.bool_)
    if budget.latency_s is not None:
        affordable &= latency <= budget.latency_s * design.clock
    if budget.energy_j is not None:
        affordable &= energy <= budget.energy_j * 1e12
    if not affordable.any():
        raise ConfigError(
            f"budget: below the first exit of every input; {gate.exits[0]!r} takes at least "
            f"{latency.min() / design.clock:.4g} s and {energy.min() * 1e-12:.4g} J on {design.name!r}"
        )
    deepest = np.where(affordable, np.arange(gate.size), NO_EXIT).max(axis=1)
    exits = np.minimum(deepest, trace.decisions[gate.name].astype(np.int64))
    halted = with_exits(trace, np.maximum(exits, 0).astype(np.uint8))
    return Halted(
        trace=halted,
        exits=exits,
        correct=(halted.predictions == trace.labels) & (exits != NO_EXIT),
        latency_cycles=latency,
        energy_pj=energy,
    )


def _cost_at(
    trace: Trace, k: int, design: Design, policy: Policy
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return cycles and energy [pJ] of every input if exit k answers it."""
    stopped = with_exits(trace, np.full(len(trace), k, np.uint8))
    prepared = prepare(lower(compiled_trace(stopped, policy.compiler)), design, policy)
    times = simulate(prepared.tables, prepared.work.state_index)
    return times.latency, spent(prepared, times).energy.total_pj
