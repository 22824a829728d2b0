"""The network as a graph of ops and gates, checked as a whole whenever one is made, and the static one inside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Self

from pydantic import model_validator

from traces.base.card import card_html
from traces.gating.laying import with_gates
from traces.gating.requests import GateRequest
from traces.graphs.check import check_graph
from traces.graphs.parts import GraphParts, Op, SomeGraph


def strip_gates(graph: SomeGraph) -> SomeGraph:
    """Return the network without gates: the base that every saving is measured against.

    Gates and the ops that compute them are dropped, ``mul`` ops that scale by a gate's score are bypassed
    (one with a fused activation becomes that activation), and of an exit gate's heads only the deepest
    stays.  An op whose every consumer was dropped served the gates alone and goes too.
    """
    if not graph.gates:
        return graph
    dropped = _dropped(graph)
    renamed: dict[str, str] = {}
    kept: list[Op] = []
    for op in graph.ops:
        if op.name in dropped:
            continue
        data = [renamed.get(name, name) for name in op.inputs if name not in dropped]
        if op.kind == "mul" and len(data) < len(op.inputs) and len(data) == 1:
            if op.activation == "none":
                renamed[op.name] = data[0]
                continue
            op = op.model_copy(update={"kind": "activation"})  # noqa: PLW2901  # same op, one operand fewer
        kept.append(op.model_copy(update={"inputs": tuple(data)}))
    return graph.model_copy(update={"ops": tuple(kept), "gates": ()})


def _dropped(graph: GraphParts) -> set[str]:
    """Return the ops to drop, bypassed ``mul`` ops not among them."""
    answers = {gate.exits[-1] for gate in graph.gates if gate.rules.picks_answer}
    dropped = {name for gate in graph.gates for name in gate.exits} - answers
    for op in graph.ops:  # what reads only a side exit (its softmax) goes with it
        if dropped.issuperset(op.inputs):
            dropped.add(op.name)
    consumers = _consumers(graph)
    dropped |= graph.gate_ops - answers - _shared(graph, consumers, dropped)
    for op in reversed(graph.ops):  # and so does what only dropped ops read
        if consumers[op.name] and dropped.issuperset(consumers[op.name]):
            dropped.add(op.name)
    return dropped


def _shared(graph: GraphParts, consumers: dict[str, set[str]], dropped: set[str]) -> set[str]:
    """Return gate ops whose output is data too: a pool, say, that a gate and a classifier read."""
    shared: set[str] = set()
    for op in reversed(graph.ops):
        if op.name not in graph.gate_ops:
            continue
        for reader in consumers[op.name] - dropped:
            is_data = reader not in graph.gate_ops and not _scales(graph.op(reader), graph)
            if is_data or reader in shared:
                shared.add(op.name)
    return shared


def _scales(op: Op, graph: GraphParts) -> bool:
    """Whether the op only multiplies data by a gate's score."""
    return op.kind == "mul" and not graph.gate_ops.issuperset(op.inputs)


def _consumers(graph: GraphParts) -> dict[str, set[str]]:
    readers: dict[str, set[str]] = {name: set() for name in (*graph.input_sizes, *graph.index)}
    for op in graph.ops:
        for name in op.inputs:
            readers[name].add(op.name)
    return readers


def unpriced_words(skipped: Sequence[str]) -> str:
    """Return what of a model has no price, in words; empty if everything has one."""
    if not skipped:
        return ""
    more = f" and {len(skipped) - 8} more" if len(skipped) > 8 else ""
    nodes = "1 node" if len(skipped) == 1 else f"{len(skipped)} nodes"
    return f"without {nodes} that cannot be priced: {', '.join(name[:60] for name in skipped[:8])}{more}"


class NetworkGraph(GraphParts):
    """Ops in program (topological) order and the gates over them; validated as a whole."""

    def __repr__(self) -> str:
        return f"<NetworkGraph: {', '.join(f'{name} {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return card_html("NetworkGraph", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        """Return what a look at the graph should tell."""
        sizes = ", ".join(f"{name} {' x '.join(map(str, size))}" for name, size in self.input_sizes.items())
        counts = [("ops", f"{len(self.ops)}"), ("gates", f"{len(self.gates)}"), ("MACs", f"{self.macs:,}")]
        return [("name", self.name), ("input", sizes), *counts]

    def without_gates(self) -> NetworkGraph:
        """Return the static network: no gates, no gate ops, no scaling by scores, no side exits."""
        return self.static if self.gates else self

    @cached_property
    def static(self) -> NetworkGraph:
        """The static network of one that has gates, built and checked once."""
        return strip_gates(self)

    @cached_property
    def dynamic_ops(self) -> frozenset[str]:
        """Names of the ops that only the dynamic network needs: those that the static one lacks."""
        return frozenset(self.index) - frozenset(self.without_gates().index)

    def with_gates(self, *gates: GateRequest) -> NetworkGraph:
        """Return the graph with gates laid over it by name; see :mod:`traces.gating.requests`."""
        return with_gates(self, gates)

    def plain(self) -> NetworkGraph:
        """Return the graph as traces hold it, without what only recording needs."""
        return self.model_copy(update={"module_outputs": (), "answers": (), "requests": ()})

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_graph(self)
        return self
