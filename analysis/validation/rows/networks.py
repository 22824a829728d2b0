"""Rows of accelerators that run whole networks: DPACS under pruning, Eyeriss layer by layer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.validation.arrays.dpacs import NETWORKS, over_dense
from analysis.validation.energy.eyeriss import LAYERS, layer_cycles, layer_energy_uj, square_conv
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import NotCovered, Outcome, Pair, Skipped, number
from traces import LacunaError, NetworkGraph, did_you_mean

# VGG-16: convolutions and their filters per group, all 3x3; the size halves between groups.  Simonyan & Zisserman,
# ICLR 2015, table 1, column D.
_VGG16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def dpacs(rows: Sequence[Row]) -> list[Outcome]:
    """Latency over that of the dense network of the same file, or of the shipped rows if it holds none."""
    return [_dpacs(row, rows) for row in rows]


def _dpacs(row: Row, rows: Sequence[Row]) -> Outcome:
    pruned = row["pruned_spatial_channel_percent"]
    label = f"{row['network']} {row['implementation']} {pruned}"
    try:
        if pruned == "dense":
            raise NotCovered("the dense network is what the others are compared with")
        if row["implementation"] != "serial":
            raise NotCovered(f"{row['implementation']}: bound by a bus that is not published")
        if row["network"] not in NETWORKS:
            raise NotCovered(f"network {row['network']!r}{did_you_mean(row['network'], NETWORKS)}")
        _, measured, predicted = over_dense(row["network"], [_dense(row, rows), row])
        return Pair(label, row["network"], float(measured[0]), float(predicted[0]))
    except LacunaError as error:
        return Skipped(label, str(error))


def _dense(row: Row, rows: Sequence[Row]) -> Row:
    """Return the dense row of the same network and implementation."""
    same = ("network", "implementation")
    for other in (*rows, *reference_rows("dpacs_fpga")):
        if other["pruned_spatial_channel_percent"] == "dense" and all(other[c] == row[c] for c in same):
            return other
    raise NotCovered(f"no dense row of {row['network']} {row['implementation']}")


def eyeriss(row: Row) -> tuple[float, float]:
    """Cycles of a layer of AlexNet or VGG-16 on ``eyeriss``, DRAM stalls included."""
    return number(row, "cycles"), layer_cycles(_graph(row), int(number(row, "batch")))


def eyeriss_energy(row: Row) -> tuple[float, float]:
    """Energy of a layer on ``eyeriss`` without its DRAM [uJ], zeros of the inputs gated."""
    zeros = float(row["ifmap_zero_frac"].rstrip("%")) / (100 if row["ifmap_zero_frac"].endswith("%") else 1)
    return number(row, "energy_uJ"), layer_energy_uj(_graph(row), int(number(row, "batch")), zeros)


def _graph(row: Row) -> NetworkGraph:
    if not row["accelerator"].startswith("Eyeriss"):
        raise NotCovered(f"no design covers {row['accelerator']}")
    return eyeriss_layer(row["network"], row["layer"])


def eyeriss_layer(network: str, layer: str) -> NetworkGraph:
    """Return a convolution by its name in the paper: ``CONV2``, ``CONV1_2``, ``CONV1-2``."""
    numbers = [int(text) for text in re.findall(r"\d+", layer)]
    word = re.sub(r"[^a-z0-9]", "", network.casefold())
    if word == "alexnet" and f"CONV{numbers[0] if numbers else 0}" in LAYERS:
        return square_conv(*LAYERS[f"CONV{numbers[0]}"])
    if word.startswith("vgg") and len(numbers) == 2 and _in_vgg(*numbers):
        group, place = numbers
        size, filters = 224 >> (group - 1), _VGG16[group - 1][1]
        channels = filters if place > 1 else (_VGG16[group - 2][1] if group > 1 else 3)
        return square_conv(channels, filters, 1, size + 2, size, 3, 1)
    raise NotCovered(f"no sizes known of layer {layer!r} of {network}")


def _in_vgg(group: int, place: int) -> bool:
    return 1 <= group <= len(_VGG16) and 1 <= place <= _VGG16[group - 1][0]
