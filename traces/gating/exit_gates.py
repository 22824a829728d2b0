"""Early exits over a captured graph: which ops belong before which exit."""

from __future__ import annotations

from fnmatch import fnmatchcase

from traces.base.errors import GraphError, did_you_mean
from traces.gating.requests import GateRequest
from traces.graphs.parts import Gate, GraphParts, SomeGraph

CONFIDENCES = ("max_softmax", "entropy")


def exit_modules(graph: GraphParts, pattern: str) -> tuple[str, ...]:
    """Return the module calls (or ops) that match, in the order in which their outputs come."""
    known = graph.outputs or {op.name: (op.name,) for op in graph.ops}
    found = [
        call for call in known if known[call] and any(_matches(call, each) for each in pattern.split(","))
    ]
    if not found:
        raise GraphError(f"exits: no module matches {pattern!r}{did_you_mean(pattern, known)}")
    return tuple(sorted(found, key=lambda call: graph.index[known[call][-1]]))


def confidence_modules(graph: GraphParts, request: GateRequest) -> tuple[str, ...]:
    """Return the modules whose outputs say how sure each exit is; none if that follows from its logits."""
    given = request.confidence
    if not isinstance(given, str) or given in CONFIDENCES:
        return ()
    return exit_modules(graph, given)


def with_exit_gate(graph: SomeGraph, request: GateRequest) -> SomeGraph:
    """Return the graph with the exits' gate; ops in the order in which exits need them.

    What no exit needs (stacking the answers, say) does not run on hardware and goes.
    """
    exits = _ends(graph, exit_modules(graph, request.module))
    if len(exits) < 2:
        raise GraphError(
            f"gate {request.name!r}: {request.module!r} is one exit, {exits[0]!r}; needs two or more (exits that the "
            f"answer does not need are kept by capture(..., keep=[...]))"
        )
    sure = _ends(graph, confidence_modules(graph, request))
    if len(sure) not in {0, len(exits) - 1, len(exits)}:
        raise GraphError(f"gate {request.name!r}: {len(sure)} confidences for {len(exits)} exits")
    level = _levels(graph, exits, sure)
    ordered = sorted((op for op in graph.ops if op.name in level), key=lambda op: level[op.name])
    guards = tuple(op.name for op in ordered if level[op.name] > 0)
    places = {op.name: i for i, op in enumerate(ordered)}
    gate = Gate(
        name=request.name,
        kind="exit",
        size=len(exits),
        reads=exits[0],
        computed_by=_computed(graph, sure, exits, level, places),
        guards=guards,
        exits=exits,
        levels=tuple(level[name] - 1 for name in guards),
    )
    gates = tuple(_present(other, level) for other in graph.gates)
    return graph.model_copy(update={"ops": tuple(ordered), "gates": (*gates, gate), "answers": (exits[-1],)})


def _matches(call: str, pattern: str) -> bool:
    """Whether a dotted name matches part by part, so that ``*`` stays within one part."""
    parts, wanted = call.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _ends(graph: GraphParts, calls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(graph.outputs[call][-1] if call in graph.outputs else call for call in calls)


def _levels(graph: GraphParts, exits: tuple[str, ...], sure: tuple[str, ...]) -> dict[str, int]:
    """Return per op the first exit that needs it; a confidence is made right behind its exit."""
    level: dict[str, int] = {}
    for k, name in enumerate(exits):
        waiting = [name, *sure[k : k + 1]]
        for gate in graph.gates:  # what decides about ops of this exit is needed as early as they are
            if gate.computed_by and _needed(graph, waiting, set(gate.guards)):
                waiting.append(gate.computed_by[-1])
        while waiting:
            op = waiting.pop()
            if op in graph.index and op not in level:
                level[op] = k
                waiting += graph.op(op).inputs
    return level


def _needed(graph: GraphParts, ends: list[str], wanted: set[str]) -> bool:
    waiting, seen = list(ends), set[str]()
    while waiting:
        name = waiting.pop()
        if name in wanted:
            return True
        if name in graph.index and name not in seen:
            seen.add(name)
            waiting += graph.op(name).inputs
    return False


def _computed(
    graph: GraphParts,
    sure: tuple[str, ...],
    exits: tuple[str, ...],
    level: dict[str, int],
    places: dict[str, int],
) -> tuple[str, ...]:
    """Return the ops that only say how sure an exit is."""
    answering = set[str]()
    waiting = list(exits)
    while waiting:
        name = waiting.pop()
        if name in graph.index and name not in answering:
            answering.add(name)
            waiting += graph.op(name).inputs
    found = set[str]()
    waiting = list(sure)
    while waiting:
        name = waiting.pop()
        if name in level and name not in answering and name not in found:
            found.add(name)
            waiting += graph.op(name).inputs
    return tuple(sorted(found, key=places.__getitem__))


def _present(gate: Gate, level: dict[str, int]) -> Gate:
    return gate.model_copy(update={"guards": tuple(name for name in gate.guards if name in level)})
