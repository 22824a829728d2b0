"""Gated convolutions beside Gemmini's RTL: design ``gemmini_16x16_rtl``, memories of several latencies.

Rows are layers with the channels that a gate left, or sums over the convolutions of ResNet-20 for one input of a
shipped trace: one behind the other, no gates, adds, pools or classifier.  So of a replay's timeline what the
convolutions add is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np

from accel_models import Design, load_design
from analysis.validation.arrays.systolic import TextColumns, ints, reference
from analysis.validation.asked import added_cycles
from analysis.validation.comparison import Comparison, Promise
from analysis.validation.over_largest import over_largest, rank_correlation
from simulator import estimate
from traces import (
    INPUT,
    Floats,
    Gate,
    GraphBuilder,
    Ints,
    Trace,
    TraceInfo,
    Window,
    find_trace,
    load_trace,
    pack_mask,
)

_TRUTH = "Module Gemmini, DualCore-Small-gemmini @5060110, in Verilator; gates of the shipped traces"


@cache
def rtl_design(
    latency: float, beat: float, align: str = "1 B", *, bias: bool = True, packs: bool = True
) -> Design:
    """Return the RTL with a memory that answers after ``latency`` cycles and takes ``beat`` for 16 bytes."""
    return load_design(
        "gemmini_16x16_rtl",
        {
            "gemmini.l2_latency_cycles": latency + 1 - beat,
            "gemmini.l2_beat_cycles": beat,
            "gemmini.row_align": align,
            "gemmini.loads_bias": bias,
            "skip.packed_outputs": not packs,
        },
    )


def dynamic_comparisons() -> tuple[Comparison, ...]:
    """Return gated layers, what gates leave of them, and the sums of inputs over the dense network."""
    packed = layers()
    return packed, layers(align=16), _over_largest(packed), inputs()


def _over_largest(packed: Comparison) -> Comparison:
    table = reference("gemmini_dynamic_rtl")
    stairs = zip(*(table[name] for name in ("in_dim", "kernel", "stride", "mem_latency")), strict=True)
    channels = ints(table, "in_ch") * ints(table, "out_ch")
    name = "Gemmini RTL, gated convolutions over the largest"
    return over_largest(packed, name, list(stairs), channels.tolist(), Promise(0.03, 0.12))


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
        bound_mean=0.03,
        bound_worst=0.06,
        note=_ranked(table, cycles),
    )


def _ranked(table: TextColumns, cycles: Floats) -> str:
    """Say how alike the inputs of a trace are ordered."""
    measured, found = table["cycles"].astype(np.float64), []
    runs = [*zip(table["trace"], table["mem_latency"], strict=True)]
    for run in set(runs):
        at = np.array([one == run for one in runs])
        found.append(rank_correlation(measured[at], cycles[at]))
    return f"Inputs of a trace rank as measured: Spearman's correlation {min(found):.3f} to {max(found):.3f}."


def layer_cycles(table: TextColumns, align: int = 1) -> Floats:
    """Return the cycles of each row's convolution, its kept channels a multiple of ``align`` bytes apart.

    A replay of a convolution behind another, gates over both: of channels rounded up to ``align``, the first are kept.
    So weights that are kept lie side by side, as if they had been packed ahead of time, and nothing is packed on the
    way.
    """
    names = ("in_dim", "in_ch", "out_ch", "kernel", "stride", "pad", "mem_latency", "mem_cycles_per_16B")
    alike: dict[tuple[int, ...], list[tuple[int, int, int]]] = defaultdict(list)
    values = zip(*(ints(table, name).tolist() for name in names), strict=True)
    for row, (size, kept, filters, *rest) in enumerate(values):
        alike[size, _up(kept, align), _up(filters, align), *rest].append((row, kept, filters))
    cycles = np.zeros(len(table["cycles"]))
    for (*layer, latency, beat), members in alike.items():
        rows, kept, filters = np.array(members).T
        design = rtl_design(latency, beat, f"{align} B", packs=False)
        cycles[rows] = added_cycles(_gated(layer, kept, filters), design)[:, 1]
    return cycles


def _up(count: int, step: int) -> int:
    return -(-count // step) * step


def _gated(layer: Sequence[int], kept: Ints, filters: Ints) -> Trace:
    """Return one input for each count of ``kept`` and ``filters``, shape (n,); a 1x1 convolution stands before."""
    size, channels, outputs, kernel, stride, pad = layer
    out = (size + 2 * pad - kernel) // stride + 1
    builder = GraphBuilder("gated", 1, size, size)
    before = builder.conv("before", builder.input, channels, Window.square(1))
    window = Window(kernel=(kernel, kernel), stride=(stride, stride), out=(out, out))
    builder.conv("layer", before, outputs, window)
    decisions = {}
    for guarded, whole, counts in (("before", channels, kept), ("layer", outputs, filters)):
        builder.gate(Gate(name=guarded + ".gate", kind="channel", size=whole, reads=INPUT, guards=(guarded,)))
        decisions[guarded + ".gate"] = pack_mask(np.arange(whole) < counts[:, None])
    nobody = np.zeros(len(kept), np.int32)
    return Trace(builder.finish(), TraceInfo(model_name="gated"), nobody, nobody, decisions)


def input_cycles(table: TextColumns, align: str = "1 B") -> tuple[Floats, Floats]:
    """Return the cycles of each row's input, and of the dense network."""
    cycles, dense = np.zeros(len(table["trace"])), np.zeros(len(table["trace"]))
    memories = np.stack([ints(table, "mem_latency"), ints(table, "mem_cycles_per_16B")], axis=1)
    for trace in np.unique(table["trace"]):
        for latency, beat in np.unique(memories, axis=0).tolist():
            at = (table["trace"] == trace) & (memories == (latency, beat)).all(axis=1)
            places = tuple(ints(table, "input")[at].tolist())
            cycles[at], dense[at] = _convolutions(str(trace), places, rtl_design(latency, beat, align))
    return cycles, dense


@cache
def _recorded(name: str) -> Trace:
    return load_trace(find_trace(name))


@cache
def _convolutions(name: str, inputs: tuple[int, ...], design: Design) -> tuple[Ints, int]:
    """Return the cycles of all convolutions but gates' for some inputs of a trace, and for the dense network.

    An input computes the exits on its way; the dense network has none but the last.
    """
    trace = _recorded(name).pick(np.array(inputs))
    graph, dense = trace.graph, trace.graph.without_gates()
    ran = np.array([op.kind == "conv" and op.name not in graph.gate_ops for op in graph.ops])
    rows = zip(dense.ops, estimate(dense, design).rows, strict=True)
    whole = sum(row.total_cycles for op, row in rows if op.kind == "conv")
    return added_cycles(trace, design)[:, ran].sum(axis=1), whole


def _labels(table: TextColumns, *columns: str) -> tuple[str, ...]:
    return tuple(" ".join(row) for row in zip(*(table[column] for column in columns), strict=True))
