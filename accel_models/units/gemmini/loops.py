"""Gemmini's loops over many ops at once, and over one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from accel_models.units.gemmini import conv, conv_loads, machine, matmul, matmul_loads, tiling
from accel_models.units.gemmini.compiled import compiled_and_kept, sources_of
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
)
from traces import Floats, Ints

Loop = Callable[..., None]


def _bind(sources: str) -> tuple[Loop, Loop]:
    """Return the compiled loops over layers and over products, kept on disk for these ``sources``."""

    @compiled_and_kept
    def layers(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917  # compiled
        rows, tiles, order, machine, found, spread, bias, results
    ):
        _ = sources
        for i in range(len(rows)):
            r = rows[i]
            layer = ConvLayer(
                r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
                r[15], r[16], r[17],
            )  # fmt: skip
            run = conv_run(layer, tiles[i], order, machine, found[i], spread[i], bias)
            for j, value in enumerate(run):
                results[i, j] = value

    @compiled_and_kept
    def products(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917  # compiled
        rows, tiles, is_os, machine, found, spread, bias, results, beats
    ):
        _ = sources
        for i in range(len(rows)):
            product = Product(rows[i, 0], rows[i, 1], rows[i, 2])
            loads, stores = idle_queue(), idle_queue()
            run = product_run(product, tiles[i], is_os, machine, found[i], spread[i], bias, loads, stores)
            beats[i, 0], beats[i, 1] = loads[BEATS], stores[BEATS]
            for j, value in enumerate(run):
                results[i, j] = value

    return layers, products


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
)
_LAYERS, _PRODUCTS = _bind(sources_of(*_MODULES))


def run_layers(  # noqa: PLR0913  # one argument per thing that decides a run
    layers: Ints,
    tiles: Ints,
    order: Ints,
    machine: GemminiMachine,
    *,
    found: Shares | None = None,
    weight_spread: Floats | None = None,
    bias: bool = False,
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
    found
        Shares of inputs, weights and outputs that lie in each cache before, shape (n, 2, 3); none if left out.
    weight_spread
        Lines of weights fetched for each that holds them packed, shape (n,); 1 if left out.
    bias
        A bias is loaded into the accumulator.
    """
    results = np.empty((len(layers), len(Run._fields)))
    cached = _found(found, len(layers))
    spread = np.ones(len(layers)) if weight_spread is None else weight_spread
    _LAYERS(_packed(layers), _packed(tiles), order, typed(machine), cached, spread, bias, results)
    return results


def run_products(  # noqa: PLR0913  # as above
    products: Ints,
    tiles: Ints,
    dataflow: GemminiDataflow,
    machine: GemminiMachine,
    *,
    found: Shares | None = None,
    weight_spread: Floats | None = None,
    bias: bool = False,
    beats: Floats | None = None,
) -> Floats:
    """Return what ``n`` products of M, K, N take, cut into ``tiles`` along M, N, K; both of shape (n, 3).

    ``beats`` (n, 2), if given, receives the beats loaded and stored through the port.
    """
    results = np.empty((len(products), len(Run._fields)))
    spread = np.ones(len(products)) if weight_spread is None else weight_spread
    moved = np.empty((len(products), 2)) if beats is None else beats
    cached, is_os = _found(found, len(products)), dataflow == "os"
    _PRODUCTS(_packed(products), _packed(tiles), is_os, typed(machine), cached, spread, bias, results, moved)
    return results


def _found(found: Shares | None, ops: int) -> Shares:
    return np.array(np.broadcast_to(NOTHING_CACHED if found is None else found, (ops, 2, 3)), order="C")


def _packed(values: Ints) -> Ints:
    """Return the values as the loops are compiled for: a view would have them compiled once more."""
    return np.array(values, np.int64, order="C")


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
    return round(float(run_layers(rows, tiles, tiling.loops, machine, found=found, bias=bias)[0, 0]))


def matmul_cycles(
    product: Product, dataflow: GemminiDataflow, machine: GemminiMachine, *, bias: bool = False
) -> int:
    """Cycles of one product, cut by the library's rule; a skipped one has a zero size and costs nothing."""
    if not product.m * product.k * product.n:
        return 0
    tiles = product_tile(product, dataflow, machine)[None]
    return round(float(run_products(np.array([product]), tiles, dataflow, machine, bias=bias)[0, 0]))


def product_tile(product: Product, dataflow: GemminiDataflow, machine: GemminiMachine) -> Ints:
    """Return the sizes of a product's tiles along M, N, K, by the library's rule."""
    tiling = default_matmul_tiling(product, dataflow, machine)
    sides = (machine.rows, machine.cols, machine.rows)
    return np.array([blocks * side for blocks, side in zip(tiling, sides, strict=True)], np.int64)
