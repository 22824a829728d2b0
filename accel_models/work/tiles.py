"""Which pixels of an op are computed and packed where the places of kept tiles are known.

An op computes the pixels of a spatial gate's kept tiles, and those around them that the ops behind the same gate read
under their kernels: the halo goes into the op before.  Of its input it needs what lies under the kernels.  Rows that
are needed whole are read as they lie, so a band of tiles is packed nowhere; of other rows what is needed is packed.
"""

from __future__ import annotations

import numpy as np

from traces import MAC_KINDS, Bools, Ints, Op, Workload


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
