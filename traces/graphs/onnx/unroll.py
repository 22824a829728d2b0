"""Loops whose number of rounds the model fixes, as the nodes of all their rounds, one behind the other.

A ``Loop`` without an early end and a ``Scan`` over axes of known length are as static as what they repeat::

    Loop(5, true, state)  ->  body:0, body:1, ... body:4, each reading the state of the one before it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from traces.base.arrays import Shape
from traces.graphs.onnx.attributes import attribute, integer, integers

MOST_NODES = (
    20_000  # of all loops of a model, unrolled; Choice: a longer one is listed as what cannot be priced
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model's tensors while it is folded."""

    values: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    keep: Callable[[str, Any], object]  # gives a tensor a constant value
    opset: int
    unrolled: int  # nodes that other loops became
    small: frozenset[str]  # kinds of nodes that may be run on small constants
    array: Callable[[Any], Any]  # values of a small constant, or None
    evaluator: Callable[
        [Sequence[Any], Sequence[str], Sequence[str]], Any
    ]  # of nodes, what they read and make


Inline = Callable[[Any, str, Mapping[str, str]], list[Any]]


def unrolled(helper: Any, node: Any, known: Known, inlined: Inline) -> list[Any] | None:
    """Return the nodes of all rounds of a loop, or ``None`` where their number is not fixed.

    Parameters
    ----------
    helper
        ``onnx.helper``.
    inlined
        Returns the nodes of a body under a prefix, its inputs bound to tensors outside: ``(body, prefix, bound)``;
        what the body makes is called ``prefix + name``.
    """
    body = attribute(node, "body")
    if body is None or not body.HasField("g") or node.op_type not in {"Loop", "Scan"}:
        return None
    rounds = _rounds(node, body.g, known)
    if rounds is None or not 0 < rounds * _nodes(body.g, known) <= MOST_NODES - known.unrolled:
        return None
    run = _Unrolling(helper, node, body.g, known, inlined, rounds)
    return run.loop() if node.op_type == "Loop" else run.scan()


def _nodes(body: Any, known: Known) -> int:
    """Return the nodes of a body with all rounds of the loops inside, at least 1."""
    total = 1
    for node in body.node:
        for each in node.attribute:
            if each.HasField("g"):
                limit = known.values.get(node.input[0]) if node.op_type == "Loop" else None
                rounds = 1 if limit is None else int(limit.reshape(-1)[0])
                total += max(rounds, 1) * _nodes(each.g, known)
        total += 1
    return total


def _rounds(node: Any, body: Any, known: Known) -> int | None:
    """Return how often the body runs, if the model says."""
    if node.op_type == "Loop":
        limit = known.values.get(node.input[0]) if node.input[0] else None
        started = not node.input[1] or bool(np.all(known.values.get(node.input[1], False)))
        most = MOST_NODES if limit is None else int(limit.reshape(-1)[0])
        if not started:
            return None
        if _goes_on(body):
            return None if limit is None else most
        return _counted(node, body, known, most)
    scanned = integer(node, "num_scan_inputs", 0)
    if known.opset < 9:  # took lengths and a batch too
        return None
    if not 1 <= scanned <= len(node.input):
        return None
    lengths = set()
    for name, axis in zip(
        node.input[len(node.input) - scanned :], _each(node, "scan_input_axes", scanned), strict=True
    ):
        shape = known.shapes.get(name, ())
        lengths.add(shape[axis] if -len(shape) <= axis < len(shape) else 0)
    return next(iter(lengths)) if len(lengths) == 1 and 0 not in lengths else None


def _counted(node: Any, body: Any, known: Known, most: int) -> int | None:
    """Return how often a body runs until the condition that it works out of known numbers is false."""
    deciding = _deciding(node, body, known)
    if deciding is None:
        return None
    nodes, states, values = deciding
    made = [body.output[0].name, *(body.output[i - 1].name for i in states)]
    given = [info.name for info in body.input]
    read = [given[0], given[1], *(given[i] for i in states), *values]
    run = known.evaluator(nodes, read, made)
    feeds = {**values, **{given[i]: known.values[node.input[i]] for i in states}, given[1]: np.array(True)}
    for count in range(1, min(most, MOST_NODES) + 1):
        try:
            goes_on, *rest = run({**feeds, given[0]: np.array(count - 1, np.int64)})
        except Exception:  # onnx raises kinds of its own
            return None
        if not np.all(goes_on):
            return count
        feeds.update(zip((given[i] for i in states), rest, strict=True))
    return most if most < MOST_NODES else None


def _deciding(node: Any, body: Any, known: Known) -> tuple[list[Any], list[int], dict[str, Any]] | None:
    """Return the nodes of a body that its condition needs, the states among what they read, and known constants.

    ``None`` where they read what a run decides.
    """
    makes = {name: each for each in body.node for name in each.output}
    given = {info.name: i for i, info in enumerate(body.input)}
    held = {tensor.name: tensor for tensor in body.initializer}
    waiting, seen, states, values = [body.output[0].name], set[str](), list[int](), dict[str, Any]()
    while waiting:
        name = waiting.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        if name in makes:
            if makes[name].op_type not in {*known.small, "Constant"}:
                return None
            waiting += makes[name].input
        elif name in given:
            i = given[name]
            if i > 1:
                if node.input[i] not in known.values:
                    return None
                states.append(i)
                waiting.append(body.output[i - 1].name)
        elif name in known.values:
            values[name] = known.values[name]
        elif name not in held or (value := known.array(held[name])) is None:
            return None
        else:
            values[name] = value
    nodes = [each for each in body.node if not seen.isdisjoint(each.output)]
    return nodes, states, values


def _each(node: Any, name: str, count: int) -> tuple[int, ...]:
    """Return one number for each of so many tensors, 0 where the node does not say."""
    given = integers(node, name) or ()
    return (*given, *(0,) * count)[:count]


def _goes_on(body: Any) -> bool:
    """Whether a body never ends its loop early: its condition is passed on, or a constant true."""
    makes = {name: each for each in body.node for name in each.output}
    name = body.output[0].name
    while name in makes and makes[name].op_type in {"Identity", "Cast"}:
        name = makes[name].input[0]
    if len(body.input) > 1 and name == body.input[1].name:
        return True
    held = next((tensor for tensor in body.initializer if tensor.name == name), None)
    if held is None and name in makes and makes[name].op_type == "Constant":
        value = attribute(makes[name], "value")
        held = value.t if value is not None else None
    return held is not None and bool(held.raw_data.strip(b"\x00") or any(held.int32_data))


@dataclass(slots=True)
class _Unrolling:
    """One loop on its way into nodes."""

    helper: Any
    node: Any
    body: Any
    known: Known
    inlined: Inline
    rounds: int
    nodes: list[Any] = field(default_factory=list)
    stacked: dict[int, list[str]] = field(default_factory=dict)  # rows of each output that is stacked

    @property
    def prefix(self) -> str:
        """Name of the loop, in front of all that is made of it."""
        return f"{self.node.name or self.node.output[0]}:"

    def loop(self) -> list[Any]:
        """Return the rounds of a ``Loop``: states go from one to the next, other outputs are stacked."""
        states = list(self.node.input[2:])
        self.known.keep(f"{self.prefix}goes on", np.array(True))
        for k in range(self.rounds):
            states = self._round(
                k, [self._count(k), f"{self.prefix}goes on", *states], states, self.body.output[1:]
            )
        return self._ended(states)

    def scan(self) -> list[Any]:
        """Return the rounds of a ``Scan``: each reads one place of what is scanned, from its begin or its end."""
        scanned = list(self.node.input[len(self.node.input) - integer(self.node, "num_scan_inputs", 0) :])
        states = list(self.node.input[: len(self.node.input) - len(scanned)])
        axes = _each(self.node, "scan_input_axes", len(scanned))
        backwards = _each(self.node, "scan_input_directions", len(scanned))
        for k in range(self.rounds):
            parts = [f"{self.prefix}{k}:{i}:{name}" for i, name in enumerate(scanned)]
            places = [self._count(self.rounds - 1 - k if back else k) for back in backwards]
            self.nodes += [
                self.helper.make_node("Gather", [name, place], [part], name=part, axis=axis)
                for name, place, part, axis in zip(scanned, places, parts, axes, strict=True)
            ]
            states = self._round(k, [*states, *parts], states, self.body.output)
        return self._ended(states)

    def _count(self, k: int) -> str:
        """Return the constant that counts the rounds."""
        name = f"{self.prefix}round {k}"
        self.known.keep(name, np.array(k, np.int64))
        return name

    def _round(
        self, k: int, given: Sequence[str], states: Sequence[str], outputs: Sequence[Any]
    ) -> list[str]:
        """Add the nodes of one round; return its states."""
        prefix = f"{self.prefix}{k}:"
        bound = dict(zip([info.name for info in self.body.input], given, strict=False))
        self.nodes += self.inlined(self.body, prefix, bound)
        made = [bound.get(info.name, f"{prefix}{info.name}") for info in outputs]
        for i, name in enumerate(made[len(states) :]):
            row = f"{name}:row{k}"
            self.nodes.append(self._row(name, row, self._axis(i)))
            self.stacked.setdefault(i, []).append(row)
        return made[: len(states)]

    def _axis(self, i: int) -> int:
        """Return the axis along which an output is stacked."""
        return _each(self.node, "scan_output_axes", i + 1)[i]

    def _row(self, name: str, row: str, axis: int) -> Any:
        """Return the node that gives a tensor an axis to be stacked along, as the model's opset has it."""
        if self.known.opset < 13:
            return self.helper.make_node("Unsqueeze", [name], [row], name=row, axes=[axis])
        along = f"{self.prefix}axis{axis}"
        self.known.keep(along, np.array([axis], np.int64))
        return self.helper.make_node("Unsqueeze", [name, along], [row], name=row)

    def _ended(self, states: Sequence[str]) -> list[Any]:
        """Return all nodes, with those that give the loop's outputs their names."""
        make, outputs = self.helper.make_node, list(self.node.output)
        for name, out in zip(states, outputs, strict=False):
            self.nodes += [make("Identity", [name], [out], name=out)] if out else []
        for i, rows in self.stacked.items():
            out = outputs[len(states) + i] if len(states) + i < len(outputs) else ""
            back = _each(self.node, "scan_output_directions", i + 1)[i]
            ordered = rows[::-1] if back else rows
            self.nodes += [make("Concat", ordered, [out], name=out, axis=self._axis(i))] if out else []
        return self.nodes
