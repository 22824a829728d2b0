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
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.dram import kept_channels
from accel_models.work.groups import Compaction, InputRows, grouped
from accel_models.work.kept_data import (
    OpRows,
    burst_of,
    counted_bytes,
    distinct,
    from_counts,
    masked_bytes,
    numbered,
    positions_matter,
    tiles_matter,
    whole_ops,
)
from accel_models.work.rows import joined, rows_of
from accel_models.work.tiles import tile_pixels
from traces import (
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
        from_counts(workload, design),
        [positions_matter(workload, i, design) for i in ops],
    )
    pieces = [_op_rows(seen, i, groups, compaction) for i in ops]
    found = [distinct(op, rows, design) for op, (rows, _) in zip(workload.graph.ops, pieces, strict=True)]
    whole = whole_ops(workload.graph.ops, design, batch)
    states = tuple(map(joined, zip([work for work, _ in found], whole, strict=True)))
    small = max(work.runs.size for work in states) <= np.iinfo(np.uint16).max + 1
    inputs = len(workload) if isinstance(groups, Copies) else len(groups)
    state_index = np.empty((len(pieces), inputs), np.uint16 if small else np.uint32)
    for column, (_, at), (_, place) in zip(state_index, found, pieces, strict=True):
        column[:] = at if place is None else at[place]
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


RowsAndPlaces = tuple[OpRows, Ints | NDArray[np.intp] | None]  # and of every input its row; None: its own


def _op_rows(seen: _Seen, i: int, groups: Groups, compaction: Compaction) -> RowsAndPlaces:
    """Return an op's work on the design row by row."""
    workload, design, op = seen.workload, seen.design, seen.workload.graph.ops[i]
    index = np.asarray(workload.state_index[:, i], np.int64)
    if isinstance(groups, Copies) and not seen.places_count[i]:
        return _copied(seen.counted[i], groups.batch), index
    if isinstance(groups, Copies) and design.skip.packs and not tiles_matter(workload, i, design):
        return _fetched_apart(seen, i, index, groups.batch)
    rows = rows_of(seen.counted[i], index)
    spread = _from_masks(workload, i, design, rows) if seen.places_count[i] else InputRows(rows)
    if isinstance(groups, Copies):
        return _copied(_alone(spread, op, design), groups.batch), None
    return grouped(spread, op, design, groups, compaction), None


def _fetched_apart(seen: _Seen, i: int, index: Ints, copies: int) -> RowsAndPlaces:
    """Return the same where kept channels are packed: where they lie tells only how many bytes are fetched."""
    workload, design, op = seen.workload, seen.design, seen.workload.graph.ops[i]
    burst = burst_of(design)
    bursts = masked_bytes(op, workload.in_bits(i), workload.out_bits(i), design) // burst
    kept = workload.states[i].runs
    if (seen.counted[i].runs & ~kept).any():  # the whole op runs all the same
        whole = masked_bytes(op, full_row(op.in_channels), full_row(op.out_channels), design)
        bursts = np.where(kept[index], bursts, whole // burst)
    most = int(bursts.max(initial=0)) + 1
    found, place = numbered(index * most + bursts, len(kept) * most)
    rows = replace(rows_of(seen.counted[i], found // most), fetch=found % most * burst)
    return _copied(rows, copies), place


def _from_masks(workload: Workload, i: int, design: Design, rows: OpRows) -> InputRows:
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
    return InputRows(replace(rows, cin=cin, cout=cout, out_rows=out_rows, patch=patch), (in_mask, out_mask))


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


def _alone(inputs: InputRows, op: Op, design: Design) -> OpRows:
    """Return every input by itself; what does not run counts as nothing (:func:`distinct`)."""
    rows = inputs.rows
    if inputs.masks is None:
        return replace(rows, fetch=counted_bytes(op, rows.cin, rows.cout, design))
    return replace(rows, fetch=masked_bytes(op, *inputs.masks, design))


def _copied(rows: OpRows, copies: int) -> OpRows:
    """Return rows of so many inputs that are alike."""
    return replace(rows, batch=rows.batch * copies, useful=rows.useful * copies)
