"""Dynamic pruning on silicon: DPACS's FPGA design, latency of ResNets under pruning over that of the dense one.

The serial DPUnit multiplies 32 x 32 channels of one kernel tap and one pixel a cycle in each of its convolutions,
reads a convolution's weights before its first pixel and streams a residual block's convolutions one into the
other (github.com/CASR-HKU/DPACS, hardware/source).  What is compared is the ratio to the dense network: its clock
and its bus are not published, and neither enters.  Its parallel sibling is bound by that bus; it is not compared.
What is compared is a replay of design ``dpacs_serial``, one input per pruning (``skip.spatial``, ``skip.channels:
tile``).  Its weights take 32 bytes a cycle, before the pixels of each fold instead of all folds, which is as long.  No
engine streams a block's convolutions into each other: with that, ResNet-18's rows would be off by 4.8 instead of
12.5 % on average.

The chip also leaves out kernel taps over pixels that are pruned, which the model does not.  For each pixel, tap and
32 input channels its loop over filters is a pipeline of its own (conv.h), whose depth is not published.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accel_models import Design, load_design
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import reference_rows
from simulator import replay
from traces import (
    ConfigError,
    Floats,
    Gate,
    Ints,
    NetworkGraph,
    Op,
    Trace,
    TraceInfo,
    pack_mask,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
)

NETWORKS = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50, "resnet101": resnet101}
# Residual blocks of each stage.  Its driver prunes inner channels in those of stage 3 (hardware/drive, f388e475).
_STAGES = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
}
PRUNED = ("resnet18", "resnet50")  # measured under pruning; the others dense alone


def dpacs_comparisons() -> tuple[Comparison, ...]:
    """Return latency under pruning, and of dense networks over the smallest."""
    return dpacs_latency(), dpacs_dense()


def dpacs_latency() -> Comparison:
    """ResNet-18 and 50 with 25 to 75 % of pixels and of channels pruned; nothing is fitted.

    Pixels are pruned in all convolutions of residual blocks, channels between them, whole groups at a time.
    """
    rows = [row for row in reference_rows("dpacs_fpga") if row["implementation"] == "serial"]
    found = [over_dense(name, [row for row in rows if row["network"] == name]) for name in PRUNED]
    labels, measured, predicted = zip(*found, strict=True)
    return Comparison(
        name="DPACS serial, latency under pruning over dense",
        truth="CASR-HKU/DPACS hardware/README.md: DPUnit on a ZCU102 FPGA, int8, spatial and channel pruning",
        labels=tuple(label for group in labels for label in group),
        measured=np.concatenate(measured),
        predicted=np.concatenate(predicted),
        unit="ratio",
        bound_mean=0.10,
        bound_worst=0.22,
    )


def dpacs_dense() -> Comparison:
    """Return the dense networks' latencies over that of ResNet-18: clock and bus of the chip do not enter."""
    dense = {
        row["network"]: float(row["latency_ms"])
        for row in reference_rows("dpacs_fpga")
        if row["implementation"] == "serial" and row["pruned_spatial_channel_percent"] == "dense"
    }
    whole = np.ones(1)
    cycles = {name: float(network_cycles(build(), whole, whole)[0]) for name, build in NETWORKS.items()}
    names = [name for name in NETWORKS if name != "resnet18"]
    return Comparison(
        name="DPACS serial, dense networks over ResNet-18",
        truth="CASR-HKU/DPACS hardware/README.md, latency table: DPUnit on a ZCU102 FPGA, int8",
        labels=tuple(f"{name} over resnet18" for name in names),
        measured=np.array([dense[name] / dense["resnet18"] for name in names]),
        predicted=np.array([cycles[name] / cycles["resnet18"] for name in names]),
        unit="ratio",
        bound_mean=0.21,
        bound_worst=0.35,
    )


@cache
def _chip() -> Design:
    return load_design("dpacs_serial")


def over_dense(name: str, rows: list[dict[str, str]]) -> tuple[list[str], Floats, Floats]:
    """Return the label, the measured and the predicted ratio of every pruned row; the dense one comes first."""
    pruned = [row["pruned_spatial_channel_percent"] for row in rows]
    kept = np.array([_kept(text) for text in pruned])
    measured = np.array([float(row["latency_ms"]) for row in rows])
    cycles = network_cycles(NETWORKS[name](), kept[:, 0], kept[:, 1])
    labels = [f"{name}, {text} % pruned" for text in pruned[1:]]
    return labels, measured[1:] / measured[0], cycles[1:] / cycles[0]


def _kept(pruned: str) -> tuple[float, float]:
    """Return the shares of pixels and channels that "25-50" keeps."""
    if pruned == "dense":
        return 1.0, 1.0
    parts = pruned.split("-")
    if len(parts) != 2:
        raise ConfigError(f"pruned = {pruned!r}: must be two percentages, as '25-50', or 'dense'")
    spatial, channel = (float(part) for part in parts)
    return 1 - spatial / 100, 1 - channel / 100


def network_cycles(graph: NetworkGraph, pixels: Floats, channels: Floats) -> Ints:
    """Return the cycles that a replay gives a network of which these shares are kept, each of shape (n,).

    Parameters
    ----------
    graph
        A ResNet whose ops are named ``block3.conv1``.
    pixels, channels
        Shares that are kept, shape (n,).
    """
    results = replay(pruned_trace(graph, pixels, channels), _chip(), explain=False)
    return np.asarray(results.per_input["latency_cycles"], np.int64)


def pruned_trace(graph: NetworkGraph, pixels: Floats, channels: Floats) -> Trace:
    """Return one input per pruning: gates over a ResNet's blocks that keep these shares.

    Each residual block has a spatial gate over its convolutions, a bit per row of its output, and each convolution
    between two of a block in stage 3 a channel gate.  Choice: the kept rows lie together, and begin at the top.
    """
    gates: list[Gate] = []
    decisions: dict[str, NDArray[np.uint8]] = {}
    blocks: dict[str, list[Op]] = {}
    for op in graph.ops:
        block, _, part = op.name.partition(".")
        if block.startswith("block") and part.startswith("conv"):
            blocks.setdefault(block, []).append(op)
    for block, convs in blocks.items():
        rows, name = convs[-1].out_height, f"{block}.pixels"
        kept = np.arange(rows) < np.ceil(rows * pixels)[:, None]
        gates.append(_gate(name, "spatial", convs, (rows, 1)))
        decisions[name] = pack_mask(kept)
        for op in convs[:-1] if int(block.removeprefix("block")) in _third_stage(graph.name) else ():
            gates.append(
                _gate(f"{op.name}.channels", "channel", [op], (1, op.out_channels), convs[0].inputs[0])
            )
            kept = np.arange(op.out_channels) < _groups(op.out_channels, channels)[:, None]
            decisions[gates[-1].name] = pack_mask(kept)
    nobody = np.zeros(len(pixels), np.int32)
    gated = graph.model_copy(update={"gates": tuple(gates)})
    return Trace(gated, TraceInfo(model_name=graph.name), nobody, nobody, decisions)


def _gate(
    name: str,
    kind: Literal["spatial", "channel"],
    guarded: Sequence[Op],
    bits: tuple[int, int],
    reads: str = "",
) -> Gate:
    """Return a gate of so many rows x columns of bits that is decided when what the block reads is there."""
    return Gate(
        name=name,
        kind=kind,
        size=bits[0] * bits[1],
        reads=reads or guarded[0].inputs[0],
        guards=tuple(op.name for op in guarded),
        tile_rows=bits[0],
    )


def _third_stage(network: str) -> range:
    first, second, third, _ = _STAGES[network]
    return range(first + second + 1, first + second + third + 1)


def _groups(channels: int, share: Floats) -> Ints:
    """Return the channels in whole groups of ``share`` of them, at least one group, rounded down as its driver does."""
    group = _chip().skip.group
    return np.asarray(np.maximum(1, np.floor(channels // group * share)) * group, np.int64)
