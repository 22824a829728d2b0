"""Gemmini in FireSim, as DOSA ran it: Rocket, 512 KiB of L2, DDR3 behind a 4 MiB cache.

How far the fit carries: with latency, both first-touch costs, the cost of a page and overlap fitted on
every second layer alone, the layers left out are met within 7.1 % and 8.4 % (DOSA's mappings) and 12.7 % and
10.2 % (the library's rule) on average, 52 % at worst; without the cost of a page, 8.0 % and 8.5 %, 15.4 % and
12.9 %.  Fitting all the numbers on half of the layers is too much: single layers left out are then missed by
a factor of two.
"""

from __future__ import annotations

from dataclasses import replace

from accel_models.gemmini import Gemmini, conv_cycles
from accel_models.gemmini_dma import GemminiMemory
from accel_models.gemmini_tiling import ConvLayer, default_tiling, dosa_tiling

# The shape of each term is physics; the values named as fitted are fitted on the 94 runs of
# tables/reference/gemmini_firesim.csv.
MEMORY = GemminiMemory(
    latency_cycles=32.7,  # fitted
    l2_bytes=512 << 10,  # assumption: Chipyard's default
    line_cycles=1.55,  # fitted
    stride_factor=5.87,  # fitted
    page_cycles=10.9,  # fitted; that pages are translated at all is inferred from the layers' strides
    store_line_cycles=12.9,  # fitted
    first_input_cycles=24.0,  # fitted
    first_weight_cycles=13.7,  # fitted
    same_line_load_cycles=8.0,  # read off U-Net's first layer, one input channel
    same_line_store_cycles=20.0,  # read off U-Net's last layer, two filters
)
FIRESIM = Gemmini(memory=MEMORY, overlap=0.79)  # overlap fitted
LLC_BYTES = 4 << 20  # of FireSim's memory model


def firesim_cycles(layer: ConvLayer, mapping: str | None = None, machine: Gemmini = FIRESIM) -> int:
    """Cycles of one convolution, cut by the library's rule, or as a DOSA ``mapping`` says.

    DOSA's program runs each layer by the library's rule first.  So a mapping's run finds inputs and weights
    in the memory model's cache if they fit it, and the library's run does not.
    """
    if mapping is None:
        tiling = default_tiling(layer, machine.scratchpad_rows, machine.accumulator_rows)
        return conv_cycles(layer, tiling, machine)
    inputs = layer.in_height * layer.in_width * layer.channels
    weights = layer.kernel_height * layer.kernel_width * layer.channels * layer.filters
    if inputs + weights <= LLC_BYTES:
        memory = replace(machine.memory, first_input_cycles=0.0, first_weight_cycles=0.0)
        machine = replace(machine, memory=memory)
    return conv_cycles(layer, dosa_tiling(mapping), machine)
