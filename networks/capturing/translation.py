"""A forward pass on its way into the importer's words: tensors by name, one call at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from networks.capturing.calls import Call, Ref, Tracing
from traces import (
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


@dataclass(slots=True)
class Translation:
    """The operations of a forward pass in the importer's words."""

    tracing: Tracing
    ops: list[ImportedOp] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    counted: list[Counted] = field(default_factory=list)  # what torch counts
    broadcast: dict[int, int] = field(default_factory=dict)  # tensors that only repeat another one

    def tensor(self, number: int, *, repeated: bool = False) -> str:
        """Return the name of a tensor; one that only repeats another is made unless ``repeated`` is welcome."""
        if number in self.broadcast and repeated:
            return self._smaller(number)
        name = f"t{number}"
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
