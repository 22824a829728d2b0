"""Frames on their way through a queue and a machine, in simulated time.

A frame that arrives goes in if fewer than ``in_flight`` are on the machine, else it waits in the queue, else
one is dropped.  Frames start in order of arrival; on a unit, the earliest frame goes first.  At the same
moment frames leave before others arrive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

import numpy as np

from traces import Ints

Drop = Literal["newest", "oldest"]
NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How frames are taken in."""

    queue: int | None  # places to wait; None: as many as needed
    in_flight: int  # frames on the machine at once
    drop: Drop  # which frame goes when the queue is full


class TimedMachine(Protocol):
    """Simulated time, and frames that run on a design's units: of either event engine."""

    @property
    def now(self) -> int:
        """The moment [cycles]."""

    def last_at(self, time: int, call: Callable[[], object]) -> None:
        """Call at ``time`` behind everything else that happens then."""

    def run(self) -> None:
        """Let everything happen."""


Start = Callable[[int, int, Callable[[], object]], None]  # frame, frames waiting behind it, called at its end


@dataclass(slots=True)
class Server:
    """One run of the queue; times are filled in as it goes."""

    arrivals: Ints
    rules: Rules
    start: Start
    machine: TimedMachine
    starts: Ints = field(init=False)  # (frames,), NEVER if dropped
    ends: Ints = field(init=False)
    waiting: deque[int] = field(init=False)
    running: int = field(init=False)

    def __post_init__(self) -> None:
        self.starts = np.full(len(self.arrivals), NEVER, np.int64)
        self.ends = np.full(len(self.arrivals), NEVER, np.int64)
        self.waiting = deque()
        self.running = 0

    def run(self) -> None:
        """Let every frame arrive and every accepted one finish."""
        self._await(0)
        self.machine.run()

    def _await(self, frame: int) -> None:
        if frame < len(self.arrivals):
            self.machine.last_at(int(self.arrivals[frame]), partial(self._arrive, frame))

    def _arrive(self, frame: int) -> None:
        self._take_in(frame)
        self._await(frame + 1)

    def _take_in(self, frame: int) -> None:
        rules = self.rules
        if self.running < rules.in_flight:
            self._begin(frame)
        elif rules.queue is None or len(self.waiting) < rules.queue:
            self.waiting.append(frame)
        elif rules.drop == "oldest" and self.waiting:
            self.waiting.popleft()
            self.waiting.append(frame)

    def _begin(self, frame: int) -> None:
        self.running += 1
        self.starts[frame] = self.machine.now
        self.start(frame, len(self.waiting), partial(self._end, frame))

    def _end(self, frame: int) -> None:
        self.ends[frame] = self.machine.now
        self.running -= 1
        if self.waiting:
            self._begin(self.waiting.popleft())
