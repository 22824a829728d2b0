"""How decisions meet the hardware.

The policy: when weights are fetched, and which inputs run together.  Then what decisions there are to wait for: which
gates the hardware can use, which of them an op's work depends on, and which ops bring them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, assert_never

import numpy as np
from pydantic import Field, ValidationError, model_validator

from accel_models import STEPS, Compiler, Design, Skip, known_rates, units_of
from traces import ConfigError, Frozen, Gate, Ints, NetworkGraph, Op, Trace, explain

Prefetch = Literal["wait", "speculate", "predict", "oracle"]


@dataclass(frozen=True, slots=True)
class PrefetchRules:
    """What is true of a way to fetch weights that a gate guards."""

    speculates: bool = False  # they are fetched before the decision
    reads_rates: bool = False  # of ops alone whose execution rate exceeds ``theta``
    knows_decisions: bool = False  # nothing ever waits for a decision


PREFETCH: Final[Mapping[Prefetch, PrefetchRules]] = {
    "wait": PrefetchRules(),
    "speculate": PrefetchRules(speculates=True),
    "predict": PrefetchRules(speculates=True, reads_rates=True),
    "oracle": PrefetchRules(knows_decisions=True),
}


class Policy(Frozen):
    """Policy of a replay.

    ==============  =====================================================================================
    ``prefetch``    weights of what a gate guards are fetched
    ==============  =====================================================================================
    ``wait``        after the decision
    ``speculate``   before it; what turns out skipped is wasted, the transfer cut at the next burst
    ``predict``     before it for ops whose execution rate exceeds ``theta``, after it for others; rates of other
                    inputs: those a trace carries, or in each half of its first 32,768 inputs the
                    rates of the other half (a stream shows the second alone)
    ``oracle``      as needed: decisions are known before the input arrives; the lower bound
    ==============  =====================================================================================
    """

    prefetch: Prefetch = "wait"
    theta: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    batch_order: Literal["arrival", "similar"] = "arrival"
    compaction: Literal["union", "per_input"] = "union"
    fold: bool = True  # the compiler's steps; see accel_models.compiling.steps
    fuse: bool = True
    sort: bool = True
    place_gates: bool = True
    pin: bool = True
    tile: bool = True
    depth_first: bool = True
    seed: Annotated[int, Field(ge=0)] = 0

    if not TYPE_CHECKING:  # type checkers know each setting by its name and type

        def __init__(self, **settings):
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise ConfigError(explain(error, Policy, "policy.")) from None

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Self:
        """Return the policy that settings by name describe, as they come from a file or a command line."""
        values: dict[str, Any] = dict(settings)
        return cls(**values)

    @property
    def fetching(self) -> PrefetchRules:
        """What is true of the way in which weights are fetched."""
        return PREFETCH[self.prefetch]

    @property
    def compiler(self) -> Compiler:
        """What is done to graph and trace before they are priced."""
        return Compiler(**{step: getattr(self, step) for step in STEPS})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.batch == 1 and self.batch_order == "similar":
            raise ValueError("batch_order = 'similar' needs batch = 2 or more")
        return self


def group_inputs(trace: Trace, policy: Policy) -> Ints | None:
    """Return the rows of each batch, shape (g, B), -1 where the last is not full; None without batches.

    ``similar`` sorts the inputs by their decisions first, gate by gate and bit by bit, equal ones in order
    of arrival, so that a batch's inputs open much the same gates.  Choice: a sort, not an optimal grouping.
    """
    if policy.batch == 1:
        return None
    order = _by_similarity(trace) if policy.batch_order == "similar" else np.arange(len(trace))
    groups = np.full(-(-len(trace) // policy.batch) * policy.batch, -1, np.int64)
    groups[: len(trace)] = order
    return groups.reshape(-1, policy.batch)


def _by_similarity(trace: Trace) -> Ints:
    coarse_first = sorted(trace.graph.gates, key=lambda gate: gate.rules.stored == "bits")
    columns = [trace.decisions[gate.name].view(np.uint8).reshape(len(trace), -1) for gate in coarse_first]
    if not columns:
        return np.arange(len(trace))
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    return np.argsort(rows.view(np.dtype((np.void, rows.shape[1]))).ravel(), kind="stable").astype(np.int64)


Names = frozenset[str]  # of gates
_NONE: Names = frozenset()


@dataclass(frozen=True, slots=True)
class _Deciders:
    """Gates that decide which channels of a tensor exist, and whether it exists at all."""

    channels: Names = _NONE
    presence: Names = _NONE


def deciding_ops(graph: NetworkGraph, skip: Skip) -> tuple[frozenset[int], ...]:
    """Return per op the ops whose results must be there before the op's work is known.

    A gate without ops of its own is decided when the op it reads has finished; one that reads the input is
    known from the start.  An exit gate decides for an op of level i when exit i has answered.
    """
    gates = {gate.name: gate for gate in graph.gates}
    deciders = []
    for i, (op, names) in enumerate(zip(graph.ops, deciding_gates(graph, skip), strict=True)):
        found = [_bringers(gates[name], op, i, graph) for name in sorted(names)]
        deciders.append(reduce(frozenset.union, found, frozenset[int]()))
    return tuple(deciders)


def deciding_gates(graph: NetworkGraph, skip: Skip) -> tuple[Names, ...]:
    """Return per op the gates that decide whether it runs and how wide, those of its operands included.

    A gate that the hardware cannot use (its kind of skipping is off) decides nothing.  Choice: that a
    channel or spatial gate might keep nothing at all, so that its op is skipped, is not waited for.
    """
    tensors: dict[str, _Deciders] = {name: _Deciders() for name in graph.input_sizes}
    deciders = []
    for op in graph.ops:
        inputs = [tensors[name] for name in op.inputs]
        guards = [gate for gate in graph.guarding.get(op.name, ()) if usable(gate, skip)]
        tensors[op.name] = _output(op, inputs, guards)
        own = frozenset(gate.name for gate in guards)
        deciders.append(own.union(*(t.channels | t.presence for t in inputs)))
    return tuple(deciders)


def usable(gate: Gate, skip: Skip) -> bool:
    """Return whether hardware that skips so can use the gate at all."""
    match gate.rules.decides:
        case "runs":
            return skip.layers
        case "channels":
            return skip.some_channels
        case "tiles":
            return skip.spatial
        case "rows":
            return skip.rows
        case "elements":
            return False


def _output(op: Op, inputs: list[_Deciders], guards: list[Gate]) -> _Deciders:
    """Return what decides about the op's output; follows the rules of :mod:`traces.work.lowering`."""
    own = frozenset(gate.name for gate in guards if gate.rules.decides == "channels")
    runs = frozenset(gate.name for gate in guards if gate.rules.decides == "runs")
    channels = _NONE.union(*(t.channels for t in inputs))
    presence = _NONE.union(*(t.presence for t in inputs))
    match op.kind:
        case "add":
            if any(not t.channels and not t.presence for t in inputs):
                return _Deciders(channels=own)  # what one operand always has is there whatever the gates say
            return _Deciders(channels=own | channels | presence, presence=presence)
        case "conv" | "conv_transpose" | "linear" | "matmul" | "lstm_cell" | "gru_cell" | "rnn_cell":
            passed = channels if op.is_depthwise else _NONE
            return _Deciders(channels=own | passed, presence=runs | presence)
        case "concat":  # absent operands leave a gap; of a tensor of gaps alone nothing is there
            gone = presence if all(t.presence for t in inputs) else _NONE
            return _Deciders(channels=own | channels | presence, presence=runs | gone)
        case (
            "mul"
            | "max_pool"
            | "avg_pool"
            | "global_avg_pool"
            | "global_max_pool"
            | "reduce"
            | "layer_norm"
            | "activation"
            | "softmax"
            | "threshold"
            | "upsample"
            | "copy"
            | "slice"
            | "reshape"
        ):
            return _Deciders(channels=own | channels, presence=runs | presence)
        case _:
            assert_never(op.kind)


def _bringers(gate: Gate, op: Op, place: int, graph: NetworkGraph) -> frozenset[int]:
    """Return the ops that bring the gate's decision about the op, all before it in program order."""
    if gate.rules.picks_answer:
        return _exit_bringers(gate, op, place, graph)
    source = gate.computed_by[-1] if gate.computed_by else gate.reads
    if source in graph.input_sizes or graph.index[source] >= place:
        return frozenset()
    return frozenset({graph.index[source]})


def _exit_bringers(gate: Gate, op: Op, place: int, graph: NetworkGraph) -> frozenset[int]:
    """Return the exit head before the op, and the gate's own ops since that head.

    An op that only reads what exits decide waits for every exit before it.
    """
    level = gate.levels[gate.guards.index(op.name)] if op.name in gate.guards else gate.size - 1
    heads = [graph.index[name] for name in gate.exits[: level + 1] if graph.index[name] < place]
    if not heads:
        return frozenset()
    own = (graph.index[name] for name in gate.computed_by)
    return frozenset({heads[-1], *(i for i in own if heads[-1] < i < place)})


# What a gate decides: what hardware without it cannot skip, and the setting that says it can.
_ABLE: Final[Mapping[str, tuple[str, str]]] = {
    "runs": ("layers", "skip.layers=true"),
    "channels": ("channels", "skip.channels=compact"),
    "tiles": ("tiles of a feature map", "skip.spatial=true"),
    "rows": ("rows of a sequence", "skip.spatial=true"),
    "elements": ("single elements", ""),
}


def hints(trace: Trace, design: Design, compiler: Compiler) -> tuple[str, ...]:
    """Return what to know of gates on a design: a line each.

    Kinds of gates that it cannot use, decisions handed over for nothing, what is compiled without rates.

    Parameters
    ----------
    trace
        The trace, or a part of it.
    design, compiler
        What it is replayed on, and how it is compiled.
    """
    lines = []
    for decides, (what, setting) in _ABLE.items():
        idle = [
            gate
            for gate in trace.graph.gates
            if gate.rules.decides == decides and not usable(gate, design.skip)
        ]
        if idle:
            way_out = f"; --set {setting} if the hardware can" if setting else ""
            gates = "gate skips" if len(idle) == 1 else "gates skip"
            lines.append(
                f"{len(idle)} {idle[0].kind} {gates} nothing: {design.name} cannot skip {what}{way_out}"
            )
    if trace.graph.gate_ops and len(units_of(design)) > 1 and "gate_handover" not in design.model_fields_set:
        lines.append(
            f"decisions cross units for nothing: {design.name} does not state gate_handover; "
            f"--set gate_handover=TIME if that takes any"
        )
    return (*lines, *_unknown(trace, design, compiler))


def _unknown(trace: Trace, design: Design, compiler: Compiler) -> tuple[str, ...]:
    """Return a line on what is compiled without rates of gates that the design can use, if anything is."""
    rates = trace.info.rates
    lacking = [gate for gate in trace.graph.gates if usable(gate, design.skip) and gate.name not in rates]
    plans = design.memory is not None and (compiler.pin or compiler.tile or compiler.depth_first)
    done = []
    if compiler.sort and any(gate.rules.decides == "channels" for gate in lacking):
        done.append("channels are sorted by nothing")
    if plans and lacking and (not rates or known_rates(trace.graph, rates) is None):
        done.append("plans are made for all gates open")
    if not done:
        return ()
    missing = "" if len(lacking) == len(trace.graph.gates) else f" of {lacking[0].name}"
    return (f"{', '.join(done)}: the trace has no rates of other inputs{missing} (TraceInfo.rates)",)
