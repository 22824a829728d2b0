"""Does max-plus algebra give what the recurrence gives, to the last bit?"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, reject, settings

from accel_models import load_design
from simulator.engines import composed, fast
from simulator.engines.composed import Composition
from simulator.engines.cuts import segments
from simulator.engines.joint_states import INPUTS_PER_JOINED_STATE
from simulator.policy import Policy
from simulator.replays.prepare import Prepared, Setting, prepare
from simulator.schedules.durations import Durations, with_known_decisions, without_waste
from simulator.schedules.schedule import Schedule, Task
from tests.shared import there
from tests.simulator.schedule_strategies import ANY_GRAPH, Case, cases
from traces import Indices, Ints, cifar_resnet, lower, synthetic_trace

DESIGNS = ("edge_npu_16x16", "ethos_u55_128", "cortex_m4", "eyeriss")


def composition(tables: Durations, state_index: Indices) -> Composition | None:
    return Composition.of(tables.schedule, tables.waits, tables.states, state_index)


def assert_same(tables: Durations, state_index: Indices, found: Composition) -> None:
    latency, busy = found.times(tables)
    reference = fast.simulate_tasks(tables, state_index)
    np.testing.assert_array_equal(latency, reference.latency)
    np.testing.assert_array_equal(busy, reference.busy)


@settings(max_examples=100)
@given(case=cases(ops=12))
def test_any_schedule_by_matrices_is_the_recurrence(case: Case) -> None:
    many = np.repeat(case.state_index, INPUTS_PER_JOINED_STATE, axis=0)
    tables = without_waste(case.tables)
    tables = replace(tables, waits=tables.waits | ~case.tables.waits.any())
    found = composition(tables, many)
    if found is None:
        reject()
    assert_same(tables, many, found)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_gated_network_by_matrices_is_the_recurrence(design: str) -> None:
    prepared = deep(design)
    tables, index = prepared.tables, prepared.work.state_index
    found = there(composition(tables, index))
    assert len(found.places) > 10
    assert_same(tables, index, found)
    known = with_known_decisions(tables)
    if (oracle := composition(known, index)) is not None:  # prefetching far ahead leaves many times live
        assert_same(known, index, oracle)


def deep(design: str) -> Prepared:
    trace = synthetic_trace(cifar_resnet(44, "layer"), 600, seed=3)
    return prepare(Setting(lower(trace), load_design(design)), Policy())


def counting(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that grows by whether matrices gave an answer, each time that they are asked for one."""
    asked: list[bool] = []

    def noting(tables: Durations, state_index: Indices) -> tuple[Ints, Ints] | None:
        found = composed.composed(tables, state_index)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(fast, "composed", noting)
    return asked


def test_many_inputs_go_by_matrices_and_their_waits_task_by_task(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = deep("edge_npu_16x16")
    tables, index = prepared.tables, prepared.work.state_index
    reference = fast.simulate_tasks(tables, index)
    asked = counting(monkeypatch)
    fast.simulate(tables, index)
    assert asked == []  # too few for it to be worth it
    monkeypatch.setattr(fast, "_FEWEST", len(index))
    times = fast.simulate(tables, index)
    assert asked == [True]
    np.testing.assert_array_equal(times.latency, reference.latency)
    np.testing.assert_array_equal(times.busy, reference.busy)
    np.testing.assert_array_equal(times.decision_wait, reference.decision_wait)
    assert times.decision_wait.any()


def test_what_is_fetched_early_goes_task_by_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "_FEWEST", 1)
    trace = synthetic_trace(cifar_resnet(20, "layer"), 300, seed=3)
    prepared = prepare(Setting(lower(trace), load_design("edge_npu_16x16")), Policy(prefetch="speculate"))
    asked = counting(monkeypatch)
    fast.simulate(prepared.tables, prepared.work.state_index)
    assert asked == []


def test_a_chain_of_two_tasks_by_hand() -> None:
    """Two units, each task after the one before; every state's times are sums.

    ::

        cycle  0    3    5
        array  | a  |
        simd        | b  |       state 0: 3 + 2, state 1: 0 + 7
    """
    tasks = (
        Task(name="a", op=0, kind="compute", unit=0),
        Task(name="b", op=1, kind="compute", unit=1, after=(0,)),
    )
    cycles = np.array([3, 0, 2, 7])
    tables = Durations(
        schedule=Schedule(graph=ANY_GRAPH, units=("array", "simd"), tasks=tasks),
        base=np.array([0, 2]),
        states=np.array([2, 2]),
        cycles=cycles,
        first=cycles,
        tail=np.zeros(4, np.int64),
        waits=np.ones(2, np.bool_),
        speculative_cycles=np.zeros(2, np.int64),
        cut_cycles=1,
    )
    index = np.array([*product((0, 1), (0, 1))] * INPUTS_PER_JOINED_STATE, np.uint16)
    found = there(composition(tables, index))
    latency, busy = found.times(tables)
    assert latency[:4].tolist() == [5, 10, 2, 7]
    assert busy[:4].tolist() == [[3, 2], [3, 7], [0, 2], [0, 7]]


def test_blocks_that_repeat_are_pieces_of_one_form() -> None:
    """Where fewest times are live: two between the blocks of a ResNet-44, whose 21 blocks are of few forms."""
    prepared = deep("edge_npu_16x16")
    found = segments(prepared.schedule, prepared.tables.waits)
    assert {len(segment.form.gives) for segment in found[1:-1]} <= {2, 3}
    assert len({segment.form for segment in found}) < len(found) / 2
    assert [t for segment in found for t in segment.tasks] == list(range(len(prepared.schedule.tasks)))
