"""Frames on their way through a queue and a machine, in simulated time.

A frame that arrives goes in if fewer than ``in_flight`` are on the machine, else it waits in the queue, else
one is dropped.  Frames start in order of arrival; on a unit, the earliest frame goes first.  At the same
moment frames leave before others arrive.

A frame that has the machine for itself takes the time of its input alone, stretched by the DVFS state that the frames
behind it call for; frames that meet go event by event (:mod:`simulator.engines.shared`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from heapq import heappop
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.engines import shared, shared_calls, shared_tables
from simulator.engines.shared import begin, happen
from simulator.engines.shared_calls import (
    ARRIVE,
    DONE,
    FIRST,
    LAST,
    SERVE,
    Later,
    after_cycles,
    at,
    call_of,
    coded,
    decoded,
    push,
    serve,
)
from simulator.engines.shared_tables import (
    FRAME,
    NOBODY,
    NOW,
    OPS,
    PLACES,
    RING_HEADS,
    RING_TAILS,
    RINGS,
    ROOM,
    STATES,
    floor_of,
    plan_of,
)
from simulator.schedules import durations
from simulator.schedules.durations import Durations
from traces import Indices, Ints, Loop, compiled

Drop = Literal["newest", "oldest"]
NEVER = -1
_TAKEN, _QUEUED, _RUNNING, _STATE = range(4)  # frames out of the queue, into it; running; DVFS state
_TASK_US = 12.0  # of a frame as written, per task, measured on a server's core; decides about compiling alone
_TO_COMPILE_US = 10_000_000.0  # Choice: what compiling takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How frames are taken in."""

    queue: int | None  # places to wait; None: as many as needed
    in_flight: int  # frames on the machine at once
    drop: Drop  # which frame goes when the queue is full


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedMachine:
    """Units that frames share, and what they take if they do not."""

    tables: Durations
    state_index: Indices  # (inputs, ops)
    alone: Ints  # (DVFS states, inputs), of an input that has the machine for itself [cycles]
    switch_cycles: int = 0  # from one DVFS state to another


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedTimes:
    """When frames started and ended; arrays of shape (frames,)."""

    starts: Ints  # NEVER if dropped
    ends: Ints
    states: Ints  # DVFS state


class FrameQueue(NamedTuple):
    """Frames before, on and behind the machine; n frames."""

    arrivals: Ints  # (n,)
    starts: Ints  # (n,), NEVER if dropped
    ends: Ints  # (n,)
    states: Ints  # (n,)
    alone: Ints  # (DVFS states x inputs,)
    rows: NDArray[np.uint32]  # (inputs x ops,), states of ops; none where no frame meets another
    waiting: Ints  # (n,), frames that were ever put into the queue
    counts: Ints  # (4,)
    inputs: int
    ops: int
    most: int  # places in the queue
    oldest: bool  # whether the oldest is dropped
    fastest: int  # last of the DVFS states
    switch_cycles: int


def served(machine: SharedMachine, arrivals: Ints, rules: Rules) -> ServedTimes:
    """Let every frame arrive and every accepted one finish; inputs come round again and again."""
    n, inputs = len(arrivals), min(len(arrivals), len(machine.state_index))
    places = min(rules.in_flight, n)
    plan = plan_of(machine.tables, places)
    floor = floor_of(plan, len(machine.tables.schedule.units))
    shown = machine.state_index[: inputs if places > 1 else 0]  # what is always alone takes no task's time
    queue = FrameQueue(
        arrivals=arrivals,
        starts=np.full(n, NEVER, np.int64),
        ends=np.full(n, NEVER, np.int64),
        states=np.zeros(n, np.int64),
        alone=np.ascontiguousarray(machine.alone[:, :inputs]).ravel(),
        rows=np.ascontiguousarray(shown, np.uint32).ravel(),
        waiting=np.zeros(n, np.int64),
        counts=np.zeros(4, np.int64),
        inputs=inputs,
        ops=shown.shape[1],
        most=n if rules.queue is None else min(rules.queue, n),
        oldest=rules.drop == "oldest",
        fastest=len(machine.alone) - 1,
        switch_cycles=machine.switch_cycles,
    )
    walk_us = n * _TASK_US * (len(machine.tables.schedule.tasks) if places > 1 else 1)
    _SERVED(walk_us, plan, floor, queue)
    return ServedTimes(starts=queue.starts, ends=queue.ends, states=queue.states)


def _serve_all(p: Ints, f: Ints, q: FrameQueue) -> None:
    """Let all that is called happen, turn by turn, moment by moment."""
    later: Later = [(0, LAST, 0, ARRIVE)][1:]  # of the type that it will hold
    _await(p, f, q, later, 0)
    while True:
        turn = FIRST
        while turn <= LAST and f[f[RING_HEADS] + turn] == f[f[RING_TAILS] + turn]:
            turn += 1
        if turn <= LAST:
            call = f[f[RINGS] + turn * p[ROOM] + (f[f[RING_HEADS] + turn] & (p[ROOM] - 1))]
            f[f[RING_HEADS] + turn] += 1
            _happen(p, f, q, later, call)
        elif len(later) > 0:
            _pass_time(p, f, later)
        else:
            break


def _serve_all_in_lists(p: Ints, f: Ints, q: FrameQueue) -> None:
    """Serve all as written, where lists are read and written several times faster than arrays."""
    listed: list[Any] = [table.tolist() if isinstance(table, np.ndarray) else table for table in q]
    lists = FrameQueue(*listed)
    _serve_all(p.tolist(), f.tolist(), lists)
    q.starts[:], q.ends[:], q.states[:] = lists.starts, lists.ends, lists.states


_SERVED = Loop(
    _serve_all,
    (shared, shared_calls, shared_tables, durations, sys.modules[__name__]),
    to_compile_us=_TO_COMPILE_US,
    written=_serve_all_in_lists,
)


@compiled
def _pass_time(p: Ints, f: Ints, later: Later) -> None:
    """Turn to the next moment; what a frame that has left once asked for is dropped."""
    f[NOW] = later[0][0]
    while len(later) > 0 and later[0][0] == f[NOW]:
        _, turn, _, call = heappop(later)
        frame, place, kind, _ = decoded(call)
        if kind == ARRIVE or f[f[FRAME] + place] == frame:
            push(p, f, turn, call)


@compiled
def _happen(p: Ints, f: Ints, q: FrameQueue, later: Later, call: int) -> None:
    """Let a call come about, unless its frame has left."""
    frame, place, kind, index = decoded(call)
    if kind == ARRIVE:
        _take_in(p, f, q, later, frame)
        _await(p, f, q, later, frame + 1)
    elif kind == SERVE:
        serve(p, f, index)
    elif f[f[FRAME] + place] == frame:
        if kind == DONE:
            _end(p, f, q, later, place)
        else:
            happen(p, f, later, call)


@compiled
def _await(p: Ints, f: Ints, q: FrameQueue, later: Later, frame: int) -> None:
    """Let a frame arrive behind everything else that happens then."""
    if frame < len(q.arrivals):
        call = coded(frame, 0, ARRIVE, 0)
        if q.arrivals[frame] <= f[NOW]:
            push(p, f, LAST, call)
        else:
            at(f, later, q.arrivals[frame], LAST, call)


@compiled
def _take_in(p: Ints, f: Ints, q: FrameQueue, later: Later, frame: int) -> None:
    waiting = q.counts[_QUEUED] - q.counts[_TAKEN]
    if q.counts[_RUNNING] < p[PLACES]:
        _begin(p, f, q, later, frame)
        return
    if waiting >= q.most and q.oldest and waiting > 0:
        q.counts[_TAKEN] += 1
        waiting -= 1
    if waiting < q.most:
        q.waiting[q.counts[_QUEUED]] = frame
        q.counts[_QUEUED] += 1


@compiled
def _begin(p: Ints, f: Ints, q: FrameQueue, later: Later, frame: int) -> None:
    """Let a frame begin, alone or event by event."""
    q.counts[_RUNNING] += 1
    q.starts[frame] = f[NOW]
    place = 0
    while f[f[FRAME] + place] != NOBODY:
        place += 1
    f[f[FRAME] + place], row = frame, frame % q.inputs
    cycles = q.alone[row]
    if p[PLACES] > 1 and not _is_alone(f, q, frame, cycles):
        for op in range(p[OPS]):
            f[f[STATES] + place * p[OPS] + op] = q.rows[row * q.ops + op]
        begin(p, f, place)
        return
    wanted = min(q.counts[_QUEUED] - q.counts[_TAKEN], q.fastest)
    switch = q.switch_cycles if wanted != q.counts[_STATE] else 0
    q.counts[_STATE] = q.states[frame] = wanted
    cycles = switch + q.alone[wanted * q.inputs + row]
    after_cycles(p, f, later, cycles, call_of(f, place, DONE, 0))


@compiled
def _is_alone(f: Ints, q: FrameQueue, frame: int, cycles: int) -> bool:
    """Whether a frame meets no other: none is on the machine, the next comes no sooner than this one leaves."""
    last = frame + 1 == len(q.arrivals)
    return q.counts[_RUNNING] == 1 and (last or q.arrivals[frame + 1] >= f[NOW] + cycles)


@compiled
def _end(p: Ints, f: Ints, q: FrameQueue, later: Later, place: int) -> None:
    """Let a frame leave, and the next that waits begin."""
    q.ends[f[f[FRAME] + place]] = f[NOW]
    f[f[FRAME] + place] = NOBODY
    q.counts[_RUNNING] -= 1
    if q.counts[_QUEUED] > q.counts[_TAKEN]:
        q.counts[_TAKEN] += 1
        _begin(p, f, q, later, q.waiting[q.counts[_TAKEN] - 1])
