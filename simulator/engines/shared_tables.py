"""What frames that share units (:mod:`simulator.engines.shared`) read and write: a plan and a floor, two lists.

Both begin with single numbers, then say where each of their tables begins: ``p[p[BASE] + t]`` is entry t of a plan's
table ``BASE``.  Two flat arrays are what numba passes on without a cost from function to function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.schedules.durations import Durations
from simulator.schedules.schedule import NO_UNIT, Schedule
from traces import Ints

NOBODY = -1

# Of a plan: T tasks, L lanes.
PLACES = 0  # frames on the machine at once
TASKS = 1
LANES = 2
DECISIONS = 3  # entries of DECISION
OPS = 4
ROOM = 5  # calls of one turn at once, a power of two
CUT = 6  # a speculative transfer is cut every so many cycles
UNIT_OF = 7  # (L,), NO_UNIT: it waits for no one
POLITE = 8  # (L,), 1 where the unit's other queue goes first at a tie
LANE_BEGIN = 9  # (L + 1,), of its tasks in LANE_TASKS
LANE_TASKS = 10  # (T,)
LANE_OF = 11  # (T,)
NEED_BEGIN = 12  # (T + 1,), in NEEDED
NEEDED = 13  # tasks that each waits for, decisions that it obeys included
STREAM_BEGIN = 14  # (T + 1,), in STREAMS
STREAMS = 15  # tasks whose tiles each reads
DECISION_BEGIN = 16  # (T + 1,), in DECISION; nothing where a task is no speculative transfer
DECISION = 17
DECIDED = 18  # which task each decision is of
WHOLE = 19  # (T,), of a speculative transfer, else 0 [cycles]
READ = 20  # (T,), 1 where another task reads its tiles
OP = 21  # (T,)
BASE = 22  # (T,), of its states in the next three
CYCLES = 23
FIRST_TILE = 24
TAIL = 25
_PLAN_HEAD = 26

# Of a floor: F places for frames, T tasks, L lanes, D decisions, U units.
NOW = 0  # the moment [cycles]
PUT_OFF = 1  # calls put off to a later time so far
RINGS = 2  # (3 x room,), calls of each turn
RING_HEADS = 3  # (3,), calls taken out so far
RING_TAILS = 4  # (3,), calls put in so far
FRAME = 5  # (F,), at each place, NOBODY where it is free
STATES = 6  # (F x ops,), of the input it shows
LANES_LEFT = 7  # (F,)
AT = 8  # (F x L,), task a lane is at, as a place in LANE_TASKS
STEP = 9  # (F x L,)
ENTRY = 10  # (F x L,), in NEEDED or STREAMS
WORK = 11  # (F x L,), of the task [cycles]
START = 12  # (F x L,), of the task
ASKING_NEXT = 13  # (F x L,), who waits for a unit behind a lane
FINISHED_YET = 14  # (F x T,), 1 when the task has ended
LANDED_YET = 15  # (F x T,), 1 when its first tile is there
ENDS = 16  # (F x T,)
UNDECIDED = 17  # (F x T,), decisions that a speculative transfer does not know
KNOWN = 18  # (F x T,), when it knew all of them, NOBODY before
TOLD = 19  # (F x T,), 1 when its lane was told
WAITING = 20  # (F x 2T,), first that waits for each task's end, then first tile
WAITING_LAST = 21  # (F x 2T,), the last of them
BEHIND = 22  # (F x (L + D),), who waits behind a lane, or behind a decision's reader
BUSY = 23  # (U,), 1 while a unit works
ASKING = 24  # (U,), first lane that waits for it, by frame, then by who asked first
_FLOOR_HEAD = 25


def plan_of(tables: Durations, places: int) -> Ints:
    """Return the plan of so many frames at once."""
    schedule, lanes = tables.schedule, _UnitLane.of(tables.schedule)
    waits, whole = tables.waits.tolist(), tables.speculative_cycles.tolist()
    needs = [(*task.after, *(task.decisions if waits[t] else ())) for t, task in enumerate(schedule.tasks)]
    streams = [task.streams for task in schedule.tasks]
    decisions = [task.decisions if whole[t] else () for t, task in enumerate(schedule.tasks)]
    tasks, read = len(schedule.tasks), set(_joined(streams))
    lane_of = {t: k for k, lane in enumerate(lanes) for t in lane.tasks}
    numbers = {
        PLACES: places,
        TASKS: tasks,
        LANES: len(lanes),
        DECISIONS: len(_joined(decisions)),
        OPS: 1 + max((task.op for task in schedule.tasks), default=0),
        ROOM: 1
        << (2 * places * (6 * tasks + 2 * len(lanes) + 2) + 2).bit_length(),  # two frames a place, one gone
        CUT: tables.cut_cycles,
    }
    listed: dict[int, Iterable[int]] = {
        UNIT_OF: [lane.unit for lane in lanes],
        POLITE: [lane.polite for lane in lanes],
        LANE_BEGIN: _begins([lane.tasks for lane in lanes]),
        LANE_TASKS: _joined([lane.tasks for lane in lanes]),
        LANE_OF: [lane_of[t] for t in range(tasks)],
        NEED_BEGIN: _begins(needs),
        NEEDED: _joined(needs),
        STREAM_BEGIN: _begins(streams),
        STREAMS: _joined(streams),
        DECISION_BEGIN: _begins(decisions),
        DECISION: _joined(decisions),
        DECIDED: [t for t, each in enumerate(decisions) for _ in each],
        WHOLE: whole,
        READ: [t in read for t in range(tasks)],
        OP: [task.op for task in schedule.tasks],
        BASE: tables.base,
        CYCLES: tables.cycles,
        FIRST_TILE: tables.first,
        TAIL: tables.tail,
    }
    return _flat(_PLAN_HEAD, numbers, {name: np.array(values, np.int64) for name, values in listed.items()})


def floor_of(plan: Ints, units: int) -> Ints:
    """Return the floor of a plan before the first frame."""
    places, tasks, lanes = (int(plan[name]) for name in (PLACES, TASKS, LANES))
    sizes = {
        RINGS: 3 * plan[ROOM], RING_HEADS: 3, RING_TAILS: 3,
        FRAME: places, STATES: places * plan[OPS], LANES_LEFT: places,
        WAITING: 2 * places * tasks, WAITING_LAST: 2 * places * tasks, BEHIND: places * (lanes + plan[DECISIONS]),
        BUSY: units, ASKING: units,
    }  # fmt: skip
    sizes |= dict.fromkeys((AT, STEP, ENTRY, WORK, START, ASKING_NEXT), places * lanes)
    sizes |= dict.fromkeys((FINISHED_YET, LANDED_YET, ENDS, UNDECIDED, KNOWN, TOLD), places * tasks)
    empty = {
        name: np.full(size, NOBODY if name in {FRAME, ASKING} else 0, np.int64)
        for name, size in sizes.items()
    }
    return _flat(_FLOOR_HEAD, {NOW: 0, PUT_OFF: 0}, empty)


def _flat(head: int, numbers: Mapping[int, int], tables: Mapping[int, Ints]) -> Ints:
    """Return the numbers and where each table begins, then the tables."""
    found, begin = np.zeros(head, np.int64), head
    for name, number in numbers.items():
        found[name] = number
    for name, table in tables.items():
        found[name] = begin
        begin += len(table)
    return np.concatenate([found, *tables.values()])


@dataclass(frozen=True, slots=True)
class _UnitLane:
    """Tasks of one queue of one unit."""

    unit: int
    tasks: tuple[int, ...]
    polite: bool  # the other queue goes first at a tie

    @classmethod
    def of(cls, schedule: Schedule) -> tuple[_UnitLane, ...]:
        """Return those of a schedule; what has no unit waits for no one."""
        found: dict[tuple[int, int], list[int]] = {}
        for t, task in enumerate(schedule.tasks):
            unit = task.unit if task.unit != NO_UNIT else -1 - t
            found.setdefault((unit, task.queue), []).append(t)
        queued = {unit for unit, queue in found if queue}
        return tuple(
            cls(unit if unit >= 0 else NO_UNIT, tuple(tasks), unit in queued and not queue)
            for (unit, queue), tasks in found.items()
        )


def _begins(each: Sequence[Sequence[int]]) -> Ints:
    """Return where each one's entries begin, all end to end, and where the last ones end."""
    return np.cumsum([0, *map(len, each)], dtype=np.int64)


def _joined(each: Sequence[Sequence[int]]) -> list[int]:
    return [value for values in each for value in values]
