"""How ops are cut for Gemmini: by the rules of its library, or as a DOSA mapping says.

A tile of a convolution is a box of images (N), output rows (Q), output columns (P), filters (K), kernel rows (S),
kernel columns (R) and input channels (C), the letters of DOSA's mappings; ``order`` lists the loops over tiles
from the outermost in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt
from typing import Literal, NamedTuple

import numpy as np

from accel_models.design.unit_sections import streaming_of
from accel_models.units.gemmini.machine import GemminiMachine
from traces import ConfigError, Ints, compiled

GemminiDataflow = Literal["ws", "os"]  # of a product

DIMS = ("N", "Q", "P", "K", "S", "R", "C")
LIBRARY_ORDER = "NQPKSRC"  # of tiled_conv in gemmini-rocc-tests


class ConvLayer(NamedTuple):
    """One convolution; where it is one group of several, the pitches are those of all of them."""

    in_height: int
    in_width: int
    channels: int
    filters: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    padding_top: int
    padding_left: int
    dilation_height: int
    dilation_width: int
    out_height: int
    out_width: int
    batch: int
    input_pitch: int  # bytes from one pixel to the next
    weight_pitch: int  # bytes from the weights of one input channel to those of the next
    output_pitch: int

    @classmethod
    def square(  # noqa: PLR0913  # the sizes of a layer
        cls, *, size: int, channels: int, filters: int, kernel: int, stride: int, padding: int
    ) -> ConvLayer:
        """Return a layer of one image that is square in every respect, of single bytes."""
        out = (size - kernel + 2 * padding) // stride + 1
        window = (kernel, kernel, stride, stride, padding, padding, 1, 1)
        return cls(size, size, channels, filters, *window, out, out, 1, channels, filters, filters)

    @property
    def sizes(self) -> dict[str, int]:
        """Loop bounds by DOSA's letters."""
        return dict(zip(DIMS, _bounds(self), strict=True))


def _bounds(layer: ConvLayer) -> tuple[int, ...]:
    kernel = (layer.kernel_height, layer.kernel_width)
    return (layer.batch, layer.out_height, layer.out_width, layer.filters, *kernel, layer.channels)


@compiled
def sizes_of(layer: ConvLayer) -> Ints:
    """Loop bounds in the order of ``DIMS``."""
    return np.array(
        [
            layer.batch,
            layer.out_height,
            layer.out_width,
            layer.filters,
            layer.kernel_height,
            layer.kernel_width,
            layer.channels,
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTiling:
    """Tile sizes by DOSA's letters, and the order of the loops over tiles, outermost first."""

    N: int = 1
    Q: int
    P: int
    K: int
    S: int
    R: int
    C: int
    order: str = LIBRARY_ORDER

    @classmethod
    def of(cls, sizes: Mapping[str, int], order: str = LIBRARY_ORDER) -> ConvTiling:
        """Build a tiling from sizes by letter."""
        return cls(**{dim: sizes[dim] for dim in DIMS}, order=order)

    @property
    def sizes(self) -> Ints:
        """Sizes in the order of ``DIMS``."""
        return np.array([getattr(self, dim) for dim in DIMS], np.int64)

    @property
    def loops(self) -> Ints:
        """The loops over tiles, outermost first, by their place in ``DIMS``."""
        return np.array([DIMS.index(dim) for dim in self.order], np.int64)


class Footprint(NamedTuple):
    """What a tile needs of each memory, or may take of it [B]."""

    scratchpad: int
    accumulator: int

    def holds(self, need: Footprint) -> bool:
        """Whether a tile that needs so much fits."""
        return need.scratchpad <= self.scratchpad and need.accumulator <= self.accumulator


@dataclass(frozen=True, slots=True)
class TilingSearch:
    """What the library's rule finds, and how many candidates its host weighs on the way."""

    tiling: ConvTiling
    candidates: int
    need: Footprint  # of one tile
    bound: Footprint

    @property
    def fits(self) -> bool:
        """Whether even the smallest tile does."""
        return self.bound.holds(self.need)


@lru_cache(maxsize=4096)
def search_tiling(layer: ConvLayer, machine: GemminiMachine) -> TilingSearch:
    """Cut a layer by the library's rule: shrink the largest size until it fits, then grow what still can.

    Half of each memory holds a tile, the other half the next.  Filters and channels shrink by whole rows of
    the array; output columns are spared once they are no more than those and there are rows left to cut.

    Source: the behaviour of ``tiled_conv_auto`` in ucb-bar/gemmini-rocc-tests @928aba8.
    """
    bound = Footprint(machine.tile_scratchpad_bytes, machine.tile_accumulator_bytes)
    sizes, candidates = layer.sizes, 1
    tile = dict(sizes)
    while not bound.holds(_need(layer, tile, machine)) and max(tile.values()) > 1:
        _shrink(tile, machine)
        candidates += 1
    for dims in (("P",), DIMS):
        grew = True
        while grew:
            grew = False
            for dim in dims:
                if tile[dim] >= sizes[dim]:
                    continue
                candidates += 1
                tile[dim] += 1
                fits = bound.holds(_need(layer, tile, machine))
                grew |= fits
                tile[dim] -= not fits
    return TilingSearch(ConvTiling.of(tile), candidates, _need(layer, tile, machine), bound)


def _shrink(tile: dict[str, int], machine: GemminiMachine) -> None:
    candidates = [dim for dim in DIMS if not (dim == "P" and tile["P"] <= machine.cols and tile["Q"] > 1)]
    largest = max(candidates, key=tile.__getitem__)  # the first of equals
    step = {"K": machine.cols, "C": machine.rows}.get(largest, 1)
    tile[largest] = max((tile[largest] - 1) // step * step, 1)


def _need(layer: ConvLayer, tile: Mapping[str, int], machine: GemminiMachine) -> Footprint:
    """Scratchpad for inputs and weights, accumulator for outputs; channels and filters in whole rows [B]."""
    in_rows = tile["Q"] * layer.stride_height + (tile["S"] - 1) * layer.dilation_height
    in_cols = tile["P"] * layer.stride_width + (tile["R"] - 1) * layer.dilation_width
    filters = -(-tile["K"] // machine.cols) * machine.cols
    inputs = -(-tile["C"] // machine.rows) * machine.rows * tile["N"] * in_rows * in_cols
    weights = filters * tile["S"] * tile["R"] * tile["C"]
    sums = filters * tile["N"] * tile["Q"] * tile["P"]
    loaded = inputs * machine.input_bytes + weights * machine.weight_bytes
    return Footprint(loaded, sums * machine.sum_bytes)


def dosa_tiling(mapping: str) -> ConvTiling:
    """Read a mapping of DOSA: ``L3[WIO] Q7 P7 - L2[WI] K16X - L1[O] K4 S7 C3X - L0[W] Q8 P4``.

    Each level lists loops, outermost first, with ``X`` behind spatial ones.  Levels 0 to 2 make up a tile;
    level 3 loops over tiles in DRAM.  Loops that it leaves out run once.
    """
    tile = dict.fromkeys(DIMS, 1)
    outer: list[str] = []
    for level in mapping.split(" - "):
        name, *loops = level.split() or [""]
        if name[:2] not in {"L0", "L1", "L2", "L3"}:
            raise ConfigError(f"mapping {mapping!r}: cannot read {level!r}; needs levels L3 to L0")
        for loop in loops:
            dim, count = loop[0], loop[1:].rstrip("X")
            if dim == "N" and count == "1":
                continue
            if dim not in tile or not count.isdigit():
                raise ConfigError(
                    f"mapping {mapping!r}: cannot read {loop!r}; needs a letter of {DIMS} and a count"
                )
            if name.startswith("L3"):
                outer.append(dim)
            else:
                tile[dim] *= int(count)
    idle = [dim for dim in LIBRARY_ORDER if dim not in outer]
    return ConvTiling.of(tile, "".join([*idle, *outer]))


class Product(NamedTuple):
    """(M, K) x (K, N), row-major."""

    m: int
    k: int
    n: int


class ProductTiling(NamedTuple):
    """Sizes of a tile in blocks of the array: of M, N and K."""

    i: int
    j: int
    k: int


@lru_cache(maxsize=4096)
def default_matmul_tiling(
    product: Product, dataflow: GemminiDataflow, machine: GemminiMachine
) -> ProductTiling:
    """Cut a product by the library's rule: start square, then grow each size in turn while it fits.

    In ws a tile may take half of each memory, in os all of it.

    Source: the behaviour of ``tiled_matmul_auto`` in ucb-bar/gemmini-rocc-tests @ab748c5; bytes moved by every run of
    analysis/validation/reference/gemmini_matmul_rtl.csv are met.
    """
    rows, cols = machine.rows, machine.cols
    spad, acc = machine.tile_scratchpad_bytes, machine.tile_accumulator_bytes
    if streaming_of(dataflow).sums_stay:
        spad, acc = machine.scratchpad_bytes, machine.accumulator_bytes
    limits = (-(-product.m // rows), -(-product.n // cols), -(-product.k // rows))
    block = (rows * rows * machine.input_bytes, rows * cols * machine.weight_bytes)
    square = max(1, isqrt(acc // (rows * cols * machine.sum_bytes)))
    deep = max(1, spad // 2 // max(block) // square)
    sizes = [min(limits[0], square), min(limits[1], square), min(limits[2], deep)]

    def fits(i: int, j: int, k: int) -> bool:
        within = i <= limits[0] and j <= limits[1] and k <= limits[2]
        loaded = (i * block[0] + j * block[1]) * k
        return within and loaded <= spad and i * j * rows * cols * machine.sum_bytes <= acc

    grew = True
    while grew:
        grew = False
        for axis in (1, 0, 2):  # N, M, K
            larger = [*sizes]
            larger[axis] += 1
            if fits(*larger):
                sizes, grew = larger, True
    return ProductTiling(*sizes)
