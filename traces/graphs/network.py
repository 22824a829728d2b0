"""The network as a graph of ops and gates, checked as a whole whenever one is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from traces.base.card import card_html
from traces.gating.laying import with_gates
from traces.gating.requests import GateRequest
from traces.graphs.check import check_graph
from traces.graphs.dense import strip_gates
from traces.graphs.parts import GraphParts


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
        return strip_gates(self)

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
