"""A TFLite model made ready: inputs given their sizes, loops unrolled, branches taken, open sizes worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from traces.base.arrays import NamedShapes, Shape
from traces.base.errors import GraphError, UnsupportedError
from traces.graphs.tflite.batches import check_scaled, fixed_batch, input_shapes
from traces.graphs.tflite.model import Operator, TfliteModel
from traces.graphs.tflite.numbers import numbers_of
from traces.graphs.tflite.shapes import inferred
from traces.graphs.tflite.subgraphs import MOST_TENSORS, RawOperator, Subgraph, Subgraphs

_MOST_OPERATORS = 20_000  # of all loops, unrolled; Choice: a longer one is listed as what cannot be priced
_DEEPEST = 16  # subgraphs inside each other; Choice: many more than were met


def prepared(tflite: Any, data: bytes, sizes: NamedShapes) -> TfliteModel:
    """Return the model that the bytes of a file hold, every tensor's shape that of one input.

    Parameters
    ----------
    tflite
        The package that reads the schema.
    data
        The file.
    sizes
        Of inputs with open axes, by name.
    """
    file = tflite.Model.GetRootAs(data, 0)
    if file.SubgraphsLength() < 1:
        raise GraphError("has no subgraph")
    graphs = Subgraphs(tflite, file)
    main = graphs.read(0)
    asked = input_shapes(main.inputs, graphs, sizes)
    resized = {name: shape for name, shape in asked.items() if shape != graphs.shapes[name]}
    model = _Walk.over(graphs, main, asked, resizes=bool(resized))
    if model.operators and model.computed.isdisjoint(model.outputs):
        raise GraphError("no output depends on an input")
    batch = fixed_batch(model, asked)
    if batch == 1:
        return model
    graphs = Subgraphs(tflite, file)
    main = graphs.read(0)
    alone = {name: (1, *shape[1:]) for name, shape in asked.items()}
    one = _Walk.over(graphs, main, alone, resizes=True, batch=batch)
    check_scaled(model, one, batch)
    return one


@dataclass(slots=True)
class _Walk:
    """The operators met so far, in program order, with what is known of their tensors."""

    graphs: Subgraphs
    model: TfliteModel
    resizes: bool  # whether inputs have other sizes than in the file
    found: list[Operator] = field(default_factory=list)
    alias: dict[str, str] = field(default_factory=dict)  # tensors that are another one
    unsized: set[str] = field(default_factory=set)  # tensors whose sizes no rule here tells
    notes: list[str] = field(default_factory=list)

    @classmethod
    def over(
        cls, graphs: Subgraphs, main: Subgraph, given: Mapping[str, Shape], *, resizes: bool, batch: int = 1
    ) -> TfliteModel:
        """Return the model whose inputs have these shapes."""
        graphs.shapes.update(given)
        graphs.open.difference_update(given)
        model = TfliteModel(
            graphs.tflite,
            graphs.file,
            main.inputs,
            (),
            (),
            graphs.tensors,
            graphs.shapes,
            graphs.open,
            batch=batch,
        )
        walk = cls(graphs, model, resizes)
        walk.run(main.operators)
        ends = tuple(walk.of(name) for name in main.outputs)
        return walk.finished(ends)

    def finished(self, ends: tuple[str, ...]) -> TfliteModel:
        """Return the model with its operators, each of them knowing it."""
        whole = replace(self.model, ends=ends, notes=tuple(self.notes))
        operators = tuple(replace(operator, model=whole) for operator in self.found)
        object.__setattr__(whole, "operators", operators)  # they know the model, it knows them
        return whole

    def of(self, name: str) -> str:
        """Return the tensor that a name stands for."""
        while name in self.alias:
            name = self.alias[name]
        return name

    def run(self, operators: Sequence[RawOperator], depth: int = 0) -> None:
        """Note operators in their order; those that hold subgraphs become what is in these."""
        if depth > _DEEPEST:
            raise GraphError(f"has subgraphs inside each other more than {_DEEPEST} deep")
        for raw in operators:
            inputs = tuple(self.of(name) for name in raw.inputs)
            operator = Operator(self.model, raw.proto, raw.kind, inputs, raw.outputs)
            match raw.kind:
                case "IF":
                    self._branch(operator, depth)
                case "WHILE":
                    self._loop(operator, depth)
                case "STABLEHLO_COMPOSITE":
                    number = operator.options("StableHLOCompositeOptions").DecompositionSubgraphIndex()
                    self._inside(operator, number, inputs, f"{operator.name}:", depth)
                case _:
                    self._note(operator)

    def _note(self, operator: Operator) -> None:
        """Note a plain operator, the shapes of what it makes, and its numbers where they are known."""
        model = self.model
        if self.resizes or not model.open.isdisjoint(operator.outputs):
            self._size(operator)
        made = _known(operator)
        if made is not None and len(operator.outputs) == 1:
            model.known[operator.outputs[0]] = made
            model.shapes[operator.outputs[0]] = made.shape
            model.open.discard(operator.outputs[0])
        self.found.append(operator)

    def _size(self, operator: Operator) -> None:
        model = self.model
        try:
            shapes: list[Shape | None] = [*(inferred(operator) or ())]
        except UnsupportedError:
            shapes = []
        for name, shape in zip(operator.outputs, shapes or [None] * len(operator.outputs), strict=False):
            if shape is not None and min(shape, default=1) > 0:
                model.shapes[name] = shape
                model.open.discard(name)
            elif self.resizes:
                model.open.add(name)

    def _branch(self, operator: Operator, depth: int) -> None:
        """Run the branch that a constant takes.

        Choice: where an input decides, the branch with more operators is the model.
        """
        option = operator.options("IfOptions")
        branches = (option.ElseSubgraphIndex(), option.ThenSubgraphIndex())
        decided = self.model.numbers(operator.tensor(0))
        if decided is None:
            count = [self.graphs.file.Subgraphs(number).OperatorsLength() for number in branches]
            taken = branches[1] if count[1] >= count[0] else branches[0]
            self.notes.append(f"IF {operator.name} (its shorter branch)")
        else:
            taken = branches[int(bool(np.reshape(decided, -1)[0]))]
        self._inside(operator, taken, operator.inputs[1:], f"{operator.name}:", depth)

    def _inside(self, operator: Operator, number: int, given: Sequence[str], prefix: str, depth: int) -> None:
        """Run a subgraph in an operator's place: its inputs are those given, its outputs the operator's."""
        graph = self._entered(number, given, prefix, depth)
        self.alias.update(zip(operator.outputs, map(self.of, graph.outputs), strict=False))

    def _entered(self, number: int, given: Sequence[str], prefix: str, depth: int) -> Subgraph:
        graph = self.graphs.read(number, prefix)
        self.alias.update(
            {name: source for name, source in zip(graph.inputs, given, strict=False) if name != source}
        )
        self.run(graph.operators, depth + 1)
        return graph

    def _loop(self, operator: Operator, depth: int) -> None:
        """Run a body once a round, as long as its condition holds; one that no one knows stays an operator."""
        option = operator.options("WhileOptions")
        before = self._state()
        states, rounds, start = list(operator.inputs), 0, len(self.found)
        while True:
            prefix = f"{operator.name}:{rounds}:"
            condition = self._entered(option.CondSubgraphIndex(), states, f"{prefix}if:", depth)
            goes_on = self.model.numbers(self.of(condition.outputs[0])) if condition.outputs else None
            most = max(rounds, len(self.found) - start) > _MOST_OPERATORS
            if goes_on is None or most or len(self.graphs.shapes) > MOST_TENSORS // 2:
                self._back_to(before)
                self.model.open.update(operator.outputs)
                self.found.append(operator)
                return
            if not np.all(goes_on):
                break
            body = self._entered(option.BodySubgraphIndex(), states, prefix, depth)
            if len(body.outputs) != len(states):
                raise GraphError(
                    f"loop {operator.name[:60]!r} gives back {len(body.outputs)} of {len(states)} tensors"
                )
            states, rounds = [self.of(name) for name in body.outputs], rounds + 1
        self.alias.update(zip(operator.outputs, states, strict=False))

    def _state(self) -> tuple[int, dict[str, str], int, set[str]]:
        return len(self.found), dict(self.alias), len(self.notes), set(self.graphs.shapes)

    def _back_to(self, state: tuple[int, dict[str, str], int, set[str]]) -> None:
        count, self.alias, notes, names = state
        del self.found[count:], self.notes[notes:]
        for name in set(self.graphs.shapes) - names:
            del self.graphs.shapes[name], self.graphs.tensors[name]
            self.graphs.open.discard(name)


def _known(operator: Operator) -> Any:
    """Return the numbers that an operator makes of known ones, if it can."""
    try:
        return numbers_of(operator)
    except (UnsupportedError, ValueError, IndexError, TypeError):
        return None
