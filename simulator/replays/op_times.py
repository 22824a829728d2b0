"""What each op adds to the latency, and on what it spends that: parts that add up to the latency to the cycle.

Ops stand in program order.  With done[i] the cycle at which every task of ops 0..i has ended, op i adds
done[i] - done[i - 1], which is nothing where it hides behind earlier ones.  Of what it adds, its unit's work counts
first, as far as it reaches; what is left before its work ends is waiting for its operands, and of that, as much as
its transfers stood ready but for a decision is a wait; what comes after its work are its outputs on the way to DRAM,
or its decision on the way to another unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from accel_models import Cost, units_of
from simulator.engines.fast import simulate
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import Times
from simulator.schedules.schedule import NO_UNIT, Task
from traces import Floats, Indices, Ints

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
_BLOCK = 2048  # rows whose times of all tasks are kept at once: some 10 MB on 200 tasks


def op_times(prepared: Prepared) -> Floats:
    """Return the cycles that each op adds, summed over rows, by part; shape (ops, parts) [cycles].

    Their sum is the sum of the latencies.
    """
    total = np.zeros((len(prepared.costs), len(OP_PARTS)))
    peaks = {
        unit.name: unit.peak_macs_per_cycle(prepared.design)
        for unit in units_of(prepared.design)
        if unit.matrix
    }
    shares = [_shares(prepared, i, peaks) for i in range(len(prepared.costs))]
    index = prepared.work.state_index
    for low in range(0, len(index), _BLOCK):
        rows = index[low : low + _BLOCK]
        total += _added(prepared, simulate(prepared.tables, rows, keep=True), rows, shares)
    return total


def _added(prepared: Prepared, times: Times, states: Indices, shares: list[Floats]) -> Floats:
    """Return what ops add in some rows; ``shares``: of an op's work by its state, see :func:`_shares`."""
    ends, worked = times.ends, times.worked
    assert ends is not None  # they were asked for
    assert worked is not None
    tasks = prepared.schedule.tasks
    late = _late(prepared, ends)
    names = list(OP_PARTS)
    found = np.zeros((len(shares), len(names)))
    done = np.zeros(len(states), np.int64)
    for i, mine in enumerate(_tasks_of(tasks, len(shares))):
        before, done = done, np.maximum(done, ends[:, list(mine.values())].max(axis=1, initial=0))
        computed = np.maximum(ends[:, mine["compute"]], before) if "compute" in mine else before
        work = np.minimum(computed - before, worked[:, mine["compute"]]) if "compute" in mine else before * 0
        idle = computed - before - work
        for_decision = np.minimum(idle, sum((late[t] for t in mine.values() if t in late), np.int64(0)))
        handed = np.minimum(done, ends[:, mine["handover"]]) if "handover" in mine else computed
        handing = np.maximum(handed - computed, 0)
        found[i] = work @ shares[i][states[:, i]]
        found[i, names.index("wait")] += float((for_decision + handing).sum())
        found[i, names.index("dram")] += float((idle - for_decision + done - computed - handing).sum())
    return found


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
            ready = ends[:, asked].max(axis=1, initial=0)
            found[t] = np.maximum(ends[:, list(task.decisions)].max(axis=1) - ready, 0)
        if task.unit != NO_UNIT:
            last[task.unit, task.queue] = t
    return found


def _shares(prepared: Prepared, i: int, peaks: Mapping[str, float]) -> Floats:
    """Return the share of each part of an op's work by state, (states, parts); ``peaks`` of matrix units."""
    cost, op = prepared.costs[i], prepared.graph.ops[i]
    names = list(OP_PARTS)
    shares = np.zeros((len(cost.compute_cycles), len(names)))
    if prepared.dynamic[i]:
        shares[:, names.index("gate")] = 1.0
    elif prepared.placements[i].unit not in peaks or op.macs == 0:
        shares[:, names.index("simd")] = 1.0
    else:
        for name, cycles in _array_parts(cost, peaks[prepared.placements[i].unit]).items():
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
