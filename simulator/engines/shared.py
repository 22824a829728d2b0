"""Frames that share the units, event by event: what :mod:`simulator.engines.events` does, in its order, without SimPy.

A lane does the tasks of one queue of one unit of one frame, one behind the other.  It is a generator that, before it
yields, leaves its resumption where it will be called: with a task's end, a first tile, a unit's queue, or a moment.
Calls of one moment go by turn, those that begin something first and those that ask to be last behind all others; that
is SimPy's order too, so that both give the same times to the cycle, ties included.  What nobody waits for is no event
here, and how long tasks take is looked up once per frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from simulator.schedules.durations import Durations, speculative_duration
from simulator.schedules.schedule import NO_UNIT, Schedule
from traces import Indices

Resumption = Callable[[], object]
_BY_TURN, _LAST = range(2)


class Clock:
    """What happens when."""

    def __init__(self) -> None:
        self.now = 0
        self.first: deque[Resumption] = deque()
        self.next: deque[Resumption] = deque()
        self._last: deque[Resumption] = deque()
        self._later: list[tuple[int, int, int, Resumption]] = []
        self._calls = 0

    def at(self, time: int, call: Resumption) -> None:
        """Call by turn at ``time``, which is later than now."""
        self._calls += 1
        heappush(self._later, (time, _BY_TURN, self._calls, call))

    def last_at(self, time: int, call: Resumption) -> None:
        """Call at ``time`` behind everything else that happens then."""
        if time <= self.now:
            self._last.append(call)
        else:
            self._calls += 1
            heappush(self._later, (time, _LAST, self._calls, call))

    def run(self) -> None:
        """Let everything happen."""
        first, following, last, later = self.first, self.next, self._last, self._later
        while True:
            if first:
                first.popleft()()
            elif following:
                following.popleft()()
            elif last:
                last.popleft()()
            elif later:
                self.now = later[0][0]
                while later and later[0][0] == self.now:
                    _, turn, _, call = heappop(later)
                    (last if turn else following).append(call)
            else:
                return


class _Event:
    """Something that happens once, and those who wait for it."""

    __slots__ = ("happened", "waiting")

    def __init__(self) -> None:
        self.happened = False
        self.waiting: list[Resumption] = []

    def __call__(self) -> None:
        self.happened = True
        for call in self.waiting:
            call()


class _Server:
    """A unit: the earliest frame that asks goes first, then the first to ask."""

    __slots__ = ("_asked", "_busy", "_clock", "_queue")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._busy = False
        self._queue: list[tuple[int, int, int, Resumption]] = []
        self._asked = 0

    def ask(self, priority: int, call: Resumption) -> None:
        self._asked += 1
        heappush(self._queue, (priority, self._clock.now, self._asked, call))
        self._serve()

    def leave(self) -> None:
        self._busy = False
        if self._queue:
            self._clock.next.append(self._serve)

    def _serve(self) -> None:
        if self._queue and not self._busy:
            self._busy = True
            self._clock.next.append(heappop(self._queue)[3])


@dataclass(frozen=True, slots=True)
class _UnitQueue:
    """Tasks of one queue of one unit: what a lane does."""

    unit: int  # NO_UNIT: it waits for no one
    tasks: tuple[int, ...]
    polite: bool  # the other queue goes first at a tie

    @classmethod
    def of(cls, schedule: Schedule) -> tuple[_UnitQueue, ...]:
        """Return those of a schedule, one for every lane of a frame."""
        found: dict[tuple[int, int], list[int]] = {}
        for t, task in enumerate(schedule.tasks):
            unit = task.unit if task.unit != NO_UNIT else -1 - t
            found.setdefault((unit, task.queue), []).append(t)
        queued = {unit for unit, queue in found if queue}
        return tuple(
            cls(unit if unit >= 0 else NO_UNIT, tuple(tasks), unit in queued and not queue)
            for (unit, queue), tasks in found.items()
        )


class SharedUnits:
    """A design's units; frames that run on them compete for them."""

    def __init__(self, tables: Durations) -> None:
        schedule = tables.schedule
        self.clock = Clock()
        self.tables = tables
        self.units = [_Server(self.clock) for _ in schedule.units]
        self.lanes = _UnitQueue.of(schedule)
        self.ops = np.array([task.op for task in schedule.tasks], np.intp)
        self.whole = tables.speculative_cycles.tolist()
        waits = tables.waits.tolist()
        self.after = [task.after for task in schedule.tasks]
        self.obeyed = [task.decisions if waits[t] else () for t, task in enumerate(schedule.tasks)]
        self.read = {p for task in schedule.tasks for p in task.streams}

    @property
    def now(self) -> int:
        """The moment [cycles]."""
        return self.clock.now

    def last_at(self, time: int, call: Resumption) -> None:
        """Call at ``time`` behind everything else that happens then."""
        self.clock.last_at(time, call)

    def after_cycles(self, cycles: int, call: Resumption) -> None:
        """Call when so many cycles have passed."""
        if cycles > 0:
            self.clock.at(self.clock.now + cycles, call)
        else:
            self.clock.next.append(call)

    def begin(self, states: Indices, priority: int, done: Resumption) -> None:
        """Let a frame with these states of its ops begin, and call when it is done; lower priorities go first."""
        _Frame(self, states, priority, done)

    def run(self) -> None:
        """Let everything happen."""
        self.clock.run()


class _Frame:
    """One input on its way through the schedule."""

    __slots__ = (
        "cycles", "done", "ends", "finished", "first", "landed", "left", "machine", "priority", "tail",
    )  # fmt: skip

    def __init__(self, machine: SharedUnits, states: Indices, priority: int, done: Resumption) -> None:
        tables = machine.tables
        place = tables.base + states[machine.ops]
        self.machine, self.priority, self.done = machine, priority, done
        self.cycles: list[int] = tables.cycles[place].tolist()
        self.first: list[int] = tables.first[place].tolist()
        self.tail: list[int] = tables.tail[place].tolist()
        self.ends = [0] * len(place)
        self.finished = [_Event() for _ in place]
        self.landed = {t: _Event() for t in machine.read}
        self.left = len(machine.lanes)
        for lane in machine.lanes:
            tasks = self._serve(lane)
            next(tasks)
            tasks.send(tasks.__next__)
            machine.clock.first.append(tasks.__next__)
        if not machine.lanes:
            machine.clock.next.append(done)

    def _lane_done(self) -> None:
        self.left -= 1
        if not self.left:
            self.machine.clock.next.append(self.done)

    def _serve(self, lane: _UnitQueue) -> Generator[None, Resumption, None]:  # noqa: C901, PLR0912  # what a lane does, in order
        """Do a lane's tasks in program order, when told what resumes this."""
        resume = yield
        yield
        machine, clock, cycles, finished = self.machine, self.machine.clock, self.cycles, self.finished
        tasks = machine.tables.schedule.tasks
        for t in lane.tasks:
            for p in (*machine.after[t], *machine.obeyed[t]):
                if not finished[p].happened:
                    finished[p].waiting.append(resume)
                    yield
            work, whole, streams = cycles[t], machine.whole[t], tasks[t].streams
            if work > 0:
                for p in streams:
                    if not self.landed[p].happened:
                        self.landed[p].waiting.append(resume)
                        yield
            holds = lane.unit != NO_UNIT and (work > 0 or whole > 0)
            if holds:
                if lane.polite:
                    clock.last_at(clock.now, resume)
                    yield
                machine.units[lane.unit].ask(self.priority, resume)
                yield
            start = clock.now
            if t in machine.read:
                clock.first.append(self._landing(t))
            if whole:
                fetched = self._speculate(t, start, resume)
                yield
                work = fetched()
                if start + work > clock.now:
                    clock.at(start + work, resume)
                    yield
            elif work:
                clock.at(start + work, resume)
                yield
            if work:
                for p in streams:
                    if not finished[p].happened:
                        finished[p].waiting.append(resume)
                        yield
                    rest = self.ends[p] + self.tail[t] - clock.now
                    if rest > 0:
                        clock.at(clock.now + rest, resume)
                        yield
            if holds:
                machine.units[lane.unit].leave()
            self.ends[t] = clock.now
            clock.next.append(finished[t])
        clock.next.append(self._lane_done)
        yield

    def _landing(self, t: int) -> Resumption:
        """Return what begins with a task: its first tile lands so many cycles later."""
        landed, first = self.landed[t], self.first[t]
        if first:
            return lambda: self.machine.after_cycles(first, lambda: self.machine.clock.next.append(landed))
        return lambda: self.machine.clock.next.append(landed)

    def _speculate(self, t: int, start: int, resume: Resumption) -> Callable[[], int]:
        """Resume when the decisions are there or everything has come; return what then says how long it takes."""
        clock, kept = self.machine.clock, self.cycles[t]
        whole = max(self.machine.whole[t], kept)
        waits = [self.finished[p] for p in self.machine.tables.schedule.tasks[t].decisions]
        open_ = [event for event in waits if not event.happened]
        known: list[int] = []
        told: list[bool] = []

        def tell() -> None:
            if not told:
                told.append(True)
                clock.next.append(resume)

        def decide() -> None:
            open_.pop()
            if not open_:
                known.append(clock.now)
                clock.next.append(tell)

        if not open_:
            known.append(clock.now)
            clock.next.append(tell)
        for event in tuple(open_):
            event.waiting.append(decide)
        clock.at(start + whole, tell)

        def cycles() -> int:
            decided = known[0] if known else start + whole
            return speculative_duration(start, decided, kept, whole, self.machine.tables.cut_cycles)[0]

        return cycles
