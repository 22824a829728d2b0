"""Eyeriss v1 on AlexNet: the published chip beside the energy model alone and beside the whole design.

The chip maps layers row-stationary; ``eyeriss_like`` approximates that by an output-stationary array of the
same 12 x 14 PEs, whose strips of pixels and filters are used about as well, with the weights of the PEs'
scratchpads as its weight buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from accel_models import (
    Actions,
    Array,
    Idle,
    Mapping,
    array_actions,
    design_prices,
    energy_pj,
    load_design,
    map_ops,
    memory_params,
    shapes_of,
    static_energy_pj,
    technology_params,
)
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import reference_rows
from traces import Op

Floats = NDArray[np.float64]

TRUTH = "Chen et al., JSSC 2017, Table V (chip without DRAM, batch of 4)"
BATCH = 4
# AlexNet: channels in and out, groups, padded input, output, kernel, stride.
LAYERS = {
    "CONV1": (3, 96, 1, 227, 55, 11, 4),
    "CONV2": (96, 256, 2, 31, 27, 5, 1),
    "CONV3": (256, 384, 1, 15, 13, 3, 1),
    "CONV4": (384, 384, 2, 15, 13, 3, 1),
    "CONV5": (384, 256, 2, 15, 13, 3, 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Table V, columns of shape (5,)."""

    layers: tuple[str, ...]
    macs: Floats
    cycles: Floats
    energy_uj: Floats
    zero_share: Floats  # of the input activations [0..1]
    buffer_bytes: Floats  # accesses of the global buffer


@cache
def measured() -> Measured:
    """Read the published table."""
    rows = reference_rows("eyeriss_alexnet")

    def column(name: str) -> Floats:
        return np.array([float(row[name]) for row in rows])

    return Measured(
        layers=tuple(row["layer"] for row in rows),
        macs=column("macs"),
        cycles=column("latency_ms") * 1e3 * column("clock_mhz"),
        energy_uj=column("energy_uj"),
        zero_share=column("ifmap_zero_percent") / 100,
        buffer_bytes=column("glb_access_mb") * 1e6,
    )


def energy_from_accesses() -> Comparison:
    """Energy priced from the published times and access counts: the energy model alone."""
    chip = measured()
    moved = Actions(noc_bytes=chip.buffer_bytes, activation_sram_read_bytes=chip.buffer_bytes)
    return Comparison(
        name="Eyeriss energy on AlexNet from published accesses",
        truth=TRUTH,
        labels=chip.layers,
        measured=chip.energy_uj,
        predicted=_energy_uj(moved, busy_cycles=chip.cycles, total_cycles=chip.cycles),
        unit="uJ",
        bound_mean=0.15,
        bound_worst=0.30,
    )


def latency_of_the_design() -> Comparison:
    """Latency of ``eyeriss_like``, DRAM stalls included."""
    chip = measured()
    return Comparison(
        name="Eyeriss latency on AlexNet, eyeriss_like",
        truth=TRUTH,
        labels=chip.layers,
        measured=chip.cycles,
        predicted=_mapped("total_cycles"),
        unit="cycles",
        bound_mean=0.30,
        bound_worst=0.30,
    )


def energy_of_the_design() -> Comparison:
    """Energy of ``eyeriss_like`` with its own times and accesses; zeros gated at the published share."""
    chip = measured()
    moved = Actions(
        activation_sram_read_bytes=_mapped("activation_read_bytes"),
        activation_sram_write_bytes=_mapped("activation_write_bytes"),
        weight_sram_read_bytes=_mapped("weight_read_bytes"),
        weight_sram_write_bytes=_mapped("weight_write_bytes"),
        accumulator_read_bytes=_mapped("accumulator_read_bytes"),
        accumulator_write_bytes=_mapped("accumulator_write_bytes"),
    )
    return Comparison(
        name="Eyeriss energy on AlexNet, eyeriss_like",
        truth=TRUTH,
        labels=chip.layers,
        measured=chip.energy_uj,
        predicted=_energy_uj(
            moved,
            busy_cycles=_mapped("array_cycles"),
            total_cycles=_mapped("total_cycles"),
        ),
        unit="uJ",
        bound_mean=0.30,
        bound_worst=0.30,
    )


def _energy_uj(moved: Actions, *, busy_cycles: Floats, total_cycles: Floats) -> Floats:
    """Price the chip's work; DRAM stands outside the measurement, so its standby does too."""
    chip, design = measured(), load_design("eyeriss_like", {"memory.dram.price": "none"})
    prices, pes = design_prices(design), design.section(Array).peak_macs_per_cycle
    inside = array_actions(
        technology_params(design), chip.macs, busy_cycles, pes=pes, gated_macs=chip.macs * chip.zero_share
    )
    idle = pes * (total_cycles - busy_cycles)
    static = static_energy_pj(prices, total_cycles, design.clock, Idle(pe_cycles=idle))
    return (energy_pj(inside + moved, prices).total_pj + static) * 1e-6


def _mapped(quantity: str) -> Floats:
    return np.array([float(getattr(_mapping(layer), quantity)[0]) for layer in measured().layers])


def square_conv(  # noqa: PLR0913, PLR0917  # a convolution has these sizes
    name: str, channels: int, filters: int, groups: int, size: int, out: int, kernel: int, stride: int
) -> Op:
    """Return a convolution of a square image by a square kernel [channels, pixels]."""
    return Op(
        name=name,
        kind="conv",
        inputs=("input",),
        in_channels=channels,
        out_channels=filters,
        in_height=size,
        in_width=size,
        out_height=out,
        out_width=out,
        kernel_height=kernel,
        kernel_width=kernel,
        stride_height=stride,
        stride_width=stride,
        groups=groups,
    )


@cache
def _mapping(layer: str) -> Mapping:
    op = square_conv(layer, *LAYERS[layer])
    design = load_design("eyeriss_like")
    memory = memory_params(design)
    if memory is None:
        raise AssertionError("eyeriss_like has a memory")
    return map_ops(shapes_of(op, batch=BATCH), design.section(Array), memory)
