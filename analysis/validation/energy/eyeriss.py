"""Eyeriss v1 on AlexNet: the published chip beside the energy model alone and beside the design ``eyeriss``.

Latency is what ``lacuna estimate eyeriss`` says of a layer, with the published shares of zeros; energy is what a replay
of the layer alone takes, without the DRAM, which stands outside the measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from accel_models import (
    Actions,
    Array,
    Design,
    Idle,
    array_actions,
    design_prices,
    energy_pj,
    load_design,
    static_energy_pj,
)
from analysis.validation.asked import WITHOUT_DRAM, counting, without_dram
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import reference_rows
from simulator import Policy, estimate, replay
from traces import Floats, GraphBuilder, NetworkGraph, Window, static_trace

_TRUTH = "Chen et al., JSSC 2017, Table V (chip without DRAM, batch of 4)"
CHOSEN = f"{_TRUTH}; the rule that chooses passes was chosen on its accesses"
CHIP_BATCH = 4
ACCESSES = ("activation_sram_read_bytes", "accumulator_read_bytes", "accumulator_write_bytes")
# AlexNet: channels in and out, groups, input, output, kernel, stride.
LAYERS = {
    "CONV1": (3, 96, 1, 227, 55, 11, 4),
    "CONV2": (96, 256, 2, 27, 27, 5, 1),
    "CONV3": (256, 384, 1, 13, 13, 3, 1),
    "CONV4": (384, 384, 2, 13, 13, 3, 1),
    "CONV5": (384, 256, 2, 13, 13, 3, 1),
}


@dataclass(frozen=True, slots=True)
class Zeros:
    """Shares of zeros among what a layer reads and leaves [0..1]; what the next layer reads is what this one leaves."""

    inputs: float = 0.0
    outputs: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Table V, columns of shape (5,)."""

    layers: tuple[str, ...]
    macs: Floats
    cycles: Floats
    energy_uj: Floats
    zero_share: Floats  # of the input activations [0..1]
    buffer_bytes: Floats  # accesses of the global buffer
    dram_bytes: Floats

    @property
    def zeros(self) -> tuple[Zeros, ...]:
        """Return what each layer reads and leaves; the last leaves as many zeros as it reads (Choice)."""
        shares = [*self.zero_share.tolist(), float(self.zero_share[-1])]
        return tuple(Zeros(*pair) for pair in pairwise(shares))


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
        dram_bytes=column("dram_access_mb") * 1e6,
    )


def energy_from_accesses() -> Comparison:
    """Energy priced from the published times and access counts: the energy model alone."""
    chip = measured()
    moved = Actions(noc_bytes=chip.buffer_bytes, activation_sram_read_bytes=chip.buffer_bytes)
    return Comparison(
        name="Eyeriss energy on AlexNet from published accesses",
        truth=_TRUTH,
        labels=chip.layers,
        measured=chip.energy_uj,
        predicted=_energy_uj(moved, cycles=chip.cycles),
        unit="uJ",
        bound_mean=0.15,
        bound_worst=0.30,
        part="the prices of counted actions, at published counts",
    )


def latency_of_the_design() -> Comparison:
    """Latency of ``eyeriss``, DRAM stalls included; nothing is fitted but the rule that chooses its passes."""
    chip = measured()
    layers = zip(chip.layers, chip.zeros, strict=True)
    return Comparison(
        name="Eyeriss latency on AlexNet, eyeriss",
        truth=CHOSEN,
        labels=chip.layers,
        measured=chip.cycles,
        predicted=np.array(
            [layer_cycles(square_conv(*LAYERS[name]), CHIP_BATCH, zeros) for name, zeros in layers]
        ),
        unit="cycles",
        bound_mean=0.08,
        bound_worst=0.13,
    )


def accesses_of_the_design() -> Comparison:
    """Bytes that pass between ``eyeriss`` and its global buffer, weights apart."""
    chip = measured()
    return Comparison(
        name="Eyeriss accesses of the global buffer on AlexNet, eyeriss",
        truth=CHOSEN,
        labels=chip.layers,
        measured=chip.buffer_bytes,
        predicted=np.array([_buffer_bytes(layer) for layer in chip.layers]),
        unit="B",
        bound_mean=0.005,
        bound_worst=0.01,
    )


def dram_of_the_design() -> Comparison:
    """Bytes between ``eyeriss`` and its DRAM, activations coded at the published shares of zeros."""
    chip = measured()
    layers = zip(chip.layers, chip.zeros, strict=True)
    return Comparison(
        name="Eyeriss accesses of DRAM on AlexNet, eyeriss",
        truth=_TRUTH,
        labels=chip.layers,
        measured=chip.dram_bytes,
        predicted=np.array([_dram_bytes(name, zeros) for name, zeros in layers]),
        unit="B",
        bound_mean=0.10,
        bound_worst=0.16,
    )


def energy_of_the_design() -> Comparison:
    """Energy of ``eyeriss`` with its own times and accesses; zeros gated at the published share."""
    chip = measured()
    layers = zip(chip.layers, chip.zeros, strict=True)
    return Comparison(
        name="Eyeriss energy on AlexNet, eyeriss",
        truth=CHOSEN,
        labels=chip.layers,
        measured=chip.energy_uj,
        predicted=np.array(
            [layer_energy_uj(square_conv(*LAYERS[name]), CHIP_BATCH, zeros) for name, zeros in layers]
        ),
        unit="uJ",
        bound_mean=0.09,
        bound_worst=0.28,
    )


def layer_cycles(graph: NetworkGraph, batch: int, zeros: Zeros) -> float:
    """Return the cycles of a network of one layer on ``eyeriss``."""
    return float(estimate(graph, _coding(zeros), batch).rows[0].total_cycles)


def _coding(zeros: Zeros) -> Design:
    """Return ``eyeriss`` with activations coded that have so many zeros."""
    shares = {"array.run_length.inputs": zeros.inputs, "array.run_length.outputs": zeros.outputs}
    return load_design("eyeriss", shares)


def layer_energy_uj(graph: NetworkGraph, batch: int, zeros: Zeros) -> float:
    """Return the energy of a network of one layer on ``eyeriss`` without its DRAM [uJ].

    Operands come from DRAM and results go there; MACs do not switch where the input is zero.
    """
    chip = without_dram(_coding(zeros))
    results = replay(static_trace(graph, batch), chip, policy=Policy(batch=batch), explain=False)
    return float(results.per_input["energy_pj"].sum()) * 1e-6


def _buffer_bytes(layer: str) -> float:
    """Return the bytes of inputs and partial sums; the DMA's own are not among the published."""
    design = counting(load_design("eyeriss"), ACCESSES)
    return estimate(square_conv(*LAYERS[layer]), design, CHIP_BATCH).rows[0].energy_pj


def _dram_bytes(layer: str, zeros: Zeros) -> float:
    return float(estimate(square_conv(*LAYERS[layer]), _coding(zeros), CHIP_BATCH).rows[0].dram_bytes)


def _energy_uj(moved: Actions, *, cycles: Floats) -> Floats:
    """Price the chip's work, as busy as it was."""
    chip, design = measured(), load_design("eyeriss", WITHOUT_DRAM)
    prices, pes = design_prices(design), design.section(Array).peak_macs_per_cycle
    inside = array_actions(
        design.technology, chip.macs, cycles, pes=pes, gated_macs=chip.macs * chip.zero_share
    )
    static = static_energy_pj(prices, cycles, design.clock, Idle(pe_cycles=np.zeros_like(cycles)))
    return (energy_pj(inside + moved, prices).total_pj + static) * 1e-6


def square_conv(  # noqa: PLR0913, PLR0917  # a convolution has these sizes
    channels: int, filters: int, groups: int, size: int, out: int, kernel: int, stride: int
) -> NetworkGraph:
    """Return a network of one convolution of a square image by a square kernel [channels, pixels]."""
    builder = GraphBuilder("layer", channels, size, size)
    window = Window(kernel=(kernel, kernel), stride=(stride, stride), out=(out, out))
    builder.conv("conv", builder.input, filters, window, groups=groups)
    return builder.finish()
