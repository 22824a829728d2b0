"""A TFLite file's tensors and operators, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import GraphError, UnsupportedError

_MOST_AXES = 16  # of a tensor; Choice: twice what TFLite's own kernels take
# Choice: more than a hundred times what the largest models that were met have.
_MOST_TENSORS, _MOST_READS = 1 << 16, 1 << 18  # of a model, and of all its operators together
_LARGEST_VALUE = 4096  # elements of a constant that is looked at: axes and sizes, never weights
_INT_TYPES = {2: "<i4", 4: "<i8"}  # TensorType of schema.fbs: INT32, INT64
_OF_SIZES = frozenset({"SHAPE", "RANK", "ZEROS_LIKE"})  # whatever they read, its values decide nothing
_FOR_OTHERS = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "HASHTABLE_IMPORT"})  # which put out nothing
STATE = "READ_VARIABLE"  # what an earlier run left behind: given, as an input is


@dataclass(frozen=True)
class TfliteModel:
    """The first subgraph of a model."""

    tflite: Any
    file: Any
    graph: Any
    names: tuple[str, ...]  # of the tensors by their index, unique
    shapes: dict[str, Shape]
    open: frozenset[str]  # tensors with axes, beside the batch, whose sizes only a run tells

    @classmethod
    def of(cls, tflite: Any, data: bytes) -> TfliteModel:
        """Return the model that the bytes of a file hold."""
        file = tflite.Model.GetRootAs(data, 0)
        if file.SubgraphsLength() < 1:
            raise GraphError("has no subgraph")
        graph = file.Subgraphs(0)
        if graph.TensorsLength() > _MOST_TENSORS:
            raise GraphError(f"has {graph.TensorsLength():,} tensors; needs at most {_MOST_TENSORS:,}")
        shapes: dict[str, Shape] = {}
        open_sizes = set()
        for i in range(graph.TensorsLength()):
            tensor = graph.Tensors(i)
            base = (tensor.Name() or b"").decode("utf-8", "replace") or f"tensor{i}"
            name = base if base not in shapes else f"{base}@{i}"
            while name in shapes:
                name += "_"
            axes = max(tensor.ShapeLength(), tensor.ShapeSignatureLength())
            if axes > _MOST_AXES:
                raise GraphError(f"tensor {name[:60]!r} has {axes:,} axes; needs at most {_MOST_AXES}")
            shapes[name] = tuple(int(tensor.Shape(k)) for k in range(tensor.ShapeLength()))
            if any(tensor.ShapeSignature(k) < 0 for k in range(1, tensor.ShapeSignatureLength())):
                open_sizes.add(name)
        model = cls(tflite, file, graph, tuple(shapes), shapes, frozenset(open_sizes))
        for name in model.inputs:
            model.check_input(name)
        model.check_order()
        return model

    def check_input(self, name: str) -> None:
        """Refuse an input of open sizes, or of several inputs at once."""
        shape = self.shapes[name]
        if name in self.open:
            raise UnsupportedError(
                f"input {name[:60]!r} has open axes, and a TFLite file says nothing of its other tensors then; "
                "needs a model exported with fixed sizes"
            )
        if shape and (min(shape) < 1 or (len(shape) > 2 and shape[0] != 1)):
            raise UnsupportedError(
                f"input {name[:60]!r} has shape {shape}; needs fixed sizes and a batch of 1"
            )

    def check_order(self) -> None:
        """Refuse operators that read what is made later, or by themselves: TFLite runs them in order."""
        operators = self.operators
        made_at: dict[str, int] = {}
        for i, operator in enumerate(operators):
            for name in filter(None, operator.outputs):
                if name in made_at or name in self.inputs:
                    raise GraphError(f"tensor {name[:60]!r} is made twice")
                made_at[name] = i
        for i, operator in enumerate(operators):
            for name in operator.inputs:
                if made_at.get(name, -1) >= i:
                    raise GraphError(
                        f"operator {i} ({operator.kind}) reads {name[:60]!r}, which no operator before it makes"
                    )

    def name_of(self, index: int) -> str:
        """Return a tensor's name; an index below 0 is one that is left out."""
        if index >= len(self.names):
            raise GraphError(f"tensor {index:,} is not there; the model has {len(self.names):,}")
        return self.names[index] if index >= 0 else ""

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input tensors."""
        return tuple(
            filter(None, (self.name_of(self.graph.Inputs(i)) for i in range(self.graph.InputsLength())))
        )

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output tensors, and of those kept for the next run."""
        kept = tuple(operator.inputs[1] for operator in self.operators if operator.kind == "ASSIGN_VARIABLE")
        own = (self.name_of(self.graph.Outputs(i)) for i in range(self.graph.OutputsLength()))
        return (*filter(None, own), *kept)

    @cached_property
    def given(self) -> tuple[str, ...]:
        """Names of the tensors that a run is given: inputs, and what an earlier run left behind."""
        states = (operator.outputs[0] for operator in self.operators if operator.kind == STATE)
        return (*self.inputs, *states)

    def is_unsized(self, name: str) -> bool:
        """Whether a tensor that the inputs decide has sizes that the file does not say."""
        return name in self.open or min(self.shapes[name], default=1) < 1

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """The operators in program order."""
        found: list[Operator] = []
        reads = 0
        for place in range(self.graph.OperatorsLength()):
            proto = self.graph.Operators(place)
            reads += int(proto.InputsLength() + proto.OutputsLength()) + 1
            if reads > _MOST_READS:
                raise GraphError(f"operators read more than {_MOST_READS:,} tensors; a model needs fewer")
            found.append(self._operator(place, proto))
        return tuple(found)

    @cached_property
    def computed(self) -> frozenset[str]:
        """Names of the tensors whose values depend on the inputs, and of these; sizes do not."""
        found = set(self.inputs)
        for operator in self.operators:
            given = operator.kind not in _OF_SIZES and found.intersection(operator.inputs)
            if given or operator.kind == STATE:
                found.update(operator.outputs)
        return frozenset(found)

    @cached_property
    def _kinds(self) -> dict[int, str]:
        operators = vars(self.tflite.BuiltinOperator)
        return {value: name for name, value in operators.items() if isinstance(value, int)}

    def _operator(self, place: int, proto: Any) -> Operator:
        code = self.file.OperatorCodes(proto.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = self._kinds.get(number, f"operator {number}")
        if kind == "CUSTOM":
            kind = f"custom {(code.CustomCode() or b'?').decode('utf-8', 'replace')[:40]}"
        inputs = tuple(self.name_of(proto.Inputs(k)) for k in range(proto.InputsLength()))
        outputs = tuple(self.name_of(proto.Outputs(k)) for k in range(proto.OutputsLength()))
        if (not outputs and kind not in _FOR_OTHERS) or not all(outputs):
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
