"""The fast engine: the schedule's recurrence over whole arrays of inputs, compiled by numba.

For task t of one input, with u its unit (max-plus algebra)::

    start[t] = max(end of the task before it on u, end[after], end[decisions], start[p] + first[p] for p in streams)
    end[t]   = max(start[t] + cycles[t], end[p] + tail[t] for p in streams)

A skipped task (zero cycles) passes its waits on and ignores its streams.  Inputs are taken in blocks, so a
block's times stay in the cache while the tasks go by; blocks of inputs go to threads (the kernel holds no
lock).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.engines.times import Times
from simulator.schedules.durations import Durations, Ints
from simulator.schedules.schedule import Schedule, Task
from traces import Indices

INPUTS_PER_THREAD = 2048  # fewer are not worth starting a thread for


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Durations that are a share of the dense ones, per input: for idealised replays."""

    scaled: NDArray[np.bool_]  # (tasks,), which tasks take their dense cycles times the share
    share: Ints  # (n,), in units of 1 / 2**20


def simulate(
    tables: Durations,
    state_index: Indices,
    *,
    keep: bool = False,
    scaling: Scaling | None = None,
    threads: int | None = None,
) -> Times:
    """Return the times of every row of ``state_index`` (n, ops).

    Parameters
    ----------
    tables
        Schedule and durations.
    state_index
        State of each op, shape (n, ops); fastest when columns are contiguous.
    keep
        Also return start, end and cycles of every task.
    scaling
        Tasks that take a share of their dense cycles instead.
    threads
        Threads to use; if left out what OMP_NUM_THREADS says, or else all processors.
    """
    from simulator.engines.kernel import replay_rows  # noqa: PLC0415  (numba is slow to import)

    n = len(state_index)
    links = Links.of(tables.schedule)
    speculative = np.flatnonzero(tables.speculative_cycles)
    slot = np.full(len(links.unit), -1, np.int64)
    slot[speculative] = np.arange(len(speculative))
    spans = np.zeros((3, n if keep else 0, len(links.unit)), np.int64)
    latency = np.zeros(n, np.int64)
    busy = np.zeros((n, max(len(tables.schedule.units), 1)), np.int64)
    early = np.zeros((n, len(speculative)), np.int64)
    scale = scaling or Scaling(np.zeros(len(links.unit), np.bool_), np.zeros(n, np.int64))
    index = np.ascontiguousarray(state_index.T)

    def run(first: int, last: int) -> Ints:
        waited = np.zeros(len(links.unit), np.int64)
        replay_rows(
            (first, last),
            index,
            links.arrays(),
            (tables.base, tables.states, tables.cycles, tables.first, tables.tail),
            (tables.waits, tables.speculative_cycles, tables.cut_cycles, slot),
            (scale.scaled, scale.share),
            (latency, busy, waited, early, spans),
        )
        return waited

    waited = _in_threads(run, n, threads or _usual_threads())
    kept: dict[str, Any] = dict(zip(("starts", "ends", "worked"), spans, strict=True)) if keep else {}
    return Times(latency=latency, busy=busy, decision_wait=waited, fetched_early=early, **kept)


def simulate_designs(
    designs: Sequence[Durations], state_index: Indices, *, threads: int | None = None
) -> Ints:
    """Return the latency of every row on every design, shape (designs, n) [cycles].

    The designs see the workload alike: their tables are for the same states.  Threads take designs in turn.
    """

    def run(tables: Durations) -> Ints:
        return simulate(tables, state_index, threads=1).latency

    with ThreadPoolExecutor(threads or _usual_threads()) as pool:
        return np.stack(list(pool.map(run, designs)))


def _usual_threads() -> int:
    """Return the threads to use unless told: workers of a sweep have one processor each."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdigit() and int(wanted) > 0 else os.cpu_count() or 1


def _in_threads(run: Any, n: int, threads: int) -> Ints:
    parts = max(1, min(threads, n // INPUTS_PER_THREAD))
    edges = [n * k // parts for k in range(parts + 1)]
    if parts == 1:
        waited: Ints = run(0, n)
        return waited
    with ThreadPoolExecutor(parts) as pool:
        total: Ints = np.sum(list(pool.map(lambda edge: run(*edge), pairwise(edges))), axis=0)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """A schedule as arrays: of each task its op, its unit, and three lists of tasks, cut by pointers."""

    op: Ints
    unit: Ints
    lists: Ints
    after: Ints  # (tasks + 1,), where each task's list begins in ``lists``
    decisions: Ints
    streams: Ints

    @classmethod
    def of(cls, schedule: Schedule) -> Links:
        """Flatten a schedule."""
        flat: list[int] = []
        after, decisions, streams = (
            _flatten(schedule.tasks, name, flat) for name in ("after", "decisions", "streams")
        )
        return cls(
            op=np.array([task.op for task in schedule.tasks], np.int64),
            unit=np.array([task.unit for task in schedule.tasks], np.int64),
            lists=np.array([*flat, 0], np.int64),
            after=after,
            decisions=decisions,
            streams=streams,
        )

    def arrays(self) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
        """Return the arrays in the order of the kernel."""
        return self.op, self.unit, self.lists, self.after, self.decisions, self.streams


def _flatten(tasks: tuple[Task, ...], name: str, flat: list[int]) -> Ints:
    pointers = [len(flat)]
    for task in tasks:
        flat.extend(getattr(task, name))
        pointers.append(len(flat))
    return np.array(pointers, np.int64)
