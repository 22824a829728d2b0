"""What happens when, to frames that share units (:mod:`simulator.engines.shared`): calls, and who waits for what.

A call is a number: which frame, its place on the machine, what happens, and to which lane, task, or unit.
"""

from __future__ import annotations

from heapq import heappush

from simulator.engines.shared_tables import (
    ASKING,
    ASKING_NEXT,
    AT,
    BASE,
    BEHIND,
    BUSY,
    CYCLES,
    DECISIONS,
    FRAME,
    LANE_TASKS,
    LANES,
    NOBODY,
    NOW,
    OP,
    OPS,
    PUT_OFF,
    RING_TAILS,
    RINGS,
    ROOM,
    STATES,
    TASKS,
    UNIT_OF,
    WAITING,
    WAITING_LAST,
    WHOLE,
)
from traces import Ints, compiled

FIRST, NEXT, LAST = range(3)  # turns of one moment
ARRIVE, DONE, RESUME, SERVE, FINISHED, LANDING, LANDS, LANDED, LANE_DONE, TELL = range(10)  # what a call does
KINDS, WIDTH, MOST_PLACES = 16, 2**20, 1024  # bits of a call: what happens, to which, of whose place

Later = list[tuple[int, int, int, int]]  # a heap: moment, turn, calls before, call


@compiled
def coded(frame: int, place: int, kind: int, index: int) -> int:
    """Return the number that stands for a call."""
    return int(((frame * MOST_PLACES + place) * KINDS + kind) * WIDTH + index)


@compiled
def decoded(call: int) -> tuple[int, int, int, int]:
    """Return a call's frame, its place, what happens and to which."""
    owner, what = call // (KINDS * WIDTH), call % (KINDS * WIDTH)
    return owner // MOST_PLACES, owner % MOST_PLACES, what // WIDTH, what % WIDTH


@compiled
def call_of(f: Ints, place: int, kind: int, index: int) -> int:
    """Return the number that stands for a call of a frame on the machine."""
    return coded(f[f[FRAME] + place], place, kind, index)


@compiled
def push(p: Ints, f: Ints, turn: int, call: int) -> None:
    """Call in this moment, in turn."""
    f[f[RINGS] + turn * p[ROOM] + (f[f[RING_TAILS] + turn] & (p[ROOM] - 1))] = call
    f[f[RING_TAILS] + turn] += 1


@compiled
def at(f: Ints, later: Later, time: int, turn: int, call: int) -> None:
    """Call at a later time."""
    f[PUT_OFF] += 1
    heappush(later, (time, turn, f[PUT_OFF], call))


@compiled
def after_cycles(p: Ints, f: Ints, later: Later, cycles: int, call: int) -> None:
    """Call when so many cycles have passed."""
    if cycles > 0:
        at(f, later, f[NOW] + cycles, NEXT, call)
    else:
        push(p, f, NEXT, call)


@compiled
def serve(p: Ints, f: Ints, unit: int) -> None:
    """Let the first that waits for a unit have it, if it is free."""
    i = f[f[ASKING] + unit]
    if i != NOBODY and not f[f[BUSY] + unit]:
        f[f[BUSY] + unit] = 1
        f[f[ASKING] + unit] = f[f[ASKING_NEXT] + i]
        push(p, f, NEXT, call_of(f, i // p[LANES], RESUME, i % p[LANES]))


@compiled
def duration(p: Ints, f: Ints, table: int, place: int, t: int) -> int:
    """Return how long a task takes for the frame's input, by one of the tables [cycles]."""
    state = f[f[STATES] + place * p[OPS] + p[p[OP] + t]]
    return int(p[p[table] + p[p[BASE] + t] + state])


@compiled
def wait(p: Ints, f: Ints, place: int, event: int, node: int) -> None:
    """Let a lane, or a decision's reader, be called when something has happened."""
    nodes, i = p[LANES] + p[DECISIONS], place * 2 * p[TASKS] + event
    f[f[BEHIND] + place * nodes + node] = NOBODY
    if f[f[WAITING] + i] == NOBODY:
        f[f[WAITING] + i] = node
    else:
        f[f[BEHIND] + place * nodes + f[f[WAITING_LAST] + i]] = node
    f[f[WAITING_LAST] + i] = node


@compiled
def holds(p: Ints, f: Ints, place: int, lane: int) -> bool:
    """Whether the task has its unit for itself."""
    t = p[p[LANE_TASKS] + f[f[AT] + place * p[LANES] + lane]]
    return p[p[UNIT_OF] + lane] >= 0 and (p[p[WHOLE] + t] > 0 or duration(p, f, CYCLES, place, t) > 0)
