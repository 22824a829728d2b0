"""One ONNX node with what its converter asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import UnsupportedError
from traces.graphs.onnx import attributes
from traces.graphs.onnx.batches import OnnxModel


@dataclass(slots=True)
class Context:
    """The model that a node is of; converters add the shapes of tensors that they make up."""

    model: OnnxModel
    read: frozenset[str]  # tensors that somebody reads


@dataclass(frozen=True, slots=True)
class Node:
    """A node, its inputs by place."""

    context: Context
    proto: Any
    name: str

    @property
    def kind(self) -> str:
        """The node's type."""
        return str(self.proto.op_type)

    @property
    def out(self) -> str:
        """The first output, read or not."""
        return str(self.proto.output[0])

    @property
    def out_shape(self) -> Shape:
        """The shape of the first output."""
        return self.shape(self.out)

    @property
    def outputs(self) -> tuple[str, ...]:
        """All outputs, empty where the node leaves one out or nobody reads it."""
        return tuple(name if name in self.context.read else "" for name in self.proto.output)

    def tensor(self, place: int) -> str:
        """Return the input at a place."""
        if place >= len(self.proto.input) or not self.proto.input[place]:
            raise UnsupportedError(f"has no input {place}")
        return str(self.proto.input[place])

    def has(self, place: int) -> bool:
        """Whether the node has the input."""
        return place < len(self.proto.input) and bool(self.proto.input[place])

    def tensors(self) -> tuple[str, ...]:
        """Return all inputs that are there."""
        return tuple(name for name in self.proto.input if name)

    def data(self) -> tuple[str, ...]:
        """Return the inputs that the network computes."""
        return tuple(name for name in self.tensors() if not self.is_constant(name))

    def is_constant(self, tensor: str) -> bool:
        """Whether a tensor does not depend on the inputs of the network."""
        return tensor in self.context.model.constants

    def shape(self, tensor: str) -> Shape:
        """Return a tensor's shape."""
        shape = self.context.model.shapes.get(tensor)
        if shape is None:
            raise UnsupportedError(f"tensor {tensor[:80]!r} has no fixed shape")
        if any(n < 1 for n in shape):
            raise UnsupportedError(f"tensor {tensor[:80]!r} has shape {shape}: it is empty")
        return shape

    def weights(self, place: int) -> Shape:
        """Return the shape of constant weights."""
        if not self.is_constant(self.tensor(place)):
            raise UnsupportedError("its weights are computed by the network; needs constant ones")
        return self.shape(self.tensor(place))

    def made_up(self, suffix: str, shape: Shape) -> str:
        """Return a new tensor between two operations of this node."""
        name = f"{self.out}:{suffix}"
        self.context.model.shapes[name] = shape
        return name

    def values(self, place: int) -> tuple[int, ...] | None:
        """Return the whole numbers of a small constant input, or ``None``."""
        if not self.has(place):
            return None
        found = self.context.model.values.get(self.tensor(place))
        return None if found is None else tuple(int(value) for value in found.reshape(-1))

    def axes(self, name: str, place: int | None, rank: int) -> tuple[int, ...] | None:
        """Return axes from 0, given as an attribute or (newer) as an input; ``None`` where neither says."""
        found = attributes.integers(self.proto, name)
        if found is None and place is not None and self.has(place):
            found = self.values(place)
            if found is None:
                raise UnsupportedError(f"its {name} are computed by the network; needs constant ones")
        return None if found is None else tuple(_axis(axis, rank) for axis in found)

    def axis(self, default: int, rank: int, name: str = "axis") -> int:
        """Return one axis from 0."""
        return _axis(attributes.integer(self.proto, name, default), rank)

    def integer(self, name: str, default: int) -> int:
        """Return a whole number."""
        return attributes.integer(self.proto, name, default)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return whole numbers, or ``None``."""
        return attributes.integers(self.proto, name)

    def text(self, name: str, default: str) -> str:
        """Return a text."""
        return attributes.text(self.proto, name, default)

    def window(self, kernel: Shape) -> dict[str, tuple[int, ...]]:
        """Return kernel, stride and dilation of a window over so many axes."""
        ones = (1,) * len(kernel)
        return {
            "kernel": kernel,
            "stride": self.integers("strides") or ones,
            "dilation": self.integers("dilations") or ones,
        }


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise UnsupportedError(f"axis {axis} of {rank} axes; needs {-rank} to {rank - 1}")
    return axis % rank
