"""Gemmini beside its RTL: loads alone, whole convolutions in Verilator, and ResNet-50 and U-Net layers in FireSim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel_models.gemmini import Gemmini, conv_cycles
from accel_models.gemmini_dma import GemminiMemory, load_cycles, store_cycles
from accel_models.gemmini_tiling import ConvLayer, default_tiling, dosa_tiling
from accel_models.validation import Comparison
from accel_models.validation_array import Ints, Table, ints, reference, where

# FireSim's Rocket with 512 KiB of L2 and a model of DDR3 behind a 4 MiB cache.  The shape of each term is physics;
# the values named as fitted are fitted on the 94 runs of tables/reference/gemmini_firesim.csv.
FIRESIM_MEMORY = GemminiMemory(
    latency_cycles=54.0,  # fitted
    l2_bytes=512 << 10,  # assumption: Chipyard's default
    line_cycles=3.4,  # fitted
    stride_factor=3.25,  # fitted
    store_line_cycles=10.0,  # fitted
    first_input_cycles=25.0,  # fitted
    first_weight_cycles=15.0,  # fitted
    same_line_load_cycles=8.0,  # read off U-Net's first layer, one input channel
    same_line_store_cycles=20.0,  # read off U-Net's last layer, two filters
)
FIRESIM = Gemmini(memory=FIRESIM_MEMORY, overlap=0.85)  # overlap fitted
LLC_BYTES = 4 << 20  # of FireSim's memory model


def gemmini_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison of Gemmini, in the order they are printed."""
    return (loads(), stores(), convolutions(), firesim("dosa_mapping"), firesim("gemmini_default_tiler"))


def loads() -> Comparison:
    """Trains of load commands from an ideal memory."""
    table = where(reference("gemmini_dma_rtl"), op="MVIN")
    columns = ("commands", "rows", "cols", "tl_requests", "bytes", "mem_latency", "mem_cycles_per_16B")
    predicted = []
    for commands, rows, _, requests, moved, latency, beat in zip(
        *(ints(table, c) for c in columns), strict=True
    ):
        memory = GemminiMemory(latency_cycles=float(latency), beat_cycles=float(beat))
        per_row = requests / (commands * rows)
        beats = moved / (16 * commands * rows)
        predicted.append(load_cycles(memory, float(commands), int(rows), beats, per_row))
    return Comparison(
        name="Gemmini loads alone",
        truth=str(table["source"][0]),
        labels=_labels(table, "cols", "rows", "commands", "mem_latency", "mem_cycles_per_16B"),
        measured=table["cycles"].astype(np.float64),
        predicted=np.array(predicted),
        unit="cycles",
        bound_mean=0.03,
        bound_worst=0.25,
    )


def stores() -> Comparison:
    """Trains of store commands of 16 results a row out of the accumulator, to an ideal memory."""
    table = where(reference("gemmini_dma_rtl"), op="MVOUT", accumulator="1", cols="16")
    columns = ("commands", "rows", "mem_latency")
    predicted = []
    for commands, rows, latency in zip(*(ints(table, c).tolist() for c in columns), strict=True):
        memory = GemminiMemory(latency_cycles=latency)
        predicted.append(store_cycles(memory, commands, rows, same_line=False))
    return Comparison(
        name="Gemmini stores alone",
        truth=str(table["source"][0]),
        labels=_labels(table, *columns, "mem_cycles_per_16B"),
        measured=table["cycles"].astype(np.float64),
        predicted=np.array(predicted),
        unit="cycles",
        bound_mean=0.02,
        bound_worst=0.03,
    )


def convolutions() -> Comparison:
    """Whole convolutions with the library's tiles, from an ideal memory; nothing is fitted to them."""
    table = reference("gemmini_conv_rtl")
    layers = _square_layers(
        size=ints(table, "in_dim"),
        channels=ints(table, "in_ch"),
        filters=ints(table, "out_ch"),
        kernel=ints(table, "kernel"),
        stride=ints(table, "stride"),
        padding=ints(table, "pad"),
    )
    memories = zip(
        ints(table, "mem_latency").tolist(), ints(table, "mem_cycles_per_16B").tolist(), strict=True
    )
    predicted = []
    for layer, (latency, beat) in zip(layers, memories, strict=True):
        memory = GemminiMemory(latency_cycles=latency, beat_cycles=beat)
        machine = Gemmini(memory=memory, packs_taps=True, skips_strided_rows=True)
        tiling = default_tiling(layer, machine.scratchpad_rows, machine.accumulator_rows)
        predicted.append(conv_cycles(layer, tiling, machine, bias=True))
    return Comparison(
        name="Gemmini convolutions, ideal memory",
        truth=str(table["source"][0]),
        labels=_labels(table, "in_dim", "in_ch", "out_ch", "kernel", "mem_latency", "mem_cycles_per_16B"),
        measured=table["cycles"].astype(np.float64),
        predicted=np.array(predicted, np.float64),
        unit="cycles",
        bound_mean=0.10,
        bound_worst=0.30,
    )


def firesim(mapping: str, machine: Gemmini = FIRESIM) -> Comparison:
    """ResNet-50 and U-Net layers, cut as DOSA found or by the library's rule.

    The runs' program takes each layer by the library's rule first, so the inputs and weights of DOSA's run
    have been touched before; they are in the memory model's cache if they fit it.
    """
    table = reference("gemmini_firesim")
    predicted = []
    for layer, text in zip(_firesim_layers(table), table["mapping"], strict=True):
        if mapping == "dosa_mapping":
            cycles = conv_cycles(layer, dosa_tiling(str(text)), _warm(machine, layer))
        else:
            tiling = default_tiling(layer, machine.scratchpad_rows, machine.accumulator_rows)
            cycles = conv_cycles(layer, tiling, machine)
        predicted.append(cycles)
    return Comparison(
        name=f"Gemmini in FireSim, {mapping.replace('_', ' ')}",
        truth="ucb-bar/dosa @a7a32393, data/firesim_test_data/both.csv",
        labels=_labels(table, "workload", "C", "K", "P", "R", "stride"),
        measured=table[f"cycles_{mapping}"].astype(np.float64),
        predicted=np.array(predicted, np.float64),
        unit="cycles",
        bound_mean=0.10 if mapping == "dosa_mapping" else 0.15,
        bound_worst=0.35 if mapping == "dosa_mapping" else 0.40,
    )


def _firesim_layers(table: Table) -> list[ConvLayer]:
    """Return the layers as the runs' program builds them: padding of half the kernel, input of P x stride."""
    kernel, stride = ints(table, "R"), ints(table, "stride")
    return _square_layers(
        size=ints(table, "P") * stride,
        channels=ints(table, "C"),
        filters=ints(table, "K"),
        kernel=kernel,
        stride=stride,
        padding=kernel // 2,
    )


def _warm(machine: Gemmini, layer: ConvLayer) -> Gemmini:
    inputs = layer.in_height * layer.in_width * layer.channels
    weights = layer.kernel_height * layer.kernel_width * layer.channels * layer.filters
    if inputs + weights > LLC_BYTES:
        return machine
    return replace(machine, memory=replace(machine.memory, first_input_cycles=0.0, first_weight_cycles=0.0))


def _square_layers(**columns: Ints) -> list[ConvLayer]:
    """Build layers that are square in every respect from columns of their sizes."""
    layers = []
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        one = dict(zip(columns, row, strict=True))
        out = (one["size"] - one["kernel"] + 2 * one["padding"]) // one["stride"] + 1
        layers.append(
            ConvLayer(
                in_height=one["size"],
                in_width=one["size"],
                channels=one["channels"],
                filters=one["filters"],
                kernel_height=one["kernel"],
                kernel_width=one["kernel"],
                stride=one["stride"],
                padding=one["padding"],
                out_height=out,
                out_width=out,
            )
        )
    return layers


def _labels(table: Table, *columns: str) -> tuple[str, ...]:
    rows = zip(*(table[column] for column in columns), strict=True)
    return tuple(" ".join(f"{c}={v}" for c, v in zip(columns, row, strict=True)) for row in rows)
