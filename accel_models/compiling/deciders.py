"""What decisions there are to wait for: which gates an op's work depends on, and which ops bring them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import assert_never

from accel_models.compiling.rates import usable
from accel_models.design.sections import Skip
from traces import Gate, NetworkGraph, Op

Names = frozenset[str]  # of gates
_NONE: Names = frozenset()


@dataclass(frozen=True, slots=True)
class _Deciders:
    """Gates that decide which channels of a tensor exist, and whether it exists at all."""

    channels: Names = _NONE
    presence: Names = _NONE


def deciding_ops(graph: NetworkGraph, skip: Skip) -> tuple[frozenset[int], ...]:
    """Return per op the ops whose results must be there before the op's work is known.

    A gate without ops of its own is decided when the op it reads has finished; one that reads the input is
    known from the start.  An exit gate decides for an op of level i when exit i has answered.
    """
    gates = {gate.name: gate for gate in graph.gates}
    deciders = []
    for i, (op, names) in enumerate(zip(graph.ops, deciding_gates(graph, skip), strict=True)):
        found = [_bringers(gates[name], op, i, graph) for name in sorted(names)]
        deciders.append(reduce(frozenset.union, found, frozenset[int]()))
    return tuple(deciders)


def deciding_gates(graph: NetworkGraph, skip: Skip) -> tuple[Names, ...]:
    """Return per op the gates that decide whether it runs and how wide, those of its operands included.

    A gate that the hardware cannot use (its kind of skipping is off) decides nothing.  Choice: that a
    channel or spatial gate might keep nothing at all, so that its op is skipped, is not waited for.
    """
    able = {gate.name for gate in graph.gates if usable(gate, skip)}
    tensors: dict[str, _Deciders] = {name: _Deciders() for name in graph.input_sizes}
    deciders = []
    for op in graph.ops:
        inputs = [tensors[name] for name in op.inputs]
        guards = [gate for gate in graph.guarding.get(op.name, ()) if gate.name in able]
        tensors[op.name] = _output(op, inputs, guards)
        own = frozenset(gate.name for gate in guards)
        deciders.append(own.union(*(t.channels | t.presence for t in inputs)))
    return tuple(deciders)


def _output(op: Op, inputs: list[_Deciders], guards: list[Gate]) -> _Deciders:
    """Return what decides about the op's output; follows the rules of :mod:`traces.work.lowering`."""
    own = frozenset(gate.name for gate in guards if gate.rules.decides == "channels")
    runs = frozenset(gate.name for gate in guards if gate.rules.decides == "runs")
    channels = _NONE.union(*(t.channels for t in inputs))
    presence = _NONE.union(*(t.presence for t in inputs))
    match op.kind:
        case "add":
            if any(not t.channels and not t.presence for t in inputs):
                return _Deciders(channels=own)  # what one operand always has is there whatever the gates say
            return _Deciders(channels=own | channels | presence, presence=presence)
        case "conv" | "conv_transpose" | "linear" | "matmul" | "lstm_cell" | "gru_cell" | "rnn_cell":
            passed = channels if op.is_depthwise else _NONE
            return _Deciders(channels=own | passed, presence=runs | presence)
        case "concat":  # absent operands leave a gap; of a tensor of gaps alone nothing is there
            gone = presence if all(t.presence for t in inputs) else _NONE
            return _Deciders(channels=own | channels | presence, presence=runs | gone)
        case (
            "mul"
            | "max_pool"
            | "avg_pool"
            | "global_avg_pool"
            | "global_max_pool"
            | "reduce"
            | "layer_norm"
            | "activation"
            | "softmax"
            | "threshold"
            | "upsample"
            | "copy"
            | "slice"
            | "reshape"
        ):
            return _Deciders(channels=own | channels, presence=runs | presence)
        case _:
            assert_never(op.kind)


def _bringers(gate: Gate, op: Op, place: int, graph: NetworkGraph) -> frozenset[int]:
    """Return the ops that bring the gate's decision about the op, all before it in program order."""
    if gate.rules.picks_answer:
        return _exit_bringers(gate, op, place, graph)
    source = gate.computed_by[-1] if gate.computed_by else gate.reads
    if source in graph.input_sizes or graph.index[source] >= place:
        return frozenset()
    return frozenset({graph.index[source]})


def _exit_bringers(gate: Gate, op: Op, place: int, graph: NetworkGraph) -> frozenset[int]:
    """Return the exit head before the op, and the gate's own ops since that head.

    An op that only reads what exits decide waits for every exit before it.
    """
    level = gate.levels[gate.guards.index(op.name)] if op.name in gate.guards else gate.size - 1
    heads = [graph.index[name] for name in gate.exits[: level + 1] if graph.index[name] < place]
    if not heads:
        return frozenset()
    own = (graph.index[name] for name in gate.computed_by)
    return frozenset({heads[-1], *(i for i in own if heads[-1] < i < place)})
