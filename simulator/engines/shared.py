"""Frames that share the units, event by event: what :mod:`simulator.engines.events` does, in its order, without SimPy.

A lane does the tasks of one queue of one unit of one frame, one behind the other.  It stands at one of the steps
below until what it waits for calls it: a task's end, a first tile, a unit, or a moment.  Calls of one moment go by
turn, those that begin something first and those that ask to be last behind all others; that is SimPy's order too, so
that both give the same times to the cycle, ties included.  What nobody waits for is no event here.

All is written with numbers in flat tables, the plan ``p`` and the floor ``f`` (:mod:`simulator.engines.shared_tables`),
so that numba can compile it (:mod:`traces.base.compiled`); as it is written, both are lists.
"""

from __future__ import annotations

from simulator.engines.shared_calls import (
    DONE,
    FINISHED,
    FIRST,
    LANDED,
    LANDING,
    LANDS,
    LANE_DONE,
    LAST,
    NEXT,
    RESUME,
    SERVE,
    TELL,
    Later,
    after_cycles,
    at,
    call_of,
    coded,
    decoded,
    duration,
    holds,
    push,
    serve,
    wait,
)
from simulator.engines.shared_tables import (
    ASKING,
    ASKING_NEXT,
    AT,
    BEHIND,
    BUSY,
    CUT,
    CYCLES,
    DECIDED,
    DECISION,
    DECISION_BEGIN,
    DECISIONS,
    ENDS,
    ENTRY,
    FINISHED_YET,
    FIRST_TILE,
    FRAME,
    KNOWN,
    LANDED_YET,
    LANE_BEGIN,
    LANE_OF,
    LANE_TASKS,
    LANES,
    LANES_LEFT,
    NEED_BEGIN,
    NEEDED,
    NOBODY,
    NOW,
    POLITE,
    READ,
    START,
    STEP,
    STREAM_BEGIN,
    STREAMS,
    TAIL,
    TASKS,
    TOLD,
    UNDECIDED,
    UNIT_OF,
    WAITING,
    WHOLE,
    WORK,
)
from simulator.schedules.durations import speculative_duration
from traces import Ints, compiled

NEEDS, TILES, ASK, TURN, BEGIN, FETCHED, OPERANDS, LAST_TILE, END = range(9)  # steps of a lane


@compiled
def begin(p: Ints, f: Ints, place: int) -> None:
    """Let the frame at a place begin; it calls DONE at its end."""
    for t in range(p[TASKS]):
        f[f[FINISHED_YET] + place * p[TASKS] + t] = f[f[LANDED_YET] + place * p[TASKS] + t] = 0
    for t in range(2 * p[TASKS]):
        f[f[WAITING] + place * 2 * p[TASKS] + t] = NOBODY
    f[f[LANES_LEFT] + place] = p[LANES]
    for lane in range(p[LANES]):
        i = place * p[LANES] + lane
        f[f[AT] + i] = p[p[LANE_BEGIN] + lane]
        f[f[ENTRY] + i] = p[p[NEED_BEGIN] + p[p[LANE_TASKS] + f[f[AT] + i]]]
        f[f[STEP] + i] = NEEDS
        push(p, f, FIRST, call_of(f, place, RESUME, lane))
    if p[LANES] == 0:
        push(p, f, NEXT, call_of(f, place, DONE, 0))


@compiled
def happen(p: Ints, f: Ints, later: Later, call: int) -> None:
    """Let what a frame on the machine has called come about, to one of its lanes or tasks."""
    _, place, kind, index = decoded(call)
    if kind == RESUME:
        _go_on(p, f, later, place, index)
    elif kind == FINISHED:
        f[f[FINISHED_YET] + place * p[TASKS] + index] = 1
        _wake(p, f, later, place, index)
    elif kind == LANDED:
        f[f[LANDED_YET] + place * p[TASKS] + index] = 1
        _wake(p, f, later, place, p[TASKS] + index)
    elif kind == LANDING:
        first = duration(p, f, FIRST_TILE, place, index)
        after_cycles(p, f, later, first, call_of(f, place, LANDS if first else LANDED, index))
    elif kind == LANDS:
        push(p, f, NEXT, call_of(f, place, LANDED, index))
    elif kind == LANE_DONE:
        f[f[LANES_LEFT] + place] -= 1
        if f[f[LANES_LEFT] + place] == 0:
            push(p, f, NEXT, call_of(f, place, DONE, 0))
    elif not f[f[TOLD] + place * p[TASKS] + index]:  # TELL
        f[f[TOLD] + place * p[TASKS] + index] = 1
        push(p, f, NEXT, call_of(f, place, RESUME, p[p[LANE_OF] + index]))


@compiled
def _wake(p: Ints, f: Ints, later: Later, place: int, event: int) -> None:
    """Call all who wait for a task's end, or first tile, in the order in which they came."""
    nodes = p[LANES] + p[DECISIONS]
    node = f[f[WAITING] + place * 2 * p[TASKS] + event]
    while node != NOBODY:
        following = f[f[BEHIND] + place * nodes + node]
        if node < p[LANES]:
            _go_on(p, f, later, place, node)
        else:
            _decide(p, f, place, p[p[DECIDED] + node - p[LANES]])
        node = following


@compiled
def _go_on(p: Ints, f: Ints, later: Later, place: int, lane: int) -> None:
    """Take a lane's steps until it has to wait, or is done."""
    i = place * p[LANES] + lane
    while f[f[AT] + i] < p[p[LANE_BEGIN] + lane + 1]:
        step = f[f[STEP] + i]
        if step <= TILES:
            waits = _needs(p, f, place, lane)
        elif step <= TURN:
            waits = _asks(p, f, place, lane)
        elif step <= FETCHED:
            waits = _works(p, f, later, place, lane)
        elif step <= LAST_TILE:
            waits = _follows(p, f, later, place, lane)
        else:
            waits = False
            _end(p, f, place, lane)
        if waits:
            return
    push(p, f, NEXT, call_of(f, place, LANE_DONE, lane))


@compiled
def _needs(p: Ints, f: Ints, place: int, lane: int) -> bool:
    """Wait for all before the task, and for the first tiles of what it reads."""
    i = place * p[LANES] + lane
    t = p[p[LANE_TASKS] + f[f[AT] + i]]
    if f[f[STEP] + i] == NEEDS:
        while f[f[ENTRY] + i] < p[p[NEED_BEGIN] + t + 1]:
            needed = p[p[NEEDED] + f[f[ENTRY] + i]]
            f[f[ENTRY] + i] += 1
            if not f[f[FINISHED_YET] + place * p[TASKS] + needed]:
                wait(p, f, place, needed, lane)
                return True
        f[f[WORK] + i] = duration(p, f, CYCLES, place, t)
        f[f[STEP] + i], f[f[ENTRY] + i] = TILES, p[p[STREAM_BEGIN] + t]
    while f[f[WORK] + i] > 0 and f[f[ENTRY] + i] < p[p[STREAM_BEGIN] + t + 1]:
        read = p[p[STREAMS] + f[f[ENTRY] + i]]
        f[f[ENTRY] + i] += 1
        if not f[f[LANDED_YET] + place * p[TASKS] + read]:
            wait(p, f, place, p[TASKS] + read, lane)
            return True
    f[f[STEP] + i] = ASK
    return False


@compiled
def _asks(p: Ints, f: Ints, place: int, lane: int) -> bool:
    """Ask for the unit; the earliest frame that asks goes first, then the first to ask."""
    i, unit = place * p[LANES] + lane, p[p[UNIT_OF] + lane]
    if not holds(p, f, place, lane):
        f[f[STEP] + i] = BEGIN
        return False
    if f[f[STEP] + i] == ASK and p[p[POLITE] + lane]:
        f[f[STEP] + i] = TURN
        push(p, f, LAST, call_of(f, place, RESUME, lane))
        return True
    before, behind = NOBODY, f[f[ASKING] + unit]
    while behind != NOBODY and f[f[FRAME] + behind // p[LANES]] <= f[f[FRAME] + place]:
        before, behind = behind, f[f[ASKING_NEXT] + behind]
    f[f[ASKING_NEXT] + i] = behind
    if before == NOBODY:
        f[f[ASKING] + unit] = i
    else:
        f[f[ASKING_NEXT] + before] = i
    f[f[STEP] + i] = BEGIN
    serve(p, f, unit)
    return True


@compiled
def _works(p: Ints, f: Ints, later: Later, place: int, lane: int) -> bool:
    """Begin, and work as long as the task takes; a speculative transfer is cut when its decisions are known."""
    i, now = place * p[LANES] + lane, f[NOW]
    t = p[p[LANE_TASKS] + f[f[AT] + i]]
    if f[f[STEP] + i] == BEGIN:
        f[f[START] + i] = now
        f[f[ENTRY] + i] = p[p[STREAM_BEGIN] + t]
        if p[p[READ] + t]:
            push(p, f, FIRST, call_of(f, place, LANDING, t))
        if p[p[WHOLE] + t]:
            f[f[STEP] + i] = FETCHED
            _speculate(p, f, later, place, t)
            return True
    else:
        f[f[WORK] + i] = _fetched(p, f, place, lane, t)
    f[f[STEP] + i] = OPERANDS if f[f[WORK] + i] else END
    if f[f[START] + i] + f[f[WORK] + i] > now:
        at(f, later, f[f[START] + i] + f[f[WORK] + i], NEXT, call_of(f, place, RESUME, lane))
        return True
    return False


@compiled
def _follows(p: Ints, f: Ints, later: Later, place: int, lane: int) -> bool:
    """Wait for the last tiles of what the task reads, and work on them."""
    i, now = place * p[LANES] + lane, f[NOW]
    t = p[p[LANE_TASKS] + f[f[AT] + i]]
    while f[f[ENTRY] + i] < p[p[STREAM_BEGIN] + t + 1]:
        read = place * p[TASKS] + p[p[STREAMS] + f[f[ENTRY] + i]]
        if f[f[STEP] + i] == OPERANDS:
            f[f[STEP] + i] = LAST_TILE
            if not f[f[FINISHED_YET] + read]:
                wait(p, f, place, p[p[STREAMS] + f[f[ENTRY] + i]], lane)
                return True
        f[f[STEP] + i] = OPERANDS
        f[f[ENTRY] + i] += 1
        rest = f[f[ENDS] + read] + duration(p, f, TAIL, place, t) - now
        if rest > 0:
            at(f, later, now + rest, NEXT, call_of(f, place, RESUME, lane))
            return True
    f[f[STEP] + i] = END
    return False


@compiled
def _end(p: Ints, f: Ints, place: int, lane: int) -> None:
    """Leave the unit, tell that the task has ended, and turn to the next."""
    i, unit = place * p[LANES] + lane, p[p[UNIT_OF] + lane]
    if holds(p, f, place, lane):
        f[f[BUSY] + unit] = 0
        if f[f[ASKING] + unit] != NOBODY:
            push(p, f, NEXT, coded(0, 0, SERVE, unit))
    t = p[p[LANE_TASKS] + f[f[AT] + i]]
    f[f[ENDS] + place * p[TASKS] + t] = f[NOW]
    push(p, f, NEXT, call_of(f, place, FINISHED, t))
    f[f[AT] + i] += 1
    if f[f[AT] + i] < p[p[LANE_BEGIN] + lane + 1]:
        f[f[STEP] + i], f[f[ENTRY] + i] = NEEDS, p[p[NEED_BEGIN] + p[p[LANE_TASKS] + f[f[AT] + i]]]


@compiled
def _speculate(p: Ints, f: Ints, later: Later, place: int, t: int) -> None:
    """Tell the lane when all decisions are there, or everything has come."""
    i = place * p[TASKS] + t
    f[f[UNDECIDED] + i], f[f[TOLD] + i], f[f[KNOWN] + i] = 0, 0, NOBODY
    for d in range(p[p[DECISION_BEGIN] + t], p[p[DECISION_BEGIN] + t + 1]):
        if not f[f[FINISHED_YET] + place * p[TASKS] + p[p[DECISION] + d]]:
            f[f[UNDECIDED] + i] += 1
            wait(p, f, place, p[p[DECISION] + d], p[LANES] + d)
    if f[f[UNDECIDED] + i] == 0:
        f[f[KNOWN] + i] = f[NOW]
        push(p, f, NEXT, call_of(f, place, TELL, t))
    whole = max(p[p[WHOLE] + t], duration(p, f, CYCLES, place, t))
    at(f, later, f[NOW] + whole, NEXT, call_of(f, place, TELL, t))


@compiled
def _decide(p: Ints, f: Ints, place: int, t: int) -> None:
    """Count one more decision that a speculative transfer knows."""
    i = place * p[TASKS] + t
    f[f[UNDECIDED] + i] -= 1
    if f[f[UNDECIDED] + i] == 0:
        f[f[KNOWN] + i] = f[NOW]
        push(p, f, NEXT, call_of(f, place, TELL, t))


@compiled
def _fetched(p: Ints, f: Ints, place: int, lane: int, t: int) -> int:
    """Return how long a speculative transfer takes, now that its lane was told [cycles]."""
    kept, begun = duration(p, f, CYCLES, place, t), f[f[START] + place * p[LANES] + lane]
    known = f[f[KNOWN] + place * p[TASKS] + t]
    decided = begun + max(p[p[WHOLE] + t], kept) if known == NOBODY else known
    return speculative_duration(begun, decided, kept, p[p[WHOLE] + t], p[CUT])[0]
