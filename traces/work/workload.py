"""A workload: what is left to do for every input and op after the gates have decided.

Inputs that leave an op the same work share one *state* of it, so costs are priced once per state and
spread over the inputs by index::

    state_index[input, op] ─► states[op]: runs, in_channels, out_channels, tiles
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools, Floats, Ints
from traces.base.errors import UnsupportedError
from traces.graphs.kinds import MAC_KINDS, RECURRENT
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Op
from traces.work.active import Channels, Counts, Packed, unpack

Indices = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class OpStates:
    """The distinct pieces of work that one op is left with; arrays of shape (states,), not run first."""

    runs: Bools
    in_channels: Counts  # active input channels; 0 where it does not run
    out_channels: Counts  # active output channels; 0 where it does not run
    tiles: Counts  # computed tiles of the op's grid (spatial gates; 1 of 1 without); 0 where it does not run
    macs: Ints  # MACs left [MAC]

    def __len__(self) -> int:
        return len(self.runs)


@dataclass(frozen=True, eq=False)
class Workload:
    """What remains of a network for ``n`` inputs; made by :func:`traces.work.lowering.lower`."""

    graph: NetworkGraph
    states: tuple[OpStates, ...]  # per op
    state_index: Indices  # (n, ops), columns contiguous
    tile_totals: Counts  # (ops,), tiles of each op's grid
    active_inputs: tuple[Channels, ...]  # per op, of the tensor it reads
    active_outputs: tuple[Channels, ...]  # per op, what it computes if it runs
    kept_tiles: tuple[
        NDArray[np.uint8] | None, ...
    ] = ()  # per op, bits of its spatial gates' grid (n, bytes)

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
    def op_macs(self) -> Ints:
        """MACs left per input and op, shape (n, ops) [MAC]."""
        return self._spread("macs", np.int64)

    @cached_property
    def macs(self) -> Ints:
        """MACs left per input, the gates' own included, shape (n,) [MAC]."""
        total = np.zeros(len(self), np.int64)
        for op, index, states in zip(self.graph.ops, self.state_index.T, self.states, strict=True):
            if op.kind in MAC_KINDS:
                total += states.macs[index]
        return total

    @cached_property
    def state_counts(self) -> tuple[Ints, ...]:
        """Inputs in each state, per op an array of shape (states,)."""
        return rows_in_states(self.state_index, [states.runs.size for states in self.states])

    @cached_property
    def rate(self) -> Floats:
        """Share of inputs for which each op runs, shape (ops,) [0..1]."""
        pairs = zip(self.states, self.state_counts, strict=True)
        ran = [int(counts[states.runs].sum()) for states, counts in pairs]
        return np.array(ran, np.float64) / max(len(self), 1)

    def in_mask(self, op: str) -> Bools:
        """Return which input channels the op works on, shape (n, in_channels); none where it is skipped."""
        i = self._place(op)
        return unpack(self.in_bits(i), self.active_inputs[i].total)

    def out_mask(self, op: str) -> Bools:
        """Return which output channels the op computes, shape (n, out_channels); none where it is skipped."""
        i = self._place(op)
        return unpack(self.out_bits(i), self.active_outputs[i].total)

    def in_bits(self, i: int) -> Packed:
        """Return :meth:`in_mask` of op i, packed."""
        return self._bits(i, self.active_inputs)

    def out_bits(self, i: int) -> Packed:
        """Return :meth:`out_mask` of op i, packed."""
        return self._bits(i, self.active_outputs)

    def knows_tiles(self, i: int) -> bool:
        """Return whether it is known which tiles op i's spatial gates keep, not only how many."""
        return bool(self.kept_tiles) and self.kept_tiles[i] is not None

    def tile_patterns(self, i: int) -> tuple[Bools, Ints]:
        """Return the distinct sets of tiles that op i's spatial gates keep (u, tiles), and each input's (n,)."""
        bits = self.kept_tiles[i]
        assert bits is not None  # asked for where they are known
        distinct, index = np.unique(bits, axis=0, return_inverse=True)
        return unpack(distinct, int(self.tile_totals[i])), np.asarray(index.ravel(), np.int64)

    def _bits(self, i: int, sides: tuple[Channels, ...]) -> Packed:
        return sides[i].where(self.states[i].runs[self.state_index[:, i]]).packed

    def _place(self, op: str) -> int:
        self.graph.op(op)  # names the nearest op when there is none of this name
        return self.graph.index[op]

    def _spread(self, field: str, dtype: type[np.generic]) -> NDArray[Any]:
        spread: NDArray[Any] = np.empty((len(self.states), len(self)), dtype)
        for row, index, states in zip(spread, self.state_index.T, self.states, strict=True):
            np.take(getattr(states, field), index, out=row)
        return spread.T


def rows_in_states(state_index: Indices, states: Sequence[int]) -> tuple[Ints, ...]:
    """Count the rows in each of so many states, per op an array of shape (states,)."""
    columns = zip(state_index.T, states, strict=True)
    return tuple(np.bincount(index, minlength=count) for index, count in columns)


def state_macs(op: Op, parts: tuple[Counts, ...], tile_total: int) -> Ints:
    """Return the MACs of an op with so many active inputs, outputs and tiles, shape as the arrays [MAC].

    Channels of grouped ops are rounded up to whole channels per group, as hardware lays them out.  Choice:
    ``tiles`` of ``tile_total`` compute that share of the output pixels, rounded up.
    """
    cin, cout, computed = (np.asarray(a, np.int64) for a in parts)
    if tile_total > op.out_pixels and op.kind == "conv":  # an element gate: products of single elements
        return op.product[1] * -(-cin * computed // op.in_channels)
    rows = op.product[0] if op.kind in MAC_KINDS else op.out_pixels
    pixels = -(-rows * computed // tile_total)
    kernel = op.kernel_height * op.kernel_width
    if op.kind not in MAC_KINDS:
        return np.zeros_like(cout)
    if op.kind in RECURRENT:
        return RECURRENT[op.kind] * cout * (cin + cout) * pixels
    if op.is_depthwise:
        return kernel * cout * pixels
    groups = op.groups
    return kernel * -(-cin // groups) * -(-cout // groups) * groups * pixels


def deduplicate(
    op: Op, runs: Bools, parts: tuple[Counts | int, Counts | int, Counts | int], tile_total: int
) -> tuple[OpStates, NDArray[np.integer]]:
    """Return an op's distinct states and, per input, the index of its own.

    Parameters
    ----------
    op
        The op.
    runs
        Whether it runs, shape (n,).
    parts
        Active input channels, output channels and tiles if it runs, each (n,), or one number for all inputs.
    tile_total
        Tiles of its grid.

    Notes
    -----
    The parts that vary are the digits of one number per input, 0 where the op does not run.
    """
    bases = (op.in_channels + 1, op.out_channels + 1, tile_total + 1)
    varying = [(part, base) for part, base in zip(parts, bases, strict=True) if not isinstance(part, int)]
    bound = 1 + math.prod(base for _, base in varying)
    if bound > np.iinfo(np.int64).max:
        raise UnsupportedError(f"op {op.name!r}: {op.in_channels} x {op.out_channels} channels are too many")
    code: NDArray[np.integer] = np.zeros(len(runs), np.int32 if bound < 2**31 else np.int64)
    for part, base in varying:
        code *= base
        code += part
    code += 1
    code *= runs
    distinct, index = _unique(code, bound)
    ran = distinct > 0
    cin, cout, tiles = ((count * ran).astype(np.int32) for count in _decode(distinct - 1, parts, bases))
    macs = state_macs(op, (cin, cout, tiles), tile_total)
    return OpStates(ran, cin, cout, tiles, macs), index


def _decode(code: Ints, parts: tuple[Counts | int, ...], bases: tuple[int, ...]) -> list[Ints]:
    """Return the parts of each code, first to last; a part that never varies is not in the code."""
    found = []
    for part, base in zip(reversed(parts), reversed(bases), strict=True):
        if isinstance(part, int):
            found.append(np.full(len(code), part, np.int64))
        else:
            code, digit = np.divmod(code, base)
            found.append(digit)
    return found[::-1]


def _unique(code: NDArray[np.integer], bound: int) -> tuple[Ints, NDArray[np.integer]]:
    """Return the sorted distinct codes and each input's place among them; by a table when codes are small."""
    if bound > 1 << 20:
        found, index = np.unique(code, return_inverse=True)
        return found.astype(np.int64), index
    table = np.zeros(bound, np.bool_)
    table[code] = True
    places = np.cumsum(table, dtype=np.uint32)
    places -= 1
    return np.flatnonzero(table), places[code]
