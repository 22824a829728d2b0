"""A node's attributes, each checked for its type: a file may say anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import UnsupportedError

_FLOAT, _INT, _STRING, _FLOATS, _INTS = 1, 2, 3, 6, 7  # AttributeProto.AttributeType of onnx.proto


def integer(node: Any, name: str, default: int) -> int:
    """Return a whole number, or the default where the node does not say."""
    found = _find(node, name, _INT)
    return default if found is None else int(found.i)


def number(node: Any, name: str, default: float) -> float:
    """Return a number."""
    found = _find(node, name, _FLOAT)
    return default if found is None else float(found.f)


def integers(node: Any, name: str) -> tuple[int, ...] | None:
    """Return whole numbers, or ``None``."""
    found = _find(node, name, _INTS)
    return None if found is None else tuple(int(value) for value in found.ints)


def text(node: Any, name: str, default: str) -> str:
    """Return a text."""
    found = _find(node, name, _STRING)
    return default if found is None else bytes(found.s).decode("utf-8", "replace")


def attribute(node: Any, name: str) -> Any:
    """Return the attribute, whatever it is, or ``None``."""
    return next((each for each in node.attribute if each.name == name), None)


def label(node: Any) -> str:
    """Return what users know a node by."""
    return str(node.name or (node.output[0] if node.output else node.op_type))


def count_axes_from_the_front(nodes: Iterable[Any], shapes: Mapping[str, Shape]) -> bool:
    """Change the axes of nodes that are counted from the end; tell whether there were any.

    Before opset 11 onnx infers nothing from such, or something wrong, though exporters write them: what lies behind
    one has no shape that could be trusted yet.
    """
    stale: set[str] = set()  # tensors behind a changed node
    for node in nodes:
        known = len(node.input) and node.input[0] in shapes and stale.isdisjoint(node.input)
        if not stale.isdisjoint(node.input) or (known and _count_axes(node, len(shapes[node.input[0]]))):
            stale.update(node.output)
    return bool(stale)


def _count_axes(node: Any, rank: int) -> bool:
    found = False
    for each in node.attribute:
        if each.name == "axis" and -rank <= each.i < 0:
            each.i += rank
            found = True
        elif each.name == "axes" and any(axis < 0 for axis in each.ints):
            out = rank + (len(each.ints) if node.op_type == "Unsqueeze" else 0)
            each.ints[:] = [axis % out if out else axis for axis in each.ints]
            found = out > 0
    return found


def _find(node: Any, name: str, kind: int) -> Any:
    found = attribute(node, name)
    if found is not None and found.type != kind:
        raise UnsupportedError(f"node {label(node)[:80]!r}: attribute {name!r} has the wrong type")
    return found
