"""Gemmini in FireSim, as DOSA ran it: Rocket, 512 KiB of L2, DDR3 behind a 4 MiB cache; design ``gemmini_16x16``.

All layers of a workload ran in one program, one behind the other, over the same three arrays: each layer once with
the library's tiles, whose time is taken with the search of its host, and once with DOSA's.  So a layer finds in the
caches what the runs before it left of the bytes it shares with them.  Products ran in a program of their own, another
file of DOSA's with arrays of its own; operands lie there as they do here, row behind row, whatever the arrays' size.

The arrays have rows of 2,048 bytes, which the library does not follow: convolutions, 6 % off as they lie here,
would be 12 % off with weights 2,048 bytes apart and 43 % with all operands, at the same constants.

Not modelled: the program reads the clock behind the library's run before its last two tiles are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from accel_models import (
    Cached,
    ConvLayer,
    Design,
    cache_sizes,
    cached_shares,
    check_layer,
    conv_cycles,
    dosa_tiling,
    gemmini_of,
    place,
    price,
    skip,
)
from analysis.validation.arrays.systolic import TextColumns, ints
from simulator import estimate
from traces import GraphBuilder, NetworkGraph, Window, dense_workload

T = TypeVar("T")  # a layer, or one with what else a run of it needs


def firesim_layers(table: TextColumns) -> list[ConvLayer]:
    """Return the layers as the runs' program builds them: padding of half the kernel, input of P x stride."""
    names = ("C", "K", "P", "Q", "R", "S", "stride")
    rows = zip(*(ints(table, name).tolist() for name in names), strict=True)
    return [_layer(*row) for row in rows]


def _layer(  # noqa: PLR0913, PLR0917  # the letters of DOSA's problems
    channels: int, filters: int, width: int, height: int, kernel_width: int, kernel_height: int, stride: int
) -> ConvLayer:
    window = (kernel_height, kernel_width, stride, stride, kernel_height // 2, kernel_width // 2, 1, 1)
    size = (height * stride, width * stride, channels, filters)
    return ConvLayer(*size, *window, height, width, 1, channels, filters, filters)


def programs_of(layers: Sequence[ConvLayer], workloads: Iterable[str]) -> list[str]:
    """Return the name of the program that each layer of a workload ran in: products in one of their own."""
    return [
        f"{workload}, products" if _is_product(layer) else str(workload)
        for layer, workload in zip(layers, workloads, strict=True)
    ]


def _is_product(layer: ConvLayer) -> bool:
    one_tap = layer.kernel_height == layer.kernel_width == layer.stride_height == 1
    return one_tap and min(layer.out_height, layer.out_width) == 1


def in_programs(
    layers: Sequence[T], names: Sequence[str], cycles: Callable[[list[T]], list[int]]
) -> list[int]:
    """Return the cycles of layers of several programs by their names, each of which ran in this order."""
    result = [0] * len(layers)
    for name in dict.fromkeys(names):
        members = [i for i, other in enumerate(names) if other == name]
        for i, taken in zip(members, cycles([layers[i] for i in members]), strict=True):
            result[i] = taken
    return result


def program_cycles(layers: Sequence[ConvLayer], design: Design) -> list[int]:
    """Cycles of the library's run of each layer of one program, behind the runs before it."""
    found = _found(layers, design)[::2]
    return [_cycles_behind(layer, design, cached) for layer, cached in zip(layers, found, strict=True)]


def mapping_cycles(layers: Sequence[ConvLayer], mappings: Sequence[str], design: Design) -> list[int]:
    """Cycles of each layer cut as a DOSA mapping says, behind the library's run of the same layer."""
    machine, found = gemmini_of(design), _found(layers, design)[1::2]
    rows = zip(layers, mappings, found, strict=True)
    return [
        conv_cycles(layer, dosa_tiling(text), machine, found=np.array(there)) for layer, text, there in rows
    ]


def estimated_cycles(layer: ConvLayer, design: Design) -> int:
    """Cycles that ``lacuna estimate`` tells of one layer, a network of its own."""
    return estimate(_network(layer), design).rows[0].total_cycles


def check_run(layer: ConvLayer, design: Design, mapping: str | None = None) -> None:
    """Refuse a layer that no graph holds or that is too large to follow, cut as a mapping says if there is one."""
    _network(layer)
    check_layer(layer, gemmini_of(design), None if mapping is None else dosa_tiling(mapping))


def _network(layer: ConvLayer) -> NetworkGraph:
    builder = GraphBuilder("one", layer.channels, layer.in_height, layer.in_width)
    window = Window(
        kernel=(layer.kernel_height, layer.kernel_width),
        stride=(layer.stride_height, layer.stride_width),
        out=(layer.out_height, layer.out_width),
    )
    builder.conv("layer", builder.input, layer.filters, window)
    return builder.finish()


def _cycles_behind(layer: ConvLayer, design: Design, cached: Cached) -> int:
    """Price a layer that finds so much in the caches."""
    graph = _network(layer)
    (work,), (placement,) = skip(dense_workload(graph), design).states, place(graph, design)
    return int(price(work, replace(placement, cached=cached), design).alone_cycles[-1])


def _found(layers: Sequence[ConvLayer], design: Design) -> tuple[Cached, ...]:
    """Return what both runs of every layer find, the library's first."""
    program = []
    for layer in layers:
        weights = layer.kernel_height * layer.kernel_width * layer.channels * layer.filters
        inputs = ("input_array", layer.in_height * layer.in_width * layer.channels)
        outputs = ("output_mat", layer.out_height * layer.out_width * layer.filters)
        program += 2 * [(inputs, ("weights_mat", weights), outputs)]
    return cached_shares(program, cache_sizes(design), laps=1)
