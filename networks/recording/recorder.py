"""Records what every gate of a network decides for every input, with forward hooks and without edits.

::

    model (eval) + graph + batches ──► hooks on gates and exits ──► decisions, scores, exits ──► Trace

It works for the networks here and for anyone's ``nn.Module``: a gate of the graph is looked up as a gate
module at the path of the same name (``block3.lnet``), or in the ``gates`` argument.  A gate's output is its
scores; it is open where they are above 0.  The exits of an exit gate are the modules at those paths.

The C-Net of a block that its L-Net skips is recorded as it would have decided; on hardware it does not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from networks.models.gates import OutputWatch, named_gates
from networks.models.lcnet import masked_reference
from traces import Gate, GraphError, NetworkGraph, Trace, TraceInfo, choose_exit, did_you_mean

_FLOP_PER_MAC = 2  # torch.utils.flop_counter counts a multiplication and an addition


@dataclass(slots=True)
class _Rows:
    """Arrays of the batches seen so far, to be joined."""

    labels: list[NDArray[np.int32]] = field(default_factory=list)
    answers: list[NDArray[np.int32]] = field(default_factory=list)
    decisions: dict[str, list[NDArray[Any]]] = field(default_factory=dict)  # as a trace holds them
    scores: dict[str, list[NDArray[np.float16]]] = field(default_factory=dict)
    exit_predictions: dict[str, list[NDArray[np.int32]]] = field(default_factory=dict)
    exit_confidences: dict[str, list[NDArray[np.float16]]] = field(default_factory=dict)


@torch.inference_mode()
def record(  # noqa: PLR0913  # what to record, with what, and how exits answer
    model: nn.Module,
    graph: NetworkGraph,
    batches: Iterable[tuple[Tensor, Tensor]],
    info: TraceInfo,
    *,
    gates: Mapping[str, nn.Module] | None = None,
    exit_threshold: float = 1.01,
    scores: bool = True,
    progress: Callable[[int], None] = lambda inputs: None,
) -> Trace:
    """Run ``model`` over ``batches`` and return the trace of its gates.

    Parameters
    ----------
    model
        Network to record; it runs in evaluation mode, on its masked path, and is left as it was.
    graph
        Its graph; every gate must be a module that the forward pass calls.
    batches
        Inputs (n, c, h, w) and labels (n,), in the order to keep.
    info
        Where the trace comes from; ``test_accuracy`` is filled in here.
    gates
        Module of each gate, for models whose gates are not at the paths the graph names.
    exit_threshold
        The first exit with at least this confidence (largest softmax) answers; above 1 only the last does.
    scores
        Keep the scores of gates that scale what they keep; without them a trace is a fraction of the size, and
        decisions are all that replaying needs.
    progress
        Called with the number of inputs done after every batch.

    Raises
    ------
    GraphError
        A gate was never called, or its output has another shape than the graph says, or the model's
        multiply-accumulates differ from the graph's.
    """
    modules = _gate_modules(model, graph, gates) | _exit_modules(model, graph)
    rows = _Rows()
    was_training = model.training
    model.eval()
    done = 0
    try:
        with masked_reference(model), OutputWatch(modules) as watch:
            for inputs, labels in batches:
                watch.outputs.clear()
                logits = model(inputs)
                _add_rows(rows, graph, watch, logits, labels, exit_threshold)
                if not done:
                    check_macs(model, graph, inputs[:1])
                done += len(labels)
                progress(done)
    finally:
        model.train(was_training)
    if not done:
        raise GraphError(f"network {graph.name!r}: no inputs to record")
    if not scores:
        rows.scores.clear()
    return _join(rows, graph, info)


def check_macs(model: nn.Module, graph: NetworkGraph, inputs: Tensor) -> None:
    """Refuse a graph whose MACs differ from what torch counts in one forward pass of one input."""
    with FlopCounterMode(display=False) as counter:
        model(inputs)
    counted = counter.get_total_flops() // _FLOP_PER_MAC
    if counted != graph.macs:
        raise GraphError(
            f"network {graph.name!r}: torch counts {counted} MACs in one forward pass, the graph has "
            f"{graph.macs}; the graph is of another network or image size"
        )


def _gate_modules(
    model: nn.Module, graph: NetworkGraph, given: Mapping[str, nn.Module] | None
) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = dict(named_gates(model)) if given is None else dict(given)
    wanted = [gate.name for gate in graph.gates if not gate.rules.picks_answer]
    for name in wanted:
        if name not in found:
            raise GraphError(
                f"gate {name!r} of the graph: the model has no gate module of this name"
                f"{did_you_mean(name, found)}"
            )
    for name in found:
        if name not in wanted:
            raise GraphError(f"gate module {name!r}: the graph has no such gate{did_you_mean(name, wanted)}")
    return found


def _exit_modules(model: nn.Module, graph: NetworkGraph) -> dict[str, nn.Module]:
    paths = dict(model.named_modules())
    found = {}
    for gate in graph.gates:
        for name in gate.exits:
            if name not in paths:
                raise GraphError(
                    f"exit {name!r} of the graph: no module at this path{did_you_mean(name, paths)}"
                )
            found[name] = paths[name]
    return found


def _add_rows(  # noqa: PLR0913, PLR0917  # one batch, seen from all sides
    rows: _Rows,
    graph: NetworkGraph,
    watch: OutputWatch,
    logits: Tensor,
    labels: Tensor,
    exit_threshold: float,
) -> None:
    answers = logits.argmax(1)
    for gate in graph.gates:
        if gate.rules.picks_answer:
            exits = torch.stack([_output(watch, gate, name, len(labels)) for name in gate.exits], 1)
            answers = _add_exits(rows, gate, exits, exit_threshold)
        else:
            _add_decisions(rows, gate, _output(watch, gate, gate.name, len(labels)))
    rows.labels.append(_int32(labels))
    rows.answers.append(_int32(answers))


def _output(watch: OutputWatch, gate: Gate, name: str, n: int) -> Tensor:
    if name not in watch.outputs:
        raise GraphError(
            f"gate {gate.name!r}: its module {name!r} was never called in the forward pass, so nothing was "
            "decided; call the gate module itself, not its parts"
        )
    output = watch.outputs[name].float()
    shape = gate.rules.decided(n, gate.size)
    if gate.rules.stored != "index" and output.shape != shape:
        raise GraphError(f"gate {gate.name!r}: its module puts out {tuple(output.shape)}, needs {shape}")
    return output


def _add_decisions(rows: _Rows, gate: Gate, scores: Tensor) -> None:
    opened = (scores > 0).numpy()
    rows.decisions.setdefault(gate.name, []).append(gate.rules.store(opened))
    if gate.scaled:
        rows.scores.setdefault(gate.name, []).append(scores.numpy().astype(np.float16))


def _add_exits(rows: _Rows, gate: Gate, logits: Tensor, threshold: float) -> Tensor:
    """Keep every exit's answer and confidence, (n, exits); return the answers of the exits that answered."""
    confidences, answers = logits.softmax(2).max(2)
    stored = confidences.numpy().astype(np.float16)
    chosen = choose_exit(stored, threshold)
    rows.decisions.setdefault(gate.name, []).append(chosen)
    rows.exit_predictions.setdefault(gate.name, []).append(_int32(answers))
    rows.exit_confidences.setdefault(gate.name, []).append(stored)
    return answers.gather(1, torch.from_numpy(chosen.astype(np.int64))[:, None]).squeeze(1)


def _join(rows: _Rows, graph: NetworkGraph, info: TraceInfo) -> Trace:
    labels, answers = np.concatenate(rows.labels), np.concatenate(rows.answers)
    accuracy = float(np.mean(labels == answers))
    return Trace(
        graph=graph,
        info=info.model_copy(update={"test_accuracy": accuracy}),
        labels=labels,
        predictions=answers,
        decisions={gate.name: np.concatenate(rows.decisions[gate.name]) for gate in graph.gates},
        scores={name: np.concatenate(parts) for name, parts in rows.scores.items()},
        exit_predictions={name: np.concatenate(parts) for name, parts in rows.exit_predictions.items()},
        exit_confidences={name: np.concatenate(parts) for name, parts in rows.exit_confidences.items()},
    )


def _int32(values: Tensor) -> NDArray[np.int32]:
    return values.to(torch.int32).numpy()
