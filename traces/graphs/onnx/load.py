"""Read an ONNX model: its nodes in order, the shape of every tensor, the constants that shapes depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from traces.base.arrays import NamedShapes
from traces.base.errors import FileProblem, GraphError, LacunaError, UnsupportedError
from traces.base.guard import MOST_MODEL, check_file, name_of
from traces.graphs.importing.core import import_model
from traces.graphs.network import NetworkGraph
from traces.graphs.onnx.batches import OnnxModel
from traces.graphs.onnx.convert import converted
from traces.graphs.onnx.model import prepared


def load_onnx(
    path: str | Path, sizes: NamedShapes | None = None, *, skip_unsupported: bool = False
) -> NetworkGraph:
    """Read an ONNX model as a graph of one input.

    Parameters
    ----------
    path
        The model; weights outside the file are not looked for.
    sizes
        Of inputs whose axes the model leaves open, by name.  An open first axis is the batch: 1.
    skip_unsupported
        Leave out what cannot be priced, and name it in ``graph.skipped``.
    """
    onnx = _onnx(path)
    check_file(path, MOST_MODEL)
    try:
        proto = onnx.load(str(path), load_external_data=False)
    except Exception as problem:  # protobuf raises kinds of its own
        raise FileProblem(f"{path}: is not an ONNX model: {_first_line(problem)}") from None
    try:
        model = prepared(onnx, proto, sizes or {})
        return _graph(onnx, model, name_of(path), skip_unsupported)
    except LacunaError as problem:
        raise type(problem)(f"{path}: {problem}"[:_LONGEST]) from None
    except Exception as problem:  # nodes of a damaged file say anything
        raise FileProblem(f"{path}: is damaged: {_first_line(problem)}") from None


_LONGEST = 480  # characters of a message


def _graph(onnx: Any, model: OnnxModel, name: str, skip_unsupported: bool) -> NetworkGraph:
    operations = converted(onnx, model)
    if not operations:
        raise GraphError("has no node that works; needs at least one convolution or product")
    graph = import_model(
        name,
        model.inputs,
        operations,
        model.shapes,
        model.outputs,
        batch=model.batch,
        skip_unsupported=skip_unsupported,
    ).graph
    return graph.model_copy(update={"skipped": (*model.notes, *graph.skipped)}) if model.notes else graph


def _onnx(path: str | Path) -> Any:
    try:
        import onnx  # noqa: PLC0415  (an optional extra)
        import onnx.inliner  # noqa: PLC0415
        import onnx.reference  # noqa: PLC0415
    except ImportError:
        raise UnsupportedError(f"{path}: reading ONNX needs the extra: pip install 'lacuna[onnx]'") from None
    return onnx


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:200]
