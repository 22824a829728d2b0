"""Rows of accelerators that run whole networks: DPACS under pruning, Eyeriss layer by layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from analysis.validation.arrays.dpacs import NETWORKS, over_dense
from analysis.validation.energy.eyeriss import LAYERS, Zeros, layer_cycles, layer_energy_uj, square_conv
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import NotCovered, Outcome, compared, number, whole
from traces import ConfigError, NetworkGraph, did_you_mean

# VGG-16: convolutions and their filters per group, all 3x3; the size halves between groups.  Simonyan & Zisserman,
# ICLR 2015, table 1, column D.
_VGG16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))

MOST_BATCH = 4096  # Choice: the chip ran 3 and 4; each image is an input of a replay


def dpacs(rows: Sequence[Row]) -> list[Outcome]:
    """Latency over that of the dense network of the same file, or of the shipped rows if it holds none."""
    return [_dpacs(row, rows) for row in rows]


def _dpacs(row: Row, rows: Sequence[Row]) -> Outcome:
    label = f"{row['network']} {row['implementation']} {row['pruned_spatial_channel_percent']}"
    return compared(label, row["network"], lambda: _over_dense(row, rows))


def _over_dense(row: Row, rows: Sequence[Row]) -> tuple[float, float]:
    if row["pruned_spatial_channel_percent"] == "dense":
        raise NotCovered("the dense network is what the others are compared with")
    if row["implementation"] != "serial":
        raise NotCovered(f"{row['implementation']}: bound by a bus that is not published")
    if row["network"] not in NETWORKS:
        raise NotCovered(f"network {row['network']!r}{did_you_mean(row['network'], NETWORKS)}")
    number(row, "latency_ms")
    _, measured, predicted = over_dense(row["network"], [_dense(row, rows), row])
    return float(measured[0]), float(predicted[0])


def _dense(row: Row, rows: Sequence[Row]) -> Row:
    """Return the dense row of the same network and implementation."""
    same = ("network", "implementation")
    for other in (*rows, *reference_rows("dpacs_fpga")):
        if other["pruned_spatial_channel_percent"] == "dense" and all(other[c] == row[c] for c in same):
            return other
    raise NotCovered(f"no dense row of {row['network']} {row['implementation']}")


def eyeriss(rows: Sequence[Row]) -> list[Outcome]:
    """Cycles of a layer of AlexNet or VGG-16 on ``eyeriss``, DRAM stalls included; zeros coded where a row has them."""
    return [_eyeriss(row, rows, "cycles", layer_cycles) for row in rows]


def eyeriss_energy(rows: Sequence[Row]) -> list[Outcome]:
    """Energy of a layer on ``eyeriss`` without its DRAM [uJ], zeros of the inputs gated."""
    return [_eyeriss(row, rows, "energy_uJ", layer_energy_uj) for row in rows]


def _eyeriss(
    row: Row, rows: Sequence[Row], column: str, model: Callable[[NetworkGraph, int, Zeros], float]
) -> Outcome:
    label = f"{row['network']} {row['layer']}"

    def both() -> tuple[float, float]:
        graph, batch = _graph(row), whole(row, "batch")
        if batch > MOST_BATCH:
            raise ConfigError(f"batch = {batch:,}: must be up to {MOST_BATCH:,}")
        return number(row, column), model(graph, batch, _zeros(row, rows))

    return compared(label, row["network"], both)


def _zeros(row: Row, rows: Sequence[Row]) -> Zeros:
    """Return what a layer reads, and leaves: what the next layer of its network reads, else as many (Choice)."""
    later = rows[[other is row for other in rows].index(True) + 1 :]
    after = [_zero_share(other) for other in later[:1] if _next_layer(row, other)]
    inputs = _zero_share(row) or 0.0
    return Zeros(inputs, inputs if not after or after[0] is None else after[0])


def _next_layer(row: Row, other: Row) -> bool:
    return other["network"] == row["network"] and bool(re.search(r"\d", other["layer"]))


def _zero_share(row: Row) -> float | None:
    """Return the share of zeros among a layer's inputs, stated as a share or in percent."""
    text = (row.get("ifmap_zero_frac") or "").strip()
    if not text:
        return None
    try:
        share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ConfigError(f"ifmap_zero_frac = {text!r}: must be a share or a percentage") from None
    if not 0 <= share <= 1:
        raise ConfigError(f"ifmap_zero_frac = {text}: must be 0 % to 100 %")
    return share


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
        return square_conv(channels, filters, 1, size, size, 3, 1)
    raise NotCovered(f"no sizes known of layer {layer!r} of {network}")


def _in_vgg(group: int, place: int) -> bool:
    return 1 <= group <= len(_VGG16) and 1 <= place <= _VGG16[group - 1][0]
