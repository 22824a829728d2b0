"""What has to be computed, fetched and packed for the part of an op that is kept: channels, weights, rows, pixels.

An op computes the pixels of a spatial gate's kept tiles, and those around them that the ops behind the same gate read
under their kernels: the halo goes into the op before.  Of its input it needs what lies under the kernels.  Rows that
are needed whole are read as they lie, so a band of tiles is packed nowhere; of other rows what is needed is packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.dram import whole_bursts
from traces import (
    MAC_KINDS,
    RECURRENT,
    WEIGHTED,
    Bools,
    Gate,
    Ints,
    Op,
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


def from_counts(workload: Workload, i: int, design: Design) -> OpRows:
    """Return the states of op i, where counts say everything."""
    op, states, skips = workload.graph.ops[i], workload.states[i], design.skip
    runs = states.runs | (not skips.layers)
    kept = states.runs & skips.some_channels
    cin = np.where(kept, states.in_channels, op.in_channels).astype(np.int64)
    cout = np.where(kept, states.out_channels, op.out_channels).astype(np.int64)
    return OpRows(
        runs=runs,
        cin=cin,
        cout=cout,
        out_rows=computed_rows(workload, i, design),
        patch=patch_pixels(workload, i, design),
        batch=runs.astype(np.int64),
        useful=states.macs,
        fetch=counted_bytes(op, cin, cout, design),
    )


def weight_bits_of(design: Design) -> int:
    return design.memory.weight_bits if design.memory else 8


def burst_of(design: Design) -> int:
    return design.memory.dram.burst if design.memory else 1


def counted_bytes(op: Op, cin: Ints, cout: Ints, design: Design) -> Ints:
    """Bytes on the bus for so many channels in one contiguous run."""
    if op.kind not in WEIGHTED:
        return np.zeros(len(cin), np.int64)
    kernel = op.kernel_height * op.kernel_width
    if op.kind in RECURRENT:
        weights = RECURRENT[op.kind] * cout * (cin + cout)
    else:
        weights = kernel * (1 if op.is_depthwise else -(-cin // op.groups)) * cout
    return whole_bursts(-(-weights * weight_bits_of(design) // 8), burst_of(design))


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


def tile_pixels(workload: Workload, i: int) -> tuple[Ints, Ints]:
    """Return the output pixels that op i computes and the input pixels that are packed for it, each shape (n,)."""
    patterns, index = workload.tile_patterns(i)
    computed = _computed(workload, i, patterns)
    needed = _under_kernels(workload.graph.ops[i], computed)
    packed = np.where(needed.all(axis=2), 0, needed.sum(axis=2)).sum(axis=1)
    return computed.sum(axis=(1, 2))[index], packed[index]


def _computed(workload: Workload, i: int, patterns: Bools) -> Bools:
    """Return the pixels of op i that its own tiles cover or that ops behind the same gates need, (u, height, width)."""
    graph, op = workload.graph, workload.graph.ops[i]
    pixels = _covered(workload, i, patterns)
    own = _gates(workload, i)
    for j, other in enumerate(graph.ops[i + 1 :], i + 1):
        if op.name in other.inputs and other.kind in MAC_KINDS and _gates(workload, j) == own:
            pixels |= _under_kernels(other, _computed(workload, j, patterns))
    return pixels


def _gates(workload: Workload, i: int) -> frozenset[str]:
    guards = workload.graph.guarding.get(workload.graph.ops[i].name, ())
    return frozenset(gate.name for gate in guards if gate.rules.decides == "tiles")


def _covered(workload: Workload, i: int, patterns: Bools) -> Bools:
    """Return the pixels under the kept tiles; tiles are as many pixels high and wide, the last ones less."""
    op = workload.graph.ops[i]
    gate = next(g for g in workload.graph.guarding.get(op.name, ()) if g.rules.decides == "tiles")
    kept = patterns.reshape(-1, gate.tile_rows, gate.tile_cols)
    rows = np.arange(op.out_height) // -(-op.out_height // gate.tile_rows)
    cols = np.arange(op.out_width) // -(-op.out_width // gate.tile_cols)
    return np.asarray(kept[:, rows[:, None], cols[None, :]], np.bool_)


def _under_kernels(op: Op, pixels: Bools) -> Bools:
    """Return the input pixels that some kernel tap of these output pixels falls on, shape (u, in_height, in_width)."""
    vertical = _spread(pixels, op.in_height, (op.kernel_height, op.stride_height, op.dilation_height))
    across = np.swapaxes(vertical, 1, 2)
    spread = _spread(across, op.in_width, (op.kernel_width, op.stride_width, op.dilation_width))
    return np.swapaxes(spread, 1, 2)


def _spread(pixels: Bools, size: int, window: tuple[int, int, int]) -> Bools:
    """Return which of ``size`` input rows a kernel falls on, shape (u, size, width); padding is even on both sides."""
    kernel, stride, dilation = window
    count = pixels.shape[1]
    padding = max((count - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2
    found = np.zeros((len(pixels), size, pixels.shape[2]), np.bool_)
    for tap in range(kernel):
        at = np.arange(count) * stride + tap * dilation - padding
        inside = (at >= 0) & (at < size)
        found[:, at[inside]] |= pixels[:, inside]
    return found


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
