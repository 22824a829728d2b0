"""What has to be fetched and packed for the part of an op that is kept: weights, and input under tiles."""

from __future__ import annotations

import numpy as np

from accel_models.broken_bursts import kept_channels, packed_fetch_bytes
from accel_models.design.design import Design
from accel_models.dram import whole_bursts
from traces import RECURRENT, WEIGHTED, Ints, Op, Packed, Workload


def _weight_bits(design: Design) -> int:
    return design.memory.weight_bits if design.memory else 8


def _burst(design: Design) -> int:
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
    return whole_bursts(-(-weights * _weight_bits(design) // 8), _burst(design))


def masked_bytes(op: Op, in_mask: Packed, out_mask: Packed, design: Design) -> Ints:
    """Bytes on the bus for the weights of the kept channels, masks packed, shape (r,).

    Choice: weights are stored output channel by output channel, and inside one input channel by input
    channel.  The DMA fetches whole output channels, or, where that is less, only the kept input channels of
    each, which breaks every output channel's run.
    """
    if op.kind not in WEIGHTED or op.kind in RECURRENT:
        return counted_bytes(op, kept_channels(in_mask), kept_channels(out_mask), design)
    bits, burst = _weight_bits(design), _burst(design)
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
    if design.skip.rows and _first_of_its_rows(workload, i):
        return np.where(states.tiles < total, states.tiles.astype(np.int64), 0)
    gates = [gate for gate in workload.graph.guards_of(op.name) if gate.rules.decides == "tiles"]
    if not gates or not design.skip.spatial:
        return np.zeros(len(states), np.int64)
    rows, cols = -(-op.out_height // gates[0].tile_rows), -(-op.out_width // gates[0].tile_cols)
    reach = op.dilation_height * (op.kernel_height - 1) + 1, op.dilation_width * (op.kernel_width - 1) + 1
    height = min((rows - 1) * op.stride_height + reach[0], op.in_height)
    width = min((cols - 1) * op.stride_width + reach[1], op.in_width)
    return np.where(states.tiles < total, states.tiles.astype(np.int64) * (height * width), 0)


def _first_of_its_rows(workload: Workload, i: int) -> bool:
    """Whether the op drops rows that lay among the others until here; behind it the kept ones lie packed."""
    op, graph = workload.graph.ops[i], workload.graph

    def row_gates(name: str) -> frozenset[str]:
        return frozenset(gate.name for gate in graph.guards_of(name) if gate.rules.decides == "rows")

    own = row_gates(op.name)
    return bool(own) and not any(own <= row_gates(name) for name in op.inputs)
