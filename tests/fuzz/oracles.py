"""What cannot be, whatever was read: sums, bounds and counts that take another way than the code they judge.

Each returns an empty text, or the first thing that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from accel_models import ENERGY_PARTS, Design, units_of
from simulator import Policy, Results, estimate, replay
from traces import NetworkGraph, Op, Trace

MOST_WALKED = 1 << 20  # channels of an op
PADDING = (
    16  # bytes that align the scales of a group in memory, counted and not waited for each time they come
)
BEHIND = (
    1 << 22
)  # bytes that a Gemmini's last-level cache writes back after an op has ended; more beside its loads
CLOSE = 1e-9  # of sums of floats in another order, relative
ROUNDED = 1e-6  # of times that are rounded tile by tile


def macs_of(op: Op) -> int:
    """Count an op's MACs from its sizes alone, loop by loop."""
    out, inside = op.out_height * op.out_width, op.in_height * op.in_width
    taps = op.kernel_height * op.kernel_width
    match op.kind:
        case "conv":
            return out * op.out_channels * taps * (op.in_channels // op.groups)
        case "conv_transpose":  # every input pixel meets every tap
            return inside * op.in_channels * taps * (op.out_channels // op.groups)
        case "linear" | "matmul":
            return out * op.out_channels * (op.in_channels // op.groups)
        case "lstm_cell" | "gru_cell" | "rnn_cell":
            gates = {"lstm_cell": 4, "gru_cell": 3, "rnn_cell": 1}[op.kind]
            return out * gates * op.out_channels * (op.in_channels + op.out_channels)
        case _:
            return 0


def wrong_costs(graph: NetworkGraph, design: Design) -> str:
    """Judge what each op of a network costs on a design."""
    rows = estimate(graph, design).rows
    rate, late = _bytes_per_cycle(design), _written_late(design)
    for row, op in zip(rows, graph.ops, strict=True):
        numbers = (row.compute_cycles, row.total_cycles, row.sram_bytes, row.dram_bytes, row.energy_pj)
        if not all(0 <= number < 2.0**62 for number in numbers):
            return f"{row.layer} ({row.op}) costs {numbers}"
        if row.macs != macs_of(op) * graph.batch:
            return f"{row.layer} ({row.op}): {row.macs} MACs, counted {macs_of(op) * graph.batch}"
        if not 0 <= row.utilization <= 1 + CLOSE:
            return f"{row.layer} ({row.op}) uses {row.utilization} of its unit"
        if row.stall_cycles < 0 or row.total_cycles < row.compute_cycles:
            return f"{row.layer} ({row.op}): stalls {row.stall_cycles} of {row.total_cycles} cycles"
        padding = PADDING * op.groups * _most_fetches(op, row.dram_bytes)
        behind = padding if late == PADDING else late + 2 * op.output_elements * graph.batch
        if rate and row.total_cycles + 2 < (row.dram_bytes - behind) / rate * (1 - ROUNDED):
            return f"{row.layer} ({row.op}): {row.dram_bytes} B in {row.total_cycles} cycles of {rate} B"
    return ""


def _most_fetches(op: Op, moved: int) -> int:
    """Count how often the weights of an op can have come: half a byte each or more, and ten of scales per channel."""
    return max(1, moved // (op.weight_count // 2 + 10 * op.out_channels))


def wrong_replay(trace: Trace, design: Design, policy: Policy, *, explain: bool = False) -> str:
    """Judge a replay: its rows, their sums, and the figures over them."""
    results = replay(trace, design, policy=policy, explain=explain)
    if not results.feasible:
        return ""
    counted = counted_macs(trace)  # of all; those that stood in for others were not replayed
    return wrong_results(results, counted and [counted[i] for i in results.columns["input"]])


def wrong_results(results: Results, macs: list[int] | None = None) -> str:
    """Judge results, whether they were made or read."""
    columns, figures = results.columns, results.replayed
    return (
        _wrong_rows(columns, results.design, macs, len(results.ops))
        or _wrong_spread("latency_us", figures.latency_us, columns["latency_us"])
        or _wrong_spread("energy_uj", figures.energy_uj, columns["energy_pj"] * 1e-6)
        or _wrong_shares(figures)
        or _wrong_ops(results)
    )


def _wrong_rows(columns: Mapping[str, Any], design: Design, macs: list[int] | None, ops: int) -> str:
    for name, values in columns.items():
        if values.dtype.kind in "if" and not (np.isfinite(values).all() and (values >= 0).all()):
            return f"column {name} holds {values.min()} to {values.max()}"
    parts = np.sum([columns[f"energy_{part}"] for part in ENERGY_PARTS], axis=0)
    if not np.allclose(parts, columns["energy_pj"], rtol=CLOSE, atol=0):
        return f"energy {columns['energy_pj']} is not the sum of its parts {parts}"
    if macs is not None and columns["macs"].tolist() != macs:
        return f"MACs {columns['macs'].tolist()}, counted {macs}"
    cycles = columns["latency_cycles"]
    if not np.allclose(columns["latency_us"] * design.clock * 1e-6, cycles, rtol=CLOSE):
        return f"{columns['latency_us']} us are not {cycles} cycles"
    for name, values in columns.items():
        if name.startswith("busy_") and (values > cycles).any():
            return f"{name} = {values} of {cycles} cycles"
    if (columns["wasted_bytes"] > columns["dram_bytes"]).any():
        return f"wasted {columns['wasted_bytes']} of {columns['dram_bytes']} B"
    rate, late = _bytes_per_cycle(design), _written_late(design)
    batch = columns["batch"]
    moved = np.bincount(batch, columns["dram_bytes"])[batch]  # of all inputs of a row's batch
    rate *= _masters(design)
    if rate and (cycles + 2 < (moved - late * ops) / rate * (1 - ROUNDED)).any():
        return f"{moved} B in {cycles} cycles of {rate} B"
    return ""


def _wrong_spread(name: str, spread: Any, values: Any) -> str:
    found = (spread.mean, spread.p50, spread.p95, spread.p99, spread.max)
    truth = (float(np.mean(values)), *(float(np.quantile(values, q)) for q in (0.5, 0.95, 0.99, 1.0)))
    return "" if np.allclose(found, truth, rtol=CLOSE, atol=0) else f"{name}: {found}, of the rows {truth}"


def _wrong_shares(figures: Any) -> str:
    for what in ("utilization", "busy"):
        for unit, share in getattr(figures, what).items():
            if not 0 <= share <= 1 + CLOSE:
                return f"{what} of {unit} is {share}"
    if figures.accuracy is not None and not 0 <= figures.accuracy <= 1:
        return f"accuracy is {figures.accuracy}"
    for way in ("dense", "mac_proportional", "mean_rate", "expected", "oracle"):
        numbers = getattr(figures, way, None)
        if numbers is not None and not all(0 <= value < math.inf for value in dict(numbers).values()):
            return f"{way} is {numbers}"
    for fall in dict(getattr(figures, "waterfall", None) or {}).values():
        if fall.ideal_saved - sum(loss.amount for loss in fall.losses) != fall.saved:
            return f"waterfall in {fall.unit} does not add up"
    return ""


def _wrong_ops(results: Results) -> str:
    for row in results.ops:
        shares = (row.rate, row.utilization)
        amounts = (row.macs, row.cycles_mean, row.cycles_p99, row.dram_bytes_mean, row.energy_pj_mean)
        if not all(0 <= share <= 1 + CLOSE for share in shares):
            return f"per_op {row.op}: rate and utilization {shares}"
        if not all(0 <= amount < math.inf for amount in amounts):
            return f"per_op {row.op}: {amounts}"
    return ""


def counted_macs(trace: Trace) -> list[int] | None:
    """Count every input's MACs by walking the graph with sets of channels, one input at a time; None for sets
    that memory does not hold, as a graph may state 2 ** 31 channels."""
    if max((op.out_channels for op in trace.graph.ops), default=0) > MOST_WALKED:
        return None
    return [_walked(trace, i) for i in range(len(trace))]


def _walked(trace: Trace, i: int) -> int:
    """Walk the graph for one input; gates of layers, channels and exits over convolutions and products."""
    graph, total = trace.graph, 0
    there: dict[str, set[int]] = {"input": set(range(graph.input_channels))}
    sizes = {"input": graph.input_channels, **{op.name: op.out_channels for op in graph.ops}}
    for op in graph.ops:
        source = _source(op, there, sizes)
        kept = set(range(op.out_channels))
        runs = True
        for gate in graph.gates:
            if op.name not in gate.guards:
                continue
            value = trace.decisions[gate.name][i]
            if gate.kind == "layer":
                runs = runs and bool(value)
            elif gate.kind == "exit":
                runs = runs and int(value) > gate.levels[gate.guards.index(op.name)]
            else:
                kept = {c for c in kept if int(value[c // 8]) >> (c % 8) & 1}
        if op.kind == "add":
            there[op.name] = set.union(*(there[name] for name in op.inputs)) if runs else source
            continue
        depthwise = op.kind == "conv" and op.groups == op.in_channels == op.out_channels
        if op.kind not in {"conv", "linear"} or depthwise:  # hands on the channels it is given
            kept &= source
        if not runs or not source or not kept:
            there[op.name] = set()
            continue
        there[op.name] = kept
        if op.kind in {"conv", "linear"}:
            taps = op.kernel_height * op.kernel_width
            each = [-(-len(side) // op.groups) for side in (source, kept)]  # whole channels per group
            pairs = len(kept) if depthwise else math.prod(each) * op.groups
            total += op.out_height * op.out_width * taps * pairs
    return total


def _source(op: Op, there: dict[str, set[int]], sizes: Mapping[str, int]) -> set[int]:
    """Return the channels that an op reads: those of any operand, of a product those of all that are as wide."""
    given = [there[name] for name in op.inputs]
    if op.kind != "mul":
        return set.union(*given)
    wide = [there[name] for name in op.inputs if sizes[name] == op.in_channels]
    return set.intersection(*wide) if all(given) else set()


def _written_late(design: Design) -> int:
    """Bytes of an op that are counted and need not have moved when it ends."""
    return BEHIND if any(unit.name == "gemmini" for unit in units_of(design)) else PADDING


def _masters(design: Design) -> int:
    """Count who moves bytes off the chip at its whole bandwidth: a microNPU's engine beside its DMA."""
    return 2 if any(unit.name == "micronpu" for unit in units_of(design)) else 1


def _bytes_per_cycle(design: Design) -> float:
    return design.memory.dram.bandwidth / design.clock if design.memory else 0.0
