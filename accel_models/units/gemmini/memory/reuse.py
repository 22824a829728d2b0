"""Where a tile of Gemmini's finds its lines: what the order of the loops leaves of them in each cache.

Both caches replace lines at random, so a line that n fills of its sets have passed over since it was touched is
still there with a share of exp(-n / lines of those sets).  Walk the loops over tiles from the innermost out and
count what one turn fills.  A loop whose index an operand does not depend on touches the same lines again each
turn; so do tiles that share a line, one behind the other.  Rows a power of two apart meet in few sets and leave
one another less room::

    rows 2 KiB apart, 64 KiB a way:   set 0 . . . 32 . . . 64 . . .      one set in 32 for all of them

Source: random replacement: SiFive's inclusive cache (Chipyard's L2) and FireSim's last-level cache model, whose
rows are 8 ways of 4,096 sets; checked against a simulation of every line of gemmini_firesim.csv's layers.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np

from accel_models.units.gemmini.machine import GemminiMachine
from accel_models.units.gemmini.memory.traffic import LINE_BYTES
from accel_models.units.gemmini.tiling import ConvLayer, sizes_of
from traces import Floats, Ints, compiled

Shares = Floats

INPUT, WEIGHTS, OUTPUT = range(3)
L2, LLC = range(2)
N, Q, P, K, S, R, C = range(7)
DEPENDS = np.array([[1, 1, 1, 0, 0, 0, 1], [0, 0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]], np.bool_)
CONTIGUOUS = np.array([C, K, K])  # the dimension along which an operand's bytes lie together
WAYS = 8  # of both caches; source: as above
TURNS = 16  # of a loop followed one by one; later ones are like them
WALKS = 3
NO_LATER_TURN = -1.0  # no later turn of the loop touches the same lines
NOTHING_CACHED = np.zeros((2, 3))  # share of each operand that lies in each cache before the first command


class Reuse(NamedTuple):
    """For one layer and tiling: the shares of lines that are still there."""

    kept: Shares  # (caches, operands, dimensions): at a later turn of this loop, or NEVER
    found: Shares  # (caches, operands): of lines that the layer has not touched yet
    order: Ints
    element_bytes: tuple[int, int, int]  # by operand
    crowding: Floats  # (operands,): share of L2's sets that a tile's rows, a power of two apart, leave aside


@compiled
def reuse_of(layer: ConvLayer, tile: Ints, order: Ints, machine: GemminiMachine, found: Shares) -> Reuse:
    """Walk the loops for both caches; what outer loops keep is not new to inner ones, so walk them again."""
    element = (machine.input_bytes, machine.weight_bytes, machine.input_bytes)
    size = sizes_of(layer)
    room = np.array([machine.memory.l2_bytes / LINE_BYTES, machine.memory.llc_bytes / LINE_BYTES])
    kept, there = np.full((2, 3, 7), NO_LATER_TURN), np.zeros((7, 2, 3))
    for dim in range(7):
        _set(there[dim], found)
    box = np.zeros(7, np.int64)
    for _ in range(WALKS):
        again = np.zeros((2, 3))
        for dim in range(7):
            box[dim] = min(tile[dim], size[dim])
        for dim in (Q, P):  # the last tile is smaller: on average
            box[dim] = -(-size[dim] // -(-size[dim] // tile[dim]))
        for dim in order[::-1]:
            turns = -(-size[dim] // tile[dim])
            if turns > 1:
                _turn(layer, box, dim, turns, element, room, there[dim], kept, again)
                box[dim] = size[dim]
        now = np.zeros((2, 3))
        _set(now, found)
        for dim in order:
            _set(there[dim], now)
            turns = -(-size[dim] // tile[dim])
            for operand in range(3):
                if kept[L2, operand, dim] >= 0 and not DEPENDS[operand, dim]:
                    for cache in range(2):
                        again_there = (turns - 1) * kept[cache, operand, dim]
                        now[cache, operand] = (now[cache, operand] + again_there) / turns
    for dim in range(7):
        box[dim] = min(tile[dim], size[dim])
    crowding = np.array([1 - _sets(layer, box, operand, element[operand], room[L2]) for operand in range(3)])
    return Reuse(kept, found, order, element, crowding)


@compiled
def _set(there: Shares, values: Shares) -> None:
    for cache in range(2):
        for operand in range(3):
            there[cache, operand] = values[cache, operand]


@compiled
def _turn(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    layer: ConvLayer,
    box: Ints,
    dim: int,
    turns: int,
    element: tuple[int, int, int],
    room: Shares,
    found: Shares,
    kept: Shares,
    again: Shares,
) -> None:
    """Follow the turns of one loop, whose body touches ``box``: what they keep, and what they fill once more.

    Half the fills of a turn come before the lines it shares with the next, half behind them.
    """
    lines, sets, period = np.zeros(3), np.ones((2, 3)), np.ones(3)
    for operand in range(3):
        lines[operand] = _lines(layer, box, operand, element[operand])
        period[operand] = _turns_on_a_line(layer, box, dim, turns, operand, element[operand])
        for cache in range(2):
            sets[cache, operand] = _sets(layer, box, operand, element[operand], room[cache])
    missed, same, sums, count = np.ones((2, 3)), np.zeros(3), np.zeros((2, 3)), np.zeros(3)
    before, now = np.zeros((2, 3)), np.zeros((2, 3))
    _fill(before, lines, same, missed, again, found)
    for turn in range(1, min(turns, TURNS + 1)):
        for operand in range(3):
            same[operand] = turn % period[operand] > 0
            count[operand] += same[operand]
        _fill(now, lines, same, missed, again, found)
        for cache in range(2):
            for operand in range(3):
                before[cache, operand] = (before[cache, operand] + now[cache, operand]) / 2 / room[cache]
            for operand in range(3):
                if same[operand]:
                    share = _survivors(before[cache], sets[cache], operand)
                    missed[cache, operand] = 1 - share
                    sums[cache, operand] += share
        _fill(before, lines, same, missed, again, found)
    for operand in range(3):
        returns = turns - 1 if period[operand] > turns else turns - turns / period[operand]
        lost = returns * lines[operand]
        for cache in range(2):
            again[cache, operand] *= turns
            if count[operand] > 0:
                kept[cache, operand, dim] = sums[cache, operand] / count[operand]
                lost *= 1 - kept[cache, operand, dim]
                again[cache, operand] += lost


@compiled
def _survivors(fills: Shares, sets: Shares, operand: int) -> float:
    """Share of an operand's lines that stay while each operand fills so many, of the cache's, in its share of sets.

    Weights and outputs lie in columns of filters, so in the same sets; inputs anywhere (Choice).
    """
    share = exp(-fills[operand] / sets[operand])
    for other in range(3):
        if other != operand:
            apart = INPUT in (other, operand)
            meet = sets[other] if apart else min(1.0, sets[other] / sets[operand])
            share *= 1 - meet + meet * exp(-fills[other] / sets[other])
    return float(share)


@compiled
def _fill(  # noqa: PLR0913, PLR0917  # as above
    fills: Shares, lines: Shares, same: Shares, missed: Shares, again: Shares, found: Shares
) -> None:
    """Count lines of each operand that one turn fills in each cache: new ones, or those that it had and lost."""
    for operand in range(3):
        come = lines[operand]
        for cache in range(2):
            come *= missed[cache, operand] if same[operand] else 1 - found[cache, operand]
            fills[cache, operand] = again[cache, operand] + come


@compiled
def _pitch(layer: ConvLayer, operand: int) -> int:
    if operand == INPUT:
        return layer.input_pitch
    return layer.weight_pitch if operand == WEIGHTS else layer.output_pitch


@compiled
def _lines(layer: ConvLayer, box: Ints, operand: int, element: int) -> float:
    """Lines under a box of an operand."""
    size = box[CONTIGUOUS[operand]] * element
    return lines_under(_rows(layer, box, operand), 0, size, _pitch(layer, operand))


@compiled
def lines_under(rows: float, start: int, size: int, pitch: int) -> float:
    """Lines under ``rows`` spans of ``size`` bytes, ``pitch`` apart; on average where they are not aligned."""
    each = 1 + (size - 1) / LINE_BYTES
    if pitch % LINE_BYTES == 0:
        each = float(-(-(start % LINE_BYTES + size) // LINE_BYTES))
    return rows * min(each, pitch / LINE_BYTES)  # neighbours share lines


@compiled
def _rows(layer: ConvLayer, box: Ints, operand: int) -> float:
    """Spans of bytes under a box of an operand, one for each pitch."""
    if operand == WEIGHTS:
        return float(box[S] * box[R] * box[C])
    if operand == OUTPUT:
        return float(box[N] * box[Q] * box[P])
    rows = box[Q] * layer.stride_height + (box[S] - 1) * layer.dilation_height
    cols = box[P] * layer.stride_width + (box[R] - 1) * layer.dilation_width
    return float(box[N] * min(rows, layer.in_height) * min(cols, layer.in_width))


@compiled
def _turns_on_a_line(  # noqa: PLR0913, PLR0917  # as above
    layer: ConvLayer, box: Ints, dim: int, turns: int, operand: int, element: int
) -> float:
    """Count a loop's turns, one behind the other, that touch the same lines of an operand; always is more than all."""
    if not DEPENDS[operand, dim]:
        return turns + 1.0
    size = box[dim] * element
    if dim != CONTIGUOUS[operand] or size >= LINE_BYTES:
        return 1.0
    return float(-(-min(LINE_BYTES, _pitch(layer, operand)) // size))


@compiled
def _sets(layer: ConvLayer, box: Ints, operand: int, element: int, room: float) -> float:
    """Share of a cache's sets that an operand's lines under a box fall into."""
    pitch, way = _pitch(layer, operand), room * LINE_BYTES / WAYS
    step = 1  # the largest power of two that divides the pitch
    while step < way and pitch % (2 * step) == 0:
        step *= 2
    if step <= LINE_BYTES:
        return 1.0
    lines = -(-box[CONTIGUOUS[operand]] * element // LINE_BYTES)
    return float(min(1.0, lines * LINE_BYTES / step))


@compiled
def missing(reuse: Reuse, operand: int, start: Ints) -> tuple[float, float]:
    """Shares of the lines under the tile that begins at ``start`` that the last-level cache, and DRAM, must bring."""
    kept = reuse.found[:, operand]
    for dim in reuse.order[::-1]:
        at = start[dim] * (reuse.element_bytes[operand] if dim == CONTIGUOUS[operand] else 1)
        if reuse.kept[L2, operand, dim] >= 0 and (at % LINE_BYTES if DEPENDS[operand, dim] else at) > 0:
            kept = reuse.kept[:, operand, dim]
            break
    beyond_l2 = 1.0 - kept[L2]
    beyond_both = beyond_l2 * (1.0 - kept[LLC])
    return beyond_l2 - beyond_both, beyond_both
