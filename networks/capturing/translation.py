"""A forward pass on its way into the importer's words: tensors by name, one call at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from networks.capturing.calls import Call, Ref, Tracing
from traces import (
    Concat,
    Elementwise,
    ImportedOp,
    Missing,
    Move,
    Reshape,
    Shape,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Operations that stand for one of PyTorch's, and its multiply-accumulates as torch counts them [MAC]."""

    names: tuple[str, ...]
    macs: int


@dataclass(frozen=True, slots=True)
class Written:
    """A tensor of which parts were written over another one, or over a constant."""

    name: str  # of the first operation that wrote
    under: int | None
    parts: tuple[int, ...]


@dataclass(slots=True)
class Translation:
    """The operations of a forward pass in the importer's words."""

    tracing: Tracing
    ops: list[ImportedOp | Missing] = field(default_factory=list)  # in program order
    shapes: dict[str, Shape] = field(default_factory=dict)
    counted: list[Counted] = field(default_factory=list)  # what torch counts
    broadcast: dict[int, int] = field(default_factory=dict)  # tensors that only repeat another one
    written: dict[int, Written] = field(default_factory=dict)  # tensors written part by part, not yet read

    @property
    def complete(self) -> bool:
        """Whether there is an operation for every call."""
        return not any(isinstance(op, Missing) for op in self.ops)

    def tensor(self, number: int, *, repeated: bool = False) -> str:
        """Return the name of a tensor; one that only repeats another is made unless ``repeated`` is welcome."""
        if number in self.broadcast and repeated:
            return self._smaller(number)
        name = f"t{number}"
        if number in self.written and name not in self.shapes:
            self._join(name, self.written[number], self.tracing.values[number].shape)
        if number in self.broadcast and name not in self.shapes:
            source = self._smaller(number)
            self.shapes[name] = self.tracing.values[number].shape
            self.ops.append(Move(name=f"expand.{name}", x=source, out=name, kind="copy"))
        self.shapes[name] = self.tracing.values[number].shape
        return name

    def new(self, shape: Sequence[int]) -> str:
        """Return a tensor between two operations that stand for one of PyTorch's, or a constant."""
        name = f"x{len(self.shapes)}"
        self.shapes[name] = tuple(shape)
        return name

    def rearrange(self, name: str, source: str, out: str, by: tuple[str, ...] = ()) -> None:
        """Move elements from any shape to any other, by way of one long axis; ``by`` may say which."""
        line = self._line(name, source)
        moved = self.new((1, prod(self.shapes[out])))
        self.ops.append(Move(name=f"{name}.{moved}", x=line, out=moved, kind="copy", by=by))
        self.ops.append(Reshape(name=f"{name}.{out}", x=moved, out=out))

    def _line(self, name: str, source: str) -> str:
        line = self.new((1, prod(self.shapes[source])))
        self.ops.append(Reshape(name=f"{name}.{line}", x=source, out=line))
        return line

    def _join(self, out: str, written: Written, shape: Shape) -> None:
        """Lay what was written, and what stays of what it was written over, one behind the other."""
        self.shapes[out] = shape
        parts = [self.tensor(number) for number in written.parts]
        counts = [prod(self.shapes[part]) for part in parts]
        left = prod(shape) - sum(counts)
        if left < 0 or (not left and written.under is not None):  # laid over each other, or added up
            self._add_up(
                out, written.name, parts if written.under is None else [*parts, self.tensor(written.under)]
            )
            return
        if not parts and written.under is not None:  # constants were written
            self.ops.append(Reshape(name=f"{written.name}.{out}", x=self.tensor(written.under), out=out))
            return
        lines = [self._line(written.name, part) for part in parts]
        if left and written.under is not None:
            parts.append(self.tensor(written.under))
            lines.append(self._moved(written.name, self._line(written.name, parts[-1]), left, "slice"))
        elif left and len(lines) > 1:  # the rest is constant
            lines[0] = self._moved(written.name, lines[0], counts[0] + left, "copy")
        joined = self.new((1, prod(shape)))
        if len(lines) > 1:
            self.ops.append(Concat(name=written.name, inputs=tuple(lines), out=joined, axis=1))
        else:
            self.ops.append(Move(name=written.name, x=lines[0], out=joined, kind="copy"))
        self.ops.append(Reshape(name=f"{written.name}.{out}", x=joined, out=out))

    def _moved(self, name: str, line: str, count: int, kind: Literal["slice", "copy"]) -> str:
        if self.shapes[line][1] == count:
            return line
        out = self.new((1, count))
        self.ops.append(Move(name=f"{name}.{out}", x=line, out=out, kind=kind))
        return out

    def _add_up(self, out: str, name: str, parts: Sequence[str]) -> None:
        whole = [self.new(self.shapes[out]) for _ in parts]
        for part, side in zip(parts, whole, strict=True):
            self.rearrange(name, part, side)
        inputs = (*whole, self.new((1,) * len(self.shapes[out]))) if len(whole) == 1 else tuple(whole)
        self.ops.append(Elementwise(name=name, inputs=inputs, out=out, kind="add"))

    def _smaller(self, number: int) -> str:
        """Return the repeated tensor with as many axes as the one that repeats it."""
        source, rank = self.broadcast[number], len(self.tracing.values[number].shape)
        name = self.tensor(source, repeated=True)
        shape = self.shapes[name]
        if len(shape) >= rank:
            return name
        out = self.new((1,) * (rank - len(shape)) + shape)
        self.ops.append(Reshape(name=f"reshape.{out}", x=name, out=out))
        return out


@dataclass(slots=True)
class CallStep:
    """One call on its way into the importer's words."""

    all: Translation
    call: Call
    name: str

    @property
    def x(self) -> str:
        """First tensor that it reads."""
        return self.all.tensor(self.number(0))

    @property
    def out(self) -> str:
        """First tensor that it puts out."""
        return self.all.tensor(self.call.outputs[0])

    @property
    def x_shape(self) -> Shape:
        """Shape of the first tensor that it reads."""
        return self.all.tracing.values[self.number(0)].shape

    @property
    def out_shape(self) -> Shape:
        """Shape of the first tensor that it puts out."""
        return self.all.tracing.values[self.call.outputs[0]].shape

    def number(self, place: int) -> int:
        """Return the tensor that is the argument at ``place``."""
        given = self.call.args[place]
        assert isinstance(given, Ref)  # these operations' own signature
        return given.id

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """Return an argument given by place or by name."""
        return self.call.args[place] if place < len(self.call.args) else self.call.options.get(name, default)

    def add(self, *ops: ImportedOp) -> None:
        """Add operations that stand for it."""
        self.all.ops.extend(ops)

    def constant(self, number: int) -> bool:
        """Whether a tensor does not depend on the network's input."""
        return self.all.tracing.values[number].constant

    def dynamic(self) -> list[int]:
        """Return the tensors it reads that depend on the input."""
        return [number for number in self.call.inputs if not self.constant(number)]


class Unknown(Exception):
    """Nothing here stands for the call, and why."""
