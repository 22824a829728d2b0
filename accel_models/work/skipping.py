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

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.dram import kept_channels, packed_fetch_bytes
from accel_models.work.kept_data import (
    OpRows,
    burst_of,
    counted_bytes,
    from_counts,
    positions_matter,
    tile_pixels,
    tiles_matter,
    weight_bits_of,
    whole_op,
)
from accel_models.work.row_states import distinct, numbered
from accel_models.work.shapes import joined, rows_of
from traces import (
    RECURRENT,
    WEIGHTED,
    Indices,
    Ints,
    NetworkGraph,
    Op,
    Packed,
    Workload,
    full_row,
    pack_mask,
    rows_in_states,
    unpack,
)

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
        return rows_in_states(self.state_index, [states.runs.size for states in self.states])

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
    ops = range(len(workload.states))
    seen = _Seen(
        workload,
        design,
        [from_counts(workload, i, design) for i in ops],
        [positions_matter(workload, i, design) for i in ops],
    )
    pieces = [_op_work(seen, i, groups, compaction) for i in ops]
    rows = len(workload) if isinstance(groups, Copies) else len(groups)
    whole = [whole_op(op, design, batch) for op in workload.graph.ops]
    states = tuple(map(joined, zip([found for found, _ in pieces], whole, strict=True)))
    small = max(found.runs.size for found in states) <= np.iinfo(np.uint16).max + 1
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
class _Seen:
    """A workload before it is grouped, as a design sees it."""

    workload: Workload
    design: Design
    counted: Sequence[OpRows]  # per op, its states as counts tell
    places_count: Sequence[bool]  # per op, whether its masks must be looked at


def _op_work(
    seen: _Seen, i: int, groups: Groups, compaction: Compaction
) -> tuple[WorkStates, NDArray[np.int32]]:
    """Return an op's states on the design, and the state of every row."""
    workload, design, op = seen.workload, seen.design, seen.workload.graph.ops[i]
    index = np.asarray(workload.state_index[:, i], np.int64)
    if isinstance(groups, Copies) and not seen.places_count[i]:
        states, at = distinct(op, _copied(seen.counted[i], groups.batch), design)
        return states, at[index].astype(np.int32)
    if isinstance(groups, Copies) and design.skip.packs and not tiles_matter(workload, i, design):
        return _fetched_apart(seen, i, index, groups.batch)
    rows = rows_of(seen.counted[i], index)
    spread = _from_masks(workload, i, design, rows) if seen.places_count[i] else _Spread(rows)
    if isinstance(groups, Copies):
        return distinct(op, _copied(_alone(spread, op, design), groups.batch), design)
    return distinct(op, _grouped(spread, op, design, groups, compaction), design)


def _fetched_apart(seen: _Seen, i: int, index: Ints, copies: int) -> tuple[WorkStates, NDArray[np.int32]]:
    """Return the same where kept channels are packed: where they lie tells only how many bytes are fetched."""
    workload, design, op = seen.workload, seen.design, seen.workload.graph.ops[i]
    burst = burst_of(design)
    bursts = _masked_bytes(op, workload.in_bits(i), workload.out_bits(i), design) // burst
    kept = workload.states[i].runs
    if (seen.counted[i].runs & ~kept).any():  # the whole op runs all the same
        whole = _masked_bytes(op, full_row(op.in_channels), full_row(op.out_channels), design)
        bursts = np.where(kept[index], bursts, whole // burst)
    most = int(bursts.max(initial=0)) + 1
    found, place = numbered(index * most + bursts, len(kept) * most)
    rows = replace(rows_of(seen.counted[i], found // most), fetch=found % most * burst)
    states, at = distinct(op, _copied(rows, copies), design)
    return states, at[place]


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """One op's work per input, before grouping."""

    rows: OpRows
    masks: tuple[Packed, Packed] | None = None  # input, output channels computed; None: counts say everything


def _from_masks(workload: Workload, i: int, design: Design, rows: OpRows) -> _Spread:
    """Return the rows of inputs with what positions decide."""
    op, states, index = workload.graph.ops[i], workload.states[i], workload.state_index[:, i]
    kept, out_rows, patch = states.runs[index], rows.out_rows, rows.patch
    if tiles_matter(workload, i, design):
        part = kept & (states.tiles[index] < int(workload.tile_totals[i]))
        computed, packed = tile_pixels(workload, i)
        out_rows = np.where(part, -(-computed // op.out_width), out_rows)
        patch = np.where(part, packed, patch)
    in_mask = _computed_channels(workload.in_bits(i), op.in_channels, design)
    out_mask = _computed_channels(workload.out_bits(i), op.out_channels, design)
    whole = rows.runs & ~kept
    if whole.any():
        in_mask = in_mask | full_row(op.in_channels) * whole[:, None]
        out_mask = out_mask | full_row(op.out_channels) * whole[:, None]
    cin, cout = kept_channels(in_mask), kept_channels(out_mask)
    return _Spread(replace(rows, cin=cin, cout=cout, out_rows=out_rows, patch=patch), (in_mask, out_mask))


def _computed_channels(kept: Packed, channels: int, design: Design) -> Packed:
    """Return which channels the hardware computes when the gates keep ``kept``, packed, shape (n, bytes)."""
    match design.skip.channels:
        case "none":
            return full_row(channels) * kept.any(axis=1, keepdims=True)
        case "compact":
            return kept
        case "tile":
            starts = np.arange(0, channels, design.skip.group)
            active = np.logical_or.reduceat(unpack(kept, channels), starts, axis=1)
            return pack_mask(np.repeat(active, design.skip.group, axis=1)[:, :channels])
        case "prefix":
            bits = unpack(kept, channels)
            return pack_mask(np.logical_or.accumulate(bits[:, ::-1], axis=1)[:, ::-1])
        case _:
            assert_never(design.skip.channels)


def _alone(spread: _Spread, op: Op, design: Design) -> OpRows:
    """Return every input by itself; what does not run counts as nothing (:mod:`accel_models.work.row_states`)."""
    rows = spread.rows
    if spread.masks is None:
        return replace(rows, fetch=counted_bytes(op, rows.cin, rows.cout, design))
    return replace(rows, fetch=_masked_bytes(op, *spread.masks, design))


def _masked_bytes(op: Op, in_mask: Packed, out_mask: Packed, design: Design) -> Ints:
    """Bytes on the bus for the weights of the kept channels, masks packed, shape (r,).

    Choice: weights are stored output channel by output channel, and inside one input channel by input
    channel.  The DMA fetches whole output channels, or, where that is less, only the kept input channels of
    each, which breaks every output channel's run.
    """
    if op.kind not in WEIGHTED or op.kind in RECURRENT:
        return counted_bytes(op, kept_channels(in_mask), kept_channels(out_mask), design)
    bits, burst = weight_bits_of(design), burst_of(design)
    kernel = op.kernel_height * op.kernel_width
    row_bytes = -(-kernel * (op.in_channels // op.groups) * bits // 8)
    whole = packed_fetch_bytes(out_mask, op.out_channels, row_bytes, burst)
    if op.groups > 1:
        return whole
    piece_bytes = -(-kernel * bits // 8)
    pieces = kept_channels(out_mask) * packed_fetch_bytes(in_mask, op.in_channels, piece_bytes, burst)
    return np.asarray(np.minimum(whole, pieces))


def _grouped(spread: _Spread, op: Op, design: Design, members: Ints, compaction: Compaction) -> OpRows:
    """Join the inputs of each group, shape (g, B)."""
    rows = spread.rows
    runs = _take(rows.runs, members)
    batch = runs.sum(axis=1)
    count = np.maximum(batch, 1)

    def mean(values: Ints) -> Ints:
        return np.asarray(-(-(_take(values, members) * runs).sum(axis=1) // count), np.int64)

    cin, cout = mean(rows.cin), mean(rows.cout)
    if spread.masks is not None:
        in_mask, out_mask = (_union(mask, runs, members) for mask in spread.masks)
        if compaction == "union":
            cin, cout = kept_channels(in_mask), kept_channels(out_mask)
        fetch = _masked_bytes(op, in_mask, out_mask, design)
    else:
        top_in, top_out = ((_take(values, members) * runs).max(axis=1) for values in (rows.cin, rows.cout))
        if compaction == "union":
            cin, cout = top_in, top_out
        fetch = counted_bytes(op, top_in, top_out, design)
    return OpRows(
        runs=batch > 0,
        cin=np.asarray(cin, np.int64),
        cout=np.asarray(cout, np.int64),
        out_rows=mean(rows.out_rows),
        patch=mean(rows.patch),
        batch=np.asarray(batch, np.int64),
        useful=_take(rows.useful, members).sum(axis=1),
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


def _copied(rows: OpRows, copies: int) -> OpRows:
    """Return rows of so many inputs that are alike."""
    return replace(rows, batch=rows.batch * copies, useful=rows.useful * copies)
