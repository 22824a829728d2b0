"""Which lines a tile of Gemmini's finds in the cache, from the order of the loops alone.

Walk the loops over tiles from the innermost out and keep count of the distinct bytes that one turn touches.
A loop whose index an operand does not depend on touches the same lines again each turn; they are still
there if all that one turn touches fits the cache.  So do tiles that share a line, one behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from accel_models.gemmini_dma import GemminiMemory, line_cycles
from accel_models.gemmini_tiling import ConvLayer, ConvTiling
from accel_models.gemmini_traffic import LINE_BYTES

Operand = Literal["input", "weights", "output"]
Box = dict[str, tuple[int, int]]
DEPENDS: dict[Operand, str] = {"input": "QPC", "weights": "KSRC", "output": "QPK"}
CONTIGUOUS: dict[Operand, str] = {"input": "C", "weights": "K", "output": "K"}


@dataclass(frozen=True, slots=True)
class Reuse:
    """For one layer and tiling: the loops whose turns find an operand's lines in the cache."""

    kept_over: dict[Operand, str]

    @classmethod
    def of(cls, layer: ConvLayer, tiling: ConvTiling, memory: GemminiMemory) -> Reuse:
        """Walk the loops from the innermost out."""
        touched = _tile_bytes(layer, tiling)
        kept: dict[Operand, str] = dict.fromkeys(touched, "")
        for dim in reversed(tiling.order):
            fits = sum(touched.values()) <= memory.l2_bytes
            for operand, depends in DEPENDS.items():
                shares_line = dim == CONTIGUOUS[operand] and tiling.size(dim) < LINE_BYTES
                if fits and (dim not in depends or shares_line):
                    kept[operand] += dim
                if dim in depends:
                    touched[operand] *= -(-layer.sizes[dim] // tiling.size(dim))
        if _conflicts(layer, tiling, memory):
            kept["weights"] = ""
        return cls(kept)

    def line_cycles(self, operand: Operand, box: Box, memory: GemminiMemory, pitch: int) -> float:
        """Cost of each line under one tile: none in the cache, most where nothing has touched it before."""
        for dim in self.kept_over[operand]:
            start = box[dim][0] % LINE_BYTES if dim in DEPENDS[operand] else box[dim][0]
            if start > 0:
                return 0.0
        repeated = any(box[dim][0] > 0 for dim in box if dim not in DEPENDS[operand])
        again = line_cycles(memory, pitch)
        first = memory.first_weight_cycles if operand == "weights" else memory.first_input_cycles
        return again if repeated else max(again, first)


def _tile_bytes(layer: ConvLayer, tiling: ConvTiling) -> dict[Operand, float]:
    """Bytes of whole lines under one tile of each operand."""
    rows = tiling.Q * layer.stride + tiling.S - 1
    cols = tiling.P * layer.stride + tiling.R - 1
    filters = max(tiling.K, min(LINE_BYTES, layer.filters))
    return {
        "input": float(rows * cols * max(tiling.C, min(LINE_BYTES, layer.channels))),
        "weights": float(tiling.S * tiling.R * tiling.C * filters),
        "output": float(tiling.Q * tiling.P * filters),
    }


def _conflicts(layer: ConvLayer, tiling: ConvTiling, memory: GemminiMemory) -> bool:
    """Whether a tile's weights, rows a power of two apart, fall into too few sets to stay."""
    pitch = layer.filters
    if pitch <= LINE_BYTES or pitch & (pitch - 1):
        return False
    reachable = memory.l2_bytes // pitch  # lines in the sets they fall into, over all ways
    return reachable < tiling.C * tiling.S * tiling.R
