"""Rows of systolic arrays and of Gemmini: the calls that the shipped comparisons make, row by row."""

from __future__ import annotations

import re
from typing import cast

import numpy as np

from accel_models import Array, Dataflow, Gemms, compute_cycles, load_design
from analysis.validation.array import (
    array_of,
    by_size,
    count_scale_sim_accesses,
    staircase_cycles,
    table_of,
)
from analysis.validation.gemmini import (
    convolution_cycles,
    firesim_layers,
    load_cycles,
    product_cycles,
    store_cycles,
)
from analysis.validation.gemmini_firesim import estimated_cycles, mapping_cycles
from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, number

_LATENCIES = re.compile(r"LM=(\d+) LA=(\d+)")
_BIAS = re.compile(r"bias=(\d)")
RUNS = ("run_1_cycles", "run_2_cycles", "run_3_cycles")
LAYER = "layer_CxKxPxQxRxSxstride"


def scale_sim(row: Row) -> tuple[float, float]:
    """Compute cycles, no stalls."""
    return number(row, "total_cycles"), float(by_size(table_of([row]), compute_cycles)[0])


def scale_sim_accesses(row: Row) -> tuple[float, float]:
    """Count reads and writes of the three buffers together."""
    counted = sum(number(row, c) for c in ("if_sram_reads", "fl_sram_reads", "of_sram_writes"))
    return counted, float(by_size(table_of([row]), count_scale_sim_accesses)[0])


def rtl(row: Row) -> tuple[float, float]:
    """Cycles of a product on an array whose operands are at hand, or on Gemmini with its memory."""
    measured = number(row, "cycles")
    if "end-to-end" in row["level"]:
        found = _BIAS.search(row.get("notes", ""))
        table = table_of([{**row, "bias": found[1] if found else "0"}])
        return measured, float(product_cycles(table, cast("Dataflow", row["dataflow"].lower()))[0])
    sizes = [int(number(row, size)) for size in "MKN"]
    return measured, float(compute_cycles(_array(row), Gemms.of(*sizes))[0])


def _array(row: Row) -> Array:
    rows, cols = int(number(row, "rows")), int(number(row, "cols"))
    array = array_of(row["design"], rows, cols, row["dataflow"].lower())
    latencies = _LATENCIES.search(row.get("notes", ""))
    if row["design"] == "axis_sa" and latencies:  # F K + R + 2C - 2 + LM + LA
        overhead = int(latencies[1]) + int(latencies[2])
        return array.model_copy(update={"gemm_overhead_cycles": overhead})
    return array


def zigzag(row: Row) -> tuple[float, float]:
    """Cycles of a 3x3 convolution on 28x28 pixels as its channels are gated."""
    return number(row, "latency_cycles"), float(staircase_cycles(table_of([row]))[0])


def gemmini_convolution(row: Row) -> tuple[float, float]:
    """Cycles of a whole convolution from an ideal memory."""
    return number(row, "cycles"), float(convolution_cycles(table_of([row]))[0])


def gemmini_dma(row: Row) -> tuple[float, float]:
    """Cycles of a train of loads, or of stores out of the accumulator."""
    if row["op"] == "MVOUT" and row["accumulator"] != "1":
        raise NotCovered("stores out of the scratchpad are not modelled")
    cycles = load_cycles if row["op"] == "MVIN" else store_cycles
    return number(row, "cycles"), cycles(table_of([row]))[0]


def firesim(row: Row) -> tuple[float, float]:
    """Cycles of a layer with the library's tiling, one run."""
    return number(row, "cycles_gemmini_default_tiler"), _firesim_estimate(row)


def firesim_mapping(row: Row) -> tuple[float, float]:
    """Cycles of a layer cut as its mapping says."""
    (layer,) = firesim_layers(table_of([row]))
    return number(row, "cycles_dosa_mapping"), mapping_cycles(
        layer, row["mapping"], load_design("gemmini_16x16")
    )


def firesim_repeats(row: Row) -> tuple[float, float]:
    """Mean cycles of the runs of a layer with the library's tiling."""
    sizes = row[LAYER].split("x")
    names = ("C", "K", "P", "Q", "R", "S", "stride")
    if len(sizes) != len(names):
        raise NotCovered(f"{LAYER} = {row[LAYER]!r}: needs {len(names)} sizes")
    runs = [number(row, run) for run in RUNS if row.get(run)]
    if not runs:
        raise NotCovered("no run")
    return float(np.mean(runs)), _firesim_estimate(dict(zip(names, sizes, strict=True)))


def _firesim_estimate(row: Row) -> float:
    (layer,) = firesim_layers(table_of([row]))
    return float(estimated_cycles(layer, load_design("gemmini_16x16")))
