"""What a replay took besides time: energy by part, bytes, waste; arrays over rows (inputs or batches)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from accel_models import Cost, Design, EnergyParts, design_prices, idle_of, static_energy_pj
from simulator.engines.times import Times
from traces import Floats, Ints

if TYPE_CHECKING:  # what is prepared asks what it would spend
    from simulator.replays.prepare import Prepared

PARTS = tuple(field.name for field in fields(EnergyParts))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spent:
    """Energy and bytes of ``n`` rows."""

    energy: EnergyParts  # (n,) each
    dram_bytes: Ints  # (n,), the wasted ones included
    wasted_bytes: Ints  # (n,)


def spent(prepared: Prepared, times: Times) -> Spent:
    """Return what the rows took, given when their transfers were cut."""
    sums = _summed(prepared)
    wasted_bytes, wasted_pj = wasted(prepared, times)
    parts = {name: sums[:, k] for k, name in enumerate(PARTS)}
    parts["wasted_pj"] = parts["wasted_pj"] + wasted_pj
    parts["static_pj"] = static_pj(prepared.design, prepared.schedule.units, times.latency, times.busy)
    return Spent(
        energy=EnergyParts(**parts),
        dram_bytes=sums[:, len(PARTS)].astype(np.int64) + wasted_bytes,
        wasted_bytes=wasted_bytes,
    )


def static_pj(design: Design, units: tuple[str, ...], latency: Floats | Ints, busy: Floats | Ints) -> Floats:
    """Leakage, DRAM standby and idle clocking over each row's time, shape (n,) [pJ].

    Parameters
    ----------
    design
        Its prices and clock.
    units
        Names of the columns of ``busy``.
    latency, busy
        Cycles until each row was done, shape (n,), and cycles each unit worked, shape (n, units).
    """
    idle = idle_of(design, units, latency, busy)
    return static_energy_pj(design_prices(design), latency, design.clock, idle)


def off_chip_pj(prepared: Prepared, paid: Spent) -> Floats:
    """Energy of each row that memory off the chip takes from its own supply, standby left out, shape (n,) [pJ]."""
    total = np.zeros(len(prepared.work))
    for i, cost in enumerate(prepared.costs):
        total += np.asarray(cost.energy.dram_pj)[prepared.work.state_index[:, i]]
    if paid.wasted_bytes.any():
        stored = paid.wasted_bytes * design_prices(prepared.design).value("weight_sram_write_bytes")
        total += paid.energy.wasted_pj - stored
    return total


def wasted(prepared: Prepared, times: Times) -> tuple[Ints, Floats]:
    """Bytes and energy of what was fetched before its decision and then not needed, each shape (n,).

    Of the cycles before the decision, the share that the op turned out not to need was wasted; its bytes are
    rounded down.
    """
    n = len(times.latency)
    total_bytes, total_pj = np.zeros(n, np.int64), np.zeros(n)
    speculative = np.flatnonzero(prepared.tables.speculative_cycles)
    for column, t in enumerate(speculative):
        i = prepared.schedule.tasks[t].op
        cost, states = prepared.costs[i], prepared.work.state_index[:, i]
        most = int(cost.weight_bytes[-1])
        unneeded = np.maximum(most - cost.weight_bytes, 0)
        whole = np.maximum(cost.weight_cycles, int(prepared.tables.speculative_cycles[t]))
        moved = times.fetched_early[:, column] * unneeded[states] // whole[states]
        total_bytes += moved
        total_pj += moved * (float(cost.weight_energy_pj[-1]) / max(most, 1))
    return total_bytes, total_pj


def state_energy(cost: Cost, dynamic: bool) -> Floats:
    """Energy of an op's states by part, shape (states, parts) [pJ]; of a gate's op all in one part."""
    parts = cost.energy.as_gate() if dynamic else cost.energy
    return np.stack([np.asarray(getattr(parts, name), np.float64) for name in PARTS], axis=1)


@lru_cache(maxsize=2)  # a replay asks again and again, for the network it is at
def op_energies(prepared: Prepared) -> tuple[Floats, ...]:
    """Return :func:`state_energy` of every op."""
    return tuple(
        state_energy(cost, dynamic)
        for cost, dynamic in zip(prepared.costs, prepared.dynamic.tolist(), strict=True)
    )


def sum_pj(prepared: Prepared, weights: Floats | None = None) -> Floats:
    """Energy of the rows but static and wasted, each op's times its weight (ops,), shape (n,) [pJ]."""
    return np.asarray(_summed(prepared, weights)[:, : len(PARTS)].sum(axis=1))


def _summed(prepared: Prepared, weights: Floats | None = None) -> Floats:
    """Return energy by part and DRAM bytes, summed over ops, shape (n, parts + 1)."""
    total = np.zeros((len(PARTS) + 1, len(prepared.work)))
    for i, (cost, energy) in enumerate(zip(prepared.costs, op_energies(prepared), strict=True)):
        table = np.concatenate([energy, cost.dram_bytes[:, None]], axis=1)
        scaled = table if weights is None else table * weights[i]
        for part in np.flatnonzero(scaled.any(axis=0)):  # an op has few: the rest adds nothing
            total[part] += np.take(np.ascontiguousarray(scaled[:, part]), prepared.work.state_index[:, i])
    return total.T
