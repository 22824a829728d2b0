"""Accelerators that architects know, beside one published figure of each; nothing was fitted on any of them.

NVDLA's are its makers' own estimates for seven configurations.  CNN0 of the first TPU is not published: 16 layers, 8 M
weights and 2888 operations per weight at a batch of 8 are what 3x3 convolutions of 256 channels on a board of 19 x 19
come to, as AlphaGo's policy network is built (assumption).  The Edge TPU's figures include its USB link.
"""

from __future__ import annotations

import numpy as np

from accel_models import Array, load_design
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.simd.mobilenets import mobilenet_v1, mobilenet_v2
from simulator import estimate
from traces import ConfigError, GraphBuilder, NetworkGraph, Window, load_network

_BOUNDS = {"nvdla": (0.12, 0.25), "tpu": (0.16, 0.16), "edge": (0.42, 0.42), "dpu": (0.32, 0.32)}
NAMES = {
    "nvdla": "NVDLA on ResNet-50, frames per second",
    "tpu": "TPU v1 on CNN0, utilization",
    "edge": "Edge TPU on MobileNets, latency",
    "dpu": "DPU B4096 on ResNet-50, latency",
}
_UNITS = {"nvdla": "frames/s", "tpu": "1", "edge": "ms", "dpu": "ms"}


def known_accelerators() -> tuple[Comparison, ...]:
    """Return one comparison per accelerator."""
    return tuple(_comparison(key) for key in NAMES)


def _comparison(key: str) -> Comparison:
    rows = [row for row in reference_rows("known_accelerators") if row["design"].startswith(key)]
    return Comparison(
        name=NAMES[key],
        truth=rows[0]["source"],
        labels=tuple(f"{row['design']} {row['settings'] or row['network']}" for row in rows),
        measured=np.array([float(row["value"]) for row in rows]),
        predicted=np.array([predicted(row) for row in rows]),
        unit=_UNITS[key],
        bound_mean=_BOUNDS[key][0],
        bound_worst=_BOUNDS[key][1],
    )


def predicted(row: Row) -> float:
    """Return a row's figure as ``lacuna estimate`` tells it."""
    settings = dict(part.split("=") for part in row["settings"].split())
    design, batch = load_design(row["design"], settings), int(row["batch"])
    table = estimate(network_of(row["network"]), design, batch)
    cycles, macs = sum(op.total_cycles for op in table.rows), sum(op.macs for op in table.rows)
    match row["figure"]:
        case "frames_per_second":
            return batch * design.clock / cycles
        case "latency_ms":
            return cycles / design.clock * 1e3
        case "utilization":
            return macs / (cycles * design.section(Array).peak_macs_per_cycle)
        case other:
            raise ConfigError(f"figure {other!r}: known: frames_per_second, latency_ms, utilization")


def network_of(name: str) -> NetworkGraph:
    """Return a network that no command knows by name, or one that does."""
    match name:
        case "mobilenetv1":
            return mobilenet_v1(1.0, 224, 1000)
        case "mobilenetv2":
            return mobilenet_v2(224, 1000)
        case "cnn0":
            return _cnn0()
        case _:
            return load_network(name)


def _cnn0() -> NetworkGraph:
    """Return a network of 16 layers and 8.6 M weights on a board: 5x5, fourteen 3x3 of 256 channels, 1x1."""
    builder = GraphBuilder("cnn0", 48, 19, 19)
    x = builder.conv("conv1", builder.input, 256, Window.square(5), activation="relu")
    for i in range(2, 16):
        x = builder.conv(f"conv{i}", x, 256, Window.square(3), activation="relu")
    builder.conv("conv16", x, 1, Window.square(1))
    return builder.finish()
