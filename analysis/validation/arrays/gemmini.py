"""Gemmini beside its RTL: loads alone, whole convolutions in Verilator, and ResNet-50 and U-Net layers in FireSim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

import numpy as np

from accel_models import (
    Block,
    GemminiDataflow,
    GemminiMachine,
    GemminiMemory,
    Product,
    load_design,
    loads_alone,
    matmul_cycles,
    stores_alone,
)
from analysis.validation.arrays.firesim import (
    estimated_cycles,
    firesim_layers,
    in_programs,
    mapping_cycles,
    program_cycles,
    programs_of,
)
from analysis.validation.arrays.systolic import TextColumns, ints, reference, sizes, where
from analysis.validation.asked import convolution, layer_estimates, product
from analysis.validation.comparison import Comparison
from analysis.validation.rows.gemmini_dynamic import rtl_design
from traces import Floats

MEMORY_COLUMNS = ("mem_latency", "mem_cycles_per_16B")
PRODUCT_COLUMNS = ("M", "K", "N", "bias", *MEMORY_COLUMNS)

FIRESIM_TRUTH = "ucb-bar/dosa @a7a32393, data/firesim_test_data/both.csv"


def gemmini_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison of Gemmini, in the order they are printed."""
    return (
        loads(),
        stores(),
        scratchpad_stores(),
        products("ws"),
        products("os"),
        convolutions(),
        firesim("dosa_mapping"),
        firesim("gemmini_default_tiler"),
        firesim_alone(),
    )


def loads() -> Comparison:
    """Trains of load commands from an ideal memory; a row of 16 sums for the accumulator is 64 bytes."""
    table = where(reference("gemmini_dma_rtl"), op="MVIN")
    return _trains_alone("Gemmini loads alone", table, load_cycles(table), bound_mean=0.01, bound_worst=0.06)


def load_cycles(table: TextColumns) -> list[float]:
    """Return the cycles of trains of load commands."""
    predicted = []
    for memory, commands, rows, cols, pitch, sums in _trains(table):
        size = cols * (4 if sums else 1)
        train = (Block(command * rows * pitch, pitch, rows, size) for command in range(commands))
        predicted.append(loads_alone(memory, train))
    return predicted


def stores() -> Comparison:
    """Trains of store commands out of the accumulator, to an ideal memory."""
    table = where(reference("gemmini_dma_rtl"), op="MVOUT", accumulator="1")
    return _trains_alone(
        "Gemmini stores alone", table, store_cycles(table), bound_mean=0.005, bound_worst=0.02
    )


def scratchpad_stores() -> Comparison:
    """Trains of store commands out of the scratchpad, to an ideal memory."""
    table = where(reference("gemmini_dma_rtl"), op="MVOUT", accumulator="0")
    return _trains_alone(
        "Gemmini stores out of the scratchpad", table, store_cycles(table), bound_mean=0.01, bound_worst=0.03
    )


def store_cycles(table: TextColumns) -> list[float]:
    """Return the cycles of trains of store commands; what lies in the scratchpad is read as it is, and not scaled."""
    predicted = []
    for from_sums, commands, rows, cols, pitch, sums in _trains(table):
        memory = from_sums if sums else from_sums._replace(store_overhead_cycles=0.0)
        train = (Block(command * rows * pitch, pitch, rows, cols) for command in range(commands))
        predicted.append(stores_alone(memory, train))
    return predicted


def _trains_alone(
    name: str, table: TextColumns, predicted: list[float], *, bound_mean: float, bound_worst: float
) -> Comparison:
    return Comparison(
        name=name,
        truth=str(table["source"][0]),
        labels=_labels(table, "cols", "rows", "commands", "mem_latency", "mem_cycles_per_16B"),
        measured=table["cycles"].astype(np.float64),
        predicted=np.array(predicted),
        unit="cycles",
        bound_mean=bound_mean,
        bound_worst=bound_worst,
        part="the queues of loads and stores, alone",
    )


def _trains(table: TextColumns) -> Iterator[tuple[GemminiMemory, int, int, int, int, int]]:
    """Yield memory, commands, rows, columns, pitch and whether the accumulator is meant, row by row."""
    columns = ("mem_latency", "mem_cycles_per_16B", "commands", "rows", "cols", "dram_stride", "accumulator")
    for latency, beat, *rest in zip(*(ints(table, c).tolist() for c in columns), strict=True):
        commands, rows, cols, pitch, sums = rest
        yield GemminiMemory(float(latency), float(beat)), commands, rows, cols, pitch, sums


# Of products by dataflow: bounds of their mean and worst error, and what of the machine is compared.
_PRODUCTS: Mapping[GemminiDataflow, tuple[tuple[float, float], str]] = {
    "ws": ((0.04, 0.10), ""),
    "os": ((0.02, 0.06), "the loops that hold results in place, in which no design runs a network"),
}


def products(dataflow: GemminiDataflow) -> Comparison:
    """Whole products with the library's tiles, from an ideal memory; five pipeline depths are read off them."""
    table = where(reference("gemmini_matmul_rtl"), dataflow=dataflow)
    bounds, part = _PRODUCTS[dataflow]
    return Comparison(
        name=f"Gemmini products end to end, {dataflow}",
        truth=str(table["source"][0]),
        labels=_labels(table, *PRODUCT_COLUMNS),
        measured=table["cycles"].astype(np.float64),
        predicted=product_cycles(table, dataflow),
        unit="cycles",
        bound_mean=bounds[0],
        bound_worst=bounds[1],
        constants=5,  # depths of pipelines, on the smallest runs
        part=part,
    )


def product_cycles(table: TextColumns, dataflow: GemminiDataflow) -> Floats:
    """Return the cycles of products on an ideal memory."""
    predicted: list[float] = []
    for m, k, n, bias, latency, beat in zip(*(ints(table, c).tolist() for c in PRODUCT_COLUMNS), strict=True):
        match dataflow:
            case "ws":
                design = rtl_design(latency, beat, bias=bool(bias))
                predicted.append(layer_estimates([product(m, k, n)], design).rows[0].total_cycles)
            case "os":
                machine = GemminiMachine(memory=GemminiMemory(latency, beat))
                predicted.append(matmul_cycles(Product(m=m, k=k, n=n), dataflow, machine, bias=bool(bias)))
            case _:
                assert_never(dataflow)
    return np.array(predicted, np.float64)


def convolutions() -> Comparison:
    """Whole convolutions with the library's tiles, from an ideal memory; nothing is fitted to them."""
    table = reference("gemmini_conv_rtl")
    return Comparison(
        name="Gemmini convolutions, ideal memory",
        truth=str(table["source"][0]),
        labels=_labels(table, "in_dim", "in_ch", "out_ch", "kernel", "mem_latency", "mem_cycles_per_16B"),
        measured=table["cycles"].astype(np.float64),
        predicted=convolution_cycles(table),
        unit="cycles",
        bound_mean=0.04,
        bound_worst=0.15,
    )


def convolution_cycles(table: TextColumns) -> Floats:
    """Return the cycles of whole convolutions on an ideal memory."""
    names = ("in_dim", "in_ch", "out_ch", "kernel", "stride")
    layers = zip(*(sizes(table, name).tolist() for name in names), ints(table, "pad").tolist(), strict=True)
    memories = zip(*(ints(table, name).tolist() for name in MEMORY_COLUMNS), strict=True)
    predicted = []
    for (size, channels, filters, kernel, stride, pad), memory in zip(layers, memories, strict=True):
        out = (size + 2 * pad - kernel) // stride + 1
        layer = convolution(channels, filters, (size, size), (out, out), (kernel, kernel, stride))
        predicted.append(layer_estimates([layer], rtl_design(*memory)).rows[0].total_cycles)
    return np.array(predicted, np.float64)


def firesim(mapping: str) -> Comparison:
    """ResNet-50 and U-Net layers on ``gemmini_16x16``, cut as DOSA found or, as a user prices them, by its library.

    The library's are the mean of three runs, which differ by 12 % on average and by 50 % at most.
    """
    table, design = reference("gemmini_firesim"), load_design("gemmini_16x16")
    layers = firesim_layers(table)
    programs = programs_of(layers, table["workload"])
    if mapping == "dosa_mapping":
        texts = dict(zip(layers, table["mapping"].tolist(), strict=True))
        measured, spread = table["cycles_dosa_mapping"].astype(np.float64), None
        cycles = in_programs(
            layers, programs, lambda some: mapping_cycles(some, [texts[x] for x in some], design)
        )
    else:
        measured, spread = _library_runs()
        cycles = in_programs(layers, programs, lambda some: program_cycles(some, design))
    return Comparison(
        name=f"Gemmini in FireSim, {mapping.replace('_', ' ')}",
        truth=FIRESIM_TRUTH,
        labels=_labels(table, "workload", "C", "K", "P", "R", "stride"),
        measured=measured,
        predicted=np.array(cycles, np.float64),
        unit="cycles",
        bound_mean=0.09 if mapping == "dosa_mapping" else 0.07,
        bound_worst=0.40 if mapping == "dosa_mapping" else 0.20,
        constants=0 if mapping == "dosa_mapping" else 5,
        predicted_bounds=None if mapping == "dosa_mapping" else (0.08, 0.30),
        spread=spread,
        part=(
            "the loops on tiles that no library cuts"
            if mapping == "dosa_mapping"
            else "the price of a layer that finds in the caches what the layers before it left"
        ),
    )


def firesim_alone() -> Comparison:
    """Compare the library's runs of the same layers with what ``lacuna estimate`` says of each, a network of its own.

    Such a network runs again and again, and finds its own tensors in the caches; behind the other layers of a program
    it finds theirs.
    """
    table, design = reference("gemmini_firesim"), load_design("gemmini_16x16")
    measured, spread = _library_runs()
    cycles = [estimated_cycles(layer, design) for layer in firesim_layers(table)]
    return Comparison(
        name="Gemmini in FireSim, each layer by itself",
        truth=FIRESIM_TRUTH,
        labels=_labels(table, "workload", "C", "K", "P", "R", "stride"),
        measured=measured,
        predicted=np.array(cycles, np.float64),
        unit="cycles",
        bound_mean=0.09,
        bound_worst=0.60,
        constants=5,
        spread=spread,
    )


def _library_runs() -> tuple[Floats, Floats]:
    """Return the mean cycles of three runs of each layer, and half their range over it."""
    runs = reference("gemmini_firesim_repeats")
    each = np.stack([runs[f"run_{run}_cycles"].astype(np.float64) for run in (1, 2, 3)])
    measured = np.asarray(each.mean(axis=0), np.float64)
    return measured, np.asarray(np.ptp(each, axis=0) / 2 / measured, np.float64)


def _labels(table: TextColumns, *columns: str) -> tuple[str, ...]:
    rows = zip(*(table[column] for column in columns), strict=True)
    return tuple(" ".join(f"{c}={v}" for c, v in zip(columns, row, strict=True)) for row in rows)
