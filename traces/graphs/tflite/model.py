"""A TFLite file's tensors and operators, by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import GraphError, UnsupportedError

_LARGEST_VALUE = 4096  # elements of a constant that is looked at: axes and sizes, never weights
_INT_TYPES = {2: "<i4", 4: "<i8"}  # TensorType of schema.fbs: INT32, INT64


@dataclass(frozen=True)
class TfliteModel:
    """The first subgraph of a model."""

    tflite: Any
    file: Any
    graph: Any
    names: tuple[str, ...]  # of the tensors by their index, unique
    shapes: dict[str, Shape]

    @classmethod
    def of(cls, tflite: Any, data: bytes) -> TfliteModel:
        """Return the model that the bytes of a file hold."""
        file = tflite.Model.GetRootAs(data, 0)
        if file.SubgraphsLength() < 1:
            raise GraphError("has no subgraph")
        graph = file.Subgraphs(0)
        seen: Counter[str] = Counter()
        names: list[str] = []
        shapes: dict[str, Shape] = {}
        for i in range(graph.TensorsLength()):
            tensor = graph.Tensors(i)
            base = (tensor.Name() or b"").decode("utf-8", "replace") or f"tensor{i}"
            seen[base] += 1
            names.append(base if seen[base] == 1 else f"{base}@{i}")
            shapes[names[-1]] = tuple(int(tensor.Shape(k)) for k in range(tensor.ShapeLength()))
        model = cls(tflite, file, graph, tuple(names), shapes)
        for name in model.inputs:
            if shapes[name] and (min(shapes[name]) < 1 or (len(shapes[name]) > 2 and shapes[name][0] != 1)):
                raise UnsupportedError(
                    f"input {name!r} has shape {shapes[name]}; needs fixed sizes and a batch of 1"
                )
        return model

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input tensors."""
        return tuple(self.names[self.graph.Inputs(i)] for i in range(self.graph.InputsLength()))

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output tensors."""
        return tuple(self.names[self.graph.Outputs(i)] for i in range(self.graph.OutputsLength()))

    @property
    def operators(self) -> int:
        """How many operators there are."""
        return int(self.graph.OperatorsLength())

    @cached_property
    def computed(self) -> frozenset[str]:
        """Names of the tensors whose values depend on the inputs, and of these; sizes do not."""
        found = set(self.inputs)
        for operator in map(self.operator, range(self.operators)):
            if operator.kind != "SHAPE" and found.intersection(operator.inputs):
                found.update(operator.outputs)
        return frozenset(found)

    @cached_property
    def _kinds(self) -> dict[int, str]:
        operators = vars(self.tflite.BuiltinOperator)
        return {value: name for name, value in operators.items() if isinstance(value, int)}

    def operator(self, place: int) -> Operator:
        """Return the operator at a place in program order."""
        proto = self.graph.Operators(place)
        code = self.file.OperatorCodes(proto.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = self._kinds.get(number, f"operator {number}")
        if kind == "CUSTOM":
            kind = f"custom {(code.CustomCode() or b'?').decode('utf-8', 'replace')[:40]}"
        inputs = tuple(
            self.names[i] if (i := proto.Inputs(k)) >= 0 else "" for k in range(proto.InputsLength())
        )
        outputs = tuple(self.names[proto.Outputs(k)] for k in range(proto.OutputsLength()))
        if not outputs:
            raise GraphError(f"operator {place} ({kind}) has no output")
        return Operator(self, proto, kind, inputs, outputs)

    def values(self, name: str) -> tuple[int, ...] | None:
        """Return the whole numbers of a small constant, or ``None``."""
        import numpy as np  # noqa: PLC0415  (cheap, but only some operators ask)

        tensor = self.graph.Tensors(self.names.index(name))
        dtype = _INT_TYPES.get(tensor.Type())
        data = self.file.Buffers(tensor.Buffer()).DataAsNumpy() if dtype else 0
        if isinstance(data, int) or prod(self.shapes[name]) > _LARGEST_VALUE:
            return None
        return tuple(int(value) for value in np.frombuffer(data.tobytes(), dtype))


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
        return self.model.shapes[tensor]

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
        found = self.model.values(self.tensor(place))
        if found is None:
            raise UnsupportedError(f"input {place} is computed by the network; needs a constant")
        return found

    def made_up(self, suffix: str, shape: Shape) -> str:
        """Return a new tensor between two operations of this operator."""
        name = f"{self.outputs[0]}:{suffix}"
        self.model.shapes[name] = shape
        return name

    def options(self, name: str) -> Any:
        """Return the operator's settings as the table ``name`` of the schema."""
        found = getattr(self.model.tflite, name)()
        table = self.proto.BuiltinOptions()
        if table is None:
            raise UnsupportedError("has no settings")
        found.Init(table.Bytes, table.Pos)
        return found
