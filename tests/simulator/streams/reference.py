"""The reference of streams: every frame on SimPy, every frame event by event, the queue as a few plain rules."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from simulator.engines import events
from simulator.streams.server import NEVER, Rules, ServedTimes, SharedMachine
from traces import Ints

Told = Callable[[], object]


def served_by_events(machine: SharedMachine, arrivals: Ints, rules: Rules) -> ServedTimes:
    """Return what :func:`simulator.streams.server.served` does."""
    served = _Served(machine, arrivals, rules)
    served.arrive_at(0)
    served.units.env.run()
    return ServedTimes(starts=served.starts, ends=served.ends, states=served.states)


def _calling(call: Told) -> Callable[[object], None]:
    def told(_: object) -> None:
        call()

    return told


@dataclass
class _Served:
    machine: SharedMachine
    arrivals: Ints
    rules: Rules
    units: events.Machine = field(init=False)
    waiting: deque[int] = field(default_factory=deque)
    running: int = 0
    state: int = 0

    def __post_init__(self) -> None:
        self.units = events.Machine(len(self.machine.tables.schedule.units))
        self.starts, self.ends = (np.full(len(self.arrivals), NEVER, np.int64) for _ in range(2))
        self.states = np.zeros(len(self.arrivals), np.int64)

    @property
    def now(self) -> int:
        return int(self.units.env.now)

    def arrive_at(self, frame: int) -> None:
        if frame < len(self.arrivals):
            self.units.last_at(int(self.arrivals[frame])).callbacks.append(
                _calling(lambda: self.arrive(frame))
            )

    def arrive(self, frame: int) -> None:
        rules = self.rules
        if self.running < rules.in_flight:
            self.begin(frame)
        elif rules.queue is None or len(self.waiting) < rules.queue:
            self.waiting.append(frame)
        elif rules.drop == "oldest" and self.waiting:
            self.waiting.popleft()
            self.waiting.append(frame)
        self.arrive_at(frame + 1)

    def begin(self, frame: int) -> None:
        self.running += 1
        self.starts[frame] = self.now
        row = frame % len(self.machine.state_index)
        if len(self.machine.alone) == 1:
            states = [int(state) for state in self.machine.state_index[row]]
            end = events.Frame(self.units, self.machine.tables, states, priority=frame).run()
        else:
            wanted = min(len(self.waiting), len(self.machine.alone) - 1)
            switch = self.machine.switch_cycles if wanted != self.state else 0
            self.state = self.states[frame] = wanted
            end = self.units.env.timeout(switch + int(self.machine.alone[wanted, row]))
        end.callbacks.append(_calling(lambda: self.end(frame)))

    def end(self, frame: int) -> None:
        self.ends[frame] = self.now
        self.running -= 1
        if self.waiting:
            self.begin(self.waiting.popleft())
