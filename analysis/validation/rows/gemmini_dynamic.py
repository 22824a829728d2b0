"""Gated convolutions beside Gemmini's RTL: design ``gemmini_16x16_rtl``, memories of several latencies.

Rows are layers with the channels that a gate left, or sums over the convolutions of ResNet-20 for one input of a
shipped trace: one behind the other, no gates, adds, pools or classifier.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from accel_models import Design, load_design, place, price, skip
from analysis.validation.arrays.systolic import TextColumns, ints, reference
from analysis.validation.comparison import Comparison
from traces import Floats, GraphBuilder, Window, dense_workload, find_trace, load_trace, lower

_TRUTH = "Module Gemmini, DualCore-Small-gemmini @5060110, in Verilator; gates of the shipped traces"


@cache
def rtl_design(latency: float, beat: float, align: str = "1 B", *, bias: bool = True) -> Design:
    """Return the RTL with a memory that answers after ``latency`` cycles and takes ``beat`` for 16 bytes."""
    return load_design(
        "gemmini_16x16_rtl",
        {
            "gemmini.l2_latency_cycles": latency + 1 - beat,
            "gemmini.l2_beat_cycles": beat,
            "gemmini.row_align": align,
            "gemmini.loads_bias": bias,
        },
    )


def dynamic_comparisons() -> tuple[Comparison, ...]:
    """Return gated layers, and the sums of inputs over the dense network."""
    return layers(), layers(align=16), inputs()


def layers(align: int = 1) -> Comparison:
    """Layers with the channels that gates left, packed, or at least so many bytes apart."""
    table = reference("gemmini_dynamic_rtl")
    return Comparison(
        name="Gemmini RTL, gated convolutions" + (f", {align} B apart" if align > 1 else ""),
        truth=_TRUTH,
        labels=_labels(table, "in_dim", "in_ch", "out_ch", "kernel", "stride", "mem_latency"),
        measured=table["cycles" if align == 1 else f"cycles_pitch{align}"].astype(np.float64),
        predicted=layer_cycles(table, align),
        unit="cycles",
        bound_mean=0.03,
        bound_worst=0.15,
        part="the price of a layer that a gate left, its weights packed ahead of time",
    )


def inputs() -> Comparison:
    """Compare sums per input over the dense network's; nothing is fitted."""
    table = reference("gemmini_dynamic_inputs")
    cycles, dense = input_cycles(table)
    return Comparison(
        name="Gemmini RTL, dynamic over dense, per input",
        truth=_TRUTH,
        labels=_labels(table, "trace", "input", "mem_latency"),
        measured=table["cycles"].astype(np.float64) / table["dense_cycles"].astype(np.float64),
        predicted=cycles / dense,
        unit="ratio",
        bound_mean=0.05,
        bound_worst=0.15,
        part="the prices of a replay's convolutions, one after the other: all that was run",
    )


def layer_cycles(table: TextColumns, align: int = 1) -> Floats:
    """Return the cycles of each row's convolution, its kept channels a multiple of ``align`` bytes apart."""
    names = ("in_dim", "in_ch", "out_ch", "kernel", "stride", "pad", "mem_latency", "mem_cycles_per_16B")
    rows = zip(*(ints(table, name).tolist() for name in names), strict=True)
    return np.array([_layer_cycles(row, align) for row in rows], np.float64)


def _layer_cycles(row: tuple[int, ...], align: int) -> int:
    """Price what a gate leaves of a convolution whose channels are rounded up to ``align``."""
    size, kept, filters, kernel, stride, pad, latency, beat = row
    whole, out = (
        [-(-count // align) * align for count in (kept, filters)],
        (size + 2 * pad - kernel) // stride + 1,
    )
    builder = GraphBuilder("one", whole[0], size, size)
    window = Window(kernel=(kernel, kernel), stride=(stride, stride), out=(out, out))
    builder.conv("layer", builder.input, whole[1], window)
    graph, design = builder.finish(), rtl_design(latency, beat, f"{align} B")
    (work,), (placement,) = skip(dense_workload(graph), design).states, place(graph, design)
    states = np.ones(len(work), np.int64)
    gated = replace(
        work,
        in_channels=kept * states,
        out_channels=filters * states,
        weight_fetch_bytes=0 * states,  # packed ahead of time
    )
    return int(price(gated, placement, design).alone_cycles[-1])


def input_cycles(table: TextColumns, align: str = "1 B") -> tuple[Floats, Floats]:
    """Return the cycles of each row's input, and of the dense network."""
    cycles, dense = np.zeros(len(table["trace"])), np.zeros(len(table["trace"]))
    memories = np.stack([ints(table, "mem_latency"), ints(table, "mem_cycles_per_16B")], axis=1)
    for trace in np.unique(table["trace"]):
        for latency, beat in np.unique(memories, axis=0).tolist():
            at = (table["trace"] == trace) & (memories == (latency, beat)).all(axis=1)
            found = _trace_cycles(str(trace), latency, beat, align)
            cycles[at], dense[at] = found[0][ints(table, "input")[at]], found[1]
    return cycles, dense


@cache
def _trace_cycles(name: str, latency: float, beat: float, align: str) -> tuple[Floats, float]:
    """Return the cycles of all convolutions but gates' for each input of a shipped trace, and of the dense network."""
    trace, design = load_trace(find_trace(name)), rtl_design(latency, beat, align)
    done, dense = skip(lower(trace), design), 0.0
    cycles = np.zeros(len(done.state_index))
    for i, (work, placement) in enumerate(zip(done.states, place(trace.graph, design), strict=True)):
        if work.op.kind == "conv" and work.op.name not in trace.graph.gate_ops:
            alone = price(work, placement, design).alone_cycles
            cycles += alone[done.state_index[:, i]]
            dense += float(alone[-1])
    return cycles, dense


def _labels(table: TextColumns, *columns: str) -> tuple[str, ...]:
    return tuple(" ".join(row) for row in zip(*(table[column] for column in columns), strict=True))
