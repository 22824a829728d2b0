"""How much of what Gemmini's tiles touch again is still in the L2 cache, from the order of the loops alone.

Walk the loops over tiles from the innermost out and keep count of the distinct bytes that one turn touches.
A loop whose index an operand does not depend on touches the operand again each turn; it hits if all that
one turn touches fits the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from accel_models.gemmini_dma import LINE_BYTES, GemminiMemory
from accel_models.gemmini_tiling import ConvLayer, ConvTiling

WAYS = 8  # of the cache; assumption: SiFive inclusive cache as Chipyard configures it
DEPENDS = {"input": "QPC", "weights": "KSRC", "output": "QPK"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Share of the lines each operand's tiles touch that the L2 cache lacks."""

    input: float
    weights: float
    output: float


def missing_lines(layer: ConvLayer, tiling: ConvTiling, memory: GemminiMemory) -> Missing:
    """Return the share of lines missed, averaged over all tiles."""
    touched = _tile_bytes(layer, tiling)
    share = dict.fromkeys(touched, 1.0)
    for dim in reversed(tiling.order):
        turns = -(-layer.sizes[dim] // tiling.size(dim))
        fits = sum(touched.values()) <= memory.l2_bytes
        for operand, depends in DEPENDS.items():
            if turns > 1 and fits:
                share[operand] /= _touches_per_line(operand, dim, turns, tiling)
            if dim in depends:
                touched[operand] *= turns
    if _conflicts(layer, tiling, memory):
        share["weights"] = 1.0
    return Missing(**share)


def _tile_bytes(layer: ConvLayer, tiling: ConvTiling) -> dict[str, float]:
    """Bytes of whole lines under one tile of each operand."""
    rows = tiling.Q * layer.stride + tiling.S - 1
    cols = tiling.P * layer.stride + tiling.R - 1
    filters = max(tiling.K, min(LINE_BYTES, layer.filters))
    return {
        "input": float(rows * cols * max(tiling.C, min(LINE_BYTES, layer.channels))),
        "weights": float(tiling.S * tiling.R * tiling.C * filters),
        "output": float(tiling.Q * tiling.P * filters),
    }


def _touches_per_line(operand: str, dim: str, turns: int, tiling: ConvTiling) -> float:
    """How often one loop touches a line: every turn, or until its tiles have used up the line."""
    if dim not in DEPENDS[operand]:
        return turns
    contiguous = "C" if operand == "input" else "K"
    if dim == contiguous and tiling.size(dim) < LINE_BYTES:
        return min(turns, LINE_BYTES / tiling.size(dim))
    return 1.0


def _conflicts(layer: ConvLayer, tiling: ConvTiling, memory: GemminiMemory) -> bool:
    """Whether a tile's weights, rows a power of two apart, fall into too few sets to stay."""
    pitch = layer.filters
    if pitch <= LINE_BYTES or pitch & (pitch - 1):
        return False
    reachable = memory.l2_bytes // pitch  # lines in the sets they fall into, over all ways
    return reachable < tiling.C * tiling.S * tiling.R
