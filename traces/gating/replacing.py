"""What of a captured network carries decisions, and what is left of it once gates stand for products by masks."""

from __future__ import annotations

from dataclasses import dataclass

from traces.base.errors import GraphError
from traces.graphs.parts import Gate, GraphParts, Op, SomeGraph


@dataclass(frozen=True, slots=True)
class DecisionParts:
    """Who computes decisions, and who only carries them to where they are applied."""

    decisions: dict[str, tuple[str, ...]]  # by gate
    gate_ops: frozenset[str]  # compute a decision and nothing else
    carriers: frozenset[str]  # behind a decision, before it is applied
    above: dict[str, frozenset[str]]  # per op, every op it depends on

    @classmethod
    def of(cls, graph: GraphParts, decisions: dict[str, tuple[str, ...]]) -> DecisionParts:
        """Return them, given the ops that bring each gate's decision."""
        decided = {name for names in decisions.values() for name in names}
        above = _ancestors(graph)
        data = _data(graph, decided)
        needed = decided.union(*(above[name] for name in decided)) - data
        carriers: set[str] = set()
        for op in graph.ops:
            sources = set(op.inputs)
            only_masks = sources <= needed | carriers and bool(sources & (decided | carriers))
            if only_masks and op.name not in needed and op.name not in graph.answers:
                carriers.add(op.name)
        return cls(decisions, frozenset(needed), frozenset(carriers), above)


def _ancestors(graph: GraphParts) -> dict[str, frozenset[str]]:
    above: dict[str, frozenset[str]] = {}
    for op in graph.ops:
        known = [name for name in op.inputs if name in above]
        above[op.name] = frozenset(known).union(*(above[name] for name in known))
    return above


def _data(graph: GraphParts, decided: set[str]) -> set[str]:
    """Return the ops that the network's answer needs otherwise than through a decision."""
    read = {name for op in graph.ops for name in op.inputs}
    ends = graph.answers or tuple(op.name for op in graph.ops if op.name not in read)
    waiting = [name for name in ends if name not in decided]
    data: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in data or name in decided or name not in graph.index:
            continue
        data.add(name)
        waiting += graph.op(name).inputs
    return data


def without_masks(
    graph: SomeGraph, gates: list[Gate], parts: DecisionParts
) -> tuple[SomeGraph, dict[str, str]]:
    """Return the graph without products by decisions that are 0 or 1 and what only carried those, and new names."""
    renamed: dict[str, str] = {}
    kept: list[Op] = []
    masks = parts.gate_ops | parts.carriers
    scaling = _scaling(graph, gates, parts)
    halves: dict[str, str] = {}  # bypassed products, and the data that is handed on
    guarded = {name for gate in gates for name in gate.guards}
    for op in graph.ops:
        inputs = tuple(renamed.get(name, name) for name in op.inputs)
        data = [name for name, old in zip(inputs, op.inputs, strict=True) if old not in masks]
        hard = [old for old in op.inputs if old in masks and old not in scaling]
        if op.name in parts.gate_ops:
            kept.append(op.model_copy(update={"inputs": inputs}))
        elif op.kind == "mul" and hard and len(data) == 1 and op.activation == "none":
            renamed[op.name] = halves[op.name] = data[0]
        elif op.kind == "mul" and hard and len(data) == 1:
            kept.append(op.model_copy(update={"kind": "activation", "inputs": (data[0],)}))
        elif op.kind == "add" and len(data) == 1 and _biased(op, hard, parts):
            renamed[op.name] = data[0]
        elif op.kind == "add" and len(op.inputs) == 2 and halves.keys() >= set(op.inputs):
            renamed[op.name] = _chosen(graph, inputs, guarded)
        else:
            kept.append(op.model_copy(update={"inputs": inputs}))
    kept = _used(kept, parts.carriers, {renamed.get(name, name) for name in graph.answers})
    outputs = tuple((call, tuple(renamed.get(n, n) for n in names)) for call, names in graph.module_outputs)
    answers = tuple(renamed.get(name, name) for name in graph.answers)
    update = {"ops": tuple(kept), "module_outputs": outputs, "answers": answers, "gates": ()}
    return graph.model_copy(update=update), renamed


def _biased(op: Op, hard: list[str], parts: DecisionParts) -> bool:
    """Whether the op only adds a mask that was made of a decision: what softmax shall not see, say."""
    return bool(hard) and parts.carriers.issuperset(hard) and op.activation == "none"


def _chosen(graph: GraphParts, halves: tuple[str, ...], guarded: set[str]) -> str:
    """Return which half of ``mask * new + (1 - mask) * old`` stands for both: a residual sum hands ``old`` on."""
    for name in halves:
        if name in guarded and graph.op(name).kind == "add":
            return name
    raise GraphError(
        f"op {halves[0]!r} and {halves[-1]!r}: a decision chooses between them, and neither is a guarded sum; "
        "guard the block up to its residual sum"
    )


def _scaling(graph: GraphParts, gates: list[Gate], parts: DecisionParts) -> set[str]:
    """Return the ops that bring decisions whose scores scale what is kept."""
    found = {name for gate in gates if gate.scaled for name in parts.decisions[gate.name]}
    for op in graph.ops:
        if op.name in parts.carriers and found.intersection(op.inputs):
            found.add(op.name)
    return found


def _used(ops: list[Op], carriers: frozenset[str], answers: set[str]) -> list[Op]:
    """Drop carriers of decisions that nobody reads any more."""
    read = set(answers)
    kept = []
    for op in reversed(ops):
        if op.name in carriers and op.name not in read:
            continue
        kept.append(op)
        read.update(op.inputs)
    return kept[::-1]
