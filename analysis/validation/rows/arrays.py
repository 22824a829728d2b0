"""Rows of systolic arrays and of Gemmini: the calls that the shipped comparisons make, row by row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import prod
from typing import cast

import numpy as np

from accel_models import (
    ConvLayer,
    Design,
    GemminiDataflow,
    altered,
    load_design,
)
from analysis.validation.arrays.firesim import (
    check_run,
    firesim_layers,
    in_programs,
    mapping_cycles,
    program_cycles,
    programs_of,
)
from analysis.validation.arrays.gemmini import (
    convolution_cycles,
    load_cycles,
    product_cycles,
    store_cycles,
)
from analysis.validation.arrays.systolic import (
    array_design,
    product_cycles_at_hand,
    scale_sim_totals,
    scale_sim_words,
    staircase_cycles,
    table_of,
)
from analysis.validation.reference_rows import Row
from analysis.validation.rows.gemmini_dynamic import input_cycles, layer_cycles
from analysis.validation.rows.kind import NotCovered, Outcome, Pair, Skipped, compared, number, whole
from traces import LacunaError

_LATENCIES = re.compile(r"LM=(\d+) LA=(\d+)")
_BIAS = re.compile(r"bias=(\d)")
RUNS = ("run_1_cycles", "run_2_cycles", "run_3_cycles")
LAYER = "layer_CxKxPxQxRxSxstride"
MOST_ELEMENTS = 1 << 20  # Choice: seconds; trains that were measured move up to 32,768
_SIZES = ("C", "K", "P", "Q", "R", "S", "stride")


def scale_sim(row: Row) -> tuple[float, float]:
    """Compute cycles, no stalls."""
    number(row, "stride")
    return number(row, "total_cycles"), float(scale_sim_totals(table_of([_flow(row)]))[0])


def scale_sim_accesses(row: Row) -> tuple[float, float]:
    """Count reads and writes of the three buffers together."""
    number(row, "stride")
    counted = sum(number(row, c) for c in ("if_sram_reads", "fl_sram_reads", "of_sram_writes"))
    return counted, float(scale_sim_words(table_of([_flow(row)]))[0])


def _flow(row: Row) -> Row:
    return {**row, "dataflow": row["dataflow"].lower()}


def rtl(row: Row) -> tuple[float, float]:
    """Cycles of a product on an array whose operands are at hand, or on Gemmini with its memory."""
    measured = number(row, "cycles")
    if "end-to-end" in row["level"]:
        found = _BIAS.search(row.get("notes", ""))
        table = table_of([{**row, "bias": found[1] if found else "0"}])
        return measured, float(product_cycles(table, cast("GemminiDataflow", row["dataflow"].lower()))[0])
    m, k, n = (whole(row, size) for size in "MKN")
    return measured, float(product_cycles_at_hand(_design(row), [(m, k, n)])[0])


def _design(row: Row) -> Design:
    rows, cols = whole(row, "rows"), whole(row, "cols")
    design = array_design(row["design"], rows, cols, row["dataflow"].lower())
    latencies = _LATENCIES.search(row.get("notes", ""))
    if row["design"] == "axis_sa" and latencies:  # F K + R + 2C - 2 + LM + LA
        names = ("array.multiplier_latency_cycles", "array.accumulator_latency_cycles")
        return altered(design, dict(zip(names, map(int, latencies.groups()), strict=True)))
    return design


def zigzag(row: Row) -> tuple[float, float]:
    """Cycles of a 3x3 convolution on 28x28 pixels as its channels are gated."""
    return number(row, "latency_cycles"), float(staircase_cycles(table_of([row]))[0])


def gemmini_convolution(row: Row) -> tuple[float, float]:
    """Cycles of a whole convolution from an ideal memory."""
    return number(row, "cycles"), float(convolution_cycles(table_of([row]))[0])


def gemmini_dynamic(row: Row) -> tuple[float, float]:
    """Cycles of a gated convolution from an ideal memory, packed or, where a pitch is stated, aligned to 16 bytes."""
    align = 16 if row.get("in_pitch") else 1
    filled = {**row, "pad": row.get("pad") or str(whole(row, "kernel") // 2)}
    return number(row, "cycles"), float(layer_cycles(table_of([filled]), align)[0])


def gemmini_dynamic_inputs(rows: Sequence[Row]) -> list[Outcome]:
    """Cycles of an input's convolutions over those of the dense network; a trace's inputs are replayed together."""
    together: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        together[tuple(row[name] for name in ("trace", "mem_latency", "mem_cycles_per_16B"))].append(i)
    ratios: dict[int, float] = {}
    for members in together.values():
        with suppress(LacunaError, ValueError):  # one of them does not read: each is asked by itself, then
            cycles, dense = input_cycles(table_of([rows[i] for i in members]))
            ratios.update(zip(members, (cycles / dense).tolist(), strict=True))
    return [_dynamic_input(row, ratios.get(i)) for i, row in enumerate(rows)]


def _dynamic_input(row: Row, known: float | None) -> Outcome:
    label = " ".join(row[name] for name in ("trace", "input", "mem_latency"))

    def both() -> tuple[float, float]:
        measured = number(row, "cycles") / number(row, "dense_cycles")
        if known is not None:
            return measured, known
        cycles, dense = input_cycles(table_of([row]))
        return measured, float(cycles[0] / dense[0])

    return compared(label, f"{row['trace']}, {row['mem_latency']}", both)


def gemmini_dma(row: Row) -> tuple[float, float]:
    """Cycles of a train of loads or stores."""
    cycles = {"MVIN": load_cycles, "MVOUT": store_cycles}.get(row["op"])
    if cycles is None:
        raise NotCovered(f"op {row['op']!r}: known: MVIN, MVOUT")
    asked = prod(whole(row, size) for size in ("cols", "rows", "commands"))
    if asked > MOST_ELEMENTS:
        raise NotCovered(f"{asked:,} elements, row behind row: followed are up to {MOST_ELEMENTS:,}")
    return number(row, "cycles"), cycles(table_of([row]))[0]


def firesim(rows: Sequence[Row]) -> list[Outcome]:
    """Cycles of layers with the library's tiling, one run; the rows of a workload are one program."""
    return _programs(rows, lambda row: number(row, "cycles_gemmini_default_tiler"))


def firesim_repeats(rows: Sequence[Row]) -> list[Outcome]:
    """Mean cycles of the runs of layers with the library's tiling; all rows are one program."""
    return _programs(rows, _mean_of_runs)


def firesim_mapping(rows: Sequence[Row]) -> list[Outcome]:
    """Cycles of layers cut as their mappings say."""
    return _programs(rows, lambda row: number(row, "cycles_dosa_mapping"), mapped=True)


def _programs(
    rows: Sequence[Row], measured: Callable[[Row], float], *, mapped: bool = False
) -> list[Outcome]:
    design = load_design("gemmini_16x16")
    found: dict[int, tuple[ConvLayer, Row, float]] = {}
    outcomes: dict[int, Outcome] = {}
    for i, row in enumerate(rows):
        try:
            (layer,), cycles_told = firesim_layers(table_of([_sizes(row)])), measured(row)
            check_run(layer, design, row["mapping"] if mapped else None)
            found[i] = layer, row, cycles_told
        except (LacunaError, ValueError) as error:
            outcomes[i] = Skipped(_firesim_label(row), str(error))
    layers = [(layer, row.get("mapping", "")) for layer, row, _ in found.values()]

    def cycles(some: list[tuple[ConvLayer, str]]) -> list[int]:
        members, texts = [layer for layer, _ in some], [text for _, text in some]
        return mapping_cycles(members, texts, design) if mapped else program_cycles(members, design)

    workloads = [row.get("workload", "default tiler") for _, row, _ in found.values()]
    predicted = in_programs(layers, programs_of([layer for layer, _ in layers], workloads), cycles)
    for i, value, workload in zip(found, predicted, workloads, strict=True):
        outcomes[i] = Pair(_firesim_label(rows[i]), workload, found[i][2], float(value))
    return [outcomes[i] for i in range(len(rows))]


def _firesim_label(row: Row) -> str:
    return row.get(LAYER) or " ".join(row.get(name, "") for name in ("workload", *_SIZES))


def _sizes(row: Row) -> Row:
    """Return the row with each size in a column of its own."""
    if LAYER not in row:
        return {**row, **{name: str(whole(row, name)) for name in _SIZES}}
    sizes = row[LAYER].split("x")
    if len(sizes) != len(_SIZES):
        raise NotCovered(f"{LAYER} = {row[LAYER]!r}: needs {len(_SIZES)} sizes")
    return dict(zip(_SIZES, sizes, strict=True))


def _mean_of_runs(row: Row) -> float:
    runs = [number(row, run) for run in RUNS if row.get(run)]
    if not runs:
        raise NotCovered("no run")
    return float(np.mean(runs))
