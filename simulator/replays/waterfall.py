"""From MACs saved to time and energy saved: idealisations turned off one at a time.

======================  ================================================================================
loss                    what the level behind it takes
======================  ================================================================================
(proportional)          the dense network's time x share of MACs kept (the gates' own counted as kept)
design cannot skip      products take their share of the MACs that gates of kinds the design knows leave
group granularity       ... of the MACs that its groups of channels leave
array rounding          products take their real cycles, but for packing and control
gather                  ... with packing what is kept
tile control            ... with control of their tiles beyond the dense network's share: all they take
memory floor            transfers take their real cycles too
fixed work              everything but gates takes its real cycles
gate compute            gates run, on their units; decisions are known before they are made
decision wait           decisions are waited for, as the policy says; nothing is fetched in vain
hand-over               decisions that cross units arrive later
wasted prefetch         what is fetched before its decision costs time and energy
batch divergence        inputs of a batch differ; before, each ran beside copies of itself
======================  ================================================================================

Every level is a replay of the same schedule, so losses overlap nowhere and add up exactly.  A negative loss
is a gain.  Whether a gate's compute or the wait for its decision counts first is a matter of order where they overlap:
both losses also carry what they would be the other way round, with waits counted while gates still compute in no time.
That MACs of some ops take longer than of others counts under array rounding, what differs between
the dense network's own schedule and the dynamic one's without its gates (tensors that gates keep on chip)
under fixed work.  Energy of packing counts under array rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from simulator.engines.fast import simulate
from simulator.replays.accounting import Runs, sum_pj, wasted
from simulator.replays.ideals import Ideals, Level
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import (
    mapped,
    without_handover,
    without_waste,
)
from traces import Floats

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "design cannot skip": "give the design that kind of skipping, or train gates of a kind it has",
        "group granularity": "sort channels by validation rates, or train gates over aligned groups",
        "array rounding": "keep multiples of the array's rows and columns, or use a smaller array",
        "gather": "store kept channels packed (skip.packed_outputs), or gate contiguous widths",
        "tile control": "larger buffers, so that an op takes fewer tiles",
        "memory floor": "more bandwidth, pinned weights, or gates that leave out whole layers",
        "fixed work": "fuse adds and pools into the output stage; gate the stem and the classifier too",
        "gate compute": "fold scores, fuse the gates' pools, place gates on the faster unit, gate fewer layers",
        "decision wait": "decide a block early, or prefetch by prediction",
        "hand-over": "make decisions on the unit that obeys them, or several at once",
        "wasted prefetch": "predict instead of speculating, or wait",
        "batch divergence": "group inputs by similarity, or smaller batches",
    }
)
LOSSES = tuple(REMEDIES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelSums:
    """Sums over inputs at each level, shape (levels,): see :func:`levels`."""

    cycles: Floats
    energy_pj: Floats
    free_cycles: float  # decisions waited for, and made in no time
    free_pj: float
    oracle_cycles: float  # sum over inputs with decisions known ahead
    oracle_pj: float

    def __add__(self, other: LevelSums) -> LevelSums:
        return LevelSums(
            cycles=self.cycles + other.cycles,
            energy_pj=self.energy_pj + other.energy_pj,
            free_cycles=self.free_cycles + other.free_cycles,
            free_pj=self.free_pj + other.free_pj,
            oracle_cycles=self.oracle_cycles + other.oracle_cycles,
            oracle_pj=self.oracle_pj + other.oracle_pj,
        )


def levels(alone: Runs, actual: Runs, shares: Floats, dense: tuple[float, float]) -> LevelSums:
    """Replay the idealisations and sum their times and energies over inputs.

    Parameters
    ----------
    alone
        Every input beside copies of itself, n rows; without batches the actual replay.
    actual
        The replay to explain.
    shares
        MACs kept of each input as a share of the dense network's, shape (n,).
    dense
        Cycles and energy [pJ] of the dense network, per input.
    """
    prepared, ran = alone.prepared, actual.prepared.sizes
    ideals = Ideals(prepared, shares)
    known, near, prompt, own = (
        Level.of(prepared, times) for times in (alone.known, alone.near, alone.prompt, alone.times)
    )
    without_gates = ideals.moving_pj()
    gates = without_gates[-1] + _gate_pj(prepared)
    wasted_pj = gates + wasted(prepared, alone.times)[1]
    replays = [*ideals.replays(), known, near, prompt, own]
    free = _free(prepared, replays[-5])
    moving = [*without_gates, gates, gates, gates, wasted_pj]
    energy = [(pj + level.static) / prepared.sizes for pj, level in zip(moving, replays, strict=True)]
    last, oracle = (Level.of(actual.prepared, times) for times in (actual.times, actual.known))
    spent = sum_pj(actual.prepared)
    last_pj = spent + wasted(actual.prepared, actual.times)[1] + last.static
    total = float(shares.sum())
    return LevelSums(
        cycles=np.array([dense[0] * total, *(level.cycles.sum() for level in replays), last.cycles @ ran]),
        energy_pj=np.array([dense[1] * total, *(pj.sum() for pj in energy), last_pj.sum()]),
        free_cycles=float(free.cycles.sum()),
        free_pj=float(((without_gates[-1] + free.static) / prepared.sizes).sum()),
        oracle_cycles=float(oracle.cycles @ ran),
        oracle_pj=float((spent + oracle.static).sum()),
    )


def _free(alone: Prepared, without: Level) -> Level:
    """Replay with gates that compute in no time, whose decisions are waited for; ``without``: and are not."""
    tables = without_waste(without_handover(alone.tables))
    if not tables.waits.any() or not alone.dynamic.any():
        return without
    free = mapped(tables, lambda table: table * tables.by_op(~alone.dynamic))
    return Level.of(alone, simulate(free, alone.work.state_index))


def _gate_pj(alone: Prepared) -> Floats:
    """Energy but static of what only the dynamic network needs, shape (n,) [pJ]."""
    total = np.zeros(len(alone.work))
    for i in np.flatnonzero(alone.dynamic).tolist():
        total += alone.costs[i].energy.total_pj.take(alone.work.state_index[:, i].astype(np.intp))
    return total
