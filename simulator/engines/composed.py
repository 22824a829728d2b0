"""Latency and busy time by max-plus algebra: a matrix per joint state of each segment of the schedule.

Between two cuts a schedule takes the times live at one to those live at the other::

    given[j] = max over i of (taken[i] + matrix[i, j])

and the matrix follows from the joint state of the segment's ops alone.  So few distinct matrices, multiplied for the
few joint states of runs of segments, give every input's latency in one step per run.  Exact: all are integers.

Source: Baccelli, Cohen, Olsder, Quadrat, *Synchronization and Linearity*, Wiley 1992, chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.engines.cuts import Form, Segment, segments
from simulator.engines.joint_states import Halves, SegmentRun, joint_states
from simulator.schedules.durations import Durations
from simulator.schedules.schedule import NO_UNIT, Schedule
from traces import Bools, Indices, Ints

MOST_LIVE = 8  # Choice: times at a cut, above which the recurrence itself is faster
_NEVER = np.int64(-(2**58))  # of what is not waited for


@dataclass(frozen=True, slots=True, eq=False)
class _Alike:
    """Pieces of one form, their joint states end to end."""

    form: Form
    entries: NDArray[np.intp]  # (steps, rows), of the tables
    streaming: NDArray[np.intp]  # (streams, rows), those of the tasks that stream
    units: tuple[tuple[int, list[int]], ...]  # each unit, and the steps that it serves

    @classmethod
    def of(cls, members: Sequence[Segment], states: Sequence[Indices], base: Ints) -> _Alike:
        """Join segments, each with the states of its tasks' ops, shape (tasks, joint states)."""
        form, rows = members[0].form, [each.shape[1] for each in states]
        tasks = np.repeat(np.array([[*segment.tasks] for segment in members]).T, rows, axis=1)
        fed = [j for j, step in enumerate(form.steps) for _ in step.streams]
        streaming = np.array([segment.streaming for segment in members], np.intp).T
        joint = np.concatenate(states, axis=1).astype(np.intp)
        units = {step.unit for step in form.steps} - {NO_UNIT}
        return cls(
            form,
            base[tasks] + joint,
            base[np.repeat(streaming, rows, axis=1)] + joint[fed],
            tuple((unit, [j for j, step in enumerate(form.steps) if step.unit == unit]) for unit in units),
        )

    def busy(self, tables: Durations, units: int) -> Ints:
        """Return how long each unit works in each row, shape (units, rows) [cycles]."""
        cycles = tables.cycles.take(self.entries)
        found = np.zeros((units, cycles.shape[1]), np.int64)
        for unit, steps in self.units:
            found[unit] = cycles[steps].sum(axis=0)
        return found

    def matrices(self, tables: Durations) -> Ints:
        """Return each row's matrix, shape (taken times, given times, rows) [cycles]."""
        form = self.form
        cycles, tail = tables.cycles.take(self.entries), tables.tail.take(self.entries)
        first = tables.first.take(self.streaming)
        unit = np.where(np.eye(form.takes, dtype=np.bool_), np.int64(0), _NEVER)
        times: list[Ints] = [*np.broadcast_to(unit[:, :, None], (*unit.shape, cycles.shape[1]))]
        k = 0
        for j, step in enumerate(form.steps):
            begin = _latest([times[p] for p in step.ready])
            end = begin + cycles[j]
            if step.streams:
                ignored = np.where(cycles[j] > 0, np.int64(0), _NEVER)
                left = tail[j] + ignored
                landed = [times[p] + (first[k + i] + ignored) for i, (p, _) in enumerate(step.streams)]
                k += len(step.streams)
                begin = _latest([begin, *landed])
                end = _latest([begin + cycles[j], *(times[p] + left for _, p in step.streams)])
            times += begin, end
        return np.stack([_latest([times[p] for p in places]) for places in form.gives], axis=1)


def _latest(times: Sequence[Ints]) -> Ints:
    found: Ints = reduce(np.maximum, times)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """A schedule cut into segments, and the joint states of some rows: all but how long tasks take."""

    alike: tuple[_Alike, ...]
    places: tuple[tuple[int, slice], ...]  # per segment, its place in ``alike`` and its rows there
    segment_runs: tuple[SegmentRun, ...]
    entries: tuple[NDArray[np.intp], ...]  # per run (segments, states), row of all of ``alike`` end to end
    serial: bool  # one unit serves all that any unit does, and nothing streams
    beside: NDArray[np.intp]  # entries of tables of tasks on no unit

    @classmethod
    def of(cls, schedule: Schedule, waits: Bools, states: Ints, state_index: Indices) -> Composition | None:
        """Cut the schedule; ``None`` if live times or joint states are too many for it to be worth it.

        ``waits`` and ``states`` are those of :class:`Durations`.
        """
        found = segments(schedule, waits)
        if max(len(segment.form.gives) for segment in found) > MOST_LIVE:
            return None
        joint = joint_states(schedule, states, found, state_index)
        if joint is None:
            return None
        forms: dict[Form, list[int]] = {}
        for k, segment in enumerate(found):
            forms.setdefault(segment.form, []).append(k)
        base = np.cumsum(states) - states
        alike = [
            _Alike.of([found[k] for k in each], [joint.ops[k] for k in each], base) for each in forms.values()
        ]
        places: dict[int, tuple[int, slice]] = {}
        for at, each in enumerate(forms.values()):
            ends = np.cumsum([joint.ops[k].shape[1] for k in each]).tolist()
            places |= {
                k: (at, slice(low, high)) for k, low, high in zip(each, [0, *ends], ends, strict=False)
            }
        before = np.cumsum([0, *(each.entries.shape[1] for each in alike)])
        begins = iter([before[at] + rows.start for _, (at, rows) in sorted(places.items())])
        entries = [
            run.digits + np.array([next(begins) for _ in run.digits])[:, None] for run in joint.segment_runs
        ]
        tasks = schedule.tasks
        return cls(
            tuple(alike),
            tuple(places[k] for k in range(len(found))),
            joint.segment_runs,
            tuple(entries),
            len({task.unit for task in tasks} - {NO_UNIT}) == 1 and not any(task.streams for task in tasks),
            np.flatnonzero(np.repeat([task.unit == NO_UNIT for task in tasks], states)),
        )

    def times(self, tables: Durations) -> tuple[Ints, Ints]:
        """Return when each row's last task has ended (n,), and how long each unit works (n, units) [cycles]."""
        busy = self._busy(tables)
        alone = self.serial and not tables.cycles.take(self.beside).any()
        return (busy.sum(axis=1) if alone else self._latency(tables)), busy  # a unit alone never waits

    def _busy(self, tables: Durations) -> Ints:
        units = max(len(tables.schedule.units), 1)
        of_rows = np.concatenate([each.busy(tables, units) for each in self.alike], axis=1)
        found = np.zeros((units, len(self.segment_runs[0].code)), np.int64)
        for run, entries in zip(self.segment_runs, self.entries, strict=True):
            of_states = of_rows.take(entries, axis=1).sum(axis=1)
            for unit in range(units):
                found[unit] += of_states[unit].take(run.code)
        return found.T

    def _latency(self, tables: Durations) -> Ints:
        of_forms = [each.matrices(tables) for each in self.alike]
        of_segments = iter([of_forms[at][:, :, rows] for at, rows in self.places])
        times: list[Ints] = [np.zeros(1, np.int64)]
        for run in self.segment_runs:
            times = _stepped(times, _joined(of_segments, run.halves), run.code)
        return times[0]


class _Same:
    """A value that equals itself alone."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


@lru_cache(maxsize=16)  # of the schedules of a family of designs; some MB each
def _remembered(schedule: _Same, waits: bytes, states: bytes, state_index: _Same) -> Composition | None:
    tasks = np.frombuffer(waits, np.bool_), np.frombuffer(states, np.int64)
    return Composition.of(schedule.value, *tasks, state_index.value)


def composed(tables: Durations, state_index: Indices) -> tuple[Ints, Ints] | None:
    """Return what :meth:`Composition.times` does; ``None`` if going task by task is faster.

    The composition is remembered for an index that nobody can write to, for replays come again and again.
    """
    if state_index.flags.writeable:
        found = Composition.of(tables.schedule, tables.waits, tables.states, state_index)
    else:
        tasks = tables.waits.tobytes(), tables.states.tobytes()
        found = _remembered(_Same(tables.schedule), *tasks, _Same(state_index))
    return None if found is None else found.times(tables)


def _stepped(times: Sequence[Ints], matrix: Ints, code: NDArray[np.intp]) -> list[Ints]:
    """Return the times that rows give, from those they take and each one's matrix."""
    given = []
    for column in matrix.swapaxes(0, 1):
        found = None
        for time, entries in zip(times, column, strict=True):
            if entries.max() < _NEVER // 2:
                continue
            end = entries.take(code)
            end += time
            found = end if found is None else np.maximum(found, end, out=found)
        assert found is not None  # every time follows from one before
        given.append(found)
    return given


def _joined(of_segments: Iterator[Ints], halves: Halves | None) -> Ints:
    """Return the matrices of a run, of each of its joint states: those of its halves, one after the other."""
    if halves is None:
        return next(of_segments)
    left, right = (
        _joined(of_segments, part).take(states, axis=2)
        for part, states in zip(halves.parts, halves.states, strict=True)
    )
    found: Ints = left[:, 0, None] + right[0]
    for k in range(1, len(right)):
        np.maximum(found, left[:, k, None] + right[k], out=found)
    np.maximum(found, _NEVER, out=found)
    return found
