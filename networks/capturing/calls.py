"""What a forward pass consists of: calls of operations, and the tensors between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch.utils._pytree import tree_flatten


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor, by its number."""

    id: int


@dataclass(frozen=True, slots=True)
class KnownTensor:
    """What is known of a tensor: its shape, for one input, and whether it depends on the input at all."""

    shape: tuple[int, ...]
    constant: bool


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One operation of the forward pass."""

    op: str  # "convolution", "addmm", ...: its name in PyTorch's dispatcher
    args: tuple[Any, ...]  # tensors replaced by Ref
    options: Mapping[str, Any]
    outputs: tuple[int, ...]
    module: str  # path of the innermost module
    number: int  # of that module's call, from 1
    macs: int  # as torch.utils.flop_counter has it [MAC]

    @property
    def inputs(self) -> tuple[int, ...]:
        """Numbers of the tensors it reads, in order."""
        return reads(self.op, self.args, self.options)


def reads(op: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the tensors that an operation reads; what is copied over is not read."""
    given = args[1:] if op == "copy_" else args
    return tuple(leaf.id for leaf in tree_flatten((given, options))[0] if isinstance(leaf, Ref))


@dataclass(slots=True, eq=False)
class Tracing:
    """A whole forward pass."""

    values: list[KnownTensor] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # what the network puts out, or its answer
    looked_at: list[int] = field(default_factory=list)  # tensors whose data Python code read
    module_outputs: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    module_calls: dict[str, int] = field(default_factory=dict)
    reason: str = ""  # where data was looked at, so that only the example's path is noted; "" if nowhere


def living_calls(tracing: Tracing) -> list[Call]:
    """Return the calls that the answer, or Python code that looked at data, needs; dead code is not among them.

    What does not depend on the network's input is worked out once, when the network is compiled; it goes too.
    """
    needed = {*tracing.answers, *tracing.looked_at}
    living: list[Call] = []
    for call in reversed(tracing.calls):
        constant = all(tracing.values[out].constant for out in call.outputs)
        if not constant and not needed.isdisjoint(call.outputs):
            living.append(call)
            needed.update(call.inputs)
    return living[::-1]
