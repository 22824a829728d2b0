"""What has to be computed, fetched and packed for the part of an op that is kept: channels, weights, rows.

Rows of equal work share one state: what tells two apart is here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.dram import kept_channels, packed_fetch_bytes, whole_bursts
from traces import (
    MAC_KINDS,
    RECURRENT,
    WEIGHTED,
    Bools,
    Gate,
    Ints,
    Op,
    Packed,
    UnsupportedError,
    Workload,
)


@dataclass(frozen=True, slots=True, eq=False)
class OpRows:
    """One op's work per row (a state, an input or a group); arrays of shape (r,)."""

    runs: Bools
    cin: Ints  # computed, per input
    cout: Ints
    out_rows: Ints
    patch: Ints  # input pixels under the kept tiles, if only some are kept; else 0
    batch: Ints
    useful: Ints
    fetch: Ints  # bytes of the kept weights


def from_counts(workload: Workload, design: Design) -> list[OpRows]:
    """Return the states of each op, where counts say everything."""
    channels = [_computed(workload, i, design) for i in range(len(workload.states))]
    fetch = _fetched([(op, *kept) for op, kept in zip(workload.graph.ops, channels, strict=True)], design)
    return [
        OpRows(
            runs=states.runs | (not design.skip.layers),
            cin=cin,
            cout=cout,
            out_rows=computed_rows(workload, i, design),
            patch=patch_pixels(workload, i, design),
            batch=(states.runs | (not design.skip.layers)).astype(np.int64),
            useful=states.macs,
            fetch=fetch[i],
        )
        for i, (states, (cin, cout)) in enumerate(zip(workload.states, channels, strict=True))
    ]


def _computed(workload: Workload, i: int, design: Design) -> tuple[Ints, Ints]:
    """Return the channels that op i reads and yields in each of its states, as counts tell."""
    op, states = workload.graph.ops[i], workload.states[i]
    kept = states.runs & design.skip.some_channels
    cin = np.where(kept, states.in_channels, op.in_channels).astype(np.int64)
    return cin, np.where(kept, states.out_channels, op.out_channels).astype(np.int64)


def _fetched(channels: Sequence[tuple[Op, Ints, Ints]], design: Design) -> list[Ints]:
    """Return the bytes on the bus for so many input and output channels of each op, in one contiguous run."""
    stored = [_stored_bytes(*of_op, design) for of_op in channels]
    moved = whole_bursts(np.concatenate(stored), burst_of(design))
    return np.split(moved, np.cumsum([len(of_op) for of_op in stored])[:-1])


def weight_bits_of(design: Design) -> int:
    return design.memory.weight_bits if design.memory else 8


def burst_of(design: Design) -> int:
    return design.memory.dram.burst if design.memory else 1


def counted_bytes(op: Op, cin: Ints, cout: Ints, design: Design) -> Ints:
    """Bytes on the bus for so many channels in one contiguous run."""
    return whole_bursts(_stored_bytes(op, cin, cout, design), burst_of(design))


def _stored_bytes(op: Op, cin: Ints, cout: Ints, design: Design) -> Ints:
    """Bytes of the weights of so many channels."""
    if op.kind not in WEIGHTED:
        return np.zeros(len(cin), np.int64)
    kernel = op.kernel_height * op.kernel_width
    if op.kind in RECURRENT:
        weights = RECURRENT[op.kind] * cout * (cin + cout)
    else:
        weights = kernel * (1 if op.is_depthwise else -(-cin // op.groups)) * cout
    return -(-weights * weight_bits_of(design) // 8)


def masked_bytes(op: Op, in_mask: Packed, out_mask: Packed, design: Design) -> Ints:
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


def patch_pixels(workload: Workload, i: int, design: Design) -> Ints:
    """Return the input pixels under the kept tiles, each tile with its halo, where only some are kept.

    A tile of g x g outputs of a k x k kernel with stride s reads ((g - 1) s + k)^2 inputs, so tiles read what
    lies between them twice: ((g + k - 1) / g)^2 times as much as the whole op at stride 1.
    """
    op, states, total = workload.graph.ops[i], workload.states[i], int(workload.tile_totals[i])
    guards = workload.graph.guarding.get(op.name, ())
    if _row_gates(guards) and design.skip.rows and _first_of_its_rows(workload, i):
        return np.where(states.tiles < total, states.tiles.astype(np.int64), 0)
    gates = [gate for gate in guards if gate.rules.decides == "tiles"]
    if not gates or not design.skip.spatial:
        return np.zeros_like(states.macs)
    rows, cols = -(-op.out_height // gates[0].tile_rows), -(-op.out_width // gates[0].tile_cols)
    height = min((rows - 1) * op.stride_height + op.span_height, op.in_height)
    width = min((cols - 1) * op.stride_width + op.span_width, op.in_width)
    return np.where(states.tiles < total, states.tiles.astype(np.int64) * (height * width), 0)


def _first_of_its_rows(workload: Workload, i: int) -> bool:
    """Whether the op drops rows that lay among the others until here; behind it the kept ones lie packed."""
    op, guarding = workload.graph.ops[i], workload.graph.guarding
    own = _row_gates(guarding[op.name])
    return not any(own <= _row_gates(guarding.get(name, ())) for name in op.inputs)


def _row_gates(gates: Sequence[Gate]) -> frozenset[str]:
    return frozenset(gate.name for gate in gates if gate.rules.decides == "rows")


def whole_ops(ops: Sequence[Op], design: Design, batch: int = 1) -> list[WorkStates]:
    """Return one state of each op: nothing skipped, for so many inputs."""
    channels = [(op, np.array([op.in_channels]), np.array([op.out_channels])) for op in ops]
    return [
        WorkStates(
            op=op,
            runs=np.ones(1, np.bool_),
            in_channels=cin,
            out_channels=cout,
            out_rows=np.array([op.out_height]),
            batch=np.array([batch]),
            useful_macs=np.array([op.macs * batch]),
            weight_fetch_bytes=fetch,
            gathered_elements=np.zeros(1, np.int64),
        )
        for (op, cin, cout), fetch in zip(channels, _fetched(channels, design), strict=True)
    ]


def computed_rows(workload: Workload, i: int, design: Design) -> Ints:
    """Return computed rows of the output; Choice: tiles count as that share of the rows, rounded up."""
    op, states, total = workload.graph.ops[i], workload.states[i], int(workload.tile_totals[i])
    decided = {gate.rules.decides for gate in workload.graph.guarding.get(op.name, ())}
    usable = design.skip.rows if "rows" in decided else design.skip.spatial and "elements" not in decided
    if not usable:
        return np.full_like(states.macs, op.out_height)
    return np.where(states.runs, -(-op.out_height * states.tiles.astype(np.int64) // total), op.out_height)


_MOST_MASKED = 1 << 24  # channels; Choice: a mask takes a byte and a burst's number eight for each


def positions_matter(workload: Workload, i: int, design: Design) -> bool:
    """Whether the op's masks must be looked at: some channels are left out, and where they lie counts."""
    op, states = workload.graph.ops[i], workload.states[i]
    if tiles_matter(workload, i, design):
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


def tiles_matter(workload: Workload, i: int, design: Design) -> bool:
    """Whether some tiles are left out whose places are known."""
    states, total = workload.states[i], int(workload.tile_totals[i])
    known = design.skip.spatial and workload.knows_tiles(i)
    return known and bool((states.runs & (states.tiles < total)).any())


_TABLE = 1 << 20  # codes, above which sorting takes less than a table


def _columns(rows: OpRows) -> tuple[Ints, ...]:
    """Return what tells two pieces of work apart; zero where nothing runs."""
    parts = (rows.cin, rows.cout, rows.out_rows, rows.patch, rows.batch, rows.useful, rows.fetch)
    return tuple([np.where(rows.runs, part, 0) for part in parts])


def distinct(op: Op, rows: OpRows, design: Design) -> tuple[WorkStates, NDArray[np.int32]]:
    """Return the distinct rows as states, and each row's place among them."""
    _, first, index = np.unique(_code(rows), return_index=True, return_inverse=True)
    runs = rows.runs[first]
    cin, cout, out_rows, patch, batch, useful, fetch = (column[first] for column in _columns(rows))
    states = WorkStates(
        op=op,
        runs=runs,
        in_channels=cin,
        out_channels=cout,
        out_rows=out_rows,
        batch=batch,
        useful_macs=useful,
        weight_fetch_bytes=fetch,
        gathered_elements=_gathered_elements(op, cin, patch, design) * batch,
    )
    return states, index.astype(np.int32)


def numbered(code: Ints, bound: int) -> tuple[Ints, NDArray[np.intp]]:
    """Return the distinct codes, sorted, and the place of each among them; codes are below ``bound``."""
    if bound > _TABLE:
        return np.unique(code, return_inverse=True)
    present = np.zeros(bound, np.bool_)
    present[code] = True
    places = np.cumsum(present, dtype=np.intp)
    places -= 1
    return np.flatnonzero(present), places.take(code)


def _gathered_elements(op: Op, cin: Ints, patch: Ints, design: Design) -> Ints:
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


def _code(rows: OpRows) -> Ints:
    """Return one number per row, equal for equal work: the columns are its digits, kept below 2**62."""
    code, size = rows.runs.astype(np.int64), 2
    for column in _columns(rows):
        base = int(column.max(initial=0)) + 1
        if size * base >= 2**62:
            found, code = np.unique(code, return_inverse=True)
            size = len(found)
        if size * base >= 2**62:
            found, column = np.unique(column, return_inverse=True)  # noqa: PLW2901  # its rank tells as much
            base = len(found)
        code, size = code * base + column, size * base
    return code
