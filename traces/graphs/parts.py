"""What a network graph is made of: ops and gates, with every size explicit.

A :class:`~traces.graphs.network.NetworkGraph` is what an accelerator would be handed: ops in program
order, each with its full (dense) sizes, and the gates that decide per input which of them run and how wide.
Batch norm is folded into the convolution before it; ``activation`` names the function fused behind an op.

::

    input ──► conv1 ──► block1.conv1 ──► block1.conv2 ──► block1.add ──►
                  └───► block1.lnet.pool ─► block1.lnet.fc      ▲
                  └─────────────── shortcut ────────────────────┘
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from traces.base.errors import GraphError, did_you_mean
from traces.base.frozen import Frozen
from traces.gating.requests import GateRequest
from traces.graphs.kinds import (
    GATE_KINDS,
    MAC_KINDS,
    RECURRENT,
    WEIGHTED,
    Activation,
    GateKind,
    GateRules,
    OpKind,
    unused_fields,
)

INPUT = "input"  # the name that ops use for the network's input tensor

Extent = Annotated[int, Field(ge=1, le=2**31 - 1)]  # kept per input in 32 bits, with their sign
MOST_BITS = 1 << 24  # of a gate; Choice: twenty times the elements of a ResNet-50's largest tensor


class Op(Frozen):
    """One operation with its dense sizes: what runs when every gate is open.

    Heights and widths are in pixels, of one input of the batch.
    """

    name: str
    kind: OpKind
    inputs: tuple[str, ...]  # producers in order; ``"input"`` is the network's input
    in_channels: Extent  # of all inputs together for ``concat``, of the largest for ``add`` and ``mul``
    out_channels: Extent
    in_height: Extent = 1
    in_width: Extent = 1
    out_height: Extent = 1
    out_width: Extent = 1
    kernel_height: Extent = 1
    kernel_width: Extent = 1
    stride_height: Extent = 1
    stride_width: Extent = 1
    dilation_height: Extent = 1
    dilation_width: Extent = 1
    groups: Extent = 1
    activation: Activation = "none"  # fused behind the op

    @cached_property
    def out_pixels(self) -> int:
        """Output pixels of one input [pixels]; M of the op's GEMM."""
        return self.out_height * self.out_width

    @cached_property
    def span_height(self) -> int:
        """Input rows that the kernel reaches over, dilation included [pixels]."""
        return (self.kernel_height - 1) * self.dilation_height + 1

    @cached_property
    def span_width(self) -> int:
        """Input columns that the kernel reaches over, dilation included [pixels]."""
        return (self.kernel_width - 1) * self.dilation_width + 1

    @cached_property
    def is_depthwise(self) -> bool:
        """One input channel per group."""
        return self.kind == "conv" and self.groups > 1 and self.groups == self.in_channels

    @cached_property
    def product(self) -> tuple[int, int, int]:
        """Sizes M, K, N per group of the op's dense product; zeros for ops that multiply no matrices."""
        if self.kind not in MAC_KINDS:
            return 0, 0, 0
        cin, cout = self.in_channels // self.groups, self.out_channels // self.groups
        kernel = self.kernel_height * self.kernel_width
        if self.kind == "conv_transpose":
            return self.in_height * self.in_width, cin, kernel * cout
        if self.kind in RECURRENT:
            return self.out_pixels, cin + cout, RECURRENT[self.kind] * cout
        return self.out_pixels, kernel * cin, cout

    @cached_property
    def macs(self) -> int:
        """Dense multiply-accumulates for one input [MAC]; 0 for ops that do none."""
        m, k, n = self.product
        return m * k * n * self.groups

    @cached_property
    def weight_count(self) -> int:
        """Weights, biases not counted [elements]; the operands of a ``matmul`` are activations."""
        _, k, n = self.product
        return k * n * self.groups if self.kind in WEIGHTED else 0

    @cached_property
    def input_elements(self) -> int:
        """Elements of one input tensor, of all together for ``concat`` [elements]."""
        return self.in_channels * self.in_height * self.in_width

    @cached_property
    def output_elements(self) -> int:
        """Elements of the output tensor of one input [elements]."""
        return self.out_pixels * self.out_channels

    @cached_property
    def terms(self) -> tuple[object, ...]:
        """All that decides what it costs: every field but its name and those of what it reads."""
        kept = (getattr(self, name) for name in type(self).model_fields if name not in {"name", "inputs"})
        return len(self.inputs), *kept

    @model_validator(mode="after")
    def _check(self) -> Self:
        for side, channels in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if channels % self.groups:
                raise GraphError(
                    f"op {self.name!r}: {side} = {channels} is not a multiple of groups = {self.groups}"
                )
        for field in unused_fields(self.kind):
            if getattr(self, field) != 1:
                raise GraphError(
                    f"op {self.name!r}: {field} = {getattr(self, field)}; kind {self.kind!r} has no {field}"
                )
        if not self.inputs:
            raise GraphError(f"op {self.name!r}: inputs is empty; name a producer or {INPUT!r}")
        if self.kind in {"add", "mul", "matmul"} and len(self.inputs) < 2:
            raise GraphError(f"op {self.name!r}: kind {self.kind!r} needs two inputs, has {len(self.inputs)}")
        return self


class Gate(Frozen):
    """A decision the network takes per input.

    ========  =====================================  ========================================================
    kind      recorded value                         what it does to the ops it ``guards``
    ========  =====================================  ========================================================
    layer     bool, run or skip                      they run only if it is true
    channel   ``size`` bits, one per output channel  only the kept output channels exist, for consumers too
    exit      index of the exit that answered        op i runs if no exit up to ``levels[i]`` has answered yet
    width     index into ``widths``                  only the first ``widths[index]`` output channels exist
    spatial   ``tile_rows * tile_cols`` bits         only the kept tiles of their output are computed
    token     ``size`` bits, one per row             only the kept rows of the sequence exist, in attention too
    element   ``size`` bits, one per output element  only the kept elements of their output are computed
    ========  =====================================  ========================================================

    An op guarded by several gates runs only if all of them let it.
    """

    name: str
    kind: GateKind
    size: Extent = 1  # layer 1; channel: channels; exit: exits; width: choices; spatial: tiles; ...
    reads: str  # the op whose finished output the decision needs (``"input"`` for a policy network)
    computed_by: tuple[str, ...] = ()  # the gate's own ops in order; the last one yields the decision
    guards: tuple[str, ...]
    skipped_value: Literal["zero", "constant"] = "zero"  # constant: a batch norm follows the mask
    scaled: bool = False  # the score also multiplies what is kept
    widths: tuple[Extent, ...] = ()  # width gates: output channels per choice, rising
    tile_rows: Extent = 1  # spatial gates: grid of tiles
    tile_cols: Extent = 1
    exits: tuple[str, ...] = ()  # exit gates: the classifier op of each exit, shallow to deep
    levels: tuple[Annotated[int, Field(ge=0)], ...] = ()
    # exit gates: per guarded op the exit before it: it runs if the answering exit's index is greater

    @cached_property
    def rules(self) -> GateRules:
        """What is true of every gate of this kind."""
        return GATE_KINDS[self.kind]

    @model_validator(mode="after")
    def _check(self) -> Self:
        rules = self.rules
        wanted = rules.count(self)
        if self.size != wanted:
            raise GraphError(f"gate {self.name!r}: size = {self.size}, needs {wanted}: {rules.size_is}")
        if rules.picks_answer and len(self.levels) != len(self.guards):
            raise GraphError(
                f"gate {self.name!r}: {len(self.levels)} levels for {len(self.guards)} guarded ops; one each"
            )
        if rules.stored == "index" and self.size > 256:
            raise GraphError(f"gate {self.name!r}: size = {self.size}; needs at most 256 (8 bits)")
        if rules.stored == "bits" and self.size > MOST_BITS:
            raise GraphError(f"gate {self.name!r}: size = {self.size:,}; needs at most {MOST_BITS:,} bits")
        if list(self.widths) != sorted(set(self.widths)):
            raise GraphError(f"gate {self.name!r}: widths = {self.widths} must rise")
        return self


class InputTensor(Frozen):
    """An input of the network beside the first."""

    name: str
    channels: Extent
    height: Extent = 1
    width: Extent = 1


ModuleOutput = tuple[str, tuple[str, ...]]  # a module call ("control#2"), the ops that its output comes from


class GraphParts(Frozen):
    """Ops in program (topological) order and the gates over them, not yet checked as a whole."""

    name: str
    input_channels: Extent
    input_height: Extent
    input_width: Extent
    ops: tuple[Op, ...]
    gates: tuple[Gate, ...] = ()
    other_inputs: tuple[InputTensor, ...] = ()  # beside ``"input"``, read by their names
    batch: Extent = 1  # inputs that one run of the model computes; every size is of one input
    skipped: tuple[str, ...] = ()  # what the model does and no op stands for, asked for by its reader
    chained: bool = True  # False: a list of independent layers, each reads "input" at sizes of its own

    # What laying gates over a captured network and recording it need besides; not stored.
    module_outputs: tuple[ModuleOutput, ...] = Field(default=(), exclude=True, repr=False)
    answers: tuple[str, ...] = Field(
        default=(), exclude=True, repr=False
    )  # ops that the network answers with
    requests: tuple[GateRequest, ...] = Field(default=(), exclude=True, repr=False)  # gates as asked for

    def __iter__(self) -> Iterator[Op]:  # type: ignore[override]  # pydantic iterates fields, we iterate ops
        return iter(self.ops)

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each op by its name."""
        return {op.name: i for i, op in enumerate(self.ops)}

    @cached_property
    def input_sizes(self) -> dict[str, tuple[int, int, int]]:
        """Channels, height and width of every input of the network by its name, ``"input"`` first."""
        others = {each.name: (each.channels, each.height, each.width) for each in self.other_inputs}
        return {INPUT: (self.input_channels, self.input_height, self.input_width), **others}

    @cached_property
    def gate_ops(self) -> frozenset[str]:
        """Names of the ops that compute gates; exit heads answer, so they are not among them."""
        return frozenset(name for gate in self.gates for name in gate.computed_by)

    @cached_property
    def guarding(self) -> dict[str, tuple[Gate, ...]]:
        """Gates over each guarded op, in graph order, by the op's name."""
        found: dict[str, tuple[Gate, ...]] = {}
        for gate in self.gates:
            for name in gate.guards:
                found[name] = (*found.get(name, ()), gate)
        return found

    @cached_property
    def macs(self) -> int:
        """MACs of one input with every gate open, the gates' own included [MAC]."""
        return sum(op.macs for op in self.ops)

    @cached_property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """The ops that the output of each module call comes from, of a captured network."""
        return dict(self.module_outputs)

    def op(self, name: str) -> Op:
        """Return the op called ``name``."""
        if name not in self.index:
            raise GraphError(f"network {self.name!r}: no op {name!r}{did_you_mean(name, self.index)}")
        return self.ops[self.index[name]]

    def gate(self, name: str) -> Gate:
        """Return the gate called ``name``."""
        for gate in self.gates:
            if gate.name == name:
                return gate
        known = [gate.name for gate in self.gates]
        raise GraphError(f"network {self.name!r}: no gate {name!r}{did_you_mean(name, known)}")

    def guards_of(self, op_name: str) -> tuple[Gate, ...]:
        """Gates that guard the op, in graph order."""
        return self.guarding.get(op_name, ())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return the graph with some fields replaced, checked as a whole; nothing cached carries over."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **(update or {})})


SomeGraph = TypeVar("SomeGraph", bound=GraphParts)  # checked or not: what is made is of the same class
