"""Gemmini's loops over many ops at once, and over one."""

from __future__ import annotations

import sys
from math import prod
from typing import NamedTuple

import numpy as np

from accel_models.design.unit_sections import streaming_of
from accel_models.units.gemmini import conv, conv_loads, machine, matmul, matmul_loads, tiling
from accel_models.units.gemmini.conv import conv_run
from accel_models.units.gemmini.machine import GemminiMachine, Run, typed
from accel_models.units.gemmini.matmul import product_run
from accel_models.units.gemmini.memory import dma, queues, reuse, traffic
from accel_models.units.gemmini.memory.queues import BEATS, idle_queue
from accel_models.units.gemmini.memory.reuse import NOTHING_CACHED, Shares
from accel_models.units.gemmini.tiling import (
    ConvLayer,
    ConvTiling,
    GemminiDataflow,
    Product,
    default_matmul_tiling,
    sizes_of,
)
from traces import Floats, Ints, Loop, UnsupportedError

MOST_STEPS = 1 << 22  # of one op; Choice: one to three seconds, 75 times a ResNet-50's largest layer


def _layers(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    rows: Ints,
    tiles: Ints,
    order: Ints,
    machine: GemminiMachine,
    found: Shares,
    spread: Floats,
    bias: bool,
    results: Floats,
) -> None:
    for i in range(len(rows)):
        r = rows[i]
        layer = ConvLayer(
            int(r[0]), int(r[1]), int(r[2]), int(r[3]), int(r[4]), int(r[5]), int(r[6]), int(r[7]), int(r[8]),
            int(r[9]), int(r[10]), int(r[11]), int(r[12]), int(r[13]), int(r[14]), int(r[15]), int(r[16]), int(r[17]),
        )  # fmt: skip
        run = conv_run(layer, tiles[i], order, machine, found[i], spread[i], bias)
        for j, value in enumerate(run):
            results[i, j] = value


def _products(  # noqa: PLR0913, PLR0917  # as above
    rows: Ints,
    tiles: Ints,
    is_os: bool,
    machine: GemminiMachine,
    found: Shares,
    spread: Floats,
    bias: bool,
    results: Floats,
    beats: Floats,
) -> None:
    for i in range(len(rows)):
        product = Product(int(rows[i, 0]), int(rows[i, 1]), int(rows[i, 2]))
        loads, stores = idle_queue(), idle_queue()
        run = product_run(product, tiles[i], is_os, machine, found[i], spread[i], bias, loads, stores)
        beats[i, 0], beats[i, 1] = loads[BEATS], stores[BEATS]
        for j, value in enumerate(run):
            results[i, j] = value


_MODULES = (
    conv,
    conv_loads,
    dma,
    machine,
    matmul,
    matmul_loads,
    queues,
    reuse,
    tiling,
    traffic,
    sys.modules[__name__],
)
TO_COMPILE_US = 20_000_000.0  # Choice: what compiling takes
_LAYERS, _PRODUCTS = (Loop(loop, _MODULES, to_compile_us=TO_COMPILE_US) for loop in (_layers, _products))
# Measured on a server's core, which decides about compiling alone [us].
_TILE_US = 90.0
_LAYER_US = 400.0  # to find out what caches keep
_COMMAND_US = 12.0


def _layers_us(layers: Ints, tiles: Ints) -> float:
    """Return what walking the tiles of each layer takes, about [us]."""
    sizes = layers[:, [14, 12, 13, 3, 4, 5, 2]]  # of N, Q, P, K, S, R, C
    return float((-(-sizes // tiles)).prod(axis=1).sum() * _TILE_US + len(layers) * _LAYER_US)


def _products_us(products: Ints, tiles: Ints, machine: GemminiMachine) -> float:
    """Return what walking the commands takes, about; each operand comes again for every tile of the other [us]."""
    sizes = products[:, [0, 2, 1]]  # M, N, K
    times = -(-sizes // tiles)
    m, n, k = (-(-sizes // np.array([machine.rows, machine.cols, machine.rows]))).T
    commands = m * k * times[:, 1] + k * n * times[:, 0] + m * n
    return float(commands.sum() * _COMMAND_US + len(products) * _LAYER_US)


class Fetches(NamedTuple):
    """What the loads of ``n`` ops bring beside their packed operands, and what they find."""

    found: Shares | None = None
    """Shares of inputs, weights and outputs that lie in each cache before, (n, 2, 3) or (2, 3); none if left out."""
    weight_spread: Floats | None = None
    """Lines of weights fetched for each that holds them packed, shape (n,); 1 if left out."""
    bias: bool = False
    """A bias is loaded into the accumulator."""

    def of(self, ops: int) -> tuple[Shares, Floats]:
        """Return found shares and spread of so many ops."""
        shares = NOTHING_CACHED if self.found is None else self.found
        spread = np.ones(ops) if self.weight_spread is None else self.weight_spread
        return np.array(np.broadcast_to(shares, (ops, 2, 3)), order="C"), spread


PACKED = Fetches()


def run_layers(
    layers: Ints, tiles: Ints, order: Ints, machine: GemminiMachine, fetches: Fetches = PACKED
) -> Floats:
    """Return what ``n`` convolutions take, (n, fields of :class:`Run`).

    See :func:`accel_models.units.gemmini.conv.conv_run`.

    Parameters
    ----------
    layers
        Fields of :class:`ConvLayer`, none of the sizes zero, shape (n, 18).
    tiles
        Sizes of each one's tiles, shape (n, 7).
    order
        The loops over tiles, outermost first.
    machine
        Gemmini and its memory.
    fetches
        What their loads find and bring.
    """
    results = np.empty((len(layers), len(Run._fields)))
    found, spread = fetches.of(len(layers))
    packed = _packed(layers), _packed(tiles)
    _LAYERS(_layers_us(layers, tiles), *packed, order, typed(machine), found, spread, fetches.bias, results)
    return results


def run_products(  # noqa: PLR0913  # as above, and where beats are counted
    products: Ints,
    tiles: Ints,
    dataflow: GemminiDataflow,
    machine: GemminiMachine,
    fetches: Fetches = PACKED,
    *,
    beats: Floats | None = None,
) -> Floats:
    """Return what ``n`` products of M, K, N take, cut into ``tiles`` along M, N, K; both of shape (n, 3).

    ``beats`` (n, 2), if given, receives the beats loaded and stored through the port.
    """
    results = np.empty((len(products), len(Run._fields)))
    moved = np.empty((len(products), 2)) if beats is None else beats
    found, spread = fetches.of(len(products))
    walk, packed = _products_us(products, tiles, machine), (_packed(products), _packed(tiles))
    is_os = streaming_of(dataflow).sums_stay
    _PRODUCTS(walk, *packed, is_os, typed(machine), found, spread, fetches.bias, results, moved)
    return results


def _packed(values: Ints) -> Ints:
    """Return the values as the loops are compiled for: a view would have them compiled once more."""
    return np.array(values, np.int64, order="C")


def check_walk(what: str, steps: int, named: str) -> None:
    """Refuse what would be walked for minutes, deaf to Ctrl-C."""
    if steps > MOST_STEPS:
        raise UnsupportedError(
            f"{what}: {steps:,} {named}, which are followed one by one; at most {MOST_STEPS:,}: split the op"
        )


def check_layer(layer: ConvLayer, machine: GemminiMachine, tiling: ConvTiling | None = None) -> None:
    """Refuse a convolution whose blocks, or whose tiles as a mapping cuts them, are too many to be followed."""
    n, q, p, k, s, r, c = sizes_of(layer).tolist()
    sides = (-(-n * q * p // machine.rows), s * r * -(-c // machine.rows), -(-k // machine.cols))
    check_walk("layer", prod(sides), "blocks of Gemmini's array")
    if tiling is not None:
        tiles = (
            -(-size // tile) for size, tile in zip((n, q, p, k, s, r, c), tiling.sizes.tolist(), strict=True)
        )
        check_walk("layer", prod(tiles), "tiles of its mapping")


def conv_cycles(
    layer: ConvLayer,
    tiling: ConvTiling,
    machine: GemminiMachine,
    *,
    found: Shares | None = None,
    bias: bool = False,
) -> int:
    """Cycles of one convolution from the first command to the last result in memory."""
    rows, tiles = np.array([layer], np.int64), tiling.sizes[None]
    return round(float(run_layers(rows, tiles, tiling.loops, machine, Fetches(found, bias=bias))[0, 0]))


def matmul_cycles(
    product: Product, dataflow: GemminiDataflow, machine: GemminiMachine, *, bias: bool = False
) -> int:
    """Cycles of one product, cut by the library's rule; a skipped one has a zero size and costs nothing."""
    if not product.m * product.k * product.n:
        return 0
    tiles = product_tile(product, dataflow, machine)[None]
    return round(float(run_products(np.array([product]), tiles, dataflow, machine, Fetches(bias=bias))[0, 0]))


def product_tile(product: Product, dataflow: GemminiDataflow, machine: GemminiMachine) -> Ints:
    """Return the sizes of a product's tiles along M, N, K, by the library's rule."""
    tiling = default_matmul_tiling(product, dataflow, machine)
    sides = (machine.rows, machine.cols, machine.rows)
    return np.array([blocks * side for blocks, side in zip(tiling, sides, strict=True)], np.int64)
