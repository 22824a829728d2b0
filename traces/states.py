"""A workload: what is left to do for every input and op after the gates have decided.

Inputs that leave an op the same work share one *state* of it, so costs are priced once per state and
spread over the inputs by index::

    state_index[input, op] ─► states[op]: runs, in_channels, out_channels, tiles
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.active import Bools, Channels, Counts, unpack
from traces.errors import UnsupportedError
from traces.graph import MAC_KINDS, NetworkGraph, Op

Indices = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class OpStates:
    """The distinct pieces of work that one op is left with; arrays of shape (states,), not run first."""

    runs: Bools
    in_channels: Counts  # active input channels; 0 where it does not run
    out_channels: Counts  # active output channels; 0 where it does not run
    tiles: Counts  # computed tiles of the op's grid (spatial gates; 1 of 1 without); 0 where it does not run
    macs: NDArray[np.int64]  # MACs left [MAC]

    def __len__(self) -> int:
        return len(self.runs)


@dataclass(frozen=True, eq=False)
class Workload:
    """What remains of a network for ``n`` inputs; made by :func:`traces.workload.lower`."""

    graph: NetworkGraph
    states: tuple[OpStates, ...]  # per op
    state_index: Indices  # (n, ops), columns contiguous
    tile_totals: Counts  # (ops,), tiles of each op's grid
    active_inputs: tuple[Channels, ...]  # per op, of the tensor it reads
    active_outputs: tuple[Channels, ...]  # per op, what it computes if it runs

    def __len__(self) -> int:
        return len(self.state_index)

    @cached_property
    def runs(self) -> Bools:
        """Whether an op runs for an input, shape (n, ops)."""
        return self._spread("runs", np.bool_)

    @cached_property
    def in_channels(self) -> Counts:
        """Active input channels of what runs, shape (n, ops)."""
        return self._spread("in_channels", np.int32)

    @cached_property
    def out_channels(self) -> Counts:
        """Active output channels of what runs, shape (n, ops)."""
        return self._spread("out_channels", np.int32)

    @cached_property
    def tiles(self) -> Counts:
        """Computed tiles of what runs, of ``tile_totals``, shape (n, ops)."""
        return self._spread("tiles", np.int32)

    @cached_property
    def op_macs(self) -> NDArray[np.int64]:
        """MACs left per input and op, shape (n, ops) [MAC]."""
        return self._spread("macs", np.int64)

    @cached_property
    def macs(self) -> NDArray[np.int64]:
        """MACs left per input, the gates' own included, shape (n,) [MAC]."""
        return self._sum_macs(frozenset(self.graph.index))

    @cached_property
    def gate_macs(self) -> NDArray[np.int64]:
        """MACs per input that the gates themselves take, shape (n,) [MAC]."""
        return self._sum_macs(self.graph.gate_ops)

    @cached_property
    def state_counts(self) -> tuple[NDArray[np.int64], ...]:
        """Inputs in each state, per op an array of shape (states,)."""
        columns = zip(self.state_index.T, self.states, strict=True)
        return tuple(np.bincount(index, minlength=len(states)) for index, states in columns)

    @cached_property
    def rate(self) -> NDArray[np.float64]:
        """Share of inputs for which each op runs, shape (ops,) [0..1]."""
        pairs = zip(self.states, self.state_counts, strict=True)
        ran = [int(counts[states.runs].sum()) for states, counts in pairs]
        return np.array(ran, np.float64) / max(len(self), 1)

    def in_mask(self, op: str) -> Bools:
        """Return which input channels the op works on, shape (n, in_channels); none where it is skipped."""
        return self._mask(op, self.active_inputs)

    def out_mask(self, op: str) -> Bools:
        """Return which output channels the op computes, shape (n, out_channels); none where it is skipped."""
        return self._mask(op, self.active_outputs)

    def _mask(self, op: str, sides: tuple[Channels, ...]) -> Bools:
        i = self._place(op)
        channels = sides[i]
        runs = self.states[i].runs[self.state_index[:, i]]
        return unpack(channels.where(runs).packed, channels.total)

    def _place(self, op: str) -> int:
        self.graph.op(op)  # names the nearest op when there is none of this name
        return self.graph.index[op]

    def _spread(self, field: str, dtype: type[np.generic]) -> NDArray[Any]:
        spread: NDArray[Any] = np.empty((len(self.states), len(self)), dtype)
        for row, index, states in zip(spread, self.state_index.T, self.states, strict=True):
            np.take(getattr(states, field), index, out=row)
        return spread.T

    def _sum_macs(self, names: frozenset[str]) -> NDArray[np.int64]:
        total = np.zeros(len(self), np.int64)
        for op, index, states in zip(self.graph.ops, self.state_index.T, self.states, strict=True):
            if op.kind in MAC_KINDS and op.name in names:
                total += states.macs[index]
        return total


def state_macs(op: Op, parts: tuple[Counts, Counts, Counts], tile_total: int) -> NDArray[np.int64]:
    """Return the MACs of an op with so many active inputs, outputs and tiles, shape as the arrays [MAC].

    Channels of grouped ops are rounded up to whole channels per group, as hardware lays them out.  Choice:
    ``tiles`` of ``tile_total`` compute that share of the output pixels, rounded up.
    """
    cin, cout, computed = (np.asarray(a, np.int64) for a in parts)
    pixels = -(-op.out_pixels * computed // tile_total)
    kernel = op.kernel_height * op.kernel_width
    if op.kind not in MAC_KINDS:
        return np.zeros_like(cout)
    if op.kind == "lstm_cell":
        return 4 * cout * (cin + cout) * pixels
    if op.is_depthwise:
        return kernel * cout * pixels
    groups = op.groups
    return kernel * -(-cin // groups) * -(-cout // groups) * groups * pixels


def deduplicate(
    op: Op, runs: Bools, parts: tuple[Counts, Counts, Counts], tile_total: int
) -> tuple[OpStates, NDArray[np.intp]]:
    """Return an op's distinct states and, per input, the index of its own.

    Parameters
    ----------
    op
        The op.
    runs
        Whether it runs, shape (n,).
    parts
        Active input channels, output channels and tiles if it runs, each (n,).
    tile_total
        Tiles of its grid.
    """
    bases = (op.in_channels + 1, op.out_channels + 1, tile_total + 1)
    bound = math.prod(bases)
    if bound > np.iinfo(np.int64).max:
        raise UnsupportedError(f"op {op.name!r}: {op.in_channels} x {op.out_channels} channels are too many")
    code = np.zeros(len(runs), np.int64)
    for values, base in zip(parts, bases, strict=True):
        code *= base
        code += values
    code *= runs
    distinct, index = _unique(code, bound)
    rest, tiles = np.divmod(distinct, bases[2])
    cin, cout = np.divmod(rest, bases[1])
    counts = (cin.astype(np.int32), cout.astype(np.int32), tiles.astype(np.int32))
    return OpStates(distinct > 0, *counts, state_macs(op, counts, tile_total)), index


def _unique(code: NDArray[np.int64], bound: int) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the sorted distinct codes and each input's place among them; by a table when codes are small."""
    if bound > 1 << 20:
        return np.unique(code, return_inverse=True)
    table = np.zeros(bound, np.bool_)
    table[code] = True
    return np.flatnonzero(table), (np.cumsum(table) - 1)[code]
