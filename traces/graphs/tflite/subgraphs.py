"""The subgraphs of a TFLite file: tensors under unique names, operators in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import GraphError

_MOST_AXES = 16  # of a tensor; Choice: twice what TFLite's own kernels take
# Choice: more than a hundred times what the largest models that were met have.
MOST_TENSORS, _MOST_READS = 1 << 16, 1 << 18  # of a model, and of all its operators together
_OF_TWO = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D", "FULLY_CONNECTED", "BATCH_MATMUL"}
)  # without one of which they would count as worked out before a run
_FOR_OTHERS = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "HASHTABLE_IMPORT"})  # which put out nothing


@dataclass(frozen=True, slots=True)
class RawOperator:
    """An operator of a subgraph: its kind, and the tensors it reads and makes."""

    proto: Any
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subgraph:
    """One subgraph, its tensors' names behind a prefix of its own."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[RawOperator, ...]


@dataclass(slots=True)
class Subgraphs:
    """The subgraphs read so far, and all their tensors."""

    tflite: Any
    file: Any
    tensors: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    reads: int = 0

    def read(self, number: int, prefix: str = "") -> Subgraph:
        """Return a subgraph with its tensors called ``prefix + name``, their sizes noted."""
        if not 0 <= number < self.file.SubgraphsLength():
            raise GraphError(f"subgraph {number} is not there; the model has {self.file.SubgraphsLength()}")
        graph = self.file.Subgraphs(number)
        if graph.TensorsLength() + len(self.tensors) > MOST_TENSORS:
            raise GraphError(
                f"has {graph.TensorsLength() + len(self.tensors):,} tensors; needs at most {MOST_TENSORS:,}"
            )
        names = [self._tensor(graph.Tensors(i), i, prefix) for i in range(graph.TensorsLength())]
        inputs, outputs = (
            tuple(filter(None, (_name(names, at(i)) for i in range(count))))
            for at, count in ((graph.Inputs, graph.InputsLength()), (graph.Outputs, graph.OutputsLength()))
        )
        operators = tuple(
            self._operator(place, graph.Operators(place), names) for place in range(graph.OperatorsLength())
        )
        _check_order(inputs, operators)
        return Subgraph(inputs, outputs, operators)

    def _tensor(self, tensor: Any, number: int, prefix: str) -> str:
        """Note a tensor under a name that no other has."""
        base = prefix + ((tensor.Name() or b"").decode("utf-8", "replace") or f"tensor{number}")
        name = base if base not in self.shapes else f"{base}@{number}"
        while name in self.shapes:
            name += "_"
        axes = max(tensor.ShapeLength(), tensor.ShapeSignatureLength())
        if axes > _MOST_AXES:
            raise GraphError(f"tensor {name[:60]!r} has {axes:,} axes; needs at most {_MOST_AXES}")
        self.shapes[name] = tuple(int(tensor.Shape(k)) for k in range(tensor.ShapeLength()))
        self.tensors[name] = tensor
        if any(tensor.ShapeSignature(k) < 0 for k in range(1, tensor.ShapeSignatureLength())):
            self.open.add(name)
        return name

    def _operator(self, place: int, proto: Any, names: list[str]) -> RawOperator:
        self.reads += int(proto.InputsLength() + proto.OutputsLength()) + 1
        if self.reads > _MOST_READS:
            raise GraphError(f"operators read more than {_MOST_READS:,} tensors; a model needs fewer")
        code = self.file.OperatorCodes(proto.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind = self._kind(number)
        if kind == "CUSTOM":
            kind = f"custom {(code.CustomCode() or b'?').decode('utf-8', 'replace')[:40]}"
        inputs = tuple(_name(names, proto.Inputs(k)) for k in range(proto.InputsLength()))
        outputs = tuple(_name(names, proto.Outputs(k)) for k in range(proto.OutputsLength()))
        if (not outputs and kind not in _FOR_OTHERS) or not all(outputs):
            raise GraphError(f"operator {place} ({kind}) has no output")
        if kind in _OF_TWO and (len(inputs) < 2 or not all(inputs[:2])):
            raise GraphError(f"operator {place} ({kind}) needs two tensors to multiply")
        return RawOperator(proto, kind, inputs, outputs)

    def _kind(self, number: int) -> str:
        operators = vars(self.tflite.BuiltinOperator)
        found = (name for name, value in operators.items() if isinstance(value, int) and value == number)
        return next(found, f"operator {number}")


def _name(names: list[str], index: int) -> str:
    """Return a tensor's name; an index below 0 is one that is left out."""
    if index >= len(names):
        raise GraphError(f"tensor {index:,} is not there; the model has {len(names):,}")
    return names[index] if index >= 0 else ""


def _check_order(inputs: tuple[str, ...], operators: tuple[RawOperator, ...]) -> None:
    """Refuse operators that read what is made later, or by themselves: TFLite runs them in order."""
    made_at: dict[str, int] = {}
    for i, operator in enumerate(operators):
        for name in filter(None, operator.outputs):
            if name in made_at or name in inputs:
                raise GraphError(f"tensor {name[:60]!r} is made twice")
            made_at[name] = i
    for i, operator in enumerate(operators):
        for name in operator.inputs:
            if made_at.get(name, -1) >= i:
                raise GraphError(
                    f"operator {i} ({operator.kind}) reads {name[:60]!r}, which no operator before it makes"
                )
