"""Sequences of tensors whose length the model fixes, as the tensors themselves.

Exporters make them of splits and of lists that a loop fills; each place is read by a constant number::

    SplitToSequence(x) -> s;  SequenceAt(s, 1) -> y        is        Split(x) -> s:0, s:1, ...;  Identity(s:1) -> y
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from traces.base.arrays import Shape
from traces.graphs.onnx.attributes import integer

_MOST = 4096  # elements of a sequence; Choice: a longer one is listed as what cannot be priced


@dataclass(slots=True)
class Sequences:
    """The sequences met so far, each by the names of its elements."""

    onnx: Any
    opset: int
    values: Mapping[str, Any]
    keep: Callable[[str, Any], object]  # gives a tensor a constant value
    elements: dict[str, list[str]] = field(default_factory=dict)

    def replaced(self, node: Any, shapes: Mapping[str, Shape]) -> list[Any] | None:
        """Return the nodes on tensors that stand for a node on sequences; ``None`` where it is not fixed."""
        if node.op_type in {"SequenceConstruct", "SequenceEmpty"}:
            return self._made(node, list(node.input))
        if node.op_type == "SplitToSequence":
            return self._split(node, shapes)
        known = self.elements.get(node.input[0]) if len(node.input) else None
        return None if known is None else self._read(node, known)

    def _read(self, node: Any, known: list[str]) -> list[Any] | None:
        """Return what stands for a node that reads a known sequence."""
        match node.op_type:
            case "Identity":
                return self._made(node, known)
            case "SequenceLength":
                self.keep(node.output[0], np.array(len(known), np.int64))
                return []
            case "ConcatFromSequence" if known:
                return self._joined(node, known)
            case "SequenceAt" | "SequenceErase" | "SequenceInsert":
                return self._at(node, known)
        return None

    def _at(self, node: Any, known: list[str]) -> list[Any] | None:
        """Return what stands for a node that takes, drops or adds an element at a place."""
        adds = node.op_type == "SequenceInsert"
        last = len(known) - (not adds)
        place = self._place(node, 2 if adds else 1, len(known), last)
        if place is None or place > last:
            return None
        if adds:
            return self._made(node, [*known[:place], node.input[1], *known[place:]])
        if node.op_type == "SequenceErase":
            return self._made(node, [*known[:place], *known[place + 1 :]])
        return [self._node("Identity", [known[place]], node.output[0])]

    def _made(self, node: Any, names: list[str]) -> list[Any]:
        self.elements[node.output[0]] = names
        return []

    def _place(self, node: Any, at: int, count: int, last: int) -> int | None:
        """Return the place that an input of the node says, the last one if it says none; ``None`` if not known."""
        given = at < len(node.input) and bool(node.input[at])
        value = np.reshape(self.values.get(node.input[at], ()), -1) if given else np.array([last])
        if len(value) != 1 or int(value[0]) < -count:
            return None
        return int(value[0]) + (count if value[0] < 0 else 0)

    def _split(self, node: Any, shapes: Mapping[str, Shape]) -> list[Any] | None:
        x, out, shape = node.input[0], node.output[0], shapes.get(node.input[0])
        axis = integer(node, "axis", 0)
        if not shape or not -len(shape) <= axis < len(shape):
            return None
        length, given = shape[axis], len(node.input) > 1 and bool(node.input[1])
        wanted = self.values.get(node.input[1]) if given else np.array(1)
        if wanted is None or np.min(wanted) < 1:
            return None
        sizes = [int(n) for n in np.reshape(wanted, -1)]
        if np.ndim(wanted) == 0:
            sizes = [min(sizes[0], length - at) for at in range(0, length, sizes[0])]
        if not sizes or sum(sizes) != length or len(sizes) > _MOST:
            return None
        names = [f"{out}:{i}" for i in range(len(sizes))]
        self.elements[out] = names
        parts = names
        nodes: list[Any] = []
        if not given and not integer(node, "keepdims", 1):
            parts = [f"{name}:kept" for name in names]
            nodes = [
                self._along("Squeeze", part, name, axis) for part, name in zip(parts, names, strict=True)
            ]
        return [self._parts(x, parts, sizes, axis), *nodes]

    def _parts(self, x: str, names: list[str], sizes: list[int], axis: int) -> Any:
        make = self.onnx.helper.make_node
        if len(names) == 1:
            return make("Identity", [x], names, name=names[0])
        if self.opset < 13:
            return make("Split", [x], names, name=names[0], axis=axis, split=sizes)
        self.keep(f"{names[0]}:sizes", np.array(sizes, np.int64))
        return make("Split", [x, f"{names[0]}:sizes"], names, name=names[0], axis=axis)

    def _joined(self, node: Any, names: list[str]) -> list[Any]:
        axis, out = integer(node, "axis", 0), node.output[0]
        nodes: list[Any] = []
        if integer(node, "new_axis", 0):
            wide = [f"{out}:{i}" for i in range(len(names))]
            nodes = [
                self._along("Unsqueeze", name, made, axis) for name, made in zip(names, wide, strict=True)
            ]
            names = wide
        return [*nodes, self.onnx.helper.make_node("Concat", names, [out], name=node.name or out, axis=axis)]

    def _along(self, kind: str, x: str, out: str, axis: int) -> Any:
        """Return the node that drops or adds an axis, as the model's opset has it."""
        if self.opset < 13:
            return self.onnx.helper.make_node(kind, [x], [out], name=out, axes=[axis])
        self.keep(f"{out}:axis", np.array([axis], np.int64))
        return self._node(kind, [x, f"{out}:axis"], out)

    def _node(self, kind: str, inputs: list[str], out: str) -> Any:
        return self.onnx.helper.make_node(kind, inputs, [out], name=out)
