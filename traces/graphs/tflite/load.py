"""Read a TFLite model: its operators become a graph, what cannot be priced is listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from traces.base.arrays import NamedShapes
from traces.base.errors import FileProblem, GraphError, LacunaError, UnsupportedError
from traces.base.guard import MOST_MODEL, file_bytes, name_of
from traces.graphs.importing.core import import_model
from traces.graphs.importing.ops import ImportedOp, Missing
from traces.graphs.network import NetworkGraph
from traces.graphs.tflite.model import STATE, Operator
from traces.graphs.tflite.operators import OPERATOR_CONVERTERS
from traces.graphs.tflite.prepare import prepared

_MAGIC = b"TFL3"  # at byte 4, the file identifier of schema.fbs
_LONGEST = 480  # characters of a message
_BY_DATA = "how much it puts out, or how long it runs, depends on the data"
_WHY = {
    "WHILE": "its number of rounds is not fixed, or too large",
    "custom TFLite_Detection_PostProcess": _BY_DATA,
    **dict.fromkeys(("WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"), _BY_DATA),
}


def load_tflite(
    path: str | Path, sizes: NamedShapes | None = None, *, skip_unsupported: bool = False
) -> NetworkGraph:
    """Read a TFLite model as a graph of one input.

    Parameters
    ----------
    path
        The model.
    sizes
        Of inputs whose axes the model leaves open, by name.  An open first axis is the batch: 1.
    skip_unsupported
        Leave out what cannot be priced, and name it in ``graph.skipped``.
    """
    tflite = _tflite(path)
    data = file_bytes(path, MOST_MODEL)
    if data[4:8] != _MAGIC:
        raise FileProblem(f"{path}: is not a TFLite model: bytes 4 to 7 are not {_MAGIC.decode()}")
    try:
        model = prepared(tflite, data, sizes or {})
        operations = [each for operator in model.operators for each in _operations(operator)]
        graph = import_model(
            name_of(path),
            model.given,
            operations,
            model.shapes,
            model.outputs,
            batch=model.batch,
            skip_unsupported=skip_unsupported,
        ).graph
    except LacunaError as problem:
        raise type(problem)(f"{path}: {problem}"[:_LONGEST]) from None
    except Exception as problem:  # offsets of a damaged file lead anywhere
        reason = (str(problem).splitlines() or [type(problem).__name__])[0][:200]
        raise FileProblem(f"{path}: is damaged: {reason}") from None
    return graph.model_copy(update={"skipped": (*model.notes, *graph.skipped)}) if model.notes else graph


def _operations(operator: Operator) -> list[ImportedOp | Missing]:
    if operator.kind == STATE or operator.model.computed.isdisjoint(operator.outputs):
        return []
    unsized = [name for name in operator.outputs if operator.model.is_unsized(name)]
    if unsized:
        why = _WHY.get(operator.kind, "its sizes are not fixed in the file")
        return [Missing(type=operator.kind, name=operator.name, outputs=operator.outputs, why=why)]
    if operator.kind not in OPERATOR_CONVERTERS:
        why = _WHY.get(operator.kind, "")
        return [Missing(type=operator.kind, name=operator.name, outputs=operator.outputs, why=why)]
    try:
        return list(OPERATOR_CONVERTERS[operator.kind](operator))
    except (UnsupportedError, GraphError) as problem:
        return [Missing(type=operator.kind, name=operator.name, outputs=operator.outputs, why=str(problem))]


def _tflite(path: str | Path) -> Any:
    try:
        import tflite  # noqa: PLC0415  (an optional extra)
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading TFLite needs the extra: pip install 'lacuna[tflite]'"
        ) from None
    return tflite
