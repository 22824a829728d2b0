"""How the library cuts a product for Gemmini: start square, then grow each size in turn while it fits.

Source: the behaviour of ``tiled_matmul_auto`` in ucb-bar/gemmini-rocc-tests @ab748c5; bytes moved by every
run of tables/reference/gemmini_matmul_rtl.csv are met.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Literal

from accel_models.gemmini_tiling import SIDE, ConvLayer, ConvTiling

Dataflow = Literal["ws", "os"]
Span = tuple[int, int]  # start and length
LOOP_ORDER = "QPKSRC"  # M outermost, then N, then K, by the letters of a convolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """(M, K) x (K, N), row-major, 8 bits in and out."""

    m: int
    k: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTile:
    """One tile, and what of it must move."""

    rows: Span  # of M
    depth: Span  # of K
    cols: Span  # of N
    loads_inputs: bool
    loads_weights: bool
    begins: bool  # its sums
    ends: bool  # its sums, and stores them

    @property
    def box(self) -> dict[str, Span]:
        """The same tile as one of a 1 x 1 convolution."""
        one = (0, 1)
        return {"Q": one, "P": self.rows, "K": self.cols, "S": one, "R": one, "C": self.depth}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTiling:
    """Sizes of a tile in blocks of 16 x 16, and who reuses what."""

    i: int
    j: int
    k: int
    dataflow: Dataflow

    def as_convolution(self, product: Product) -> tuple[ConvLayer, ConvTiling]:
        """Return the same loops over the same bytes as a 1 x 1 convolution of one row of pixels."""
        layer = ConvLayer(
            in_height=1,
            in_width=product.m,
            channels=product.k,
            filters=product.n,
            kernel_height=1,
            kernel_width=1,
            stride=1,
            padding=0,
            out_height=1,
            out_width=product.m,
        )
        sizes = {"P": min(self.i * SIDE, product.m), "K": min(self.j * SIDE, product.n)}
        return layer, ConvTiling(Q=1, S=1, R=1, C=min(self.k * SIDE, product.k), order=LOOP_ORDER, **sizes)

    def tiles(self, product: Product) -> Iterator[ProductTile]:
        """Yield tiles in program order, K innermost.

        In ws, an operand that makes up at most two tiles stays in the scratchpad's two halves.
        """
        rows = list(_spans(product.m, self.i * SIDE))
        cols = list(_spans(product.n, self.j * SIDE))
        depths = list(_spans(product.k, self.k * SIDE))
        keeps = self.dataflow == "ws"
        keeps_inputs = keeps and len(rows) * len(depths) <= 2
        keeps_weights = keeps and len(cols) * len(depths) <= 2
        for row in rows:
            for col in cols:
                for depth in depths:
                    yield ProductTile(
                        rows=row,
                        depth=depth,
                        cols=col,
                        loads_inputs=not (keeps_inputs and col[0] > 0),
                        loads_weights=not (keeps_weights and row[0] > 0),
                        begins=depth[0] == 0,
                        ends=depth == depths[-1],
                    )


def default_matmul_tiling(
    product: Product, dataflow: Dataflow, scratchpad_rows: int, accumulator_rows: int
) -> ProductTiling:
    """Cut a product by the library's rule; in ws a tile may take half of each memory, in os all of it."""
    halves = 2 if dataflow == "ws" else 1
    spad, acc = scratchpad_rows // halves, accumulator_rows // halves
    limits = tuple(-(-size // SIDE) for size in (product.m, product.n, product.k))
    square = isqrt(acc // SIDE)
    deep = spad // 2 // SIDE // square
    sizes = [min(limits[0], square), min(limits[1], square), min(limits[2], deep)]

    def fits(i: int, j: int, k: int) -> bool:
        within = i <= limits[0] and j <= limits[1] and k <= limits[2]
        return within and (i + j) * k * SIDE <= spad and i * j * SIDE <= acc

    grew = True
    while grew:
        grew = False
        for axis in (1, 0, 2):  # N, M, K
            larger = [*sizes]
            larger[axis] += 1
            if fits(*larger):
                sizes, grew = larger, True
    return ProductTiling(i=sizes[0], j=sizes[1], k=sizes[2], dataflow=dataflow)


def _spans(size: int, piece: int) -> Iterator[Span]:
    for start in range(0, size, piece):
        yield start, min(piece, size - start)
