"""How the library cuts a product for Gemmini: start square, then grow each size in turn while it fits.

Source: the behaviour of ``tiled_matmul_auto`` in ucb-bar/gemmini-rocc-tests @ab748c5; bytes moved by every
run of analysis/validation/reference/gemmini_matmul_rtl.csv are met.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import Literal, NamedTuple

from accel_models.units.gemmini.machine import Gemmini

Dataflow = Literal["ws", "os"]


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
def default_matmul_tiling(product: Product, dataflow: Dataflow, machine: Gemmini) -> ProductTiling:
    """Cut a product by the library's rule; in ws a tile may take half of each memory, in os all of it."""
    rows, cols = machine.rows, machine.cols
    spad = machine.tile_scratchpad_bytes if dataflow == "ws" else machine.scratchpad_bytes
    acc = machine.tile_accumulator_bytes if dataflow == "ws" else machine.accumulator_bytes
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
