"""An ONNX model made ready: open axes filled, constants folded, every shape inferred by onnx itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import GraphError, UnsupportedError
from traces.base.guard import is_inside
from traces.graphs.onnx.attributes import label
from traces.graphs.onnx.batches import OnnxModel, check_scaled, fixed_batch
from traces.graphs.onnx.constants import LARGEST_FOLDED
from traces.graphs.onnx.fold import Folder, inner_nodes
from traces.graphs.onnx.inputs import input_shapes
from traces.graphs.onnx.rewrite import plain_nodes

# Of folding and inference; each brings shapes one computed reshape further.  Choice: HieraDet (timm) takes 43.
_ROUNDS = 200
# Nodes that the rewriting here or an exporter puts into models of older opsets, and the opset that has them: what
# they put out has the shape of what they read.
_NEWER = {"Gelu": 20, "LayerNormalization": 17, "RMSNormalization": 23, "RotaryEmbedding": 23, "Swish": 24}
_ATTENTION = 23  # the opset that has attention, whose shape is another than its first input's
_NEWEST_IR = 8  # any that knows what is built here


def prepared(onnx: Any, proto: Any, sizes: Mapping[str, Shape]) -> OnnxModel:
    """Return the model with every shape that onnx can tell, the batch axis at 1."""
    graph = _inlined(onnx, proto).graph
    _check_places(graph)
    light = {tensor.name: _without_data(tensor) for tensor in graph.initializer}
    for tensor in graph.sparse_initializer:
        light[tensor.values.name] = _like(onnx, tensor)
    inputs = [info for info in graph.input if info.name not in light]
    given = input_shapes(inputs, sizes)
    check_inputs(onnx, graph.node, _opset(proto))
    nodes, freed = plain_nodes(onnx, graph.node)
    light |= {name: onnx.helper.make_tensor(name, 1, (), [1.0]) for name in freed}
    source = _Source(onnx, proto, graph, sorted_nodes(nodes, {*given, *light}), light)
    model = source.at(given, 1)
    batch, axes = fixed_batch(model, given)
    if batch == 1:
        return model
    alone = {
        name: tuple(1 if i == axes.get(name) else n for i, n in enumerate(shape))
        for name, shape in given.items()
    }
    one = source.at(alone, batch)
    check_scaled(model, one, batch)
    return one


@dataclass(frozen=True, slots=True)
class _Source:
    """What a model is before its inputs have sizes."""

    onnx: Any
    proto: Any
    graph: Any
    nodes: list[Any]
    light: dict[str, Any]

    def at(self, given: Mapping[str, Shape], batch: int) -> OnnxModel:
        """Infer every shape from those of the inputs; fold what the inferred ones make constant, and again."""
        onnx = self.onnx
        folder = Folder(onnx, self.light, _opset(self.proto), batch)
        types = {info.name: info.type.tensor_type.elem_type for info in self.graph.input}
        infos = [
            onnx.helper.make_tensor_value_info(name, types[name] or 1, shape) for name, shape in given.items()
        ]
        outputs = [onnx.helper.make_empty_tensor_value_info(info.name) for info in self.graph.output]
        nodes, notes = list(self.nodes), list[str]()
        for _ in range(_ROUNDS):
            shapes = self._infer(nodes, infos, outputs, folder)
            nodes, changed = folder.fold(nodes, shapes)
            if not changed:
                nodes, choices = folder.largest_branches(nodes)
                notes += choices
                if not choices:
                    break
        shapes |= folder.constants.shapes
        return OnnxModel(
            nodes=tuple(nodes),
            inputs=tuple(given),
            outputs=tuple(info.name for info in self.graph.output),
            shapes=shapes,
            constants=frozenset(folder.constants.names),
            values=folder.constants.values,
            batch=batch,
            notes=tuple(notes),
        )

    def _infer(
        self, nodes: Sequence[Any], infos: list[Any], outputs: list[Any], folder: Folder
    ) -> dict[str, Shape]:
        onnx = self.onnx
        known_ones = [self._known(node) for node in nodes]
        graph = onnx.helper.make_graph(
            known_ones, "g", infos, outputs, initializer=list(folder.constants.light.values())
        )
        model = onnx.helper.make_model(graph, opset_imports=self._opsets(nodes), ir_version=_NEWEST_IR)
        try:
            found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except Exception as problem:  # onnx raises kinds of its own
            reason = (str(problem).splitlines() or [type(problem).__name__])[0]
            raise GraphError(f"its shapes contradict each other: {reason[:200]}") from None
        known = {}
        for info in (*found.value_info, *found.input, *found.output):
            shape = _fixed(info)
            if shape is not None:
                known[info.name] = shape
        return known

    def _known(self, node: Any) -> Any:
        """Return a node that the model's opset has: where it is too old, another one of the same shapes."""
        if node.domain or _opset(self.proto) >= _NEWER.get(node.op_type, 1) or not len(node.input):
            return node
        return self.onnx.helper.make_node("Identity", node.input[:1], node.output[:1])

    def _opsets(self, nodes: Sequence[Any]) -> list[Any]:
        """Return the model's opsets and version 1 of every domain that it uses but does not declare."""
        opsets = {each.domain or "": each.version for each in self.proto.opset_import}
        own = opsets.get("", 17)
        least = _ATTENTION if any(node.op_type == "Attention" and not node.domain for node in nodes) else 1
        opsets[""] = min(max(own, least if own >= 13 else 1), self.onnx.defs.onnx_opset_version())
        for node in nodes:
            opsets.setdefault(node.domain or "", 1)
        return [self.onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]


def _opset(proto: Any) -> int:
    return next((each.version for each in proto.opset_import if each.domain in {"", "ai.onnx"}), 17)


def check_inputs(onnx: Any, nodes: Sequence[Any], opset: int) -> None:
    """Refuse a node of the standard that has fewer inputs than its kind needs, then or now."""
    for node in nodes:
        if node.domain not in {"", "ai.onnx"} or not onnx.defs.has(node.op_type, ""):
            continue
        least = onnx.defs.get_schema(node.op_type).min_input
        with suppress(onnx.defs.SchemaError):  # newer than the model's opset
            least = min(least, onnx.defs.get_schema(node.op_type, opset, "").min_input)
        first = [] if node.op_type == "Loop" else node.input[: min(least, 1)]  # exporters leave others empty
        if len(node.input) < least or not all(first):
            raise GraphError(
                f"node {label(node)[:80]!r} ({node.op_type[:40]}): has {sum(map(bool, node.input))} inputs; "
                f"needs {least} or more"
            )


def sorted_nodes(nodes: Sequence[Any], known: set[str]) -> list[Any]:
    """Return the nodes in an order in which each reads what is made before it; a cycle is an error."""
    makes = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    state = [0] * len(nodes)  # 0 untouched, 1 waiting for what it reads, 2 placed
    order: list[Any] = []
    for start in range(len(nodes)):
        waiting = [start]
        while waiting:
            i = waiting[-1]
            if state[i] == 2:
                waiting.pop()
                continue
            before = [makes[name] for name in reads_of(nodes[i]) if name in makes]
            open_ones = [j for j in before if state[j] != 2]
            if not open_ones:
                state[i] = 2
                order.append(nodes[i])
                waiting.pop()
            elif state[i] == 1 and any(state[j] == 1 for j in open_ones):
                raise GraphError(
                    f"node {label(nodes[i])[:80]!r} reads what depends on itself; needs a graph without cycles"
                )
            else:
                state[i] = 1
                waiting += open_ones
    for node in order:
        for name in node.input:
            if name and name not in known and name not in makes:
                raise GraphError(
                    f"node {label(node)[:80]!r}: reads {name[:80]!r}, which no node before it makes"
                )
    return order


def reads_of(node: Any) -> list[str]:
    """Return the tensors that a node reads, those of its branches included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        if attribute.HasField("g"):
            made = {name for inner in attribute.g.node for name in inner.output}
            names += [name for inner in attribute.g.node for name in reads_of(inner) if name not in made]
    return names


def _check_places(graph: Any) -> None:
    """Refuse weights that are said to lie outside the model's folder; those inside are never opened either."""
    held = [
        *graph.initializer,
        *(each.t for node in inner_nodes(graph) for each in node.attribute if each.HasField("t")),
    ]
    for tensor in held:
        for entry in tensor.external_data if tensor.data_location else ():
            if entry.key == "location" and not is_inside(entry.value):
                raise UnsupportedError(
                    f"tensor {tensor.name[:60]!r}: its data lie in {entry.value[:80]!r}, outside the model's folder; "
                    "needs a file in it"
                )


def _inlined(onnx: Any, proto: Any) -> Any:
    if not len(proto.functions):
        return proto
    try:
        return onnx.inliner.inline_local_functions(proto)
    except Exception as problem:  # onnx raises kinds of its own
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise GraphError(f"its functions cannot be inlined: {reason[:200]}") from None


def _without_data(tensor: Any) -> Any:
    """Return the constant as it is if it is small, else only its type and shape."""
    if prod(tensor.dims) <= LARGEST_FOLDED and tensor.data_location == 0:
        return tensor
    light = type(tensor)(name=tensor.name, data_type=tensor.data_type)
    light.dims.extend(tensor.dims)
    return light


def _like(onnx: Any, tensor: Any) -> Any:
    light = onnx.TensorProto(name=tensor.values.name, data_type=tensor.values.data_type)
    light.dims.extend(tensor.dims)
    return light


def _fixed(info: Any) -> Shape | None:
    """Return a tensor's shape if every axis is known."""
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    if not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    return tuple(int(dim.dim_value) for dim in tensor.shape.dim)
