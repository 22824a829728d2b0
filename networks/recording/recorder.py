"""Records what the gates of a network decide for every input, without edits to the network.

::

    model (eval) + graph + batches ──► outputs of gate and exit modules ──► decisions, scores, exits ──► Trace
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from networks.capturing.checking import check_macs, check_module
from networks.models.gates import named_gates
from networks.models.lcnet import masked_reference
from networks.recording.functions import run_with_functions
from networks.recording.gathering import BatchSeen, Seen, check_repeats, pairs
from networks.recording.reading import (
    read_answer,
    read_decisions,
    read_exits,
    read_scores,
    to_numpy,
)
from networks.recording.watching import CallWatch
from networks.training.checkpoint import weights_hash
from traces import (
    Gate,
    GateRequest,
    GraphError,
    LacunaError,
    NetworkGraph,
    Trace,
    TraceInfo,
    as_decisions,
    confidence_modules,
    did_you_mean,
    exit_modules,
)

Decide = Callable[[nn.Module, Any], Mapping[str, Any]]


@torch.no_grad()
def record(  # noqa: PLR0913  # what to record, and how to read it
    model: nn.Module,
    graph: NetworkGraph,
    batches: Iterable[tuple[Any, Any]],
    info: TraceInfo | None = None,
    *,
    answer: Callable[[Any], Any] | None = None,
    decide: Decide | None = None,
    seed: int | None = None,
    exit_threshold: float | None = None,
    scores: bool = True,
    progress: Callable[[int], None] = lambda inputs: None,
) -> Trace:
    """Run a network over batches and return the trace of its gates.

    Parameters
    ----------
    model
        Network to record; it runs in evaluation mode and is left as it was.
    graph
        Its graph with its gates: ``capture(model, example).with_gates(...)``, or one built by hand, whose gates are
        modules at the paths of the same names that put scores out, open above 0.
    batches
        Inputs (a tensor, or a tuple of several) and labels (n,), in the order to keep.
    info
        Where the trace comes from; ``test_accuracy`` is filled in here.
    answer
        From what the network puts out to its logits, for networks that put out more than that.
    decide
        From the model, after a forward pass, and what that put out to the decisions of gates, by name, for decisions
        that no module puts out.
    seed
        Fixes the noise of networks that draw some when they decide; without it noise is an error.
    exit_threshold
        The first exit with at least this confidence answers, whatever the graph says; above 1 the last.
    scores
        Keep the scores of gates that scale what they keep.
    progress
        Called with the number of inputs done after every batch.

    Raises
    ------
    GraphError
        Decisions are not there, have another shape, could mean two things, or change when the same inputs run again.
    """
    check_module(model)
    plan = _plan(model, graph, decide, exit_threshold)
    rows = Seen()
    modes = {module: module.training for module in model.modules()}
    model.eval()
    done = 0
    try:
        with (
            masked_reference(model),
            torch.random.fork_rng(devices=[]),
            CallWatch(model, plan.calls) as watch,
        ):
            if seed is not None:
                torch.manual_seed(seed)
            reader = _Reader(model, plan, watch, answer, decide)
            for inputs, labels in pairs(batches):
                batch = reader.read(inputs, len(labels))
                if not done and seed is None:
                    check_repeats(batch, reader.read(inputs, len(labels)))
                if not done and not graph.module_outputs:
                    check_macs(model, graph, inputs)
                rows.add(batch, labels)
                done += len(labels)
                progress(done)
    finally:
        for module, training in modes.items():
            module.training = training
    if not done:
        raise GraphError(f"network {graph.name!r}: no inputs to record")
    info = info or TraceInfo(
        model_name=plan.graph.name,
        weights_hash=weights_hash(model.state_dict()),
        tool_version=version("lacuna"),
    )
    info = info if seed is None else info.model_copy(update={"seed": seed})
    return rows.trace(plan.graph, info, scores=scores)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which module calls to watch, and what each says."""

    graph: NetworkGraph
    requests: Mapping[str, GateRequest]
    heads: Mapping[str, tuple[str, ...]]  # per exit gate its exits' module calls
    sure: Mapping[str, tuple[str, ...]]  # and those that say how sure each is
    decided: frozenset[str]  # gates that ``decide`` answers for
    functions: tuple[str, ...]  # operations that are gates, but no modules

    @property
    def calls(self) -> tuple[str, ...]:
        """Module calls to watch."""
        plain = [
            self.requests[gate.name].module
            for gate in self.graph.gates
            if not gate.rules.picks_answer and gate.name not in self.decided
        ]
        plain = [call for call in plain if call not in self.functions]
        lists = [*self.heads.values(), *self.sure.values()]
        return (*plain, *(call for calls in lists for call in calls))


def _plan(
    model: nn.Module, graph: NetworkGraph, decide: Decide | None, exit_threshold: float | None
) -> _Plan:
    asked = {request.name: request for request in graph.requests}
    requests = {gate.name: asked.get(gate.name) or _by_module(gate) for gate in graph.gates}
    if not graph.module_outputs:
        _check_known(model, graph)
    paths = dict(model.named_modules())
    heads, sure = {}, {}
    for gate in graph.gates:
        request = requests[gate.name]
        if gate.rules.picks_answer:
            if exit_threshold is not None:
                requests[gate.name] = request = replace(request, threshold=exit_threshold)
            given = gate.name in asked
            heads[gate.name] = exit_modules(graph, request.module) if given else gate.exits
            sure[gate.name] = confidence_modules(graph, request) if given else ()
    decided = frozenset(
        name for name, request in requests.items() if decide and request.module.partition("#")[0] not in paths
    )
    modules = [requests[gate.name].module for gate in graph.gates if gate.name not in decided]
    functions = tuple(name for name in modules if name in graph.index and name.partition("#")[0] not in paths)
    return _Plan(graph.plain(), requests, heads, sure, decided, functions)


def _check_known(model: nn.Module, graph: NetworkGraph) -> None:
    """Refuse a graph built by hand that lacks a gate which the network has."""
    wanted = [gate.name for gate in graph.gates]
    found = dict(named_gates(model))
    for name in found:
        if name not in wanted and found.keys() >= {
            gate.name for gate in graph.gates if not gate.rules.picks_answer
        }:
            raise GraphError(f"gate module {name!r}: the graph has no such gate{did_you_mean(name, wanted)}")


def _by_module(gate: Gate) -> GateRequest:
    """Return how gates of graphs built by hand are read: the module of the gate's name puts out scores."""
    if gate.rules.stored == "index":
        return GateRequest(kind=gate.kind, name=gate.name, module=gate.name)
    return GateRequest(kind=gate.kind, name=gate.name, module=gate.name, read=lambda scores: scores > 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """Runs a network and reads what it decides."""

    model: nn.Module
    plan: _Plan
    watch: CallWatch
    answer: Callable[[Any], Any] | None
    decide: Decide | None

    def read(self, inputs: Any, count: int) -> BatchSeen:
        """Run one batch of so many inputs and return what was seen."""
        plan, watch = self.plan, self.watch
        watch.clear()
        tensors = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        functions: dict[str, Tensor] = {}
        if plan.functions:
            output, functions = run_with_functions(self.model, tensors, self.answer, plan.functions)
        else:
            output = self._run(tensors)
        given = self._decided(self.decide(self.model, output)) if self.decide else {}
        batch = BatchSeen(torch.zeros(0))
        for gate in plan.graph.gates:
            request = plan.requests[gate.name]
            if gate.name in given:
                values = to_numpy(gate.name, given[gate.name])
                batch.decisions[gate.name] = as_decisions(
                    gate, values, count, "decide=lambda model, out: bits"
                )
            elif gate.name in plan.decided:
                raise GraphError(f"gate {gate.name!r}: no module has this name and decide= does not give it")
            elif gate.rules.picks_answer:
                heads, sure = plan.heads[gate.name], plan.sure[gate.name]
                batch.exits[gate.name] = read_exits(watch, gate, request, heads, sure, count)
                batch.decisions[gate.name] = batch.exits[gate.name].chosen
            else:
                call = request.module
                seen = functions[call] if call in functions else watch.output(gate.name, call)
                batch.decisions[gate.name] = read_decisions(gate, request, seen, count)
                if gate.scaled:
                    batch.scores[gate.name] = read_scores(gate, seen, count)
        batch.answers = _answers(batch, output, self.answer, count)
        return batch

    def _run(self, inputs: tuple[Any, ...]) -> Any:
        """Return what the network puts out; what goes wrong in it is told with the shapes it was given."""
        try:
            return self.model(*inputs)
        except LacunaError:
            raise
        except Exception as problem:
            shapes = ", ".join(str(tuple(each.shape)) for each in inputs if isinstance(each, Tensor))
            first = (str(problem).splitlines() or [""])[0][:200]
            raise GraphError(
                f"{type(self.model).__name__} does not run on a batch of shape {shapes}: "
                f"{type(problem).__name__}: {first}"
            ) from problem

    def _decided(self, given: Any) -> Mapping[str, Any]:
        """Return what ``decide`` says, by gate; refuse what is no such thing."""
        if not isinstance(given, Mapping):
            raise GraphError(
                f"decide=: puts out a {type(given).__name__}; needs the decisions by gate: "
                f"decide=lambda model, out: {{{next(iter(self.plan.requests))!r}: bits}}"
            )
        known = self.plan.requests
        for name in given:
            if name not in known:
                raise GraphError(f"decide=: the graph has no gate {name!r}{did_you_mean(name, known)}")
        return given


def _answers(batch: BatchSeen, output: Any, answer: Callable[[Any], Any] | None, count: int) -> Tensor:
    """Return the predictions: those of the exits that answered, else the network's own."""
    for exits in batch.exits.values():
        if exits.predictions is not None:
            return torch.from_numpy(exits.predictions[np.arange(count), exits.chosen])
    return read_answer(output, answer, count)
