"""Systolic arrays beside SCALE-Sim, RTL and ZigZag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from accel_models import Array, Design, altered, load_design, streaming_of
from analysis.validation.asked import convolution, counting, layer_estimates, product
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from traces import Bools, ConfigError, Ints, Op, first_line, shown

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


# Buffers beside systolic_bare that hold every layer whole, words of a byte; what lies behind them is not counted.
ROOMY: dict[str, object] = {
    "memory": {
        **dict.fromkeys(("activation_buffer", "weight_buffer", "accumulator_buffer"), "128 MiB"),
        "banks": 16,
        "accumulator_bits": 8,
        "double_buffered": False,  # one tile
        "dram": {
            "bandwidth": "8 GB/s",
            "latency": "0 s",
            "burst": "64 B",
            "requests_in_flight": 64,
            "price": "default",
        },
    },
}
WORDS = ("activation_sram_read_bytes", "weight_sram_read_bytes", "accumulator_write_bytes")


@cache
def array_design(design: str, rows: int, cols: int, dataflow: str) -> Design:
    """Return a shipped design with an array of another size, operands at hand; of Gemmini, in either dataflow."""
    if design == "Gemmini":
        return load_design("gemmini_16x16", {**GEMMINI[dataflow], "memory": None})
    return load_design(design, {"array.rows": rows, "array.cols": cols, "array.dataflow": dataflow})


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


def scale_sim_cycles(dataflow: str) -> Comparison:
    """Compute cycles, no stalls: the same equation, so the same number."""
    table = where(reference("array_scalesim"), dataflow=dataflow)
    return _exact(
        f"SCALE-Sim compute cycles, {dataflow}",
        table["source"][0],
        tuple(f"{n} {r}x{c}" for n, r, c in zip(table["layer"], table["rows"], table["cols"], strict=True)),
        ints(table, "total_cycles"),
        scale_sim_totals(table),
        unit="cycles",
    )


def scale_sim_totals(table: TextColumns) -> Ints:
    """Return the cycles of each row's layer on ``systolic_bare`` with its array, as ``lacuna estimate`` tells them."""
    layers = _scale_sim_layers(table)
    result = np.zeros(len(layers), np.int64)
    for size, at in _by_array(table):
        design = array_design("systolic_bare", *size)
        rows = layer_estimates([layers[i] for i in np.flatnonzero(at)], design).rows
        result[at] = [op.total_cycles for op in rows]
    return result


def _scale_sim_layers(table: TextColumns) -> list[Op]:
    names = ("channels", "num_filters", "ifmap_h", "ifmap_w", "filter_h", "filter_w", "stride")
    return [_scale_sim_layer(*row) for row in zip(*(sizes(table, n).tolist() for n in names), strict=True)]


def _scale_sim_layer(  # noqa: PLR0913, PLR0917  # the columns of its topologies
    channels: int, filters: int, height: int, width: int, kernel_h: int, kernel_w: int, stride: int
) -> Op:
    out = -(-(height - kernel_h + stride) // stride), -(-(width - kernel_w + stride) // stride)
    return convolution(channels, filters, (height, width), out, (kernel_h, kernel_w, stride))


def _by_array(table: TextColumns) -> Iterator[tuple[tuple[int, int, str], Bools]]:
    """Yield the sizes and the dataflow of each array, and the rows that have it."""
    rows, cols, flows = sizes(table, "rows"), sizes(table, "cols"), table["dataflow"]
    for size in sorted(set(zip(rows.tolist(), cols.tolist(), flows.tolist(), strict=True))):
        yield size, (rows == size[0]) & (cols == size[1]) & (flows == size[2])


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
        scale_sim_words(table),
        unit="accesses",
    )


def scale_sim_words(table: TextColumns) -> Ints:
    """Return the words that each row's layer reads and writes on the array of ``systolic_bare``.

    They are what ``lacuna estimate`` tells as energy where a word, one byte of every operand, is priced at 1 pJ and
    all else at none.  With ``os`` SCALE-Sim writes rows + columns of words too many in every fold (issue 166).
    """
    layers = _scale_sim_layers(table)
    result = np.zeros(len(layers), np.int64)
    for (rows, cols, flow), at in _by_array(table):
        bare = array_design("systolic_bare", rows, cols, flow)
        mine = [layers[i] for i in np.flatnonzero(at)]
        told = layer_estimates(mine, counting(altered(bare, ROOMY), WORDS)).rows
        extra = (rows + cols) * streaming_of(bare.section(Array).dataflow).sums_stay
        result[at] = [round(op.energy_pj) + extra * -(-op.M // rows) * -(-op.N // cols) for op in told]
    return result


def rtl() -> tuple[Comparison, ...]:
    """Cycles of public RTL with its operands at hand."""
    return tuple(_rtl(design) for design in RTL_ARRAYS)


def _rtl(design: str) -> Comparison:
    table = where(reference("array_rtl"), design=design)
    m, k, n = (sizes(table, size) for size in "MKN")
    rows, cols = table["rows"], table["cols"]
    predicted = np.zeros(len(m), np.int64)
    for size, at in _by_array(table):
        products = zip(m[at].tolist(), k[at].tolist(), n[at].tolist(), strict=True)
        predicted[at] = product_cycles_at_hand(array_design(design, *size), products)
    return _exact(
        f"{design} RTL, operands at hand",
        table["source"][0],
        tuple(f"{r}x{c} {i}x{j}x{o}" for r, c, i, j, o in zip(rows, cols, m, k, n, strict=True)),
        ints(table, "cycles"),
        predicted,
        unit="cycles",
    )


def product_cycles_at_hand(design: Design, products: Iterable[tuple[int, int, int]]) -> list[int]:
    """Return the cycles of products (M, K, N), each alone, on a design whose memory never lets one wait."""
    return [op.total_cycles for op in layer_estimates(list(starmap(product, products)), design).rows]


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
    kept = zip(sizes(table, "C").tolist(), sizes(table, "K").tolist(), strict=True)
    layers = [convolution(channels, filters, (28, 28), (28, 28), (3, 3, 1)) for channels, filters in kept]
    # ZigZag has all that a tile needs on the chip before its first cycle.
    design = load_design("zigzag_tpu_like", {"memory.double_buffered": False})
    rows = [
        layer_estimates([layer], design).rows[0] for layer in layers
    ]  # each a network, its weights at hand
    return np.array([op.total_cycles for op in rows], np.int64)


def _exact(  # noqa: PLR0913  # a comparison's parts
    name: str,
    truth: str,
    labels: tuple[str, ...],
    measured: Ints,
    predicted: Ints,
    *,
    unit: str,
    part: str = "",
) -> Comparison:
    return Comparison(
        name=name,
        truth=str(truth),
        labels=labels,
        measured=measured.astype(np.float64),
        predicted=predicted.astype(np.float64),
        unit=unit,
        part=part,
        bound_mean=0.0,
        bound_worst=0.0,
    )
