"""Other answers to the same question, to hold a replay against: the dense network, and the mean rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from accel_models import static_pj
from simulator.engines.fast import simulate
from simulator.replays.accounting import Answer, sum_pj
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import TICKS, Durations, Times, mapped, with_known_decisions
from traces import Floats, Ints


def mean_rate_answer(prepared: Prepared, rate: Floats) -> Answer:
    """Return what an estimator that knows only mean rates would say, per input.

    Every op is priced once at its mean channels and tiles; its cycles and energy count by its execution
    rate.  Nothing waits for a decision, because such an estimator knows of none.

    Parameters
    ----------
    prepared
        The mean workload (:func:`traces.mean_workload`), copies of it in a batch.
    rate
        Execution rate of each op, shape (ops,).
    """
    ticks = prepared.tables.by_op(rate * TICKS)  # of each entry's cycle
    known = with_known_decisions(prepared.tables)
    tables = mapped(known, lambda table: np.asarray(np.rint(table * ticks), np.int64))
    times = simulate(tables, prepared.work.state_index)
    cycles = times.latency / TICKS
    static = static_pj(prepared.design, prepared.schedule.units, cycles, times.busy / TICKS)
    energy = sum_pj(prepared, rate) + static
    return float(cycles[0]), float(energy[0]) / int(prepared.sizes[0])


def expected_answer(prepared: Prepared) -> Answer:
    """Return what the best static estimator says, per input: expected task times, decisions waited for.

    Every task takes the mean over inputs of its time, and the schedule is run once with these: waits for
    decisions, prefetching and overlap are there, what differs from input to input is not.  By Jensen's
    inequality its latency is at most the replay's mean: a schedule's end is a maximum of sums, so convex in
    its tasks' times (streams of a skipped task aside, which the replay ignores).
    """
    tables, index = prepared.tables, prepared.work.state_index
    times = simulate(
        _at_expected_times(tables, prepared.work.counts), np.zeros((1, index.shape[1]), np.uint16)
    )
    cycles = times.latency / TICKS
    static = static_pj(prepared.design, prepared.schedule.units, cycles, times.busy / TICKS)
    spent_pj = float(sum_pj(prepared).sum()) / len(index) + _expected_waste_pj(prepared, times)
    inputs = float(prepared.sizes.mean())
    return float(cycles[0]), (spent_pj + float(static[0])) / inputs


def _at_expected_times(tables: Durations, counts: Sequence[Ints]) -> Durations:
    """Return tables with one state per task, the mean of what the rows take, in ticks; ``counts``: rows by state."""
    tasks = tables.schedule.tasks
    rows = np.concatenate([counts[task.op] for task in tasks])

    def mean_of(table: Ints) -> Ints:
        means = np.add.reduceat(table * rows, tables.base) / counts[0].sum()
        ticks: Ints = np.rint(means * TICKS).astype(np.int64)
        return ticks

    return replace(
        tables,
        base=np.arange(len(tasks), dtype=np.int64),
        states=np.ones(len(tasks), np.int64),
        cycles=mean_of(tables.cycles),
        first=mean_of(tables.first),
        tail=mean_of(tables.tail),
        speculative_cycles=tables.speculative_cycles * TICKS,
        cut_cycles=tables.cut_cycles * TICKS,
    )


def _expected_waste_pj(prepared: Prepared, times: Times) -> float:
    """Return the energy of bytes fetched before their decision and then not needed, at expected times [pJ]."""
    total = 0.0
    for column, t in enumerate(np.flatnonzero(prepared.tables.speculative_cycles)):
        i = prepared.schedule.tasks[t].op
        cost, states = prepared.costs[i], prepared.work.state_index[:, i]
        most = float(cost.weight_bytes[-1])
        unneeded = most - float(cost.weight_bytes[states].mean())
        early = float(times.fetched_early[0, column]) / TICKS / int(prepared.tables.speculative_cycles[t])
        total += min(early, 1.0) * max(unneeded, 0.0) * float(cost.weight_energy_pj[-1]) / max(most, 1.0)
    return total
