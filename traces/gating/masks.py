"""A trace from arrays: decisions that somebody recorded with whatever tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.base.errors import FileProblem, GraphError, did_you_mean
from traces.base.guard import file_text
from traces.base.npz import npy_array, npz_arrays
from traces.base.tables import is_number
from traces.gating.decisions import NUMBER_TYPES, as_decisions
from traces.graphs.network import NetworkGraph
from traces.trace import Trace, TraceInfo

_WORDS = {"true": 1.0, "false": 0.0}  # as pandas writes bool
_MOST_CLASSES = 2**31 - 1
Source = NDArray[Any] | list[Any] | str | Path


def from_masks(
    graph: NetworkGraph,
    masks: Mapping[str, Source] | str | Path,
    labels: Source | None = None,
    predictions: Source | None = None,
    info: TraceInfo | None = None,
) -> Trace:
    """Return the trace that recorded masks make, without PyTorch.

    Parameters
    ----------
    graph
        The network, with its gates.
    masks
        Per gate its decisions, inputs first: bool, or 0 and 1 as integers or floats; for width and exit gates the
        index of the choice.  Arrays, lists, or paths of ``.csv`` (a row per input) and ``.npy`` files; or one
        ``.npz`` that holds an array per gate (and ``labels``, ``predictions``).
    labels, predictions
        Class of each input and the network's answer; left out, both are 0 and the accuracy says nothing.
    info
        Where they come from.
    """
    arrays = _arrays(masks)
    truth = arrays.pop("labels", None) if labels is None else _array(labels, "labels")
    answers = arrays.pop("predictions", None) if predictions is None else _array(predictions, "predictions")
    names = [gate.name for gate in graph.gates]
    for name in arrays:
        if name not in names:
            raise GraphError(f"masks: the graph has no gate {name!r}{did_you_mean(name, names)}")
    for name in names:
        if name not in arrays:
            raise GraphError(f"masks: none for gate {name!r}; the graph has {', '.join(names)}")
    inputs = _inputs(arrays, truth)
    decisions = {gate.name: as_decisions(gate, arrays[gate.name], inputs, "masks") for gate in graph.gates}
    return Trace(
        graph=graph.plain(),
        info=info or TraceInfo(model_name=graph.name),
        labels=_classes(truth, inputs, "labels"),
        predictions=_classes(answers, inputs, "predictions"),
        decisions=decisions,
    )


def _arrays(masks: Mapping[str, Source] | str | Path) -> dict[str, NDArray[Any]]:
    if isinstance(masks, Mapping):
        return {name: _array(values, f"gate {name!r}") for name, values in masks.items()}
    return npz_arrays(Path(masks))


def _array(values: Source, what: str) -> NDArray[Any]:
    if isinstance(values, str | Path):
        return _file(Path(values))
    try:
        found = np.asarray(values)
    except ValueError as problem:
        raise GraphError(f"{what}: cannot be read as an array: {problem}") from None
    if found.dtype == np.object_:
        why = "rows differ in length" if found.ndim else f"is a {type(values).__name__}"
        raise GraphError(f"{what}: {why}; needs one array, inputs first")
    return found


def _file(path: Path) -> NDArray[Any]:
    if path.suffix == ".npy":
        return npy_array(path)
    text = file_text(path)
    try:
        rows = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
        if rows and not (is_number(rows[0][0]) or rows[0][0].lower() in _WORDS):
            rows = rows[1:]  # a header
        table = np.array([[_WORDS.get(cell.lower(), cell) for cell in row] for row in rows], np.float64)
    except ValueError as problem:
        raise FileProblem(
            f"{path}: needs a .npy file or a table of 0 and 1, a row per input: {problem}"
        ) from None
    return table[:, 0] if table.ndim == 2 and table.shape[1] == 1 else table


def _inputs(arrays: dict[str, NDArray[Any]], labels: NDArray[Any] | None) -> int:
    lengths = {name: len(values) if values.ndim else 0 for name, values in arrays.items()}
    if labels is not None:
        lengths["labels"] = len(labels)
    if len(set(lengths.values())) != 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise GraphError(f"masks: numbers of inputs differ: {found or 'none given'}")
    inputs = next(iter(lengths.values()))
    if not inputs:
        raise GraphError("masks: hold no inputs; need at least one")
    return inputs


def _classes(values: NDArray[Any] | None, inputs: int, what: str) -> NDArray[np.int32]:
    if values is None:
        return np.zeros(inputs, np.int32)
    if values.dtype.kind not in NUMBER_TYPES:
        raise GraphError(f"{what}: are {values.dtype}; need whole numbers, the class of each input")
    if values.shape != (inputs,) or not bool(np.all(values == np.round(values))):
        raise GraphError(
            f"{what}: shape {values.shape}; needs ({inputs},) whole numbers, the class of each input"
        )
    if float(values.max()) > _MOST_CLASSES:
        raise GraphError(f"{what}: go up to {values.max():,}; need at most {_MOST_CLASSES:,}")
    return values.astype(np.int32)
