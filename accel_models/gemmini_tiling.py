"""How a convolution is cut for Gemmini: by the rule of its library, or as a DOSA mapping says.

A tile is a box of output rows (Q), output columns (P), filters (K), kernel rows (S), kernel columns (R) and
input channels (C), the letters of DOSA's mappings; ``order`` lists the loops over tiles from the outermost
in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from traces.errors import ConfigError

SIDE = 16  # rows and columns of the array, and elements of a scratchpad row
LIBRARY_ORDER = "QPKSRC"  # of tiled_conv in gemmini-rocc-tests
DIMS = ("Q", "P", "K", "S", "R", "C")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvLayer:
    """One convolution, batch 1, square in stride and padding."""

    in_height: int
    in_width: int
    channels: int
    filters: int
    kernel_height: int
    kernel_width: int
    stride: int
    padding: int
    out_height: int
    out_width: int

    @property
    def sizes(self) -> dict[str, int]:
        """Loop bounds by DOSA's letters."""
        return {
            "Q": self.out_height,
            "P": self.out_width,
            "K": self.filters,
            "S": self.kernel_height,
            "R": self.kernel_width,
            "C": self.channels,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvTiling:
    """Tile sizes by DOSA's letters, and the order of the loops over tiles, outermost first."""

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
        return cls(
            Q=sizes["Q"], P=sizes["P"], K=sizes["K"], S=sizes["S"], R=sizes["R"], C=sizes["C"], order=order
        )

    def size(self, dim: str) -> int:
        """Return the tile's size along ``dim``."""
        return int(getattr(self, dim))

    def resized(self, dim: str, size: int) -> ConvTiling:
        """Return the same tiling with another size along ``dim``."""
        return self.of({**{name: self.size(name) for name in DIMS}, dim: size}, self.order)

    def boxes(self, layer: ConvLayer) -> Iterator[dict[str, tuple[int, int]]]:
        """Yield every tile in program order: (start, length) by letter; the last ones are cut short."""
        sizes = layer.sizes
        for starts in product(*(range(0, sizes[dim], self.size(dim)) for dim in self.order)):
            yield {
                dim: (start, min(self.size(dim), sizes[dim] - start))
                for dim, start in zip(self.order, starts, strict=True)
            }


@dataclass(frozen=True, slots=True)
class TilingSearch:
    """What the library's rule finds, and how many candidates its host weighs on the way."""

    tiling: ConvTiling
    candidates: int


def default_tiling(layer: ConvLayer, scratchpad_rows: int, accumulator_rows: int) -> ConvTiling:
    """Cut a layer by the library's rule; see :func:`search_tiling`."""
    return search_tiling(layer, scratchpad_rows, accumulator_rows).tiling


def search_tiling(layer: ConvLayer, scratchpad_rows: int, accumulator_rows: int) -> TilingSearch:
    """Cut a layer by the library's rule: shrink the largest size until it fits, then grow what still can.

    Half of each memory holds a tile, the other half the next.  Filters and channels shrink by whole rows of
    the array; output columns are spared once they are no more than 16 and there are rows left to cut.

    Source: the behaviour of ``tiled_conv_auto`` in ucb-bar/gemmini-rocc-tests @928aba8.
    """
    halves = (scratchpad_rows // 2, accumulator_rows // 2)
    tile, candidates = ConvTiling.of(layer.sizes), 1
    while not _fits(layer, tile, halves):
        tile, candidates = _shrunk(tile), candidates + 1
    for dims in (("P",), DIMS):
        grew = True
        while grew:
            grew = False
            for dim in dims:
                if tile.size(dim) >= layer.sizes[dim]:
                    continue
                candidates += 1
                larger = tile.resized(dim, tile.size(dim) + 1)
                if _fits(layer, larger, halves):
                    tile, grew = larger, True
    return TilingSearch(tile, candidates)


def _shrunk(tile: ConvTiling) -> ConvTiling:
    candidates = [dim for dim in DIMS if not (dim == "P" and tile.P <= SIDE and tile.Q > 1)]
    largest = max(candidates, key=tile.size)  # the first of equals
    size = tile.size(largest)
    step = SIDE if largest in {"K", "C"} else 1
    return tile.resized(largest, max((size - 1) // step * step, 1))


def _fits(layer: ConvLayer, tile: ConvTiling, halves: tuple[int, int]) -> bool:
    """Whether inputs and weights fit the scratchpad's rows, and outputs the accumulator's."""
    in_rows = tile.Q * layer.stride + tile.S - 1
    in_cols = tile.P * layer.stride + tile.R - 1
    inputs = -(-tile.C // SIDE) * in_rows * in_cols
    weights = -(-tile.K // SIDE) * tile.S * tile.R * tile.C
    outputs = -(-tile.K // SIDE) * tile.Q * tile.P
    return inputs + weights <= halves[0] and outputs <= halves[1]


def dosa_tiling(mapping: str) -> ConvTiling:
    """Read a mapping of DOSA: ``L3[WIO] Q7 P7 - L2[WI] K16X - L1[O] K4 S7 C3X - L0[W] Q8 P4``.

    Each level lists loops, outermost first, with ``X`` behind spatial ones.  Levels 0 to 2 make up a tile;
    level 3 loops over tiles in DRAM.  Loops that it leaves out run once.
    """
    tile = dict.fromkeys(DIMS, 1)
    outer: list[str] = []
    for level in mapping.split(" - "):
        name, *loops = level.split()
        for loop in loops:
            dim, count = loop[0], loop[1:].rstrip("X")
            if dim == "N":
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
