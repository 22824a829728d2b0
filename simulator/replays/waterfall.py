"""From MACs saved to time and energy saved: idealisations turned off one at a time.

========================  ==============================================================================
level                     what it takes
========================  ==============================================================================
proportional              the dense network's time x share of MACs kept (the gates' own counted as kept)
rounding to the array     array ops take their real cycles, all else still its share; no gates yet
memory floor              transfers take their real cycles too
SIMD and fixed parts      everything but gates takes its real cycles
gate compute              gates run, on their units; decisions are known before they are made
gate wait                 decisions are waited for, as the policy says; nothing is fetched in vain
wasted prefetch           what is fetched before its decision costs time and energy
batch divergence          inputs of a batch differ; before, each ran beside copies of itself
========================  ==============================================================================

Every level is a replay of the same schedule, so losses overlap nowhere and add up exactly.  A negative loss
is a gain.  What differs between the static network's own schedule and the dynamic one's without its gates
(tensors that gates keep on chip) counts under SIMD and fixed parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accel_models import FREE, Cost, matrix_names, unit_kind
from simulator.engines.fast import Scaling, simulate
from simulator.engines.times import Times
from simulator.replays.accounting import static_pj, sum_pj, wasted
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import TICKS, Ints, mapped, with_known_decisions, without_waste
from simulator.schedules.schedule import Task

Floats = NDArray[np.float64]

LOSSES = (
    "rounding to the array",
    "memory floor",
    "SIMD and fixed parts",
    "gate compute",
    "gate wait",
    "wasted prefetch",
    "batch divergence",
)
_UNIT = 20  # bits of a share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """Sums over inputs at each level: proportional, then one per loss (see the module), shape (9,).

    The second is the proportional level on the dynamic network's own schedule.
    """

    cycles: Floats
    energy_pj: Floats
    oracle_cycles: float  # sum over inputs with decisions known ahead
    oracle_pj: float

    def __add__(self, other: Levels) -> Levels:
        return Levels(
            cycles=self.cycles + other.cycles,
            energy_pj=self.energy_pj + other.energy_pj,
            oracle_cycles=self.oracle_cycles + other.oracle_cycles,
            oracle_pj=self.oracle_pj + other.oracle_pj,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replayed:
    """Rows replayed as the policy says, without waste, and with decisions known ahead."""

    prepared: Prepared
    times: Times
    prompt: Times  # nothing fetched in vain
    known: Times  # the oracle

    @classmethod
    def of(cls, prepared: Prepared, times: Times | None = None) -> Replayed:
        """Replay what is not given; ``times`` are those under the policy, from any engine."""
        tables, index = prepared.tables, prepared.work.state_index
        main = simulate(tables, index) if times is None else times
        vain, waits = tables.speculative_cycles.any(), tables.waits.any()
        prompt = simulate(without_waste(tables), index) if vain else main
        known = simulate(with_known_decisions(tables), index) if vain or waits else main
        return cls(prepared=prepared, times=main, prompt=prompt, known=known)


def levels(alone: Replayed, actual: Replayed, shares: Floats, dense: tuple[float, float]) -> Levels:
    """Replay the idealisations and sum their times and energies over inputs.

    Parameters
    ----------
    alone
        Every input beside copies of itself, n rows; without batches the actual replay.
    actual
        The replay to explain.
    shares
        MACs kept of each input as a share of the static network's, shape (n,).
    dense
        Cycles and energy [pJ] of the static network, per input.
    """
    prepared, ran = alone.prepared, actual.prepared.sizes
    ideal = [_ideal(prepared, shares, real) for real in range(4)]
    replays = [*ideal, *(_Level.of(prepared, times) for times in (alone.known, alone.prompt, alone.times))]
    moving = [_dynamic_pj(prepared, shares, real) for real in range(4)]
    gates = moving[3] + _gate_pj(prepared)
    moving += [gates, gates, gates + wasted(prepared, alone.times)[1]]
    energy = [(pj + level.static) / prepared.sizes for pj, level in zip(moving, replays, strict=True)]
    last, oracle = (_Level.of(actual.prepared, times) for times in (actual.times, actual.known))
    spent = sum_pj(actual.prepared)
    last_pj = spent + wasted(actual.prepared, actual.times)[1] + last.static
    total = float(shares.sum())
    return Levels(
        cycles=np.array([dense[0] * total, *(level.cycles.sum() for level in replays), last.cycles @ ran]),
        energy_pj=np.array([dense[1] * total, *(pj.sum() for pj in energy), last_pj.sum()]),
        oracle_cycles=float(oracle.cycles @ ran),
        oracle_pj=float((spent + oracle.static).sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """One replay's time, and the energy that its time costs."""

    cycles: Floats  # (n,)
    static: Floats  # (n,) [pJ]

    @classmethod
    def of(cls, prepared: Prepared, times: Times, fine: int = 1) -> _Level:
        cycles = times.latency / fine
        static = static_pj(prepared.design, prepared.schedule.units, cycles, times.busy / fine)
        return cls(cycles, static)


def _ideal(alone: Prepared, shares: Floats, real: int) -> _Level:
    """Replay without gates, decisions known, the first ``real`` of array, transfers, rest at real cycles."""
    dynamic = alone.dynamic

    def fine(task: Task, cycles: Ints) -> Ints:
        return np.zeros_like(cycles) if dynamic[task.op] else cycles * TICKS

    tables = mapped(with_known_decisions(alone.tables), fine)
    schedule = alone.schedule
    matrix = matrix_names(alone.design)
    scaled = np.array([_class(task, schedule.units, matrix) >= real for task in schedule.tasks], np.bool_)
    share = np.rint(shares * (1 << _UNIT)).astype(np.int64)
    times = simulate(tables, alone.work.state_index, scaling=Scaling(scaled, share))
    return _Level.of(alone, times, TICKS)


def _class(task: Task, units: tuple[str, ...], matrix: frozenset[str]) -> int:
    """Return 0 for work of a matrix unit, 1 for a transfer, 2 for the rest."""
    if task.kind != "compute":
        return 1
    return 0 if task.unit >= 0 and units[task.unit] in matrix else 2


def _dynamic_pj(alone: Prepared, shares: Floats, real: int) -> Floats:
    """Energy but static, of all but gates: real for the first ``real`` classes, their share for the rest."""
    total = np.zeros(len(shares))
    for i, cost in enumerate(alone.costs):
        if alone.dynamic[i]:
            continue
        unit = alone.placements[i].unit
        place = 0 if unit != FREE and unit_kind(unit).matrix else 2
        for level, energy in ((1, cost.energy.dram_pj), (place, _beside_dram(cost))):
            kept = energy[alone.work.state_index[:, i]] if level < real else energy[-1] * shares
            total += kept
    return total


def _beside_dram(cost: Cost) -> Floats:
    return np.asarray(replace(cost.energy, dram_pj=np.zeros_like(cost.energy.dram_pj)).total_pj)


def _gate_pj(alone: Prepared) -> Floats:
    """Energy but static of what only the dynamic network needs, shape (n,) [pJ]."""
    total = np.zeros(len(alone.work))
    for i in np.flatnonzero(alone.dynamic):
        total += alone.costs[i].energy.total_pj[alone.work.state_index[:, i]]
    return total
