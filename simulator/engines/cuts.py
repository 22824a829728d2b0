"""Where a schedule is cut, and what each segment between two cuts does to the times that are live there.

A time is live at a cut if a task behind it asks for it: the end of a task, its start if it streams to a later one.
Waits that other waits imply ask for nothing.  Times that only the end of the whole schedule asks for are one, their
latest.  So a deep network has few live times between its blocks, and blocks that repeat are segments of one form.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Literal

import numpy as np

from simulator.schedules.schedule import NO_UNIT, Schedule, Task
from traces import Bools

Name = tuple[Literal["zero", "done", "start", "end"], int]  # of a time; -1 for what is no task's
_ZERO: Name = ("zero", -1)  # when the schedule starts
_DONE: Name = ("done", -1)  # the latest end that nothing else asks for
_APART = 6  # tasks; Choice: cuts are at least so far apart, at the fewest live times of as many around


@dataclass(frozen=True, slots=True)
class Step:
    """One task of a segment; numbers are places among the segment's times."""

    unit: int
    ready: tuple[int, ...]  # it starts no earlier than the latest of these
    streams: tuple[tuple[int, int], ...]  # start and end of each task that streams to it


@dataclass(frozen=True, slots=True)
class Form:
    """What a segment does: its times are those it takes, then start and end of each of its tasks."""

    takes: int
    steps: tuple[Step, ...]
    gives: tuple[tuple[int, ...], ...]  # each the latest of these


@dataclass(frozen=True, slots=True)
class Segment:
    """The tasks between two cuts."""

    form: Form
    tasks: range
    streaming: tuple[int, ...]  # the tasks that stream, step by step


def segments(schedule: Schedule, waits: Bools) -> list[Segment]:
    """Return the schedule cut into segments; the last gives one time, when everything has ended.

    Parameters
    ----------
    schedule
        In which nothing passes another (no queue 1), and nothing is fetched before its decision.
    waits
        Whether each task waits for its decisions, shape (tasks,).
    """
    asked = _Asked(schedule, waits)
    cuts = [0, *asked.cuts(), len(schedule.tasks)]
    live = asked.live(cuts)
    return [
        asked.segment(range(*ends), *times)
        for ends, times in zip(pairwise(cuts), pairwise(live), strict=True)
    ]


class _Asked:
    """What every task asks for, and for how long every time is asked for."""

    def __init__(self, schedule: Schedule, waits: Bools) -> None:
        self.tasks = schedule.tasks
        self.kinds = [op.kind for op in schedule.graph.ops]
        self.ready: list[tuple[Name, ...]] = []
        self.streams: list[tuple[int, ...]] = []
        self.last: dict[Name, int] = {_ZERO: 0}  # the last task that asks
        ended: list[int] = []  # per task, a bit for every task that has ended when it starts
        before: dict[int, int] = {}  # by unit
        for t, task in enumerate(self.tasks):
            direct = _direct(task, before, bool(waits[t]))
            known = _union(ended[p] for p in direct)
            self.ready.append(tuple(("end", p) for p in direct if not known >> p & 1) or (_ZERO,))
            known |= _union(1 << p for p in direct)
            self.streams.append(tuple(p for p in task.streams if not known >> p & 1))
            ended.append(known)
            self.last.update(dict.fromkeys(self.ready[t], t))
            for p in self.streams[t]:
                self.last["start", p] = self.last["end", p] = t
            if task.unit != NO_UNIT:
                before[task.unit] = t
        ends = [*before.values(), *(t for t, task in enumerate(self.tasks) if task.unit == NO_UNIT)]
        known = _union(ended[p] for p in ends)
        self.sinks = [p for p in ends if not known >> p & 1]

    def live(self, cuts: Sequence[int]) -> list[list[Name]]:
        """Return the times that are live at each cut, in one order for segments of one form."""
        born: dict[int, list[Name]] = {}
        for name in self.last:
            born.setdefault(name[1], []).append(name)
        active, found = [_ZERO], [[_ZERO]]
        for low, cut in pairwise(cuts):
            active += [name for t in range(low, cut) for name in sorted(born.get(t, ()))]
            active = [name for name in active if self.last[name] >= cut]
            done = any(p < cut and self.last.get(("end", p), -1) < cut for p in self.sinks)
            found.append([*active, *([_DONE] if done else [])])
        return found

    def cuts(self) -> list[int]:
        """Return the tasks before which to cut: where fewest times are live."""
        count = np.zeros(len(self.tasks) + 1, np.int64)
        for (_, p), last in self.last.items():
            count[p + 1] += 1
            count[last + 1] -= 1
        count = np.cumsum(count).tolist()
        fewest = [
            cut
            for cut in range(1, len(self.tasks))
            if count[cut] == min(count[max(cut - _APART // 2, 1) : cut + _APART // 2 + 1])
        ]
        looks = {cut: self._looks(cut) for cut in fewest}
        often = Counter(looks.values())
        found, at = [], 0
        while near := fewest[bisect_left(fewest, at + _APART) : bisect_left(fewest, at + 3 * _APART)]:
            at = max(near, key=lambda cut: often[looks[cut]])
            found.append(at)
        return found

    def _looks(self, cut: int) -> tuple[object, ...]:
        """Return what the tasks beside a cut are like, which tells whether blocks repeat there."""
        return tuple((task.kind, task.unit, self.kinds[task.op]) for task in self.tasks[cut - 1 : cut + 2])

    def segment(self, tasks: range, taken: Sequence[Name], given: Sequence[Name]) -> Segment:
        """Return the segment of these tasks, from the times live before them to those live behind."""
        place = {name: k for k, name in enumerate(taken)}
        for j, t in enumerate(tasks):
            place["start", t], place["end", t] = (len(taken) + 2 * j + k for k in range(2))
        steps = tuple(
            Step(
                self.tasks[t].unit,
                tuple(place[name] for name in self.ready[t]),
                tuple((place["start", p], place["end", p]) for p in self.streams[t]),
            )
            for t in tasks
        )
        last = tuple(
            place["end", p]
            for p in self.sinks
            if ("end", p) in place and self.last.get(("end", p), -1) < tasks.stop
        )
        before = (place[_DONE],) if _DONE in place else ()
        gives = tuple((*before, *last) if name == _DONE else (place[name],) for name in given)
        streaming = tuple(p for t in tasks for p in self.streams[t])
        return Segment(Form(len(taken), steps, gives), tasks, streaming)


def _direct(task: Task, before: dict[int, int], waits: bool) -> list[int]:
    """Return the tasks that must have ended before this one starts."""
    own = [before[task.unit]] if task.unit in before else []
    return [*dict.fromkeys((*own, *task.after, *(task.decisions if waits else ())))]


def _union(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)
