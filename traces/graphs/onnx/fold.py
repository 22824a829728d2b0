"""Folds what does not depend on the inputs: shapes that are known, arithmetic of small constants, branches."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from traces.base.arrays import Shape
from traces.graphs.onnx.attributes import attribute, count_axes_from_the_front, integer, label
from traces.graphs.onnx.constants import LARGEST_FOLDED, Constants
from traces.graphs.onnx.rewrite import plain_nodes
from traces.graphs.onnx.sequences import Sequences
from traces.graphs.onnx.unroll import Known, unrolled

_FOLDED = frozenset({
    "Abs", "Add", "And", "Cast", "Ceil", "Concat", "ConstantOfShape", "Div", "Equal", "Expand",
    "Flatten", "Floor", "Gather", "Greater", "Identity", "Less", "Max", "Min", "Mod", "Mul", "Neg",
    "NonZero", "Not", "Or", "Pow", "Range", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum",
    "Reshape", "Round", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Tile", "Transpose", "Unsqueeze",
    "Where", "GreaterOrEqual", "LessOrEqual", "ArgMax", "ArgMin", "Clip", "CumSum", "Exp", "GatherElements",
    "GatherND", "Log", "Mean", "Reciprocal", "ReduceMean", "Relu", "ScatterElements", "ScatterND", "Sign", "Sum",
    "TopK", "Trilu", "Xor",
})  # fmt: skip
_CONTROL = frozenset({"If", "Loop", "Scan"})
_NOISE = frozenset(
    {"RandomNormalLike", "RandomUniformLike"}
)  # whatever they read, no input decides what they put out
# Nodes of which only the first input decides the values; of the second they take the type alone.
_LIKE = frozenset({"CastLike"})
_GROWING = frozenset({"ConstantOfShape", "Expand", "Range", "Tile"})


class Folder:
    """What makes the nodes of a model constants, or other nodes, as long as something new is known."""

    def __init__(self, onnx: Any, light: dict[str, Any], opset: int, batch: int) -> None:
        self.onnx = onnx
        self.opset = opset
        self.constants = Constants(onnx, light)
        self.sequences = Sequences(onnx, opset, self.constants.values, self.constants.keep)
        self.unrolled = 0  # nodes that loops became
        self.batch = batch  # built into constant shapes, to be 1 there

    def fold(self, nodes: Sequence[Any], shapes: dict[str, Shape]) -> tuple[list[Any], bool]:
        """Return the nodes that are left, and whether anything new is known."""
        left: list[Any] = []
        changed = self.opset < 11 and count_axes_from_the_front(nodes, shapes)
        for node in nodes:
            changed |= self._unbatch(node)
            replaced = self._branch(node) or self._loop(node, shapes)
            if replaced is None:
                replaced = self.sequences.replaced(node, ChainMap(shapes, self.constants.shapes))
            if replaced is not None:
                left += replaced
                changed = True
                continue
            if self._take(node, shapes):
                changed = True
                continue
            asked = node.input[:1] if node.op_type in _LIKE else node.input
            given = node.op_type in _NOISE or all(name in self.constants.names for name in asked if name)
            if given and node.op_type not in _CONTROL:
                if not self.constants.names.issuperset(node.output):
                    self.constants.names.update(node.output)
                    changed = True
                if node.op_type in _LIKE and node.input[0] in self.constants.values:
                    self.constants.values[node.output[0]] = self.constants.values[node.input[0]]
                self.constants.shapes.update({name: shapes[name] for name in node.output if name in shapes})
            left.append(node)
        return left, changed

    def _take(self, node: Any, shapes: dict[str, Shape]) -> bool:
        """Make the node's outputs constants with values, if it is small arithmetic of known ones."""
        if node.op_type == "Constant" and not node.input:
            return self._constant(node)
        if node.op_type in {"Shape", "Size"} and len(node.input) and node.input[0] in shapes:
            return self.constants.keep(node.output[0], self._shape_of(node, shapes[node.input[0]]))
        return self._can_run(node, shapes) and self._ran(node)

    def _can_run(self, node: Any, shapes: dict[str, Shape]) -> bool:
        names = [name for name in node.input if name]
        if node.op_type not in _FOLDED or node.domain or not names:
            return False
        if any(name not in self.constants.values for name in names):
            return False
        return node.op_type not in _GROWING or self._small(node, shapes)

    def _ran(self, node: Any) -> bool:
        """Compute a node of small constants; what the reference cannot compute stays a node."""
        try:
            outputs = self._run(node)
        except Exception:  # onnx raises kinds of its own
            return False
        if any(value.size > LARGEST_FOLDED for value in outputs):
            return False
        for name, value in zip(node.output, outputs, strict=False):
            self.constants.keep(name, value)
        return True

    def _run(self, node: Any) -> list[Any]:
        reads, makes = ([name for name in side if name] for side in (node.input, node.output))
        return list(
            self._evaluator([node], reads, makes)({name: self.constants.values[name] for name in reads})
        )

    def _evaluator(
        self, nodes: Sequence[Any], reads: Sequence[str], makes: Sequence[str]
    ) -> Callable[[Mapping[str, Any]], list[Any]]:
        """Return what runs a few nodes on numbers, by the reference of onnx."""
        helper = self.onnx.helper
        inputs, outputs = (
            [helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(side)]
            for side in (reads, makes)
        )
        graph = helper.make_graph(nodes, "nodes", inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        evaluator = self.onnx.reference.ReferenceEvaluator(model)

        def run(feeds: Mapping[str, Any]) -> list[Any]:
            with np.errstate(all="ignore"):
                return [np.asarray(value) for value in evaluator.run(list(makes), dict(feeds))]

        return run

    def _small(self, node: Any, shapes: dict[str, Shape]) -> bool:
        """Whether a node that makes much of little makes little; its own words say, or what onnx inferred."""
        if node.output[0] in shapes:
            return prod(shapes[node.output[0]]) <= LARGEST_FOLDED
        if node.op_type == "ConstantOfShape":
            return bool(np.prod(self.constants.values[node.input[0]].astype(np.float64)) <= LARGEST_FOLDED)
        if node.op_type == "Range":
            start, stop, step = (float(self.constants.values[name].reshape(-1)[0]) for name in node.input)
            return step != 0 and abs((stop - start) / step) <= LARGEST_FOLDED
        return False

    def _constant(self, node: Any) -> bool:
        value = attribute(node, "value")
        if value is not None and value.HasField("t"):
            tensor = value.t
            if prod(tensor.dims) > LARGEST_FOLDED:
                self.constants.hold(node.output[0], tensor)
                return True
            array = self.constants.value_of(tensor)
            if array is None:
                self.constants.hold(node.output[0], tensor)
                return True
            return self.constants.keep(node.output[0], array)
        for each in node.attribute:
            plain = self.onnx.helper.get_attribute_value(each)
            if each.name.startswith("value_") and isinstance(plain, int | float | list | tuple):
                dtype = np.float32 if "float" in each.name else np.int64
                return self.constants.keep(node.output[0], np.asarray(plain, dtype))
        self.constants.names.update(node.output)
        return False

    @staticmethod
    def _shape_of(node: Any, shape: Shape) -> Any:
        if node.op_type == "Size":
            return np.array(prod(shape), np.int64)
        start, end = integer(node, "start", 0), integer(node, "end", len(shape))
        return np.array(shape[start:end], np.int64)

    def _unbatch(self, node: Any) -> bool:
        """Let a reshape to a constant shape that begins with the batch begin with 1."""
        if self.batch == 1 or node.op_type != "Reshape" or node.input[1] not in self.constants.values:
            return False
        shape = self.constants.values[node.input[1]]
        if shape.ndim != 1 or not len(shape) or shape[0] != self.batch:
            return False
        one = f"{node.input[1]}:one"
        node.input[1] = one
        return self.constants.keep(one, np.array([1, *shape[1:]], np.int64))

    def _branch(self, node: Any) -> list[Any] | None:
        """Return the nodes of the branch that a constant condition takes."""
        if node.op_type != "If" or len(node.input) != 1 or node.input[0] not in self.constants.values:
            return None
        taken = "then_branch" if bool(self.constants.values[node.input[0]].reshape(-1)[0]) else "else_branch"
        body = attribute(node, taken)
        if body is None:
            return None
        return self._inlined(node, body.g)

    def largest_branches(self, nodes: Sequence[Any]) -> tuple[list[Any], list[str]]:
        """Return the nodes with the longer branch of every choice left, and the names of these.

        Choice: where an input decides, the branch with more nodes is the model.
        """
        left: list[Any] = []
        names: list[str] = []
        for node in nodes:
            bodies = [
                body for name in ("then_branch", "else_branch") if (body := attribute(node, name)) is not None
            ]
            if node.op_type != "If" or len(bodies) < 2 or not all(body.HasField("g") for body in bodies):
                left.append(node)
                continue
            longer = max(bodies, key=lambda body: sum(1 for _ in inner_nodes(body.g)))
            left += self._inlined(node, longer.g)
            names.append(f"If {label(node)} (its shorter branch)")
        return left, names

    def _loop(self, node: Any, shapes: Mapping[str, Shape]) -> list[Any] | None:
        """Return the nodes of all rounds of a loop whose number is known."""
        known = Known(
            self.constants.values,
            shapes,
            self.constants.keep,
            self.opset,
            self.unrolled,
            _FOLDED,
            self.constants.value_of,
            self._evaluator,
        )
        nodes = unrolled(self.onnx.helper, node, known, self._body)
        self.unrolled += len(nodes or ())
        return nodes

    def _inlined(self, node: Any, body: Any) -> list[Any]:
        """Return a branch's nodes under names of their own, its outputs under the node's."""
        prefix = f"{node.name or node.output[0]}:"
        nodes = self._body(body, prefix, {})
        made = {name for each in body.node for name in each.output} | {each.name for each in body.initializer}
        for out, info in zip(node.output, body.output, strict=False):
            source = f"{prefix}{info.name}" if info.name in made else info.name
            nodes.append(self.onnx.helper.make_node("Identity", [source], [out], name=out))
        return nodes

    def _body(self, body: Any, prefix: str, bound: Mapping[str, str]) -> list[Any]:
        """Return the nodes of a graph inside under names of their own, its inputs bound to tensors outside."""
        inner = {name for each in body.node for name in each.output if name}
        inner |= {tensor.name for tensor in body.initializer}
        names = {**{name: f"{prefix}{name}" for name in inner}, **bound}
        for tensor in body.initializer:
            copy = type(tensor)()
            copy.CopyFrom(tensor)
            copy.name = names[tensor.name]
            if prod(copy.dims) > LARGEST_FOLDED or (array := self.constants.value_of(copy)) is None:
                self.constants.hold(copy.name, copy)
            else:
                self.constants.keep(copy.name, array)
        nodes, freed = plain_nodes(self.onnx, [_renamed(each, names, prefix) for each in body.node])
        for name in freed:
            self.constants.keep(name, np.array(1.0, np.float32))
        return nodes


def inner_nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph and of all graphs inside."""
    for node in graph.node:
        yield node
        for each in node.attribute:
            if each.HasField("g"):
                yield from inner_nodes(each.g)


def _renamed(node: Any, names: dict[str, str], prefix: str) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    copy.name = f"{prefix}{node.name}" if node.name else ""
    for field in (copy.input, copy.output):
        for i, name in enumerate(field):
            field[i] = names.get(name, name)
    for each in copy.attribute:
        if each.HasField("g"):
            own = {info.name for info in each.g.input} | {tensor.name for tensor in each.g.initializer}
            own |= {name for body in each.g.node for name in body.output}  # hide names outside
            outside = {name: new for name, new in names.items() if name not in own}
            inner = [_renamed(body, outside, "") for body in each.g.node]
            del each.g.node[:]
            each.g.node.extend(inner)
            for info in each.g.output:
                info.name = outside.get(info.name, info.name)
    return copy
