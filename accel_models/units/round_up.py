"""Kept channels filled up where that is cheaper: to what the hardware moves whole, or to the whole op.

A convolution of 49 to 63 of 64 channels, packed tightly, breaks every burst and every row of a Gemmini's scratchpad
and takes longer than all 64 (RTL, ``analysis/validation/reference/gemmini_dynamic_rtl.csv``).  Nothing forces a
runtime to do that: channels that a gate left out hold zeros, so computing some or all of them changes no result.  So
of each state three ways are priced, and none dearer than the whole op in time or energy is taken: a gated op never
costs more than its dense twin.

Choice: channels left out lie in place as zeros, so what is read whole needs no packing; weights added to fill up lie
beside those kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import Cost, WorkStates
from accel_models.design.design import Design
from accel_models.work.kept_data import counted_bytes
from accel_models.work.rows import joined, rows_of
from traces import RECURRENT, WEIGHTED, Bools


def filled_up(
    works: Sequence[WorkStates],
    cost: Cost,
    grain: int,
    design: Design,
    price: Callable[[Sequence[WorkStates]], Cost],
) -> Cost:
    """Return the cost with each state run in its cheapest way.

    Parameters
    ----------
    works, cost
        States of ops, and what they cost as they are, end to end; if an op's last state is the whole op, its others
        may run as that does.
    grain
        Channels that the unit moves whole; 1 if any number is as good.
    design
        The accelerator, or one of a family.
    price
        Joint cost of other states of these ops.
    """
    lengths = np.array([len(work) for work in works])
    starts = np.cumsum(lengths) - lengths
    last = np.repeat(starts + lengths - 1, lengths)
    whole = np.concatenate([_whole(work) for work in works])
    able = whole[last] & np.repeat(np.logical_and.reduceat(cost.feasible, starts), lengths)
    partial = np.concatenate([work.runs for work in works]) & ~whole & able
    if not partial.any():
        return cost
    ways, pieces = [np.arange(len(last)), last], [cost]
    ups = [_rounded(work, grain, design) for work in works]
    rises = [_rises(up, work) for up, work in zip(ups, works, strict=True)]
    more = np.flatnonzero(partial & np.concatenate(rises))
    if len(more):
        inside = np.split(more, np.searchsorted(more, starts[1:]))
        pieces.append(
            price([rows_of(up, rows - at) for up, rows, at in zip(ups, inside, starts, strict=True)])
        )
        ways.insert(1, np.arange(len(last)))
        ways[1][more] = len(last) + np.arange(len(more))
    every = replace(joined(pieces), energy=joined([piece.energy for piece in pieces]))
    best = _cheapest(every, np.stack(ways), last)
    best[~partial] = np.flatnonzero(~partial)
    if np.array_equal(best, np.arange(len(last))):
        return cost
    taken = replace(rows_of(every, best), energy=rows_of(every.energy, best), misfit=cost.misfit)
    return replace(taken, useful_macs=cost.useful_macs)


def _whole(work: WorkStates) -> Bools:
    """Return which states are the whole op, as many inputs as any."""
    op = work.op
    return np.asarray(
        work.runs
        & (work.in_channels == op.in_channels)
        & (work.out_channels == op.out_channels)
        & (work.out_rows == op.out_height)
        & (work.batch == work.batch.max(initial=0))
    )


def _rounded(work: WorkStates, grain: int, design: Design) -> WorkStates:
    """Return the states with channels rounded up to whole grains, never above all of them."""
    op = work.op
    if grain == 1 or op.groups > 1 or op.kind not in WEIGHTED or op.kind in RECURRENT:
        return work
    cin = np.minimum(-(-work.in_channels // grain) * grain, op.in_channels)
    cout = np.minimum(-(-work.out_channels // grain) * grain, op.out_channels)
    return replace(
        work,
        in_channels=cin,
        out_channels=cout,
        weight_fetch_bytes=np.maximum(work.weight_fetch_bytes, counted_bytes(op, cin, cout, design)),
        gathered_elements=np.where(cin == op.in_channels, 0, work.gathered_elements),
    )


def _rises(up: WorkStates, work: WorkStates) -> Bools:
    """Return which states have more channels than they had."""
    return np.asarray((up.in_channels > work.in_channels) | (up.out_channels > work.out_channels))


def _cheapest(every: Cost, ways: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return per state the row of its fastest way, of those that take no more energy than its row ``last``."""
    cycles, energy = every.alone_cycles, every.energy.total_pj
    allowed = energy[ways] <= energy[last]
    allowed[-1] = True
    took = np.where(allowed, cycles[ways], np.iinfo(np.int64).max)
    return np.asarray(ways[took.argmin(axis=0), np.arange(ways.shape[1])])
