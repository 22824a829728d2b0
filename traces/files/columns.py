"""A trace as Arrow columns and back: the column layout of a stored trace.

=============================  ===================================  =========================================
column                         type                                 of
=============================  ===================================  =========================================
``label``, ``prediction``      int32                                every trace
``<gate>``                     bool                                 layer gates
``<gate>``                     fixed_size_binary(ceil(size / 8))    channel, spatial gates, little bit order
``<gate>``                     uint8                                exit and width gates
``<gate>.score``               float16, or a fixed-size list of it  gates with recorded scores
``<gate>.exit_prediction``     fixed-size list of int32             exit gates with recorded answers
``<gate>.exit_confidence``     fixed-size list of float16           exit gates with recorded answers
=============================  ===================================  =========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from traces.base.arrow import arrow_column, numpy_column
from traces.base.errors import GraphError, shown
from traces.graphs.network import NetworkGraph
from traces.trace import Trace, TraceInfo

if TYPE_CHECKING:
    import pyarrow as pa

StoredColumn = NDArray[Any]

_SUFFIXES = {
    "scores": ".score",
    "exit_predictions": ".exit_prediction",
    "exit_confidences": ".exit_confidence",
}


def flatten(trace: Trace) -> dict[str, StoredColumn]:
    """Return the trace's arrays by column name, in column order."""
    arrays: dict[str, StoredColumn] = {
        "label": trace.labels.astype(np.int32, copy=False),
        "prediction": trace.predictions.astype(np.int32, copy=False),
    }
    for gate in trace.graph.gates:
        arrays[gate.name] = trace.decisions[gate.name]
        for field, suffix in _SUFFIXES.items():
            values = getattr(trace, field).get(gate.name)
            if values is not None:
                arrays[gate.name + suffix] = values
    return arrays


def unflatten(arrays: Mapping[str, StoredColumn], graph: NetworkGraph, info: TraceInfo) -> Trace:
    """Return the trace whose arrays are given by column name; the inverse of :func:`flatten`."""
    for name in ("label", "prediction", *(gate.name for gate in graph.gates)):
        if name not in arrays:
            raise GraphError(f"column {shown(name)} is missing")
    for name, dtype in _dtypes(graph).items():
        if name in arrays and arrays[name].dtype != dtype:
            raise GraphError(f"column {shown(name)} holds {arrays[name].dtype}, needs {dtype}")
    extras = {
        field: {g.name: arrays[g.name + suffix] for g in graph.gates if g.name + suffix in arrays}
        for field, suffix in _SUFFIXES.items()
    }
    return Trace(
        graph=graph,
        info=info,
        labels=arrays["label"],
        predictions=arrays["prediction"],
        decisions={gate.name: arrays[gate.name] for gate in graph.gates},
        scores=extras["scores"],
        exit_predictions=extras["exit_predictions"],
        exit_confidences=extras["exit_confidences"],
    )


def to_batch(trace: Trace) -> pa.RecordBatch:
    """Return the trace as one Arrow record batch, without metadata."""
    import pyarrow as pa  # noqa: PLC0415  (slow to import, and only storage needs it)

    packed = {gate.name for gate in trace.graph.gates if gate.rules.stored == "bits"}
    columns = {name: _to_arrow(values, name in packed) for name, values in flatten(trace).items()}
    fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=pa.schema(fields))


def from_batch(batch: pa.RecordBatch, graph: NetworkGraph, info: TraceInfo) -> Trace:
    """Return the trace that a record batch of these columns holds."""
    wanted, names = _dtypes(graph), batch.schema.names
    for name in wanted:
        if names.count(name) > 1:
            raise GraphError(f"column {shown(name)} is there {names.count(name)} times")
    arrays = {name: _exact(batch.column(i), name) for i, name in enumerate(names) if name in wanted}
    return unflatten(arrays, graph, info)


def _dtypes(graph: NetworkGraph) -> dict[str, np.dtype[Any]]:
    """Return the type of every column that a trace of this graph may have."""
    kinds: dict[str, Any] = {"label": np.int32, "prediction": np.int32}
    for gate in graph.gates:
        kinds[gate.name] = gate.rules.dtype
        kinds[f"{gate.name}.score"] = np.float16
        kinds[f"{gate.name}.exit_prediction"] = np.int32
        kinds[f"{gate.name}.exit_confidence"] = np.float16
    return {name: np.dtype(kind) for name, kind in kinds.items()}


def _exact(column: pa.Array, name: str) -> StoredColumn:
    """Return a column without nulls as NumPy, its type kept."""
    import pyarrow as pa  # noqa: PLC0415  (as above)

    values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
    if column.null_count or values.null_count:
        raise GraphError(f"column {shown(name)} holds nulls; every input needs a value")
    simple = pa.types.is_primitive(values.type) or pa.types.is_fixed_size_binary(values.type)
    if not simple or pa.types.is_temporal(values.type):
        raise GraphError(f"column {shown(name)} holds {values.type}, which no column of a trace does")
    return _to_numpy(column)


def _to_arrow(values: StoredColumn, packed: bool) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415  (as above)

    values = np.ascontiguousarray(values)
    if values.ndim == 1:
        return arrow_column(values)
    if packed:
        kind = pa.binary(values.shape[1])
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    return pa.FixedSizeListArray.from_arrays(arrow_column(values.reshape(-1)), values.shape[1])


def _to_numpy(column: pa.Array) -> StoredColumn:
    import pyarrow as pa  # noqa: PLC0415  (as above)

    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        data = np.frombuffer(column.buffers()[1], np.uint8)
        return data[column.offset * width :][: len(column) * width].reshape(len(column), width)
    if pa.types.is_fixed_size_list(column.type):
        return numpy_column(column.flatten()).reshape(len(column), column.type.list_size)
    return numpy_column(column)
