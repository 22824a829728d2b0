"""Attention as runtimes fuse it, as the products and softmax it stands for; shapes are left to be inferred.

Queries, keys and values come as (batch, rows, heads x size), or packed into one tensor; keys and values of earlier
steps, (batch, heads, rows, size), lie in front of those of this step.

Source: docs/ContribOperators.md of microsoft/onnxruntime (domain ``com.microsoft``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from traces.graphs.onnx.attributes import integer, integers, label


@dataclass(frozen=True, slots=True)
class _Places:
    """Which inputs of a node are the keys and values of earlier steps: two, or one that holds both."""

    earlier: tuple[int, ...]
    projects: bool = False  # queries, keys and values are still to be made, of one tensor by one matrix


_PLACES: dict[str, _Places] = {
    "Attention": _Places((4,), projects=True),
    "DecoderMaskedMultiHeadAttention": _Places((5, 6)),
    "DecoderMaskedSelfAttention": _Places((4,), projects=True),
    "GroupQueryAttention": _Places((3, 4)),
    "MultiHeadAttention": _Places((6, 7)),
    "QAttention": _Places((8,), projects=True),
}
HEADS = frozenset(_PLACES)


def attention_nodes(onnx: Any, node: Any) -> list[Any]:
    """Return the plain nodes that a node of attention over packed heads stands for."""
    return _Attention(onnx, node, _PLACES[node.op_type]).nodes()


@dataclass(frozen=True, slots=True)
class _Attention:
    """One node on its way into plain ones."""

    onnx: Any
    node: Any
    places: _Places

    def nodes(self) -> list[Any]:
        """Return heads apart, scores, weights, their mixture, heads together."""
        parts, found = self._parts()
        if len(parts) < 3:
            return [self.node]  # listed as what cannot be priced
        heads = integer(self.node, "num_heads", 1)
        shared = integer(self.node, "kv_num_heads", heads)
        q, k, v = (
            self._apart(part, count, found)
            for part, count in zip(parts, (heads, shared, shared), strict=True)
        )
        if integer(self.node, "do_rotary", 0) and len(self.node.input) > 8:
            q, k = (self._turned(x, found) for x in (q, k))
        k, v = (self._behind_earlier(i, x, found) for i, x in enumerate((k, v)))
        return [*found, *self._mixed(q, k, v, heads // max(shared, 1))]

    def _name(self, what: str) -> str:
        return f"{self.node.output[0]}:{what}"

    def _make(self, kind: str, inputs: list[str], out: str, **attributes: Any) -> Any:
        return self.onnx.helper.make_node(kind, inputs, [out], name=out, **attributes)

    def _constant(self, name: str, values: list[int], found: list[Any]) -> str:
        value = self.onnx.numpy_helper.from_array(np.array(values, np.int64))
        found.append(self.onnx.helper.make_node("Constant", [], [name], value=value))
        return name

    def _parts(self) -> tuple[list[str], list[Any]]:
        """Return the tensors of queries, keys and values, and the nodes that take them apart."""
        node, found = self.node, list[Any]()
        given = [name for name in node.input[:3] if name]
        if self.places.projects:  # of one tensor, its three projections together
            qkv = self._name("qkv")
            found.append(
                self.onnx.helper.make_node("MatMul", list(node.input[:2]), [qkv], name=f"{label(node)}.qkv")
            )
            return self._cut(qkv, list(integers(node, "qkv_hidden_sizes") or ()), 2, found), found
        if len(given) == 3 or node.op_type != "GroupQueryAttention":
            return (given, found) if len(given) == 3 else (self._unpacked(given, found), found)
        heads, shared = integer(node, "num_heads", 1), integer(node, "kv_num_heads", 1)
        each = self._name("each")
        every = heads + 2 * shared
        shape = self._constant(self._name("every"), [0, 0, every, -1], found)
        found.append(self._make("Reshape", [given[0], shape], each))
        return self._cut(each, [heads, shared, shared], 2, found), found

    def _unpacked(self, given: list[str], found: list[Any]) -> list[str]:
        """Take (batch, rows, heads, 3, size) apart, or queries and (batch, rows, heads, 2, size)."""
        if len(given) == 1:
            return self._cut(given[0], [], 3, found)
        return [given[0], *self._cut(given[1], [1, 1], 3, found)] if len(given) == 2 else given

    def _cut(self, x: str, sizes: list[int], axis: int, found: list[Any]) -> list[str]:
        names = [self._name(which) for which in ("q", "k", "v")[3 - (len(sizes) or 3) :]]
        inputs = [x]
        if sizes:
            inputs.append(self._constant(f"{names[0]}:sizes", sizes, found))
        found.append(
            self.onnx.helper.make_node("Split", inputs, names, name=f"{label(self.node)}.split", axis=axis)
        )
        return names

    def _apart(self, x: str, heads: int, found: list[Any]) -> str:
        """Return (batch, heads, rows, size)."""
        shape = self._constant(self._name(f"heads{heads}"), [0, 0, heads, -1], found)
        apart, turned = f"{x}:{self.node.output[0]}:apart", f"{x}:{self.node.output[0]}:turned"
        found += [
            self._make("Reshape", [x, shape], apart),
            self._make("Transpose", [apart], turned, perm=[0, 2, 1, 3]),
        ]
        return turned

    def _turned(self, x: str, found: list[Any]) -> str:
        """Return queries or keys turned by their position, by tables that are the last inputs."""
        out = f"{x}:rotated"
        found.append(self._make("RotaryEmbedding", [x, *self.node.input[7:9]], out))
        return out

    def _behind_earlier(self, which: int, x: str, found: list[Any]) -> str:
        """Return keys (0) or values (1) behind those of earlier steps, under the name of the output they are."""
        given = [
            name for i in self.places.earlier if i < len(self.node.input) and (name := self.node.input[i])
        ]
        outputs = list(self.node.output)
        single = len(self.places.earlier) == 1
        name = outputs[1 + which] if not single and len(outputs) > 1 + which else ""
        if not given:
            found += [self._make("Identity", [x], name)] if name else []
            return x
        earlier = given[0] if single else given[which]
        if single:
            place = f"{self._name(f'which{which}')}"
            value = self.onnx.numpy_helper.from_array(np.array(which, np.int64))
            found.append(self.onnx.helper.make_node("Constant", [], [place], value=value))
            earlier = f"{place}:earlier"
            found.append(self._make("Gather", [given[0], place], earlier, axis=0))
        all_rows = name or f"{x}:all"
        found.append(self._make("Concat", [earlier, x], all_rows, axis=2))
        return all_rows

    def _mixed(self, q: str, k: str, v: str, each: int) -> list[Any]:
        """Return the products; ``each`` heads of queries share one head of keys and values."""
        found: list[Any] = []
        name, out = label(self.node), self.node.output[0]
        order = [0, 2, 1, 3]
        if each > 1:  # (batch, shared, each, rows, size) by (batch, shared, 1, rows, size)
            q, k, v = (
                self._grouped(x, count, found) for x, count in zip((q, k, v), (each, 1, 1), strict=True)
            )
            order = [0, 3, 1, 2, 4]
        across = [*range(len(order) - 2), len(order) - 1, len(order) - 2]
        scores, weights, mixed = (self._name(what) for what in ("scores", "weights", "mixed"))
        key, back = self._name("keys"), self._name("back")
        joined = self._constant(self._name("rows"), [0, 0, -1], found)
        make = self.onnx.helper.make_node
        return [
            *found,
            self._make("Transpose", [k], key, perm=across),
            make("MatMul", [q, key], [scores], name=f"{name}.qk"),
            make("Softmax", [scores], [weights], name=f"{name}.softmax", axis=-1),
            make("MatMul", [weights, v], [mixed], name=f"{name}.av"),
            self._make("Transpose", [mixed], back, perm=order),
            self._make("Reshape", [back, joined], out),
        ]

    def _grouped(self, x: str, each: int, found: list[Any]) -> str:
        """Return (batch, heads, rows, size) as (batch, shared heads, each, rows, size)."""
        rows, apart, out = f"{x}:rows", f"{x}:apart", f"{x}:grouped"
        shared = integer(self.node, "kv_num_heads", 1)
        shape = self._constant(f"{x}:shape", [0, 0, shared, each, -1], found)
        found += [
            self._make("Transpose", [x], rows, perm=[0, 2, 1, 3]),
            self._make("Reshape", [rows, shape], apart),
            self._make("Transpose", [apart], out, perm=[0, 2, 3, 1, 4]),
        ]
        return out
