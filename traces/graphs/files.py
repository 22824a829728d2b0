"""Network graphs as JSON: read with one clear message for whatever is wrong, written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from traces.base.atomic import atomic_write
from traces.base.errors import GraphError
from traces.base.explain import explain
from traces.base.guard import file_text
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Op

M = TypeVar("M", bound=BaseModel)


def parse_graph(text: str | bytes, where: str = "graph") -> NetworkGraph:
    """Return the graph that a JSON text describes.

    Parameters
    ----------
    text
        JSON of a :class:`~traces.graphs.network.NetworkGraph`, as ``graph.model_dump_json()`` writes it.
    where
        File or place that the text comes from, to begin error messages with.
    """
    try:
        return NetworkGraph.model_validate_json(text)
    except ValidationError as problem:
        raise GraphError(f"{where}: {explain(problem, NetworkGraph)}") from None
    except GraphError as problem:
        raise GraphError(f"{where}: {problem}") from None


def parse_op(values: Mapping[str, Any]) -> Op:
    """Return the op with these fields, or say which of them cannot be."""
    return parse_part(Op, values, f"op {values['name']!r} ({values['kind']})")


def parse_part(kind: type[M], values: Mapping[str, Any], where: str) -> M:
    """Return the part of a graph, or a whole one, with these fields; ``where`` begins what is wrong with them."""
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        raise GraphError(f"{where}: {explain(problem, kind)}") from None


def load_graph(path: str | Path) -> NetworkGraph:
    """Read a network graph from a JSON file."""
    return parse_graph(file_text(path), str(path))


def save_graph(graph: NetworkGraph, path: str | Path) -> None:
    """Write a network graph as indented JSON, fields at their default left out."""
    text = json.dumps(graph.model_dump(mode="json", exclude_defaults=True), indent=1)
    with atomic_write(path) as part:
        part.write_text(text + "\n", encoding="utf-8")
