"""Other answers to the same question, to hold a replay against: the static network, and the mean rate."""

from __future__ import annotations

import numpy as np

from accel_models import Design
from simulator.engines.fast import simulate
from simulator.policy import Policy
from simulator.replays.accounting import spent, static_pj, sum_pj
from simulator.replays.batches import copies
from simulator.replays.prepare import Prepared, prepare
from simulator.replays.views import Views
from simulator.schedules.durations import TICKS, Ints, mapped, with_known_decisions
from simulator.schedules.schedule import Task
from traces import NetworkGraph, Workload, dense_workload, mean_workload

Answer = tuple[float, float]  # cycles and energy [pJ] per input


def prepare_dense(
    graph: NetworkGraph, design: Design, policy: Policy, views: Views | None = None
) -> Prepared:
    """Return the static network inside the dynamic one, ready to replay: one input, or one full batch."""
    workload = dense_workload(graph.without_gates()) if views is None else views.dense(graph)
    return prepare(workload, design, policy, groups=copies(1, policy.batch), views=views)


def dense_answer(prepared: Prepared) -> Answer:
    """Return what :func:`prepare_dense` takes per input."""
    times = simulate(prepared.tables, prepared.work.state_index)
    energy = float(spent(prepared, times).energy.total_pj[0])
    return float(times.latency[0]), energy / int(prepared.sizes[0])


def mean_rate_answer(workload: Workload, design: Design, policy: Policy) -> Answer:
    """Return what an estimator that knows only mean rates would say, per input.

    Every op is priced once at its mean channels and tiles; its cycles and energy count by its execution
    rate.  Nothing waits for a decision, because such an estimator knows of none.
    """
    mean = mean_workload(workload)
    prepared = prepare(mean.workload, design, policy, rates=mean.rate, groups=copies(1, policy.batch))

    def at_rate(task: Task, cycles: Ints) -> Ints:
        ticks: Ints = np.rint(cycles * (mean.rate[task.op] * TICKS)).astype(np.int64)
        return ticks

    tables = mapped(with_known_decisions(prepared.tables), at_rate)
    times = simulate(tables, prepared.work.state_index)
    cycles = times.latency / TICKS
    static = static_pj(design, prepared.schedule.units, cycles, times.busy / TICKS)
    energy = sum_pj(prepared, mean.rate) + static
    return float(cycles[0]), float(energy[0]) / policy.batch
