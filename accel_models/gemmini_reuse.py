"""Where a tile of Gemmini's finds its lines, from the order of the loops alone.

Walk the loops over tiles from the innermost out and keep count of the distinct bytes that one turn touches.
A loop whose index an operand does not depend on touches the same lines again each turn; they are still in a
cache if all that one turn touches fits it.  So do tiles that share a line, one behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from accel_models.gemmini_dma import GemminiMemory
from accel_models.gemmini_tiling import ConvLayer, ConvTiling
from accel_models.gemmini_traffic import LINE_BYTES

Operand = Literal["input", "weights", "output"]
Place = Literal["l2", "llc", "dram"]
Box = dict[str, tuple[int, int]]
DEPENDS: dict[Operand, str] = {"input": "QPC", "weights": "KSRC", "output": "QPK"}
CONTIGUOUS: dict[Operand, str] = {"input": "C", "weights": "K", "output": "K"}


@dataclass(frozen=True, slots=True)
class Reuse:
    """For one layer and tiling: the loops whose turns find an operand's lines in each cache."""

    kept_in_l2: dict[Operand, str]
    kept_in_llc: dict[Operand, str]
    warm: bool

    @classmethod
    def of(cls, layer: ConvLayer, tiling: ConvTiling, memory: GemminiMemory) -> Reuse:
        """Walk the loops once for each cache."""
        return cls(
            _kept(layer, tiling, memory.l2_bytes),
            _kept(layer, tiling, memory.llc_bytes),
            memory.warm,
        )

    def place(self, operand: Operand, box: Box) -> Place:
        """Where the lines under one tile lie when it needs them."""
        if _returns(self.kept_in_l2[operand], operand, box):
            return "l2"
        if _returns(self.kept_in_llc[operand], operand, box):
            return "llc"
        touched_before = any(box[dim][0] > 0 for dim in box if dim not in DEPENDS[operand])
        return "llc" if self.warm and not touched_before else "dram"


def _returns(loops: str, operand: Operand, box: Box) -> bool:
    """Whether a tile is a later turn of one of these loops, or begins inside a line of an earlier one."""
    starts = (box[dim][0] % LINE_BYTES if dim in DEPENDS[operand] else box[dim][0] for dim in loops)
    return any(start > 0 for start in starts)


def _kept(layer: ConvLayer, tiling: ConvTiling, cache_bytes: int) -> dict[Operand, str]:
    touched = _tile_bytes(layer, tiling)
    kept: dict[Operand, str] = dict.fromkeys(touched, "")
    for dim in reversed(tiling.order):
        fits = sum(touched.values()) <= cache_bytes
        for operand, depends in DEPENDS.items():
            shares_line = dim == CONTIGUOUS[operand] and tiling.size(dim) < LINE_BYTES
            if fits and (dim not in depends or shares_line):
                kept[operand] += dim
            if dim in depends:
                touched[operand] *= -(-layer.sizes[dim] // tiling.size(dim))
    if _conflicts(layer, tiling, cache_bytes):
        kept["weights"] = ""
    return kept


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


def _conflicts(layer: ConvLayer, tiling: ConvTiling, cache_bytes: int) -> bool:
    """Whether a tile's weights, rows a power of two apart, fall into too few sets to stay."""
    pitch = layer.filters
    if pitch <= LINE_BYTES or pitch & (pitch - 1):
        return False
    reachable = cache_bytes // pitch  # lines in the sets they fall into, over all ways
    return reachable < tiling.C * tiling.S * tiling.R
