"""The fast engine: the schedule's recurrence, task by task, over whole arrays of inputs.

For task t of one input, with u its unit (max-plus algebra)::

    start[t] = max(end of the task before it on u, end[after], end[decisions], start[p] + first[p] for p in streams)
    end[t]   = max(start[t] + cycles[t], end[p] + tail[t] for p in streams)

Where a unit has two queues, a task waits for the one before it in its own, and for the unit.  A task of queue 1 is
kept back until its window closes (:meth:`simulator.schedules.schedule.Schedule.windows`), and served before the
first task of queue 0 that asks no sooner.

A skipped task (zero cycles) passes its waits on and ignores its streams.  Inputs are taken in blocks whose times
stay in the cache while the tasks go by, and a time is forgotten after the last task that asks for it.  What is the
same for all inputs stays one number: a task whose op has one state, and all times before the first that varies.

Where many inputs share few joint states, :mod:`simulator.engines.composed` gives latency and busy time in far fewer
steps; what is fetched early, waits by task and timelines go task by task.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.engines.composed import composed
from simulator.engines.walk import InputBlock, LookUps, Scaling
from simulator.schedules.durations import Durations, TaskTimes, Times
from traces import Indices

BLOCK = 16384  # inputs; measured on 550 tasks, 4,096 take 1.4 times as long and 32,768 take 1.1 times
_FEWEST = 4096  # rows; Choice: of fewer the recurrence takes about as long as its matrices


def simulate(tables: Durations, state_index: Indices, *, scaling: Scaling | None = None) -> Times:
    """Return the times of every row of ``state_index`` (n, ops).

    Parameters
    ----------
    tables
        Schedule and durations.
    state_index
        State of each op, shape (n, ops); fastest when columns are contiguous.
    scaling
        Tasks that take a share of their dense cycles instead.
    """
    return simulate_each([tables], state_index, scaling=scaling)[0]


def simulate_each(
    each: Sequence[Durations], state_index: Indices, *, scaling: Scaling | None = None
) -> list[Times]:
    """Return the times under tables of one schedule; tasks that take as long in several are looked up once."""
    found: list[Times | None] = [None if scaling else _in_matrices(tables, state_index) for tables in each]
    together: dict[int, list[int]] = {}
    for k, tables in enumerate(each):
        if found[k] is None:
            together.setdefault(id(tables.cycles), []).append(k)
    for members in together.values():
        times = _walked([each[k] for k in members], state_index, scaling)
        for k, its in zip(members, times, strict=True):
            found[k] = its
    return [times for times in found if times is not None]  # none is


def _in_matrices(tables: Durations, state_index: Indices) -> Times | None:
    """Return the times by matrices; ``None`` where they are not exact, or not worth it."""
    found = composed(tables, state_index) if _composes(tables, len(state_index)) else None
    if found is None:
        return None
    return Times(
        latency=found[0],
        busy=found[1],
        waits=lambda: _walked([tables], state_index)[0].decision_wait,
        fetched_early=np.zeros((len(state_index), 0), np.int64),
    )


def simulate_tasks(tables: Durations, state_index: Indices) -> TaskTimes:
    """Return the times of every row, as :func:`simulate`, and of every task in it."""
    spans = np.zeros((3, len(tables.schedule.tasks), len(state_index)), np.int64)  # a task's are contiguous
    times = _zeros(tables, len(state_index)).with_tasks(spans[0].T, spans[1].T, spans[2].T)
    _walk([tables], state_index, [times])
    return times


def _composes(tables: Durations, rows: int) -> bool:
    """Whether matrices are exact, and may be worth it."""
    return rows >= _FEWEST and not tables.speculative_cycles.any() and not tables.schedule.queues


def _walked(each: Sequence[Durations], state_index: Indices, scaling: Scaling | None = None) -> list[Times]:
    """Return what :func:`simulate_each` does, task by task; tasks take as long in all tables."""
    times = [_zeros(tables, len(state_index)) for tables in each]
    _walk(each, state_index, times, scaling)
    return times


def _zeros(tables: Durations, rows: int) -> Times:
    """Return times to be filled in."""
    waited = np.zeros(len(tables.schedule.tasks), np.int64)
    return Times(
        latency=np.zeros(rows, np.int64),
        busy=np.zeros((rows, max(len(tables.schedule.units), 1)), np.int64),
        waits=lambda: waited,
        fetched_early=np.zeros((rows, np.count_nonzero(tables.speculative_cycles)), np.int64),
    )


def _walk(
    each: Sequence[Durations], state_index: Indices, times: Sequence[Times], scaling: Scaling | None = None
) -> None:
    """Fill in ``times``, block by block of inputs."""
    n, schedule = len(state_index), each[0].schedule
    longest = max(
        each, key=lambda tables: int(tables.speculative_cycles.sum())
    )  # decides how many bits suffice
    look = LookUps(longest, state_index, scaling)
    for low in range(0, n, BLOCK):
        rows = slice(low, min(low + BLOCK, n))
        look.enter(rows)
        blocks = [InputBlock(look, tables, rows, its) for tables, its in zip(each, times, strict=True)]
        for t in range(len(schedule.tasks)):
            for block in blocks:
                block.run(t)
                for p in schedule.forgotten[t]:
                    del block.start[p], block.end[p]
        for block in blocks:
            block.finish()
