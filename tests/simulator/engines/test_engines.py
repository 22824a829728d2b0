"""Do the two engines agree, and can they ever break physics?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.engines import events, fast
from simulator.schedules.durations import (
    Durations,
    TaskTimes,
    mapped,
    speculative_duration,
    with_known_decisions,
    without_waste,
)
from simulator.schedules.schedule import Task
from tests.simulator.schedule_strategies import ONE_INPUT, Case, cases, tables

FIELDS = ("latency", "busy", "decision_wait", "fetched_early", "starts", "ends", "worked")


@settings(deadline=None, max_examples=100)
@given(case=cases())
def test_engines_agree_to_the_cycle(case: Case) -> None:
    compiled = fast.simulate_tasks(case.tables, case.state_index)
    reference = events.simulate_tasks(case.tables, case.state_index)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(compiled, name), getattr(reference, name), err_msg=name)


@settings(deadline=None, max_examples=100)
@given(case=cases(ops=7), apart=cases(ops=7, apart=True))
def test_tables_that_are_walked_together_take_what_each_takes_alone(case: Case, apart: Case) -> None:
    """Of one queue and of two; the last of these tables has cycles of its own."""
    for one in (case, apart):
        each = [
            one.tables,
            without_waste(one.tables),
            with_known_decisions(one.tables),
            mapped(one.tables, lambda cycles: cycles * 2),
        ]
        for table, found in zip(each, fast.simulate_each(each, one.state_index), strict=True):
            alone = fast.simulate_tasks(table, one.state_index)
            for name in ("latency", "busy", "decision_wait", "fetched_early"):
                np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), err_msg=name)


@settings(deadline=None, max_examples=100)
@given(case=cases())
def test_the_oracle_bounds_every_policy_from_below(case: Case) -> None:
    bound = fast.simulate_tasks(with_known_decisions(case.tables), case.state_index)
    policy = fast.simulate_tasks(case.tables, case.state_index)
    assert (bound.latency <= policy.latency).all()
    assert (bound.ends <= policy.ends).all()


@settings(deadline=None, max_examples=100)
@given(case=cases(), part=st.integers(0, 8))
def test_shorter_tasks_never_end_later(case: Case, part: int) -> None:
    """More bandwidth, a faster unit, a skipped op: every end moves to an earlier time or stays."""
    known = with_known_decisions(case.tables)
    faster = mapped(known, lambda cycles: cycles * part // 8)
    one, two = (fast.simulate_tasks(tables, case.state_index) for tables in (known, faster))
    assert (two.ends <= one.ends).all()


@settings(deadline=None, max_examples=100)
@given(case=cases())
def test_a_unit_does_one_thing_at_a_time(case: Case) -> None:
    times = fast.simulate_tasks(case.tables, case.state_index)
    tasks = case.tables.schedule.tasks
    for unit in range(len(case.tables.schedule.units)):
        mine = [t for t, task in enumerate(tasks) if task.unit == unit]
        assert (times.starts[:, mine[1:]] >= times.ends[:, mine[:-1]]).all()
        np.testing.assert_array_equal(times.worked[:, mine].sum(axis=1), times.busy[:, unit])
    assert (times.latency >= times.busy.max(axis=1)).all()
    assert (times.ends - times.starts >= times.worked).all()


@settings(deadline=None, max_examples=10)
@given(case=cases())
def test_blocks_do_not_change_a_cycle(case: Case) -> None:
    """Of inputs that are all alike times are one number per block, of others arrays: both must agree."""
    many = np.repeat(case.state_index, 3 * fast.BLOCK // 2 // len(case.state_index) + 1, axis=0)
    together = fast.simulate_tasks(case.tables, many)
    alone = [fast.simulate_tasks(case.tables, row[None]) for row in case.state_index]
    for name in FIELDS:
        parts = [getattr(times, name) for times in alone]
        repeats = len(many) // len(case.state_index)
        expected = (
            sum(parts) * repeats
            if name == "decision_wait"
            else np.repeat(np.concatenate(parts), repeats, axis=0)
        )
        np.testing.assert_array_equal(getattr(together, name), expected, err_msg=name)


def both(table: Durations) -> TaskTimes:
    compiled, reference = (engine.simulate_tasks(table, ONE_INPUT) for engine in (fast, events))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(compiled, name), getattr(reference, name), err_msg=name)
    return compiled


def spans(times: TaskTimes) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in zip(times.starts[0], times.ends[0], strict=True)]


def test_compute_starts_with_its_first_tile_and_ends_after_its_last() -> None:
    """Weights land in 0..20, their first tile at 5; the array would be done at 13, but 3 cycles are left at 20.

    ::

        cycle  0    5        13      20  23
        dma    |weights              |
        array       |conv             ...|
    """
    tasks = [
        Task(name="w", op=0, kind="weights", unit=2),
        Task(name="c", op=0, kind="compute", unit=0, streams=(0,)),
    ]
    times = both(tables(tasks, [(20, 5, 0), (8, 0, 3)]))
    assert spans(times) == [(0, 20), (5, 23)]
    assert times.busy[0].tolist() == [8, 0, 20]


@pytest.mark.parametrize(("cycles", "end"), [(17, 23), (18, 23), (19, 24)])
def test_both_sides_of_the_last_tile(cycles: int, end: int) -> None:
    """Compute from 5 on its own ends at 22, 23, 24; the last tile holds it until 23."""
    tasks = [
        Task(name="w", op=0, kind="weights", unit=2),
        Task(name="c", op=0, kind="compute", unit=0, streams=(0,)),
    ]
    assert spans(both(tables(tasks, [(20, 5, 0), (cycles, 0, 3)])))[1] == (5, end)


def gated_fetch(whole: int, kept: int, *, gate: int = 10, cut: int = 1) -> TaskTimes:
    """Return times of a gate on the simd core beside a fetch of ``whole`` cycles of which ``kept`` are needed."""
    tasks = [
        Task(name="gate", op=0, kind="compute", unit=1),
        Task(name="w", op=1, kind="weights", unit=2, decisions=(0,)),
        Task(name="c", op=1, kind="compute", unit=0, decisions=(0,), streams=(1,)),
    ]
    table = tables(tasks, [(gate, 0, 0), (kept, min(2, kept), 0), (4 if kept else 0, 0, 0)])
    speculative = np.array([0, whole, 0], np.int64)
    return both(
        replace(
            table,
            speculative_cycles=speculative,
            waits=np.array([True, whole == 0, True]),
            cut_cycles=cut,
        )
    )


def test_waiting_fetches_after_the_decision() -> None:
    """Gate 0..10, fetch 10..30, compute from its first tile at 12."""
    times = gated_fetch(0, 20)
    assert spans(times) == [(0, 10), (10, 30), (12, 30)]
    assert times.decision_wait.tolist() == [0, 10, 10]


def test_speculation_fetches_before_the_decision() -> None:
    """Fetch 0..20 beside the gate; compute from the decision on."""
    times = gated_fetch(20, 20)
    assert spans(times) == [(0, 10), (0, 20), (10, 20)]


@pytest.mark.parametrize(("cut", "end"), [(1, 10), (5, 10), (4, 12), (7, 14), (64, 20)])
def test_a_fetch_in_vain_is_cut_at_the_next_burst(cut: int, end: int) -> None:
    """The decision to skip comes at 10."""
    times = gated_fetch(20, 0, cut=cut)
    assert spans(times)[1] == (0, end)
    assert times.fetched_early[0].tolist() == [end]
    assert times.latency[0] == end


@pytest.mark.parametrize(("gate", "end"), [(19, 19), (20, 20), (21, 20)])
def test_both_sides_of_a_fetch_that_ends_with_the_decision(gate: int, end: int) -> None:
    assert spans(gated_fetch(20, 0, gate=gate))[1] == (0, end)


def test_half_kept_channels_still_come_after_the_cut() -> None:
    """10 of 20 cycles before the decision, then half of the other 10."""
    assert spans(gated_fetch(20, 10))[1] == (0, 15)


@pytest.mark.parametrize(
    ("start", "decided", "kept", "whole", "cut", "expected"),
    [
        (0, 10, 20, 20, 1, (20, 10)),
        (10, 10, 7, 20, 8, (7, 0)),  # the decision is there: fetch what is kept
        (9, 10, 0, 20, 8, (8, 8)),
        (0, 99, 0, 20, 8, (20, 20)),
        (0, 10, 1, 3, 1, (3, 3)),
        (0, 1, 1, 3, 1, (2, 1)),  # a third of two, rounded up
    ],
)
def test_speculative_duration_by_hand(
    start: int, decided: int, kept: int, whole: int, cut: int, expected: tuple[int, int]
) -> None:
    assert speculative_duration(start, decided, kept, whole, cut) == expected


def test_a_skipped_task_passes_its_waits_on_but_not_its_streams() -> None:
    """The gate ends at 10; the skipped op resolves then, though its bus is busy until 50."""
    tasks = [
        Task(name="gate", op=0, kind="compute", unit=1),
        Task(name="other weights", op=1, kind="weights", unit=2),
        Task(name="weights", op=2, kind="weights", unit=2, decisions=(0,)),
        Task(name="skipped", op=2, kind="compute", unit=0, decisions=(0,), streams=(2,)),
        Task(name="next", op=3, kind="compute", unit=0, after=(3,)),
    ]
    times = both(tables(tasks, [(10, 0, 0), (50, 0, 0), (0, 0, 0), (0, 0, 0), (6, 0, 0)]))
    assert spans(times)[3:] == [(10, 10), (10, 16)]


def test_ties_go_by_program_order() -> None:
    """Two ops become ready on the same unit in the same cycle: the first in the program goes first."""
    tasks = [
        Task(name="root", op=0, kind="compute", unit=1),
        Task(name="first", op=1, kind="compute", unit=0, after=(0,)),
        Task(name="second", op=2, kind="compute", unit=0, after=(0,)),
    ]
    assert spans(both(tables(tasks, [(5, 0, 0), (4, 0, 0), (3, 0, 0)]))) == [(0, 5), (5, 9), (9, 12)]


def test_a_unit_keeps_program_order_even_when_a_later_task_is_ready() -> None:
    tasks = [
        Task(name="slow", op=0, kind="compute", unit=1),
        Task(name="first", op=1, kind="compute", unit=0, after=(0,)),
        Task(name="ready at once", op=2, kind="compute", unit=0),
    ]
    assert spans(both(tables(tasks, [(5, 0, 0), (4, 0, 0), (3, 0, 0)])))[2] == (9, 12)


def test_no_tasks_of_a_row_leave_others_untouched() -> None:
    """An empty trace of rows gives empty arrays."""
    table = tables([Task(name="a", op=0, kind="compute", unit=0)], [(5, 0, 0)])
    empty: NDArray[np.uint16] = np.zeros((0, 1), np.uint16)
    assert fast.simulate(table, empty).latency.shape == (0,)
    assert events.simulate(table, empty).latency.shape == (0,)
