"""Gemmini in FireSim, as DOSA ran it: Rocket, 512 KiB of L2, DDR3 behind a 4 MiB cache; design ``gemmini_16x16``.

The program measures the library's run first and the mapping's behind it, so the mapping finds a small layer in
the caches; and it measures the library's function whole, with the search for a tiling that the host does.

How far the fit of the design's queues carries: with all five numbers fitted on every second layer alone, the
layers left out are met within 7.4 % and 5.5 % (DOSA's mappings) and 9.0 % and 12.0 % (the library's rule) on
average, 39 % at worst.

Not modelled: the program reads the clock behind the library's run before its last two tiles are done.
"""

from __future__ import annotations

from accel_models import (
    DRAM,
    LLC,
    ConvLayer,
    Design,
    conv_cycles,
    dosa_tiling,
    gemmini_of,
    place,
    price,
    skip,
)
from traces import GraphBuilder, Window, dense_workload


def estimated_cycles(layer: ConvLayer, design: Design) -> int:
    """Cycles of one layer, a network of its own, as ``lacuna estimate`` prices it."""
    builder = GraphBuilder("one", layer.channels, layer.in_height, layer.in_width)
    window = Window(
        kernel=(layer.kernel_height, layer.kernel_width),
        stride=(layer.stride_height, layer.stride_width),
        out=(layer.out_height, layer.out_width),
    )
    builder.conv("layer", builder.input, layer.filters, window)
    graph = builder.finish()
    (work,), (placement,) = skip(dense_workload(graph), design).states, place(graph, design)
    return int(price(work, placement, design).alone_cycles[-1])


def mapping_cycles(layer: ConvLayer, mapping: str, design: Design) -> int:
    """Cycles of one layer cut as a DOSA ``mapping`` says, behind the library's run of the same layer."""
    machine = gemmini_of(design)
    touched = layer.in_height * layer.in_width * layer.channels
    touched += layer.kernel_height * layer.kernel_width * layer.channels * layer.filters
    found_in = LLC if touched <= machine.memory.llc_bytes else DRAM
    return conv_cycles(layer, dosa_tiling(mapping), machine, found_in=found_in)
