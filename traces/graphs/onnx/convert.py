"""ONNX nodes as imported operations: one function per node type, one row per type in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from traces.base.errors import UnsupportedError
from traces.graphs.importing.emit import LOST
from traces.graphs.importing.ops import ImportedOp, Missing
from traces.graphs.onnx.attributes import label
from traces.graphs.onnx.batches import OnnxModel
from traces.graphs.onnx.model import reads_of
from traces.graphs.onnx.nodes.elements import ELEMENTS
from traces.graphs.onnx.nodes.moves import MOVES
from traces.graphs.onnx.nodes.node import Context, Node
from traces.graphs.onnx.nodes.norms import NORMS
from traces.graphs.onnx.nodes.products import PRODUCTS
from traces.graphs.onnx.nodes.transforms import TRANSFORMS
from traces.graphs.onnx.nodes.windows import WINDOWS

NodeConverter = Callable[[Node], Sequence[ImportedOp]]
_BY_DATA = "how much it puts out depends on the data"
_WHY = {
    "Loop": "its number of rounds is not fixed, or too large",
    "Scan": "its number of rounds is not fixed, or too large",
    "If": "no constant decides, and a branch is missing",
    **dict.fromkeys(("com.microsoft.MoE", "com.microsoft.QMoE"), "which experts run depends on the data"),
    **dict.fromkeys(
        ("com.microsoft.BeamSearch", "com.microsoft.GreedySearch", "com.microsoft.Sampling"),
        "its number of rounds depends on the data",
    ),
    **dict.fromkeys(("NonMaxSuppression", "NonZero", "Unique", "Compress", "StringSplit"), _BY_DATA),
}
NODE_CONVERTERS: dict[str, NodeConverter] = {
    **PRODUCTS,
    **ELEMENTS,
    **NORMS,
    **MOVES,
    **WINDOWS,
    **TRANSFORMS,
}


def converted(onnx: Any, model: OnnxModel) -> list[ImportedOp | Missing]:
    """Return the operations of a model's nodes, those on constants left out, and what no operation stands for."""
    nodes, read = living(model)
    context = Context(model, read)
    found: list[ImportedOp | Missing] = []
    lost: set[str] = set()  # tensors behind something missing
    for proto in nodes:
        outputs = tuple(name for name in proto.output if name)
        if model.constants.issuperset(outputs) or not outputs:
            continue
        made = _operations(context, proto, outputs, lost)
        lost.update(name for each in made if isinstance(each, Missing) for name in each.outputs)
        found += made
    return found


def living(model: OnnxModel) -> tuple[list[Any], frozenset[str]]:
    """Return the nodes that an output of the model needs, and the tensors that they and the outputs read."""
    read, nodes = set(model.outputs), []
    for proto in reversed(model.nodes):
        if not read.isdisjoint(proto.output):
            nodes.append(proto)
            read.update(reads_of(proto))
    return nodes[::-1], frozenset(read - {""})


def _operations(
    context: Context, proto: Any, outputs: tuple[str, ...], lost: set[str]
) -> list[ImportedOp | Missing]:
    kind = f"{proto.domain}.{proto.op_type}" if proto.domain not in {"", "ai.onnx"} else proto.op_type
    name = label(proto)
    if kind not in NODE_CONVERTERS:
        return [Missing(type=kind, name=name, outputs=outputs, why=_WHY.get(kind, ""))]
    if outputs[0] not in context.model.shapes:
        why = LOST if lost.intersection(proto.input) else "its output has no fixed shape"
        return [Missing(type=kind, name=name, outputs=outputs, why=why)]
    try:
        return list(NODE_CONVERTERS[kind](Node(context, proto, name)))
    except UnsupportedError as problem:
        return [Missing(type=kind, name=name, outputs=outputs, why=str(problem))]
