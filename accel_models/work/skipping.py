"""How a design's skip mechanism sees a workload: which channels are computed, which weights fetched.

===========  ==============================================================  =====================
``channels``  computed channels, of inputs and outputs alike                  depends on
===========  ==============================================================  =====================
``none``     all                                                             nothing
``compact``  the kept ones, packed; packing what is read costs a gather      counts, and positions
                                                                             for weight fetches
``tile``     aligned groups of ``group`` channels with at least one kept     positions
``prefix``   all up to the last kept one                                     positions
===========  ==============================================================  =====================

Inputs that leave an op the same work on this design share one state, so what positions decide (groups,
broken bursts) is counted per input and then deduplicated again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from accel_models.broken_bursts import kept_channels
from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.work.kept_data import counted_bytes, masked_bytes, patch_pixels
from accel_models.work.rows import joined
from accel_models.work.tile_pixels import tile_pixels
from traces import (
    MAC_KINDS,
    Bools,
    Indices,
    Ints,
    NetworkGraph,
    Op,
    Packed,
    UnsupportedError,
    Workload,
    full_row,
    pack_mask,
    rows_in_states,
    unpack,
)

_MOST_MASKED = 1 << 24  # channels; Choice: a mask takes a byte and a burst's number eight for each

Compaction = Literal["union", "per_input"]


@dataclass(frozen=True, slots=True)
class Copies:
    """Every input of a workload beside copies of itself: rows of ``batch`` equal inputs."""

    batch: int


Groups = Ints | Copies  # rows of a workload that run together, shape (g, B), -1 fills up the last; or copies


@dataclass(frozen=True, eq=False)
class SkippedWorkload:
    """A workload as one design sees it, one row per group of inputs that run together."""

    graph: NetworkGraph
    states: tuple[WorkStates, ...]  # per op; the last state of each is the whole op, nothing skipped
    state_index: Indices  # (groups, ops), columns contiguous

    def __len__(self) -> int:
        return len(self.state_index)

    @cached_property
    def counts(self) -> tuple[Ints, ...]:
        """Rows in each state, per op an array of shape (states,)."""
        return rows_in_states(self.state_index, self.states)

    @cached_property
    def useful_macs(self) -> tuple[int, ...]:
        """MACs that the gates kept of each op, over all rows [MAC]."""
        pairs = zip(self.counts, self.states, strict=True)
        return tuple(int(rows @ states.useful_macs) for rows, states in pairs)


def skip(
    workload: Workload,
    design: Design,
    groups: Groups | None = None,
    compaction: Compaction = "union",
) -> SkippedWorkload:
    """Return what the design computes and fetches of the workload.

    Parameters
    ----------
    workload
        What the gates left to do for ``n`` inputs.
    design
        Its ``skip`` says what the hardware can leave out.
    groups
        Inputs that run together; left out, every input by itself.
    compaction
        Of a group's channels: the ``union`` of what its inputs keep, or each input's own (``per_input``).
        Choice: the latter is priced at the mean count, rounded up; its weights are fetched for the union.
    """
    groups = Copies(1) if groups is None else groups
    batch = groups.batch if isinstance(groups, Copies) else groups.shape[1]
    pieces = [_op_work(workload, i, design, groups, compaction) for i in range(len(workload.states))]
    rows = len(workload) if isinstance(groups, Copies) else len(groups)
    states = tuple(joined([found, whole_op(found.op, design, batch)]) for found, _ in pieces)
    small = all(len(found) <= np.iinfo(np.uint16).max + 1 for found in states)
    state_index = np.empty((len(pieces), rows), np.uint16 if small else np.uint32)
    for row, (_, index) in zip(state_index, pieces, strict=True):
        row[:] = index
    state_index.flags.writeable = False  # what engines find out about it stays true
    return SkippedWorkload(workload.graph, states, state_index.T)


def view_key(design: Design) -> Hashable:
    """Return what of a design :func:`skip` looks at: designs of equal keys see any workload alike."""
    memory = design.memory
    return design.skip, None if memory is None else (memory.weight_bits, memory.dram.burst)


@dataclass(frozen=True, slots=True, eq=False)
class _OpRows:
    """One op's work per row (a state, an input or a group); arrays of shape (r,)."""

    runs: Bools
    cin: Ints  # computed, per input
    cout: Ints
    out_rows: Ints
    patch: Ints  # input pixels under the kept tiles, if only some are kept; else 0
    batch: Ints
    useful: Ints
    fetch: Ints  # bytes of the kept weights

    def columns(self) -> tuple[Ints, ...]:
        """Return what tells two pieces of work apart; zero where nothing runs."""
        parts = (self.cin, self.cout, self.out_rows, self.patch, self.batch, self.useful, self.fetch)
        return tuple(np.where(self.runs, part, 0) for part in parts)

    def together(self, copies: int) -> _OpRows:
        """Return rows of so many inputs that are alike."""
        return replace(self, batch=self.batch * copies, useful=self.useful * copies)


def _op_work(
    workload: Workload, i: int, design: Design, groups: Groups, compaction: Compaction
) -> tuple[WorkStates, NDArray[np.int32]]:
    """Return an op's states on the design, and the state of every row."""
    op = workload.graph.ops[i]
    index = np.asarray(workload.state_index[:, i], np.int64)
    positions = _positions_matter(workload, i, design)
    if isinstance(groups, Copies) and not positions:
        states, at = _distinct(op, _from_counts(workload, i, design).together(groups.batch), design)
        return states, at[index].astype(np.int32)
    spread_of = _from_masks if positions else _Spread.of_counts
    spread = spread_of(workload, i, design, index)
    if isinstance(groups, Copies):
        return _distinct(op, _alone(spread, op, design).together(groups.batch), design)
    return _distinct(op, _grouped(spread, op, design, groups, compaction), design)


def _positions_matter(workload: Workload, i: int, design: Design) -> bool:
    """Whether the op's masks must be looked at: some channels are left out, and where they lie counts."""
    op, states = workload.graph.ops[i], workload.states[i]
    if _tiles_matter(workload, i, design):
        return True
    partial = states.runs & ((states.in_channels < op.in_channels) | (states.out_channels < op.out_channels))
    if not partial.any() or not design.skip.some_channels:
        return False
    if design.skip.packs and (design.memory is None or op.kind not in MAC_KINDS):
        return False
    widest = max(op.in_channels, op.out_channels)
    if widest > _MOST_MASKED:
        raise UnsupportedError(
            f"op {op.name!r}: {widest:,} channels, some of which gates leave out; places are looked at one by one for "
            f"at most {_MOST_MASKED:,}"
        )
    return True


def _tiles_matter(workload: Workload, i: int, design: Design) -> bool:
    """Whether some tiles are left out whose places are known."""
    states, total = workload.states[i], int(workload.tile_totals[i])
    known = design.skip.spatial and workload.knows_tiles(i)
    return known and bool((states.runs & (states.tiles < total)).any())


def _from_counts(workload: Workload, i: int, design: Design) -> _OpRows:
    """Return the op's own states, where counts say everything."""
    op, states = workload.graph.ops[i], workload.states[i]
    runs = states.runs | (not design.skip.layers)
    whole = not design.skip.some_channels
    cin = np.where(states.runs & (not whole), states.in_channels, op.in_channels).astype(np.int64)
    cout = np.where(states.runs & (not whole), states.out_channels, op.out_channels).astype(np.int64)
    return _OpRows(
        runs=runs,
        cin=cin,
        cout=cout,
        out_rows=_out_rows(workload, i, design),
        patch=patch_pixels(workload, i, design),
        batch=runs.astype(np.int64),
        useful=states.macs,
        fetch=counted_bytes(op, cin, cout, design),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """One op's work per input, before grouping; arrays (n,), packed masks (n, bytes) of what is computed."""

    runs: Bools
    cin: Ints
    cout: Ints
    out_rows: Ints
    patch: Ints
    useful: Ints
    in_mask: Packed | None  # None: counts say everything
    out_mask: Packed | None

    @classmethod
    def of_counts(cls, workload: Workload, i: int, design: Design, index: Ints) -> _Spread:
        """Spread the op's states over the inputs."""
        rows = _from_counts(workload, i, design)
        return cls(
            runs=rows.runs[index],
            cin=rows.cin[index],
            cout=rows.cout[index],
            out_rows=rows.out_rows[index],
            patch=rows.patch[index],
            useful=rows.useful[index],
            in_mask=None,
            out_mask=None,
        )


def _from_masks(workload: Workload, i: int, design: Design, index: Ints) -> _Spread:
    op, states = workload.graph.ops[i], workload.states[i]
    kept = states.runs[index]
    runs = kept | (not design.skip.layers)
    out_rows = _out_rows(workload, i, design)[index]
    patch = patch_pixels(workload, i, design)[index]
    if _tiles_matter(workload, i, design):
        part = kept & (states.tiles[index] < int(workload.tile_totals[i]))
        computed, packed = tile_pixels(workload, i)
        out_rows = np.where(part, -(-computed // op.out_width), out_rows)
        patch = np.where(part, packed, patch)
    in_mask = _computed(workload.in_bits(i), op.in_channels, design, runs & ~kept)
    out_mask = _computed(workload.out_bits(i), op.out_channels, design, runs & ~kept)
    return _Spread(
        runs=runs,
        cin=kept_channels(in_mask),
        cout=kept_channels(out_mask),
        out_rows=out_rows,
        patch=patch,
        useful=states.macs[index],
        in_mask=in_mask,
        out_mask=out_mask,
    )


def _computed(kept: Packed, channels: int, design: Design, whole: Bools) -> Packed:
    """Return which channels the hardware computes when the gates keep ``kept``; where ``whole`` all of them."""
    match design.skip.channels:
        case "none":
            computed = full_row(channels) * kept.any(axis=1, keepdims=True)
        case "compact":
            computed = kept
        case "tile":
            bits, group = unpack(kept, channels), design.skip.group
            active = np.logical_or.reduceat(bits, np.arange(0, channels, group), axis=1)
            computed = pack_mask(np.repeat(active, group, axis=1)[:, :channels])
        case "prefix":
            bits = unpack(kept, channels)
            computed = pack_mask(np.logical_or.accumulate(bits[:, ::-1], axis=1)[:, ::-1])
        case _:
            assert_never(design.skip.channels)
    return computed | full_row(channels) * whole[:, None] if whole.any() else computed


def _alone(spread: _Spread, op: Op, design: Design) -> _OpRows:
    """Return every input by itself."""
    runs = spread.runs
    cin, cout = spread.cin * runs, spread.cout * runs
    if spread.in_mask is not None and spread.out_mask is not None:
        ran = runs.view(np.uint8)[:, None]
        fetch = masked_bytes(op, spread.in_mask * ran, spread.out_mask * ran, design)
    else:
        fetch = counted_bytes(op, cin, cout, design)
    return _OpRows(
        runs=runs,
        cin=cin,
        cout=cout,
        out_rows=spread.out_rows * runs,
        patch=spread.patch * runs,
        batch=runs.astype(np.int64),
        useful=spread.useful,
        fetch=fetch,
    )


def _grouped(spread: _Spread, op: Op, design: Design, members: Ints, compaction: Compaction) -> _OpRows:
    """Join the inputs of each group, shape (g, B)."""
    runs = _take(spread.runs, members)
    batch = runs.sum(axis=1)
    count = np.maximum(batch, 1)

    def mean(values: Ints) -> Ints:
        return np.asarray(-(-(_take(values, members) * runs).sum(axis=1) // count), np.int64)

    cin, cout = mean(spread.cin), mean(spread.cout)
    if spread.in_mask is not None and spread.out_mask is not None:
        in_mask = _union(spread.in_mask, runs, members)
        out_mask = _union(spread.out_mask, runs, members)
        if compaction == "union":
            cin, cout = kept_channels(in_mask), kept_channels(out_mask)
        fetch = masked_bytes(op, in_mask, out_mask, design)
    else:
        top_in, top_out = (
            (_take(values, members) * runs).max(axis=1) for values in (spread.cin, spread.cout)
        )
        if compaction == "union":
            cin, cout = top_in, top_out
        fetch = counted_bytes(op, top_in, top_out, design)
    return _OpRows(
        runs=batch > 0,
        cin=np.asarray(cin, np.int64),
        cout=np.asarray(cout, np.int64),
        out_rows=mean(spread.out_rows),
        patch=mean(spread.patch),
        batch=np.asarray(batch, np.int64),
        useful=(_take(spread.useful, members)).sum(axis=1),
        fetch=fetch,
    )


def _take(values: NDArray[np.generic], members: Ints) -> Ints:
    """Return each member's value, 0 for the -1 that fill up a group, shape (g, B)."""
    return np.where(members >= 0, values[members], 0).astype(np.int64)


def _union(mask: Packed, runs: Ints, members: Ints) -> Packed:
    """Return the channels that any running member of a group has, packed, shape (g, bytes)."""
    result = np.zeros((len(members), mask.shape[1]), np.uint8)
    for column, active in zip(members.T, runs.T.astype(np.uint8), strict=True):
        result |= mask[column] * active[:, None]
    return result


def _out_rows(workload: Workload, i: int, design: Design) -> Ints:
    """Return computed rows of the output; Choice: tiles count as that share of the rows, rounded up."""
    op, states, total = workload.graph.ops[i], workload.states[i], int(workload.tile_totals[i])
    decided = {gate.rules.decides for gate in workload.graph.guards_of(op.name)}
    usable = design.skip.rows if "rows" in decided else design.skip.spatial and "elements" not in decided
    if not usable:
        return np.full(len(states), op.out_height, np.int64)
    return np.where(states.runs, -(-op.out_height * states.tiles.astype(np.int64) // total), op.out_height)


def _distinct(op: Op, rows: _OpRows, design: Design) -> tuple[WorkStates, NDArray[np.int32]]:
    """Return the distinct rows as states, and each row's place among them."""
    _, first, index = np.unique(_code(rows), return_index=True, return_inverse=True)
    runs = rows.runs[first]
    cin, cout, out_rows, patch, batch, useful, fetch = (column[first] for column in rows.columns())
    states = WorkStates(
        op=op,
        runs=runs,
        in_channels=cin,
        out_channels=cout,
        out_rows=out_rows,
        batch=batch,
        useful_macs=useful,
        weight_fetch_bytes=fetch,
        gathered_elements=_gathered(op, cin, patch, design) * batch,
    )
    return states, index.astype(np.int32)


def _code(rows: _OpRows) -> Ints:
    """Return one number per row, equal for equal work: the columns are its digits, kept below 2**62."""
    code, size = rows.runs.astype(np.int64), 2
    for column in rows.columns():
        base = int(column.max(initial=0)) + 1
        if size * base >= 2**62:
            found, code = np.unique(code, return_inverse=True)
            size = len(found)
        if size * base >= 2**62:
            found, column = np.unique(column, return_inverse=True)  # noqa: PLW2901  # its rank tells as much
            base = len(found)
        code, size = code * base + column, size * base
    return code


def _gathered(op: Op, cin: Ints, patch: Ints, design: Design) -> Ints:
    """Elements of one input that are packed before the op can read them.

    Choice: scattered tiles are packed with their halo, compacted channels over the whole input; what is
    read whole is not packed.
    """
    if op.kind not in MAC_KINDS:
        return np.zeros(len(cin), np.int64)
    gathers = design.skip.packs and not design.skip.packed_outputs and op.kind != "matmul"
    compacted = gathers & (cin < op.in_channels)
    pixels = np.where(patch > 0, patch, np.where(compacted, op.in_height * op.in_width, 0))
    return np.asarray(pixels * cin, np.int64)


def whole_op(op: Op, design: Design, batch: int = 1) -> WorkStates:
    """Return one state: the op with nothing skipped, for so many inputs."""
    cin, cout = np.array([op.in_channels]), np.array([op.out_channels])
    return WorkStates(
        op=op,
        runs=np.ones(1, np.bool_),
        in_channels=cin,
        out_channels=cout,
        out_rows=np.array([op.out_height]),
        batch=np.array([batch]),
        useful_macs=np.array([op.macs * batch]),
        weight_fetch_bytes=counted_bytes(op, cin, cout, design),
        gathered_elements=np.zeros(1, np.int64),
    )
