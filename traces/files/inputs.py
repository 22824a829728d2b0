"""What a replay takes, whatever it is called: a recorded trace, or a network without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from traces.files.storage import ROW_GROUP, find_trace, iter_trace, load_trace, shipped_trace
from traces.graphs.named import Reading, load_network
from traces.graphs.network import NetworkGraph
from traces.trace import Trace, TraceInfo, open_trace

NO_ANSWER = 2**31 - 1  # label and prediction of an input that nobody ran a network on: the largest there is


def is_trace(name_or_path: str | Path) -> bool:
    """Whether this is a recorded trace: a file of one, or the name of a shipped one."""
    path = Path(name_or_path)
    if path.suffix in {".parquet", ".npz"}:
        return True
    return not path.exists() and shipped_trace(str(name_or_path)) is not None


def static_trace(graph: NetworkGraph, inputs: int = 1) -> Trace:
    """Return inputs that run a network whole, every gate open; nobody knows what it answers."""
    opened = open_trace(graph, inputs)
    unknown = np.full(inputs, NO_ANSWER, np.int32)
    return Trace(graph, TraceInfo(model_name=graph.name), unknown, unknown, opened.decisions)


def iter_inputs(
    source: str | Path,
    rows: int = ROW_GROUP,
    limit: int | None = None,
    *,
    reading: Reading | None = None,
    static_inputs: int = 1,
) -> Iterator[Trace]:
    """Yield the parts of a trace, or of any other network ``static_inputs`` that run it whole.

    Parameters
    ----------
    source
        Whatever :func:`traces.graphs.named.load_network` takes; a trace gives its recorded inputs.
    rows, limit
        Of a trace: inputs per part, and the first so many.
    reading
        How a model that leaves something open is read.
    static_inputs
        Inputs of a network without a trace, at least a batch of them.
    """
    if not is_trace(source):
        yield static_trace(load_network(source, reading), static_inputs)
    elif Path(source).suffix == ".npz":
        yield load_trace(source, limit)
    else:
        yield from iter_trace(find_trace(source), rows, limit)


def load_inputs(source: str | Path, limit: int | None = None, *, reading: Reading | None = None) -> Trace:
    """Return a recorded trace, whole or its first inputs, or one input that runs a network whole."""
    if is_trace(source):
        return load_trace(source, limit)
    return static_trace(load_network(source, reading))
