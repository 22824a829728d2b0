"""Costs of many ops in few arrays: what is priced together stays together; one op's is cut out when asked for.

A sweep prices some hundred thousand states at once; schedules, durations and sums of energy read their columns whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import Cost, Misfit
from accel_models.work.rows import joined, rows_of
from traces import Bools, Floats

OfOps = TypeVar("OfOps", Bools, Floats)


def take_rows(cost: Cost, rows: slice | NDArray[np.intp]) -> Cost:
    """Return the cost of these states; why one does not fit, an op by itself can tell."""
    return replace(rows_of(cost, rows), energy=rows_of(cost.energy, rows), misfit=None)


def end_to_end(costs: Sequence[Cost]) -> Cost:
    """Return the costs as one."""
    return costs[0] if len(costs) == 1 else replace(joined(costs), energy=joined([c.energy for c in costs]))


class OpCosts:
    """Costs of ops, their states end to end, read like a list of one cost per op."""

    def __init__(self, joint: Cost, lengths: Sequence[int], misfits: Sequence[Misfit | None]) -> None:
        self.joint = joint
        self.lengths = np.array(lengths, np.int64)  # (ops,), states of each
        self.ends = np.cumsum(self.lengths)
        self.starts = self.ends - self.lengths
        self.misfits = misfits
        self._cut: list[Cost | None] = [None] * len(lengths)

    def __len__(self) -> int:
        return len(self._cut)

    def __getitem__(self, i: int) -> Cost:
        found = self._cut[i]
        if found is None:
            found = take_rows(self.joint, slice(int(self.starts[i]), int(self.ends[i])))
            found = self._cut[i] = replace(found, misfit=self.misfits[i])
        return found

    def __iter__(self) -> Iterator[Cost]:
        return (self[i] for i in range(len(self)))

    @property
    def misfit(self) -> Misfit | None:
        """Why the first op that does not fit does not; ``None`` if all do."""
        return next((misfit for misfit in self.misfits if misfit is not None), None)

    @cached_property
    def moves(self) -> tuple[Bools, Bools, Bools]:
        """Whether each op ever fetches weights, inputs, and stores outputs, shape (ops,) each."""
        joint = self.joint
        columns = joint.weight_cycles, joint.input_cycles, joint.output_cycles
        weights, inputs, outputs = (
            np.logical_or.reduceat(column, self.starts, dtype=np.bool_) for column in columns
        )
        return weights, inputs, outputs

    def by_op(self, values: OfOps) -> OfOps:
        """Return a value per op (ops,) as one per state."""
        found: OfOps = np.repeat(values, self.lengths)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """The cost of everything that was asked for, what is equal once."""

    joint: Cost  # all distinct costs, end to end
    starts: Sequence[int]  # of each distinct one
    lengths: Sequence[int]
    misfits: Sequence[Misfit | None]
    place: Sequence[int]  # of each asked for, which of the distinct ones it is

    def costs(self, ops: Sequence[Sequence[int]]) -> OpCosts:
        """Return costs of ops, each by its places in what was asked for; of several places state by state."""
        pieces, misfits = [], []
        for places in ops:
            mine = [self.place[k] for k in places]
            rows = [np.arange(self.starts[k], self.starts[k] + self.lengths[k]) for k in mine]
            pieces.append(rows[0] if len(rows) == 1 else np.stack(rows, axis=1).ravel())
            misfits.append(self.misfits[mine[0]])
        lengths = [len(rows) for rows in pieces]
        return OpCosts(take_rows(self.joint, np.concatenate(pieces)), lengths, misfits)

    def each(self) -> OpCosts:
        """Return the costs in the order in which they were asked for."""
        return self.costs([(k,) for k in range(len(self.place))])
