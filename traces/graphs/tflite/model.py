"""A TFLite file's tensors and operators, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from traces.base.arrays import Shape
from traces.base.errors import GraphError, UnsupportedError

LARGEST_VALUE = 4096  # elements of a constant that is looked at: axes and sizes, never weights
_INT_TYPES = {2: "<i4", 4: "<i8", 6: "?"}  # TensorType of schema.fbs: INT32, INT64, BOOL
_OF_SIZES = frozenset({"SHAPE", "RANK", "ZEROS_LIKE"})  # whatever they read, its values decide nothing
STATE = "READ_VARIABLE"  # what an earlier run left behind: given, as an input is


@dataclass(frozen=True)
class TfliteModel:
    """What a file computes: the operators of its first subgraph, those of loops and branches in their place."""

    tflite: Any
    file: Any
    inputs: tuple[str, ...]
    ends: tuple[str, ...]  # tensors that a run gives back
    operators: tuple[Operator, ...]
    tensors: dict[str, Any]  # as the file has them, by names that are unique
    shapes: dict[str, Shape]
    open: set[str]  # tensors with axes, beside the batch, whose sizes only a run tells
    known: dict[str, Any] = field(default_factory=dict)  # whole numbers that follow from constants and sizes
    batch: int = 1  # inputs that the file computes at once; shapes are of one
    notes: tuple[str, ...] = ()  # what was left out to know what the model is

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output tensors, and of those kept for the next run."""
        kept = (operator.inputs[1] for operator in self.operators if operator.kind == "ASSIGN_VARIABLE")
        return (*self.ends, *kept)

    @cached_property
    def given(self) -> tuple[str, ...]:
        """Names of the tensors that a run is given: inputs, and what an earlier run left behind."""
        states = (operator.outputs[0] for operator in self.operators if operator.kind == STATE)
        return (*self.inputs, *states)

    @cached_property
    def computed(self) -> frozenset[str]:
        """Names of the tensors whose values depend on the inputs, and of these; sizes do not."""
        found = set(self.inputs)
        for operator in self.operators:
            given = operator.kind not in _OF_SIZES and found.intersection(operator.inputs)
            if given or operator.kind == STATE:
                found.update(operator.outputs)
        return frozenset(found)

    def is_unsized(self, name: str) -> bool:
        """Whether a tensor has sizes that the file does not say."""
        return name in self.open or min(self.shapes[name], default=1) < 1

    def numbers(self, name: str) -> Any:
        """Return the whole numbers of a small tensor as an array, or ``None`` where no one knows them."""
        if name in self.known:
            return self.known[name]
        tensor = self.tensors.get(name)
        dtype = None if tensor is None else _INT_TYPES.get(tensor.Type())
        if tensor is None or dtype is None:
            return None
        data = self.file.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(data, int) or prod(self.shapes[name]) > LARGEST_VALUE:
            return None
        values = np.frombuffer(data.tobytes(), dtype)
        shape = self.shapes[name]
        return values.reshape(shape) if prod(shape) == values.size else values


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator with what its converter asks for."""

    model: TfliteModel
    proto: Any
    kind: str
    inputs: tuple[str, ...]  # empty where one is left out
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """What users know it by: its output."""
        return self.outputs[0]

    def tensor(self, place: int) -> str:
        """Return the input at a place."""
        if place >= len(self.inputs) or not self.inputs[place]:
            raise UnsupportedError(f"has no input {place}")
        return self.inputs[place]

    def shape(self, tensor: str) -> Shape:
        """Return a tensor's shape."""
        shape = self.model.shapes[tensor]
        if min(shape, default=1) < 0 and self.is_constant(tensor):
            raise GraphError(f"the constant {tensor[:60]!r} has shape {shape}; needs sizes of 0 or more")
        return shape

    @property
    def out_shape(self) -> Shape:
        """The shape of the first output."""
        return self.shape(self.outputs[0])

    def is_constant(self, tensor: str) -> bool:
        """Whether nothing computes the tensor."""
        return tensor not in self.model.computed

    def weights(self, place: int) -> Shape:
        """Return the shape of constant weights."""
        if not self.is_constant(self.tensor(place)):
            raise UnsupportedError("its weights are computed by the network; needs constant ones")
        return self.shape(self.tensor(place))

    def values(self, place: int) -> tuple[int, ...]:
        """Return the whole numbers of a constant input."""
        found = self.model.numbers(self.tensor(place))
        if found is None:
            raise UnsupportedError(f"input {place} is computed by the network; needs a constant")
        return tuple(int(value) for value in np.reshape(found, -1))

    def made_up(self, suffix: str, shape: Shape) -> str:
        """Return a new tensor between two operations of this operator."""
        name = f"{self.outputs[0]}:{suffix}"
        self.model.shapes[name] = shape
        return name

    def options(self, name: str) -> Any:
        """Return the operator's settings as the table ``name`` of the schema."""
        found = getattr(self.model.tflite, name)()
        second = name.startswith("StableHLO")
        table = self.proto.BuiltinOptions2() if second else self.proto.BuiltinOptions()
        if table is None:
            raise UnsupportedError("has no settings")
        found.Init(table.Bytes, table.Pos)
        return found
