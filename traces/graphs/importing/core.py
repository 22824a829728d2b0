"""The importer that every framework's reader shares: imported operations become a network graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from traces.base.arrays import NamedShapes
from traces.base.errors import UnsupportedError
from traces.graphs.importing import ops as imported
from traces.graphs.importing.emit import LOST, Emitter
from traces.graphs.importing.inputs import input_view
from traces.graphs.importing.moves import add_concat, add_move, add_reshape, add_transpose
from traces.graphs.importing.ops import ImportedOp, Missing, reads
from traces.graphs.importing.products import add_contraction, add_convolution
from traces.graphs.importing.recurrences import add_recurrence
from traces.graphs.importing.rest import add_elementwise, add_function, add_pooling, add_reduction
from traces.graphs.network import NetworkGraph


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A graph, and which of its ops (or inputs) each of the framework's tensors comes from."""

    graph: NetworkGraph
    sources: Mapping[str, str]


def import_model(  # noqa: PLR0913  # what a model is, and the two questions about it
    name: str,
    inputs: Sequence[str],
    operations: Sequence[ImportedOp | Missing],
    shapes: NamedShapes,
    outputs: Sequence[str] = (),
    *,
    batch: int = 1,
    skip_unsupported: bool = False,
) -> ImportedModel:
    """Return the graph of a model's operations, and where each tensor comes from.

    Parameters
    ----------
    name
        Of the network.
    inputs
        Its input tensors; those that nobody reads are left out.
    operations
        In program order.  An operation keeps its name, so names should be those that users know.
    shapes
        Of every tensor, with the batch axis of size 1.
    outputs
        Tensors that are read outside too, so that nothing may be fused behind them.
    batch
        Inputs that one run of the model computes; sizes are of one.
    skip_unsupported
        Leave out what cannot be priced: what it would put out becomes an input, ``graph.skipped`` lists it.

    Raises
    ------
    UnsupportedError
        Lists everything that cannot be priced at once, with its share of all operations.
    """
    readers = Counter(tensor for op in operations if not isinstance(op, Missing) for tensor in set(reads(op)))
    readers.update(outputs)
    emitter = Emitter(name, shapes, readers, [op.name for op in operations])
    for tensor in inputs:
        if readers[tensor]:
            emitter.add_input(tensor, input_view(tensor, operations, shapes))
    missing: list[Missing] = []
    for op in operations:
        problem = op if isinstance(op, Missing) else _try(emitter, op)
        if problem is not None:
            missing.append(problem)
            for tensor in problem.outputs:
                if tensor in shapes and skip_unsupported:
                    emitter.add_input(tensor, input_view(tensor, operations, shapes))
                else:
                    emitter.lost.add(tensor)
    if missing and not skip_unsupported:
        missing = [each for each in missing if each.why != LOST] or missing
        raise UnsupportedError(listed(missing, len(operations)))
    graph = emitter.finish(batch, tuple(f"{each.type} {each.name}" for each in missing))
    return ImportedModel(graph, {tensor: view.source for tensor, view in emitter.views.items()})


def listed(missing: Sequence[Missing], total: int) -> str:
    """Return one line that names everything that cannot be priced, most frequent first."""
    by_type: dict[str, list[Missing]] = {}
    for each in missing:
        by_type.setdefault(each.type, []).append(each)
    ordered = sorted(by_type.items(), key=lambda item: -len(item[1]))
    parts = []
    for kind, group in ordered[:12]:
        why = f": {group[0].why}" if group[0].why else ""
        parts.append(f"{len(group)} {kind} (first {group[0].name[:60]!r}{why[:160]})")
    if len(ordered) > len(parts):
        parts.append(f"{len(ordered) - len(parts)} more types")
    share = 100 * len(missing) / total
    text = "; ".join(parts)[:330]
    start = f"{len(missing)} of {total} nodes ({share:.0f} %) cannot be priced"
    return f"{start}: {text}; --skip-unsupported prices the rest"


def _try(emitter: Emitter, op: ImportedOp) -> Missing | None:
    """Add the operation, or say why it cannot be."""
    mark = emitter.mark()
    try:
        _add(emitter, op)
    except UnsupportedError as problem:
        emitter.back_to(mark)
        return Missing(type=type(op).__name__, name=op.name, outputs=(op.out,), why=str(problem))
    return None


def _add(emitter: Emitter, op: ImportedOp) -> None:
    match op:
        case imported.Convolution():
            add_convolution(emitter, op)
        case imported.Contraction():
            add_contraction(emitter, op)
        case imported.Recurrence():
            add_recurrence(emitter, op)
        case imported.Pooling():
            add_pooling(emitter, op)
        case imported.Reduction():
            add_reduction(emitter, op)
        case imported.Elementwise():
            add_elementwise(emitter, op)
        case imported.Function():
            add_function(emitter, op)
        case imported.Concat():
            add_concat(emitter, op)
        case imported.Reshape():
            add_reshape(emitter, op)
        case imported.Transpose():
            add_transpose(emitter, op)
        case imported.Move():
            add_move(emitter, op)
        case _:
            assert_never(op)
