"""Gemmini in FireSim, as DOSA ran it: Rocket, 512 KiB of L2, DDR3 behind a 4 MiB cache.

The program measures the library's run first and the mapping's behind it, so the mapping finds a small layer in
the caches; and it measures the library's function whole, with the search for a tiling that the host does.

How far the fit carries: with all five numbers fitted on every second layer alone, the layers left out are met
within 7.4 % and 5.5 % (DOSA's mappings) and 9.0 % and 12.0 % (the library's rule) on average, 39 % at worst.

Not modelled: the program reads the clock behind the library's run before its last two tiles are done.
"""

from __future__ import annotations

from dataclasses import replace

from accel_models.gemmini import Gemmini, conv_cycles
from accel_models.gemmini_dma import GemminiMemory
from accel_models.gemmini_matmul import matmul_cycles
from accel_models.gemmini_matmul_tiling import Product
from accel_models.gemmini_tiling import ConvLayer, dosa_tiling, search_tiling

# The shape of each term is physics; the values named as fitted are fitted on the 94 runs of
# tables/reference/gemmini_firesim.csv.
MEMORY = GemminiMemory(
    latency_cycles=25.0,  # assumption: a hit in Chipyard's L2
    l2_bytes=512 << 10,  # assumption: Chipyard's default
    llc_bytes=4 << 20,  # of FireSim's memory model
    line_cycles=11.9,  # fitted
    conflict_cycles=9.46,  # fitted
    page_cycles=6.98,  # fitted; that pages are translated at all is inferred from the layers' strides
    same_line_load_cycles=8.0,  # read off U-Net's first layer, one input channel
    same_line_store_cycles=20.0,  # read off U-Net's last layer, two filters
)
FIRESIM = Gemmini(memory=MEMORY, overlap=0.74)  # overlap fitted
CANDIDATE_CYCLES = 189.0  # fitted: of the host, per candidate the library's search weighs


def firesim_cycles(layer: ConvLayer, mapping: str | None = None, machine: Gemmini = FIRESIM) -> int:
    """Cycles of one convolution, cut by the library's rule, or as a DOSA ``mapping`` says.

    Layers of one row of pixels and one tap are products to DOSA's program, cut by the library's rule for them.
    """
    if mapping is not None:
        touched = layer.in_height * layer.in_width * layer.channels
        touched += layer.kernel_height * layer.kernel_width * layer.channels * layer.filters
        warm = touched <= machine.memory.llc_bytes
        return conv_cycles(
            layer, dosa_tiling(mapping), replace(machine, memory=replace(machine.memory, warm=warm))
        )
    if layer.out_height == layer.kernel_height == layer.kernel_width == 1:
        product = Product(m=layer.out_width, k=layer.channels, n=layer.filters)
        return matmul_cycles(product, "ws", machine)
    search = search_tiling(layer, machine.scratchpad_rows, machine.accumulator_rows)
    return conv_cycles(layer, search.tiling, machine) + round(search.candidates * CANDIDATE_CYCLES)
