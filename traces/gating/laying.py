"""Lays gates over a graph: finds the ops that compute each decision, and takes out what only applied it.

::

    x ─► block.conv ──────────────► mul ─► add         guards  block.conv, block.add
    └──► gate.pool ─► gate.fc ─► threshold ┘           computed_by  gate.pool, gate.fc, threshold;  reads  x

An op belongs to a gate if nothing else needs it: no way leads from it to the network's answer but through a
decision.  A product with a decision that is 0 or 1 does nothing once the decision is obeyed; it goes, and with it
what only prepared the mask (``1 - mask``, resizing it).  Ops are put in an order in which every decision comes
before what obeys it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import assert_never

from traces.base.errors import GraphError, did_you_mean
from traces.gating.exit_gates import with_exit_gate
from traces.gating.replacing import DecisionParts, without_masks
from traces.gating.requests import GateRequest
from traces.graphs.kinds import GATE_KINDS
from traces.graphs.parts import INPUT, Gate, GraphParts, Op, SomeGraph


def with_gates(graph: SomeGraph, requests: Sequence[GateRequest]) -> SomeGraph:
    """Return the graph with the gates asked for, beside those it has."""
    plain = [request for request in requests if not GATE_KINDS[request.kind].picks_answer]
    decisions = {request.name: decision_ops(graph, request.module) for request in plain}
    parts = DecisionParts.of(graph, decisions)
    gates = [_gate(graph, request, parts) for request in plain]
    result, renamed = without_masks(graph, gates, parts)
    gates = [_kept(gate, result, renamed) for gate in (*graph.gates, *gates)]
    result = _in_order(result, gates)
    for request in requests:
        if GATE_KINDS[request.kind].picks_answer:
            result = with_exit_gate(result, request)
    return result.model_copy(update={"requests": (*graph.requests, *requests)})


def decision_ops(graph: GraphParts, name: str) -> tuple[str, ...]:
    """Return the ops that a module call's output comes from, or the op of that name; none if it is neither."""
    if name in graph.outputs:
        return tuple(op for op in graph.outputs[name] if op in graph.index)
    if name in graph.index:
        return (name,)
    within = [op.name for op in graph.ops if op.name.startswith(f"{name}.")]
    read = {source for op in within for source in graph.op(op).inputs}
    return tuple(op for op in within if op not in read)


def matching(graph: GraphParts, patterns: Iterable[str], what: str) -> list[str]:
    """Return the ops whose names match, in program order; a pattern that matches none is an error."""
    found: set[str] = set()
    for pattern in patterns:
        hits = [op.name for op in graph.ops if fnmatchcase(op.name, pattern) or op.name == pattern]
        hits += [] if hits else [op.name for op in graph.ops if op.name.startswith(f"{pattern}.")]
        if not hits:
            raise GraphError(
                f"{what}: no op matches {pattern!r}{did_you_mean(pattern, graph.index)}{_unseen(graph)}"
            )
        found.update(hits)
    return [op.name for op in graph.ops if op.name in found]


def _unseen(graph: GraphParts) -> str:
    """Return where ops of a captured network may be that its graph does not have."""
    captured = "; a module that its example skips, or its answer does not need, has none: capture(..., keep=)"
    return captured if graph.module_outputs else ""


def _gate(graph: GraphParts, request: GateRequest, parts: DecisionParts) -> Gate:
    decision = parts.decisions[request.name]
    if request.module in graph.outputs and not decision:
        raise GraphError(
            f"gate {request.name!r}: the output of {request.module!r} does not depend on the input"
        )
    what = f"gate {request.name!r}"
    before = frozenset(decision).union(*(parts.above[name] for name in decision))
    spared = _spared(graph, request.but, what)
    guards = []
    for name in matching(graph, request.guards, f"{what}: guards"):
        if name in before and name in request.guards:
            raise GraphError(f"{what}: guards {name!r}, which its own decision needs")
        if name not in before | spared | parts.carriers and not _only_applies(graph.op(name), parts):
            guards.append(name)
    computed = [op.name for op in graph.ops if op.name in before & parts.gate_ops]
    sources = {source for name in computed for source in graph.op(name).inputs} - set(computed)
    reads = _latest(graph, sources if computed else decision)
    place = graph.index.get(reads, -1)
    return Gate(
        name=request.name,
        kind=request.kind,
        reads=reads,
        computed_by=tuple(name for name in computed if graph.index[name] > place),
        guards=tuple(guards),
        skipped_value=request.skipped_value,
        scaled=request.scaled,
        widths=request.widths,
        **_sizes(graph, request, decision, guards),  # type: ignore[arg-type]  # sizes are numbers
    )


def _spared(graph: GraphParts, patterns: Iterable[str], what: str) -> set[str]:
    """Return the ops that run all the same; a pattern may match none here if its last part is known elsewhere."""
    found: set[str] = set()
    for pattern in patterns:
        last = pattern.rpartition(".")[2]
        elsewhere = any(fnmatchcase(part, last) for op in graph.ops for part in op.name.split("."))
        try:
            found.update(matching(graph, (pattern,), f"{what}: but"))
        except GraphError:
            if not elsewhere or last in {"", "*"}:
                raise
    return found


def _only_applies(op: Op, parts: DecisionParts) -> bool:
    """Whether the op only multiplies data by a decision."""
    masks = parts.gate_ops | parts.carriers
    return op.kind == "mul" and bool(masks.intersection(op.inputs)) and not masks.issuperset(op.inputs)


def _sizes(
    graph: GraphParts, request: GateRequest, decision: tuple[str, ...], guards: list[str]
) -> dict[str, int]:
    """Return the size of the decision, from what is asked for or from the ops."""
    if not guards:
        raise GraphError(f"gate {request.name!r}: guards no op besides its own; guards = {request.guards}")
    match request.kind:
        case "channel":
            return {"size": request.size or graph.op(guards[0]).out_channels}
        case "width":
            return {"size": len(request.widths)}
        case "token":
            return {"size": graph.op(guards[0]).out_pixels}
        case "element":
            return {"size": graph.op(guards[0]).output_elements}
        case "spatial":
            rows, cols = request.grid
            if request.grid == (1, 1) and decision:
                rows, cols = graph.op(decision[-1]).out_height, graph.op(decision[-1]).out_width
            return {"size": rows * cols, "tile_rows": rows, "tile_cols": cols}
        case "layer" | "exit":
            return {}
        case _:
            assert_never(request.kind)


def _latest(graph: GraphParts, names: Iterable[str]) -> str:
    return max(names, key=lambda name: graph.index.get(name, -1), default=INPUT)


def _kept(gate: Gate, graph: GraphParts, renamed: Mapping[str, str]) -> Gate:
    """Return the gate with only the ops that are still there."""
    return gate.model_copy(
        update={
            "guards": tuple(name for name in gate.guards if name in graph.index),
            "computed_by": tuple(name for name in gate.computed_by if name in graph.index),
            "reads": renamed.get(gate.reads, gate.reads),
        }
    )


def _in_order(graph: SomeGraph, gates: list[Gate]) -> SomeGraph:
    """Return the graph with its ops in program order, moved only where a decision would come too late."""
    before: dict[str, set[str]] = {op.name: {n for n in op.inputs if n in graph.index} for op in graph.ops}
    for gate in gates:
        deciders = {gate.computed_by[-1] if gate.computed_by else gate.reads} - {INPUT}
        for name in gate.guards:
            before[name] |= deciders
        for name in gate.computed_by:
            before[name] |= {gate.reads} - {INPUT}
    after: dict[str, list[str]] = {op.name: [] for op in graph.ops}
    for name, needs in before.items():
        for need in needs:
            after[need].append(name)
    ready = [graph.index[name] for name, needs in before.items() if not needs]
    heapq.heapify(ready)
    ordered: list[Op] = []
    while ready:
        op = graph.ops[heapq.heappop(ready)]
        ordered.append(op)
        for name in after[op.name]:
            before[name].discard(op.name)
            if not before[name]:
                heapq.heappush(ready, graph.index[name])
    if len(ordered) < len(graph.ops):
        stuck = next(name for name, needs in before.items() if needs)
        raise GraphError(f"op {stuck!r}: waits for a decision that needs it; guard fewer ops (but=)")
    places = {op.name: i for i, op in enumerate(ordered)}
    sorted_gates = [
        gate.model_copy(
            update={
                "guards": tuple(sorted(gate.guards, key=places.__getitem__))
                if not gate.levels
                else gate.guards,
                "computed_by": tuple(sorted(gate.computed_by, key=places.__getitem__)),
            }
        )
        for gate in gates
    ]
    return graph.model_copy(update={"ops": tuple(ordered), "gates": tuple(sorted_gates)})
