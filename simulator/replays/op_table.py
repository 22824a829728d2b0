"""What a replay took, op by op: sums gathered part by part of a trace, and the table that they become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from simulator.replays.op_times import OP_PARTS
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import (
    Times,
)
from traces import Floats, Op


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
    for i, compute in prepared.schedule.of_kind("compute").items():
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OpRow:
    """One op in the results; means are over inputs."""

    op: str
    kind: str
    unit: str
    gate: bool  # only the dynamic network needs it
    rate: float  # share of inputs for which it ran
    in_channels: float  # mean computed where it ran
    out_channels: float
    macs: float  # kept by the gates
    cycles_mean: float  # its unit was busy with it; of a batch, the whole batch
    cycles_p99: float
    gate_wait_cycles_mean: float
    dram_bytes_mean: float
    energy_pj_mean: float
    utilization: float  # kept MACs / (peak x busy cycles)
    bound: str  # compute, memory or gate: which took longest
    transfer_cycles_mean: float = 0.0  # of its weights, inputs and outputs, which overlap with work
    gather_cycles_mean: float = 0.0  # of its unit's: packing what is kept
    control_cycles_mean: float = 0.0  # of its unit's: steering tiles
    work_cycles_mean: float = 0.0  # of its unit's: kept MACs at its peak; 0 where it has no peak
    # What it adds to the mean latency, by part: see simulator.replays.op_times; all ops together are the latency.
    latency_array_cycles: float = 0.0
    latency_fill_cycles: float = 0.0
    latency_gather_cycles: float = 0.0
    latency_tiles_cycles: float = 0.0
    latency_simd_cycles: float = 0.0
    latency_gate_cycles: float = 0.0
    latency_dram_cycles: float = 0.0
    latency_wait_cycles: float = 0.0

    @property
    def latency_parts(self) -> dict[str, float]:
        """What it adds to the mean latency, by :data:`simulator.replays.op_times.OP_PARTS` [cycles]."""
        return {name: float(getattr(self, f"latency_{name}_cycles")) for name in OP_PARTS}


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
