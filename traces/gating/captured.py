"""A graph that remembers where its ops came from, so that gates can be laid over it by name.

:meth:`~traces.graphs.network.NetworkGraph.with_gates` works on any graph; one that was captured also knows which
op each module's output came from, and what the network answers with.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ConfigDict, Field

from traces.gating.requests import GateRequest
from traces.graphs.network import NetworkGraph

_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class CapturedGraph(NetworkGraph):
    """A network graph with what recording needs besides; none of it is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    outputs: Mapping[str, tuple[str, ...]] = Field(default=_NOTHING, exclude=True, repr=False)
    # of each module call ("control#2"): the ops that its output comes from, in program order
    answers: tuple[str, ...] = Field(
        default=(), exclude=True, repr=False
    )  # ops that the network answers with
    requests: tuple[GateRequest, ...] = Field(default=(), exclude=True, repr=False)  # one per gate

    @classmethod
    def of(cls, graph: NetworkGraph) -> CapturedGraph:
        """Return the graph as one that gates can be laid over."""
        if isinstance(graph, CapturedGraph):
            return graph
        return cls(**{name: getattr(graph, name) for name in NetworkGraph.model_fields})

    def plain(self) -> NetworkGraph:
        """Return the graph alone, as traces hold it."""
        return NetworkGraph(**{name: getattr(self, name) for name in NetworkGraph.model_fields})
