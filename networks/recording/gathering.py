"""What a network decided, batch by batch, gathered into a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from networks.capturing.noting import tensors
from networks.recording.reading import (
    ExitAnswers,
)
from traces import (
    Decisions,
    GraphError,
    NetworkGraph,
    Trace,
    TraceInfo,
)


@dataclass(slots=True)
class BatchSeen:
    """What one batch decided."""

    answers: Tensor
    decisions: dict[str, Decisions] = field(default_factory=dict)
    scores: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    exits: dict[str, ExitAnswers] = field(default_factory=dict)


def check_repeats(first: BatchSeen, second: BatchSeen) -> None:
    """Refuse decisions that change when the same inputs run again."""
    changed = {
        name: int(np.any((values != second.decisions[name]).reshape(len(values), -1), axis=1).sum())
        for name, values in first.decisions.items()
    }
    noisy = [f"{name!r} for {count} of {len(first.answers)}" for name, count in changed.items() if count]
    if noisy:
        more = f" and {len(noisy) - 3} more" if len(noisy) > 3 else ""
        raise GraphError(
            f"two passes over the same inputs decide differently: gate {', '.join(noisy[:3])}{more}; the network "
            "draws noise in evaluation mode: seed= fixes it, or take the noise out"
        )


@dataclass(slots=True)
class Seen:
    """Arrays of the batches seen so far, to be joined."""

    labels: list[NDArray[np.int32]] = field(default_factory=list)
    batches: list[BatchSeen] = field(default_factory=list)

    def add(self, batch: BatchSeen, labels: Any) -> None:
        """Add what one batch decided."""
        self.labels.append(np.asarray(labels).astype(np.int32))
        self.batches.append(batch)

    def trace(self, graph: NetworkGraph, info: TraceInfo, *, scores: bool) -> Trace:
        """Return what was seen as a trace; ``scores``: those that scale what a gate keeps too."""
        labels = np.concatenate(self.labels)
        answers = np.concatenate([batch.answers.numpy() for batch in self.batches]).astype(np.int32)
        exits = [gate.name for gate in graph.gates if gate.rules.picks_answer]
        whole = [name for name in exits if all(_has_all(batch, name) for batch in self.batches)]
        scaled = [gate.name for gate in graph.gates if scores and gate.name in self.batches[0].scores]
        return Trace(
            graph=graph,
            info=info.model_copy(update={"test_accuracy": float(np.mean(labels == answers))}),
            labels=labels,
            predictions=answers,
            decisions={
                gate.name: np.concatenate([batch.decisions[gate.name] for batch in self.batches])
                for gate in graph.gates
            },
            scores={name: np.concatenate([batch.scores[name] for batch in self.batches]) for name in scaled},
            exit_predictions={
                name: np.concatenate([_all(batch.exits[name].predictions) for batch in self.batches])
                for name in whole
            },
            exit_confidences={
                name: np.concatenate([_all(batch.exits[name].confidences) for batch in self.batches])
                for name in whole
            },
        )


def _has_all(batch: BatchSeen, name: str) -> bool:
    return name in batch.exits and batch.exits[name].predictions is not None


def _all(values: NDArray[Any] | None) -> NDArray[Any]:
    assert values is not None  # asked for only where every batch has them
    return values


def pairs(batches: Iterable[Any]) -> Iterator[tuple[Any, NDArray[np.int32]]]:
    """Yield inputs and labels of every batch; refuse what is no pair, or has not a label for every input."""
    for k, batch in enumerate(batches):
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            kind = f"a {type(batch).__name__}" + (
                f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
            )
            raise GraphError(f"batches: batch {k} is {kind}; needs (inputs, labels)")
        inputs, labels = batch
        truth = _whole(labels, k)
        shapes = [tuple(each.shape) for each in tensors(inputs)]
        if shapes and not any(len(truth) in shape for shape in shapes):
            raise GraphError(
                f"batches: batch {k} has {len(truth)} labels for inputs of shape {shapes[0]}; needs one per input"
            )
        yield inputs, truth


def _whole(labels: Any, k: int) -> NDArray[np.int32]:
    try:
        found = np.asarray(labels.detach().cpu() if isinstance(labels, Tensor) else labels)
        truth = found.astype(np.int32)
    except (TypeError, ValueError):
        found, truth = np.zeros(()), np.zeros(1, np.int32)
    if found.ndim != 1 or not np.array_equal(truth, found):
        raise GraphError(
            f"batches: labels of batch {k} have shape {found.shape}; need (inputs,), a whole number each"
        )
    return truth
