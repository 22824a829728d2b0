"""Transfers that pass weights which wait: what passes what, by hand, and both engines to the cycle."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from accel_models import load_design
from simulator import Policy
from simulator.engines import events, fast
from simulator.policy import Prefetch
from simulator.replays.prepare import Setting, prepare
from simulator.schedules.durations import Durations
from simulator.schedules.schedule import Task, in_queues
from tests.simulator.schedule_strategies import ONE_INPUT, Case, cases, tables
from traces import load_trace, lower

FIELDS = ("latency", "busy", "decision_wait", "fetched_early", "starts", "ends", "worked")


@settings(deadline=None, max_examples=300)
@given(case=cases(ops=7, apart=True))
def test_engines_agree_to_the_cycle(case: Case) -> None:
    fields = (fast.simulate_tasks(case.tables, case.state_index),)
    reference = events.simulate_tasks(case.tables, case.state_index)
    for times in fields:
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(times, name), getattr(reference, name), err_msg=name)


@settings(deadline=None, max_examples=100)
@given(case=cases(ops=7, apart=True))
def test_the_bus_does_one_thing_at_a_time(case: Case) -> None:
    times = fast.simulate_tasks(case.tables, case.state_index)
    dma = [
        t
        for t, task in enumerate(case.tables.schedule.tasks)
        if task.unit == 2 and task.kind in {"weights", "inputs"}
    ]
    for starts, ends, worked in zip(
        times.starts[:, dma], times.ends[:, dma], times.worked[:, dma], strict=True
    ):
        spans = sorted((s, e) for s, e, w in zip(starts, ends, worked, strict=True) if w)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def gated(gate: int, store: int, queue: int) -> Durations:
    """A gate of so many cycles decides about weights of 10; results of 4 are stored meanwhile::

    array  | first | gate      |
    dma            | weights ? | outputs of first ?
    """
    tasks = [
        Task(name="first", op=0, kind="compute", unit=0),
        Task(name="gate", op=1, kind="compute", unit=0),
        Task(name="next weights", op=3, kind="weights", unit=2, decisions=(1,), queue=queue),
        Task(name="first outputs", op=0, kind="outputs", unit=2, after=(0,)),
        Task(name="next", op=3, kind="compute", unit=0, streams=(2,)),
    ]
    table = tables(tasks, [(5, 5, 5), (gate, gate, gate), (10, 1, 1), (store, store, store), (3, 3, 3)])
    return replace(table, schedule=in_queues(table.schedule))


@pytest.mark.parametrize(
    ("gate", "queue", "stored", "fetched"),
    [
        (20, 0, 25 + 10 + 4, 25 + 10),  # one queue: the store waits for the gate and for the weights
        (20, 1, 5 + 4, 25 + 10),  # it asks at 5, the weights at 25
        (1, 1, 5 + 4, 9 + 10),  # the weights ask at 6, while the store is on its way
        (0, 1, 15 + 4, 5 + 10),  # both ask at 5: weights first
    ],
)
def test_a_store_passes_weights_that_wait(gate: int, queue: int, stored: int, fetched: int) -> None:
    table = gated(gate, 4, queue)
    for engine in (fast, events):
        times = engine.simulate_tasks(table, ONE_INPUT)
        assert (int(times.ends[0, 3]), int(times.ends[0, 2])) == (stored, fetched)


def test_nothing_passes_weights_once_their_op_computes() -> None:
    """What stands behind the op in program order waits for its weights, as in one queue."""
    table = gated(20, 4, 1)
    tasks = (*table.schedule.tasks, Task(name="later inputs", op=4, kind="inputs", unit=2))
    schedule = in_queues(replace(table.schedule, tasks=tasks))
    assert schedule.tasks[-1].after == (2,)
    assert schedule.windows == {2: 4}


@pytest.mark.parametrize("prefetch", ["wait", "speculate", "oracle"])
def test_a_design_states_it_and_both_engines_obey(prefetch: Prefetch) -> None:
    trace = load_trace("lcnet_resnet20_50_cifar10", 6)
    design = load_design(
        "edge_npu_16x16", {"memory.dma": "out_of_order", "memory.activation_buffer": "8 KiB"}
    )
    prepared = prepare(Setting(lower(trace), design), Policy(prefetch=prefetch))
    assert {task.queue for task in prepared.schedule.tasks if task.kind == "weights"} == {1}
    one, other = (
        engine.simulate_tasks(prepared.tables, prepared.work.state_index) for engine in (fast, events)
    )
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
