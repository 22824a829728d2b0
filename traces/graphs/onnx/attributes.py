"""A node's attributes, each checked for its type: a file may say anything."""

from __future__ import annotations

from typing import Any

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


def _find(node: Any, name: str, kind: int) -> Any:
    found = attribute(node, name)
    if found is not None and found.type != kind:
        raise UnsupportedError(f"node {label(node)[:80]!r}: attribute {name!r} has the wrong type")
    return found
