"""What one op takes on Gemmini: the value that its loops return."""

from __future__ import annotations

from typing import NamedTuple


class Run(NamedTuple):
    """Cycles and counts of one op alone, over all its tiles."""

    total: float  # from the first command to the last result in memory [cycles]
    load: float  # of that each queue works [cycles]
    execute: float
    store: float
    first_load: float  # until the array can begin [cycles]
    last_execute: float  # left for the array when the last tile has landed [cycles]
    dram_input_bytes: float  # lines that no cache held, whole [B]
    dram_weight_bytes: float
    dram_output_bytes: float
    loaded_input_bytes: float  # into the scratchpad, from wherever [B]
    loaded_weight_bytes: float
    array_input_reads: float  # from the scratchpad into the array [elements]
    array_weight_reads: float  # [elements]
    array_sums: float  # written into the accumulator, sums in between included [elements]
