"""Systolic arrays beside SCALE-Sim, RTL and ZigZag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from accel_models import (
    Array,
    Bus,
    Gemms,
    buffer_accesses,
    ceil_div,
    compute_cycles,
    lay_out,
    load_design,
    streaming_of,
    transfer_cycles,
)
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from traces import ConfigError, Ints, first_line, shown

TextColumns = dict[str, NDArray[np.str_]]  # columns of text
_MOST = 2.0**40  # of a size or a count of cycles in a table

RTL_ARRAYS = ("axis_sa", "systolic_array_os", "systolic_array_ws", "opentpu_mmu", "Gemmini")
# Gemmini's array alone: its library cuts no tiles where operands lie in the scratchpad.
GEMMINI: dict[str, dict[str, object]] = {
    "ws": {"gemmini": None},
    # Results drain down 16 rows more, and no command is too short to stream.
    "os": {
        "gemmini": None,
        "array.dataflow": "os",
        "array.gemm_overhead_cycles": 32,
        "array.min_stream_cycles": 0,
    },
}


@cache
def array_of(design: str, rows: int, cols: int, dataflow: str) -> Array:
    """Return the array of a shipped design at another size; of Gemmini, in either dataflow."""
    if design == "Gemmini":
        return load_design("gemmini_16x16", GEMMINI[dataflow]).section(Array)
    settings = {"array.rows": rows, "array.cols": cols, "array.dataflow": dataflow}
    return load_design(design, settings).section(Array)


def array_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison of the array's cycles, in the order they are printed."""
    return (
        *(scale_sim_cycles(flow) for flow in ("ws", "is", "os")),
        scale_sim_accesses(),
        *rtl(),
        staircase(),
    )


@cache
def reference(name: str) -> TextColumns:
    """Return the columns of ``reference/<name>.csv``."""
    return table_of(reference_rows(name))


def table_of(rows: Sequence[Row]) -> TextColumns:
    """Return the columns of at least one row."""
    return {column: np.array([row[column] for row in rows]) for column in rows[0]}


def ints(table: TextColumns, column: str, least: int = 0) -> Ints:
    """Return a column of whole numbers; a cell that holds another is one clear error."""
    try:
        values = table[column].astype(np.float64)
    except ValueError as error:
        raise ConfigError(f"{column}: a cell does not read: {first_line(error)}") from None
    wrong = ~((values >= least) & (values < _MOST) & (values == np.floor(values)))
    if wrong.any():
        cell = shown(str(table[column][wrong][0]))
        raise ConfigError(f"{column} = {cell}: needs a whole number from {least} to {_MOST:.2g}")
    return values.astype(np.int64)


def sizes(table: TextColumns, column: str) -> Ints:
    """Return a column of whole numbers above 0."""
    return ints(table, column, 1)


def where(table: TextColumns, **equal: str) -> TextColumns:
    """Return the rows whose columns equal the given texts."""
    keep = np.logical_and.reduce([table[column] == value for column, value in equal.items()])
    return {column: values[keep] for column, values in table.items()}


def scale_sim_gemms(table: TextColumns) -> Gemms:
    """Return SCALE-Sim's layers as products; it rounds output sizes up: ceil((H - f + s) / s)."""
    stride = sizes(table, "stride")
    out_h = ceil_div(sizes(table, "ifmap_h") - sizes(table, "filter_h") + stride, stride)
    out_w = ceil_div(sizes(table, "ifmap_w") - sizes(table, "filter_w") + stride, stride)
    taps = sizes(table, "filter_h") * sizes(table, "filter_w")
    return Gemms.of(out_h * out_w, taps * sizes(table, "channels"), sizes(table, "num_filters"), 1, taps)


def by_size(table: TextColumns, price: Callable[[Array, Gemms], Ints]) -> Ints:
    """Evaluate each row of SCALE-Sim's table on its own array."""
    rows, cols, gemms = sizes(table, "rows"), sizes(table, "cols"), scale_sim_gemms(table)
    result = np.zeros(len(rows), np.int64)
    for size in sorted(set(zip(rows.tolist(), cols.tolist(), table["dataflow"].tolist(), strict=True))):
        at = (rows == size[0]) & (cols == size[1]) & (table["dataflow"] == size[2])
        picked = Gemms(gemms.m[at], gemms.k[at], gemms.n[at], gemms.groups[at], gemms.taps[at])
        result[at] = price(array_of("systolic_bare", *size), picked)
    return result


def scale_sim_cycles(dataflow: str) -> Comparison:
    """Compute cycles, no stalls: the same equation, so the same number."""
    table = where(reference("array_scalesim"), dataflow=dataflow)
    return _exact(
        f"SCALE-Sim compute cycles, {dataflow}",
        table["source"][0],
        tuple(f"{n} {r}x{c}" for n, r, c in zip(table["layer"], table["rows"], table["cols"], strict=True)),
        ints(table, "total_cycles"),
        by_size(table, compute_cycles),
    )


def scale_sim_accesses() -> Comparison:
    """Sum reads and writes; its extra os writes (#166) are added to ours."""
    table = reference("array_scalesim")
    columns = ("if_sram_reads", "fl_sram_reads", "of_sram_writes")
    return _exact(
        "SCALE-Sim buffer accesses",
        table["source"][0],
        tuple(
            f"{n} {r}x{d}" for n, r, d in zip(table["layer"], table["rows"], table["dataflow"], strict=True)
        ),
        sum((ints(table, column) for column in columns), np.zeros(1, np.int64)),
        by_size(table, count_scale_sim_accesses),
    )


def count_scale_sim_accesses(params: Array, gemms: Gemms) -> Ints:
    """Return reads and writes together, as SCALE-Sim counts them."""
    counts = buffer_accesses(params, gemms)
    total = counts.input_reads + counts.weight_reads + counts.output_writes
    if streaming_of(params.dataflow).sums_stay:
        folds = lay_out(params, gemms)
        total = total + folds.rows.pieces * folds.cols.pieces * (params.rows + params.cols)
    return np.asarray(total, np.int64)


def rtl() -> tuple[Comparison, ...]:
    """Cycles of public RTL with its operands at hand."""
    return tuple(_rtl(design) for design in RTL_ARRAYS)


def _rtl(design: str) -> Comparison:
    table = where(reference("array_rtl"), design=design)
    m, k, n = (sizes(table, size) for size in "MKN")
    rows, cols = sizes(table, "rows"), sizes(table, "cols")
    predicted = [
        compute_cycles(array_of(design, int(r), int(c), str(flow)), Gemms.of(*size))[0]
        for r, c, flow, *size in zip(rows, cols, table["dataflow"], m, k, n, strict=True)
    ]
    return _exact(
        f"{design} RTL, operands at hand",
        table["source"][0],
        tuple(f"{r}x{c} {i}x{j}x{o}" for r, c, i, j, o in zip(rows, cols, m, k, n, strict=True)),
        ints(table, "cycles"),
        np.array(predicted),
    )


def staircase() -> Comparison:
    """One convolution as its channels are gated: steps of whole folds above a constant input load."""
    table = reference("zigzag_density")
    channels, filters = ints(table, "C"), ints(table, "K")
    return Comparison(
        name="channel staircase of a 3x3 convolution on 32x32",
        truth=table["source"][0],
        labels=tuple(f"C={c} K={k}" for c, k in zip(channels, filters, strict=True)),
        measured=table["latency_cycles"].astype(np.float64),
        predicted=staircase_cycles(table).astype(np.float64),
        unit="cycles",
        bound_mean=0.005,
        bound_worst=0.01,
    )


def staircase_cycles(table: TextColumns) -> Ints:
    """Return the cycles of a 3x3 convolution on 28x28 pixels with the ``C`` and ``K`` of each row."""
    channels, filters = ints(table, "C"), ints(table, "K")
    pixels = np.full(len(channels), 28 * 28)
    design = load_design("zigzag_tpu_like")
    assert design.memory is not None  # the design states it
    bus = Bus(design.memory.dram, design.clock)
    cycles = compute_cycles(design.section(Array), Gemms.of(pixels, 9 * channels, filters, 1, 9))
    load = transfer_cycles(bus, pixels * channels)  # one tile: its inputs load first
    return np.asarray(cycles + load, np.int64)


def _exact(name: str, truth: str, labels: tuple[str, ...], measured: Ints, predicted: Ints) -> Comparison:
    return Comparison(
        name=name,
        truth=str(truth),
        labels=labels,
        measured=measured.astype(np.float64),
        predicted=predicted.astype(np.float64),
        unit="cycles" if "cycles" in name or "RTL" in name else "accesses",
        bound_mean=0.0,
        bound_worst=0.0,
    )
