"""ONNX nodes that normalise, and the scales and biases per channel that a network may compute itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from traces.graphs.importing.ops import Elementwise, Function, ImportedOp, Reshape
from traces.graphs.onnx.nodes.node import Node

_OF_LAST_AXES = frozenset({"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"})
_BY_CHANNEL = frozenset({"BatchNormalization", "GroupNormalization", "InstanceNormalization"})


def with_operands(
    node: Node, made: Callable[[str], list[ImportedOp]], places: dict[int, Literal["add", "mul"]]
) -> list[ImportedOp]:
    """Return operations, and behind them a sum or product with each input at these places that is no constant.

    Parameters
    ----------
    node
        The node; its operands are one per channel unless it normalises the last axes.
    made
        Returns the operations that put out the tensor it is given.
    places
        What is done with the input at a place; constant ones are folded.
    """
    computed = [
        (i, kind) for i, kind in places.items() if node.has(i) and not node.is_constant(node.tensor(i))
    ]
    names = [*(node.made_up(f"before:{kind}", node.out_shape) for _, kind in computed), node.out]
    found = made(names[0])
    for (place, kind), x, out in zip(computed, names, names[1:], strict=False):
        values = node.tensor(place)
        if node.kind not in _OF_LAST_AXES:
            along = node.made_up(f"{kind}:channels", (1, node.out_shape[1], *(1 for _ in node.out_shape[2:])))
            found.append(Reshape(name=f"{node.name}.{kind}.channels", x=values, out=along))
            values = along
        found.append(Elementwise(name=f"{node.name}.{kind}", inputs=(x, values), out=out, kind=kind))
    return found


def _batch_norm(node: Node) -> Sequence[ImportedOp]:
    """Return a scale and a shift of each channel, both constants to fold or both computed."""
    if node.is_constant(node.tensor(1)):
        return [Elementwise(name=node.name, inputs=tuple(node.tensors()[:2]), out=node.out, kind="mul")]
    return with_operands(
        node, lambda out: [Reshape(name=node.name, x=node.tensor(0), out=out)], {1: "mul", 2: "add"}
    )


def _norm(node: Node) -> Sequence[ImportedOp]:
    places: dict[int, Literal["add", "mul"]] = {}
    if node.kind in _OF_LAST_AXES or node.kind in _BY_CHANNEL:
        places = {1: "mul", 2: "add"}
    return with_operands(
        node,
        lambda out: [Function(name=node.name, x=node.tensor(0), out=out, kind="layer_norm")],
        places,
    )


NORMS: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {
    "BatchNormalization": _batch_norm,
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization", "LayerNormalization"), _norm),
    **dict.fromkeys(("LpNormalization", "LRN", "MeanVarianceNormalization", "RMSNormalization"), _norm),
    "SimplifiedLayerNormalization": _norm,
}
