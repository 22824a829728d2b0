"""Which of the distinct joint states each input is in: of a segment of the schedule, and of runs of segments.

An input's ops are in states of their own; those of a block follow from a few gates, so their joint states are few.
Neighbouring segments are joined while their joint states stay few beside the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engines.cuts import Segment
from simulator.schedules.schedule import Schedule
from traces import Indices, Ints

INPUTS_PER_STATE = 8  # Choice: joint states of a segment are at least so many times fewer than inputs
INPUTS_PER_JOINED_STATE = (
    32  # Choice: and those of segments that are joined; 10,000 inputs of 110 layers are fastest so
)
_TABLE = 1 << 12  # codes, above which they are numbered anew


@dataclass(frozen=True, slots=True, eq=False)
class SegmentRun:
    """Neighbouring segments, and the joint state of each input."""

    code: NDArray[np.intp]  # (n,)
    digits: NDArray[np.intp]  # (segments, states), state of each segment
    halves: Halves | None  # None of a single segment


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """The first and the last segments of a run, and for each of its states those of the halves."""

    states: tuple[NDArray[np.intp], NDArray[np.intp]]
    parts: tuple[Halves | None, Halves | None]

    @classmethod
    def of(cls, digits: NDArray[np.intp]) -> Halves | None:
        """Cut a run in halves, and these again, down to single segments; ``digits`` as in :class:`SegmentRun`."""
        if len(digits) == 1:
            return None
        middle = len(digits) // 2
        (first, one), (last, other) = _distinct(digits[:middle]), _distinct(digits[middle:])
        return cls((one, other), (cls.of(first), cls.of(last)))


def _distinct(digits: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct columns, and each column's place among them."""
    code, bound = digits[0], int(digits[0].max()) + 1
    for row in digits[1:]:
        size = int(row.max()) + 1
        if bound * size > np.iinfo(np.int64).max:
            found, code = np.unique(code, return_inverse=True)
            bound = len(found)
        code, bound = code * size + row, bound * size
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    return digits[:, first], place


@dataclass(frozen=True, slots=True, eq=False)
class JointStates:
    """Joint states of all segments."""

    ops: tuple[Indices, ...]  # per segment, states of its tasks' ops, shape (tasks, joint states)
    segment_runs: tuple[SegmentRun, ...]


def joint_states(
    schedule: Schedule, states: Ints, segments: Sequence[Segment], state_index: Indices
) -> JointStates | None:
    """Return the joint states of the segments; ``None`` if they are not few beside the inputs.

    Parameters
    ----------
    schedule, states
        The tasks, and how many states the op of each has, shape (tasks,).
    segments
        Of the schedule, in order.
    state_index
        State of each op, shape (n, ops), columns contiguous.
    """
    most = len(state_index) // INPUTS_PER_STATE
    tasks = schedule.tasks
    sizes = dict(zip((task.op for task in tasks), states.tolist(), strict=True))
    codes: list[NDArray[np.uint16]] = []
    ops: list[Indices] = []
    for segment in segments:
        of_task = [tasks[t].op for t in segment.tasks]
        found = _coded(state_index, {op: sizes[op] for op in of_task}, most)
        if found is None:
            return None
        code, count = found
        example = np.zeros(count, np.intp)
        example[code] = np.arange(len(code))
        codes.append(code)
        ops.append(state_index[example[None, :], np.array(of_task)[:, None]])
    return JointStates(tuple(ops), tuple(_segment_runs(codes, [states.shape[1] for states in ops])))


def _coded(state_index: Indices, sizes: dict[int, int], most: int) -> tuple[NDArray[np.uint16], int] | None:
    """Return a number below the second for each row, equal where all these ops are in equal states."""
    code, bound = np.zeros(len(state_index), np.uint16), 1
    for op, size in sizes.items():
        if bound * size > _TABLE:
            code, bound = _numbered(code, bound)
            if bound > most or bound * size > _TABLE:
                return None
        code *= np.uint16(size)
        code += state_index[:, op].astype(np.uint16, copy=False)
        bound *= size
    code, bound = _numbered(code, bound)
    return (code, bound) if bound <= most else None


def _segment_runs(codes: Sequence[NDArray[np.uint16]], counts: Sequence[int]) -> list[SegmentRun]:
    """Join neighbouring segments while their joint states are few enough."""
    found: list[SegmentRun] = []
    most = len(codes[0]) // INPUTS_PER_JOINED_STATE
    code, count = codes[0].astype(np.intp), counts[0]
    digits = np.arange(count)[None]
    for segment, size in zip(codes[1:], counts[1:], strict=True):
        present, pair = _present(code * size + segment, count * size)
        if len(present) <= most:
            before, own = np.divmod(present, size)
            code, count, digits = pair, len(present), np.concatenate([digits[:, before], own[None]])
        else:
            found.append(SegmentRun(code, digits, Halves.of(digits)))
            code, count, digits = segment.astype(np.intp), size, np.arange(size)[None]
    return [*found, SegmentRun(code, digits, Halves.of(digits))]


def _numbered(code: NDArray[np.uint16], bound: int) -> tuple[NDArray[np.uint16], int]:
    present, numbered = _present(code, bound)
    return numbered.astype(np.uint16), len(present)


def _present(code: NDArray[np.integer], bound: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the codes that occur, sorted, and the place of each row's among them."""
    table = np.zeros(bound, np.bool_)
    table[code] = True
    places = np.cumsum(table, dtype=np.intp)
    places -= 1
    return np.flatnonzero(table), places[code]
