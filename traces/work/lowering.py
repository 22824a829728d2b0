"""Lowering: a graph and its trace become what is left to do, per input and op.

The rules, op by op:

- A layer or exit gate decides whether an op runs; a channel or width gate which of its outputs exist; a
  spatial, token or element gate how many tiles, rows or elements of its output are computed.
- Rows that a token gate drops are gone from both sides of a product of activations (scores, sums over them).
- Pools, activations, scaling and depthwise convolutions keep the channels they are given; a convolution or
  fully connected layer reads the channels that exist and puts out all its own, unless gated.
- What a skipped op would have put out is absent: a ``concat`` gets shorter by it, an ``add`` is left with
  its other operand, which is also what a skipped ``add`` hands on (the shortcut).
- An op with nothing to read or nothing to put out does not run; an ``add`` needs two operands that exist.
- Choice: with ``skipped_value="constant"`` consumers still read only the kept channels: the constant of the
  others is folded into the consumer's bias.
- Choice: channels that exist after an addition are those of either operand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools
from traces.graphs.kinds import RECURRENT
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate, Op
from traces.trace import Trace, open_trace
from traces.work.active import (
    Channels,
    Counts,
    Mask,
    concatenation,
    intersection,
    pack,
    prefix_rows,
    union,
    unpack,
)
from traces.work.workload import Workload, deduplicate

_PARTS = frozenset({"tiles", "rows", "elements"})  # what gates decide of an op that runs


def lower(trace: Trace, graph: NetworkGraph | None = None) -> Workload:
    """Return what the trace's decisions leave to do.

    Parameters
    ----------
    trace
        Recorded decisions of ``n`` inputs: a whole trace or a part of one.
    graph
        Lower onto this graph instead of the trace's own, for example one with fewer gates; every gate of
        it must be recorded.
    """
    graph = graph or trace.graph
    gating = _Gating(trace, graph)
    tensors: dict[str, Channels] = {}
    work: list[OpWork] = []
    for op in graph.ops:
        piece, tensors[op.name] = _lower_op(op, _operands(op, tensors, gating), gating)
        work.append(piece)
    return gathered(graph, len(trace), work)


def dense_workload(graph: NetworkGraph) -> Workload:
    """Return the workload of one input with every gate open; of a graph without gates, the static network."""
    return lower(open_trace(graph))


@dataclass(frozen=True, slots=True, eq=False)
class OpWork:
    """One op's work for all inputs; sizes count only where it runs."""

    op: Op
    runs: Bools
    source: Channels
    result: Channels
    tiles: Counts | int
    tile_total: int
    tile_bits: NDArray[np.uint8] | None = None  # of its spatial gates, where known

    @property
    def parts(self) -> tuple[Counts | int, Counts | int, Counts | int]:
        """Input channels, output channels and tiles where it runs: (n,), or one number where they never vary."""
        # A recurrent cell runs without input too.
        always_read = self.source.mask is None and self.op.kind not in RECURRENT
        return (
            self.source.total if always_read else self.source.count,
            self.result.total if self.result.mask is None else self.result.count,
            self.tiles,
        )


class _Gating:
    """What the gates of a trace say about each op, each gate's bits counted once."""

    def __init__(self, trace: Trace, graph: NetworkGraph) -> None:
        self.trace = trace
        self.graph = graph
        self.always = np.ones(len(trace), np.bool_)
        self._masks: dict[tuple[str, int], Mask] = {}
        self._combined: dict[tuple[Mask, ...], Mask] = {}
        self._levels: dict[tuple[str, str], int] = {}
        for gate in graph.gates:
            trace.graph.gate(gate.name)  # names the nearest gate when it is not recorded
            levels = zip(gate.guards, gate.levels, strict=False)  # levels are those of exit gates alone
            self._levels.update({(gate.name, name): level for name, level in levels})

    def is_open(self, op: Op) -> Bools:
        """Return where layer and exit gates let the op run."""
        result = self.always
        for gate in self.graph.guarding.get(op.name, ()):
            values = self.trace.decisions[gate.name]
            if gate.rules.decides != "runs":
                continue
            if gate.rules.stored == "flag":
                result = result & values.view(np.bool_)
            else:
                result = result & (values > self._levels[gate.name, op.name])
        return result

    def mask(self, op: Op) -> Mask | None:
        """Return which output channels the op's channel and width gates keep; None for all."""
        gates = [gate for gate in self.graph.guarding.get(op.name, ()) if gate.rules.decides == "channels"]
        masks = tuple(self._mask_of(gate, op.out_channels) for gate in gates)
        if len(masks) < 2:
            return masks[0] if masks else None
        if masks not in self._combined:
            packed = reduce(np.bitwise_and, (mask.packed for mask in masks))
            self._combined[masks] = Mask.of(packed, op.out_channels)
        return self._combined[masks]

    def tiles(self, op: Op) -> tuple[Counts | int, int]:
        """Return how many tiles (rows, elements) of the op's output are computed, and of how many."""
        gates = [gate for gate in self.graph.guarding.get(op.name, ()) if gate.rules.decides in _PARTS]
        if not gates:
            return 1, 1
        both = reduce(np.bitwise_and, (self.trace.decisions[gate.name] for gate in gates))
        return np.bitwise_count(both).sum(axis=1, dtype=np.int32), gates[0].size

    def tile_bits(self, op: Op) -> NDArray[np.uint8] | None:
        """Return the bits of the op's spatial gates, packed; None without any."""
        gates = [gate for gate in self.graph.guarding.get(op.name, ()) if gate.rules.decides == "tiles"]
        if not gates:
            return None
        kept = reduce(np.bitwise_and, (self.trace.decisions[gate.name] for gate in gates))
        return np.asarray(kept).view(np.uint8)

    def scores_mask(self, op: Op, source: Channels) -> Mask | None:
        """Return which columns of an attention's scores are left: those of the kept rows, for every head."""
        gates = [gate for gate in self.graph.guarding.get(op.name, ()) if gate.rules.decides == "rows"]
        if op.kind != "matmul" or not gates or op.product[2] != gates[0].size or source.mask is not None:
            return None
        key = ("/".join(gate.name for gate in gates), op.out_channels)
        if key not in self._masks:
            kept = reduce(np.bitwise_and, (self.trace.decisions[gate.name] for gate in gates))
            rows = unpack(kept.view(np.uint8), gates[0].size)
            self._masks[key] = Mask.of(pack(np.tile(rows, (1, op.groups))), op.out_channels)
        return self._masks[key]

    def _mask_of(self, gate: Gate, total: int) -> Mask:
        key = (gate.name, total)
        if key not in self._masks:
            values = self.trace.decisions[gate.name].view(np.uint8)
            packed = values if gate.rules.stored == "bits" else prefix_rows(gate.widths, total)[values]
            self._masks[key] = Mask.of(packed, total)
        return self._masks[key]


def _operands(op: Op, tensors: dict[str, Channels], gating: _Gating) -> list[Channels]:
    """Return the channels of the tensors that the op reads, as the op counts them."""
    operands = []
    for name in op.inputs:
        if name in gating.graph.input_sizes:
            own = gating.graph.chained and op.kind != "linear"  # unchained layers have inputs of their own
            total = gating.graph.input_sizes[name][0] if own else op.in_channels
            operands.append(Channels(total, gating.always))
        elif op.kind == "linear":
            operands.append(tensors[name].repeated(op.in_channels // tensors[name].total))
        else:
            operands.append(tensors[name])
    return operands


def _lower_op(op: Op, operands: list[Channels], gating: _Gating) -> tuple[OpWork, Channels]:
    """Return the op's work and the tensor that its consumers see."""
    is_open, mask = gating.is_open(op), gating.mask(op)
    (tiles, tile_total), tile_bits = gating.tiles(op), gating.tile_bits(op)
    if mask is None:
        mask = gating.scores_mask(op, operands[0])
    source, result = _sides(op, operands, gating.always, mask)
    runs = is_open & result.present & np.greater(tiles, 0)
    if op.kind == "add":
        runs &= reduce(np.add, (operand.present.view(np.uint8) for operand in operands)) >= 2
    if op.kind == "matmul":
        runs &= reduce(np.logical_and, (operand.present for operand in operands))
    if op.kind not in RECURRENT:  # a recurrent cell still has its own state to work on
        runs &= source.present
    tensor = result.where(runs)
    if op.kind == "add":
        tensor = union([tensor, union(operands).where(~runs)])
    return OpWork(op, runs, source, result, tiles, tile_total, tile_bits), tensor


def _sides(op: Op, operands: list[Channels], always: Bools, mask: Mask | None) -> tuple[Channels, Channels]:
    """Return the input channels that the op works on and the output channels it yields if it runs."""
    match op.kind:
        case "conv" | "conv_transpose" | "linear" | "matmul" | "lstm_cell" | "gru_cell" | "rnn_cell":
            if op.is_depthwise:
                return _depthwise_sides(op, operands[0], mask)
            return operands[0], Channels(op.out_channels, always).masked(mask)
        case "add":
            kept = union([_widened(operand, op.in_channels) for operand in operands])
        case "mul":  # a score for the whole tensor has one channel and keeps whatever the others have
            whole = [operand for operand in operands if operand.total == op.in_channels]
            kept = intersection(whole)
            for operand in operands:
                kept = kept.where(operand.present)
        case "concat":
            along = sum(operand.total for operand in operands) == op.in_channels
            kept = concatenation(operands) if along else union(operands)
        case "reshape" | "slice" | "copy" | "reduce" if op.out_channels != op.in_channels:
            return operands[0], _moved(op, operands[0]).masked(mask)
        case (
            "max_pool"
            | "avg_pool"
            | "global_avg_pool"
            | "global_max_pool"
            | "layer_norm"
            | "activation"
            | "softmax"
            | "threshold"
            | "upsample"
            | "reshape"
            | "slice"
            | "copy"
            | "reduce"
        ):
            kept = operands[0]
        case _:
            assert_never(op.kind)
    kept = kept.masked(mask)
    return kept, kept


def _depthwise_sides(op: Op, source: Channels, mask: Mask | None) -> tuple[Channels, Channels]:
    """Return the same of a depthwise convolution: a group runs whole if one of its outputs is kept."""
    multiplier = op.out_channels // op.groups
    kept = source.repeated(multiplier).masked(mask)
    groups = kept.grouped(multiplier)
    return groups, kept if multiplier == 1 else groups.repeated(multiplier)


def _widened(operand: Channels, total: int) -> Channels:
    """Return an operand as it is broadcast over ``total`` channels."""
    return operand if operand.total == total else Channels(total, operand.present)


def _moved(op: Op, source: Channels) -> Channels:
    """Return the channels of an op that moves elements from channel to channel.

    Choice: only flattening keeps the masks of channels; elsewhere all channels are there.
    """
    if op.kind == "reshape" and op.out_pixels == 1 and op.out_channels % source.total == 0:
        return source.repeated(op.out_channels // source.total)
    return Channels(op.out_channels, source.present)


def gathered(graph: NetworkGraph, inputs: int, work: list[OpWork]) -> Workload:
    """Deduplicate every op's work into states."""
    parts = [piece.parts for piece in work]
    found = [deduplicate(w.op, w.runs, part, w.tile_total) for w, part in zip(work, parts, strict=True)]
    states, columns = tuple(states for states, _ in found), [index for _, index in found]
    small = max(of_op.runs.size for of_op in states) <= np.iinfo(np.uint16).max + 1
    state_index = np.empty((len(work), inputs), np.uint16 if small else np.uint32)
    for row, index in zip(state_index, columns, strict=True):
        row[:] = index
    return Workload(
        graph=graph,
        states=states,
        state_index=state_index.T,
        tile_totals=np.array([piece.tile_total for piece in work], np.int32),
        active_inputs=tuple(piece.source for piece in work),
        active_outputs=tuple(piece.result for piece in work),
        kept_tiles=tuple(piece.tile_bits for piece in work),
    )
