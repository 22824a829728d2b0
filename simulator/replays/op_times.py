"""One op in the results, and what it adds to the latency: parts that add up to the latency to the cycle.

Ops stand in program order.  With done[i] the cycle at which every task of ops 0..i has ended, op i adds
done[i] - done[i - 1], which is nothing where it hides behind earlier ones.  Of what it adds, its unit's work counts
first, as far as it reaches; what is left before its work ends is waiting for its operands, and of that, as much as
its transfers stood ready but for a decision is a wait; what comes after its work are its outputs on the way to DRAM,
or its decision on the way to another unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType

import numpy as np

from accel_models import Cost, units_of
from simulator.engines.fast import simulate_tasks
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import TaskTimes
from simulator.schedules.schedule import NO_UNIT, Task
from traces import Floats, Indices, Ints, Op

OP_PARTS: Mapping[str, str] = MappingProxyType(
    {
        # part: what an op spends time on
        "array": "kept MACs, at the array's peak",
        "fill": "all else an array does: fill and drain, part-filled folds, what gates leave out and it cannot skip",
        "gather": "packing kept channels",
        "tiles": "steering tiles",
        "simd": "the SIMD core, and what an array's own engines do beside products",
        "gate": "computing decisions, on whichever unit",
        "dram": "transfers that nothing hides",
        "wait": "transfers that stood ready but for a decision, and decisions on the way to another unit",
    }
)
_TIMES_KEPT = 1 << 20  # Choice: ends of tasks that are kept at once, 8 MB; blocks of rows follow from it


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
    # What it adds to the mean latency, by part: see OP_PARTS; all ops together are the latency.
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
        """What it adds to the mean latency, by :data:`OP_PARTS` [cycles]."""
        return {name: float(getattr(self, f"latency_{name}_cycles")) for name in OP_PARTS}


def op_times(prepared: Prepared) -> Floats:
    """Return the cycles that each op adds, summed over rows, by part; shape (ops, parts) [cycles].

    Their sum is the sum of the latencies.
    """
    peaks = {
        unit.name: unit.peak_macs_per_cycle(prepared.design)
        for unit in units_of(prepared.design)
        if unit.matrix
    }
    names, index = list(OP_PARTS), prepared.work.state_index
    sums = [_Sums(np.zeros(states)) for states in prepared.costs.lengths]
    rows = max(_TIMES_KEPT // len(prepared.schedule.tasks), 1)
    for low in range(0, len(index), rows):
        block = index[low : low + rows]
        _add(sums, prepared, simulate_tasks(prepared.tables, block), block)
    parts = zip(prepared.graph.ops, list(prepared.costs), prepared.placements, prepared.dynamic, strict=True)
    shares = [_shares(op, cost, peaks.get(where.unit), gate=gate) for op, cost, where, gate in parts]
    found = np.stack([mine.work @ of_op for mine, of_op in zip(sums, shares, strict=True)])
    found[:, names.index("wait")] += [mine.waits for mine in sums]
    found[:, names.index("dram")] += [mine.transfers for mine in sums]
    return found


@dataclass(slots=True, eq=False)
class _Sums:
    """What one op adds, over rows [cycles]; whole numbers, so that no order of adding changes them."""

    work: Floats  # of its unit, by the op's state
    waits: int = 0
    transfers: int = 0


def _add(sums: Sequence[_Sums], prepared: Prepared, times: TaskTimes, states: Indices) -> None:
    """Add some rows."""
    ends, worked = times.ends, times.worked
    late = _late(prepared, ends)
    done = np.zeros(len(states), np.int64)
    for mine, tasks in zip(sums, _tasks_of(prepared.schedule.tasks, len(sums)), strict=True):
        before, done = done, reduce(np.maximum, (ends[:, t] for t in tasks.values()), done)
        computed = np.maximum(ends[:, tasks["compute"]], before)
        work = np.minimum(computed - before, worked[:, tasks["compute"]])
        op = prepared.schedule.tasks[tasks["compute"]].op
        mine.work += np.bincount(states[:, op], weights=work, minlength=len(mine.work))
        waits = 0
        if held := [late[t] for t in tasks.values() if t in late]:
            waits += int(np.minimum(computed - before - work, reduce(np.add, held)).sum())
        if "handover" in tasks:
            handed = np.minimum(done, ends[:, tasks["handover"]])
            waits += int(np.maximum(handed - computed, 0).sum())
        mine.waits += waits
        mine.transfers += int((done - before - work).sum()) - waits  # all that is left of what it adds


def _tasks_of(tasks: tuple[Task, ...], ops: int) -> list[dict[str, int]]:
    found: list[dict[str, int]] = [{} for _ in range(ops)]
    for t, task in enumerate(tasks):
        found[task.op][task.kind] = t
    return found


def _late(prepared: Prepared, ends: Ints) -> dict[int, Ints]:
    """Return by transfer how long it stood ready but for its decisions, shape (n,) [cycles]."""
    last: dict[tuple[int, int], int] = {}
    found = {}
    for t, task in enumerate(prepared.schedule.tasks):
        if task.decisions and task.kind in {"weights", "inputs"} and prepared.tables.waits[t]:
            asked = [*task.after, *([last[task.unit, task.queue]] if (task.unit, task.queue) in last else [])]
            ready = reduce(np.maximum, [np.zeros(len(ends), np.int64), *(ends[:, p] for p in asked)])
            decided = reduce(np.maximum, (ends[:, p] for p in task.decisions))
            found[t] = np.maximum(decided - ready, 0)
        if task.unit != NO_UNIT:
            last[task.unit, task.queue] = t
    return found


def _shares(op: Op, cost: Cost, peak: float | None, *, gate: bool) -> Floats:
    """Return the share of each part of an op's work by state, (states, parts); ``peak`` of its unit, a matrix unit."""
    names = list(OP_PARTS)
    shares = np.zeros((len(cost.compute_cycles), len(names)))
    if gate:
        shares[:, names.index("gate")] = 1.0
    elif peak is None or op.macs == 0:
        shares[:, names.index("simd")] = 1.0
    else:
        for name, cycles in _array_parts(cost, peak).items():
            shares[:, names.index(name)] = cycles / np.maximum(cost.compute_cycles, 1)
    return shares


def _array_parts(cost: Cost, peak: float) -> dict[str, Floats]:
    """Return on what an array spends its time, by state [cycles]."""
    left = np.asarray(cost.compute_cycles, np.float64)
    found = {}
    for name, cycles in (
        ("gather", cost.gather_cycles),
        ("tiles", cost.control_cycles),
        ("array", cost.useful_macs / peak if peak else left),
    ):
        found[name] = np.minimum(left, cycles)
        left = left - found[name]
    return found | {"fill": left}
