"""What a replay took: row by row (an input, or a batch), and summed over rows op by op.

Of a row: time under the policy and without its losses, energy by part, bytes.  Of an op: what becomes its row of the
results' table.  Arrays are over rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce

import numpy as np

from accel_models import ENERGY_PARTS, EnergyParts, design_prices, static_pj
from simulator.engines.fast import simulate, simulate_each
from simulator.replays.op_times import OP_PARTS, OpRow
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import (
    Times,
    with_known_decisions,
    without_handover,
    without_waste,
)
from traces import Floats, Ints, Op


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Rows replayed as the policy says, without waste, without hand-over, and with decisions known ahead."""

    prepared: Prepared
    times: Times
    prompt: Times  # nothing fetched in vain
    near: Times  # and decisions known everywhere at once
    known: Times  # the oracle

    @classmethod
    def of(cls, prepared: Prepared, times: Times | None = None) -> Runs:
        """Replay what is not given; ``times`` are those under the policy, from any engine."""
        tables, index = prepared.tables, prepared.work.state_index
        at_once = without_handover(tables)
        vain, waits = tables.speculative_cycles.any(), tables.waits.any()
        asked = [
            *([tables] if times is None else []),
            *([without_waste(tables)] if vain else []),
            *([without_waste(at_once)] if at_once is not tables else []),
            *([with_known_decisions(tables)] if vain or waits else []),
        ]
        found = iter(simulate_each(asked, index))
        main = next(found) if times is None else times
        prompt = next(found) if vain else main
        near = next(found) if at_once is not tables else prompt
        known = next(found) if vain or waits else main
        # Transfers that pass others may pass the wrong ones, known decisions or not; an oracle may wait as well.
        known = replace(known, latency=reduce(np.minimum, [known.latency, near.latency, prompt.latency]))
        return cls(prepared=prepared, times=main, prompt=prompt, near=near, known=known)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spent:
    """Energy and bytes of ``n`` rows."""

    energy: EnergyParts  # (n,) each
    dram_bytes: Ints  # (n,), the wasted ones included
    wasted_bytes: Ints  # (n,)


def spent(prepared: Prepared, times: Times) -> Spent:
    """Return what the rows took, given when their transfers were cut."""
    sums = _each_row(prepared)
    wasted_bytes, wasted_pj = wasted(prepared, times)
    parts = {name: sums[:, k] for k, name in enumerate(ENERGY_PARTS)}
    parts["wasted_pj"] = parts["wasted_pj"] + wasted_pj
    parts["static_pj"] = static_pj(prepared.design, prepared.schedule.units, times.latency, times.busy)
    return Spent(
        energy=EnergyParts(**parts),
        dram_bytes=sums[:, len(ENERGY_PARTS)].astype(np.int64) + wasted_bytes,
        wasted_bytes=wasted_bytes,
    )


Answer = tuple[float, float]  # cycles and energy [pJ] per input


def dense_answer(prepared: Prepared) -> Answer:
    """Return what the dense network takes per input: one input, or one full batch, is prepared."""
    times = simulate(prepared.tables, prepared.work.state_index)
    energy = float(spent(prepared, times).energy.total_pj[0])
    return float(times.latency[0]), energy / int(prepared.sizes[0])


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


@lru_cache(maxsize=2)  # a replay asks again and again, for the network it is at
def state_energies(prepared: Prepared) -> Floats:
    """Energy by part of all ops' states end to end, shape (parts, states) [pJ]; a gate's op has all in one part."""
    costs = prepared.costs
    found = np.stack([getattr(costs.joint.energy, name) for name in ENERGY_PARTS])
    gates = costs.by_op(prepared.dynamic)
    total = costs.joint.energy.total_pj[gates]
    found[:, gates] = 0.0
    found[ENERGY_PARTS.index("gate_pj"), gates] = total
    return found


def sum_pj(prepared: Prepared, weights: Floats | None = None) -> Floats:
    """Energy of the rows but static and wasted, each op's times its weight (ops,), shape (n,) [pJ]."""
    found = _each_row(prepared) if weights is None else _summed(prepared, weights)
    return np.asarray(found[:, : len(ENERGY_PARTS)].sum(axis=1))


@lru_cache(maxsize=2)  # as above
def _each_row(prepared: Prepared) -> Floats:
    """Return :func:`_summed` of ops that count once."""
    found = _summed(prepared)
    found.flags.writeable = False
    return found


def _summed(prepared: Prepared, weights: Floats | None = None) -> Floats:
    """Return energy by part and DRAM bytes, summed over ops, shape (n, parts + 1)."""
    costs, index = prepared.costs, prepared.work.state_index
    table = np.concatenate([state_energies(prepared), costs.joint.dram_bytes[None]])
    if weights is not None:
        table *= costs.by_op(weights)
    least, most = (reduce_.reduceat(table, costs.starts, axis=1) for reduce_ in (np.minimum, np.maximum))
    total = np.zeros((len(table), len(index)))
    for i, (start, end) in enumerate(zip(costs.starts.tolist(), costs.ends.tolist(), strict=True)):
        states = None
        for part in np.flatnonzero(most[:, i]).tolist():  # an op has few: the rest adds nothing
            if least[part, i] == most[part, i]:
                total[part] += most[part, i]
                continue
            states = index[:, i].astype(np.intp) if states is None else states
            total[part] += table[part, start:end].take(states)
    return total.T


@dataclass(slots=True, eq=False)
class OpTotals:
    """Sums over inputs of one op; cycles are of rows (an input, or a batch)."""

    ran: int = 0  # inputs for which it ran
    in_channels: int = 0
    out_channels: int = 0
    useful_macs: int = 0
    dram_bytes: int = 0
    energy_pj: float = 0.0
    transfer_cycles: int = 0
    gather_cycles: int = 0
    control_cycles: int = 0
    wait_cycles: int = 0  # its compute stood ready but for a decision
    latency: Floats = field(default_factory=lambda: np.zeros(len(OP_PARTS)))  # what it adds, by OP_PARTS
    rows_by_cycles: Counter[int] = field(
        default_factory=Counter
    )  # how often its unit was so long busy with it


def add_ops(totals: Sequence[OpTotals], prepared: Prepared, times: Times) -> None:
    """Add the rows of one part of a trace, op by op."""
    work, costs, joint = prepared.work, prepared.costs, prepared.costs.joint
    dram_bytes, energy_pj = joint.dram_bytes, joint.energy.total_pj
    transfer_cycles = joint.weight_cycles + joint.input_cycles + joint.output_cycles
    for i, compute in prepared.schedule.of_kind["compute"].items():
        total, rows, states = totals[i], work.counts[i], work.states[i]
        mine = slice(int(costs.starts[i]), int(costs.ends[i]))
        inputs = rows * states.batch
        total.ran += int(inputs.sum())
        total.in_channels += int(inputs @ states.in_channels)
        total.out_channels += int(inputs @ states.out_channels)
        total.dram_bytes += int(rows @ dram_bytes[mine])
        total.energy_pj += float(rows @ energy_pj[mine])
        total.transfer_cycles += int(rows @ transfer_cycles[mine])
        total.gather_cycles += int(rows @ joint.gather_cycles[mine])
        total.control_cycles += int(rows @ joint.control_cycles[mine])
        for cycles, count in zip(joint.compute_cycles[mine].tolist(), rows.tolist(), strict=True):
            total.rows_by_cycles[cycles] += count
        total.wait_cycles += int(times.decision_wait[compute])


def op_rows(
    prepared: Prepared, totals: list[OpTotals], inputs: int, peaks: Mapping[str, float]
) -> list[OpRow]:
    """Return the table of a replay.

    Parameters
    ----------
    prepared
        Any part of the trace: graph, placement and batch size.
    totals
        Sums of all parts, one per op.
    inputs
        Inputs of the trace.
    peaks
        MACs per cycle of each kind of unit, ``array`` and ``simd``.
    """
    ops, dynamic = prepared.graph.ops, prepared.dynamic.tolist()
    return [
        _row(total, op, (where.unit, gate), inputs, peaks)
        for total, op, where, gate in zip(totals, ops, prepared.placements, dynamic, strict=True)
    ]


def _row(total: OpTotals, op: Op, place: tuple[str, bool], inputs: int, peaks: Mapping[str, float]) -> OpRow:
    """Return an op's row; ``place`` is the unit it runs on, and whether only the dynamic network needs it."""
    unit, gate = place
    rows = max(sum(total.rows_by_cycles.values()), 1)
    busy = sum(cycles * count for cycles, count in total.rows_by_cycles.items())
    ran = max(total.ran, 1)
    peak = peaks.get(unit, 0.0) * busy
    times = {"compute": busy, "memory": total.transfer_cycles, "gate": total.wait_cycles}
    return OpRow(
        op=op.name,
        kind=op.kind,
        unit=unit,
        gate=gate,
        rate=total.ran / inputs,
        in_channels=total.in_channels / ran,
        out_channels=total.out_channels / ran,
        macs=total.useful_macs / inputs,
        cycles_mean=busy / rows,
        cycles_p99=float(_percentile(total.rows_by_cycles, 99)),
        gate_wait_cycles_mean=total.wait_cycles / rows,
        dram_bytes_mean=total.dram_bytes / inputs,
        energy_pj_mean=total.energy_pj / inputs,
        utilization=total.useful_macs / peak if peak else 0.0,
        bound=max(times, key=lambda name: times[name]),  # the first named on ties
        transfer_cycles_mean=total.transfer_cycles / rows,
        gather_cycles_mean=total.gather_cycles / rows,
        control_cycles_mean=total.control_cycles / rows,
        work_cycles_mean=total.useful_macs / peaks[unit] / rows if peaks.get(unit) else 0.0,
        **{
            f"latency_{name}_cycles": float(cycles / rows)
            for name, cycles in zip(OP_PARTS, total.latency, strict=True)
        },
    )


def _percentile(counts: Counter[int], percent: int) -> int:
    """Return the smallest value that at least ``percent`` of the counted do not exceed."""
    need = -(-sum(counts.values()) * percent // 100)
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= need:
            return value
    return 0
