"""``capture``: a PyTorch network as a graph, its ops named by the paths of their modules."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from networks.capturing.aten import translate
from networks.capturing.calls import Tracing
from networks.capturing.checking import check_batch_axis, check_each, check_module, first_input
from networks.capturing.modules import numbered
from networks.capturing.tracing import trace
from networks.capturing.translation import Translation
from traces import (
    GraphError,
    LacunaError,
    NetworkGraph,
    did_you_mean,
    first_line,
    import_model,
)


class CaptureWarning(UserWarning):
    """A graph holds only the path that its example took."""


def capture(  # noqa: PLR0913  # the network, an input, and what to call and keep
    model: nn.Module,
    example: Any,
    *,
    name: str = "",
    answer: Callable[[Any], Any] | None = None,
    keep: Sequence[str] = (),
    batch_axis: int | None = 0,
    skip_unsupported: bool = False,
) -> NetworkGraph:
    """Return the graph of a PyTorch network.

    One input runs through the network in evaluation mode, and every operation is noted:
    of modules and functions alike, a module that is called twice twice (``control``, ``control#2``).  Batch norm is
    folded, what the answer does not need is left out, and every op's MACs are checked against torch's own count.

    Parameters
    ----------
    model
        The network; it is left as it was.
    example
        An input, or a tuple of several; of a batch the first is taken.
    name
        Of the graph; left out, the class of the network.
    answer
        From what the network puts out to its answer, for networks that put out more (auxiliary losses, statistics of
        gates): what serves only the rest is left out.
    keep
        Patterns of modules (``"exits.*"``) whose outputs are needed too, though the answer does not need them.
    batch_axis
        Which axis of the example is the batch; ``None`` if it is one input without a batch.
    skip_unsupported
        Leave out what cannot be priced; ``graph.skipped`` lists it.

    Raises
    ------
    UnsupportedError
        Operations that cannot be priced, all of them at once.
    """
    check_module(model)
    check_batch_axis(model, example, batch_axis)
    inputs = first_input(example, batch_axis)
    try:
        tracing = trace(model, inputs, answer or (lambda output: output))
        tracing.answers += _kept(tracing, keep)
    except LacunaError:
        raise
    except Exception as problem:
        raise GraphError(
            f"{type(model).__name__} does not run on the example: {type(problem).__name__}: "
            f"{first_line(problem)[:300]}"
        ) from problem
    if tracing.reason:
        warnings.warn(
            f"{type(model).__name__} looks at its data ({tracing.reason}): the graph holds the path that the "
            "example takes",
            CaptureWarning,
            stacklevel=2,
        )
    return _graph(name or type(model).__name__, tracing, translate(tracing), skip_unsupported)


def _kept(tracing: Tracing, patterns: Sequence[str]) -> list[int]:
    found: list[int] = []
    for pattern in patterns:
        calls = [call for call in tracing.module_outputs if fnmatchcase(call[0], pattern)]
        if not calls:
            known = sorted({path for path, _ in tracing.module_outputs})
            raise GraphError(f"keep: no module matches {pattern!r}{did_you_mean(pattern, known)}")
        found += [number for call in calls for number in tracing.module_outputs[call]]
    return found


def _graph(name: str, tracing: Tracing, words: Translation, skip_unsupported: bool) -> NetworkGraph:
    answers = [words.tensor(number) for number in tracing.answers]
    model = import_model(
        name,
        [f"t{number}" for number in tracing.inputs],
        words.ops,
        words.shapes,
        answers,
        skip_unsupported=skip_unsupported,
    )
    ends = {model.sources.get(name, "") for name in answers}
    looked = {model.sources.get(f"t{number}", "") for number in tracing.looked_at}
    graph = _needed(model.graph, ends | looked)
    if words.complete:
        check_each(graph, words.counted)
    outputs = []
    for (path, call), numbers in tracing.module_outputs.items():
        sources = {model.sources.get(f"t{number}", "") for number in numbers}
        ops = tuple(op.name for op in graph.ops if op.name in sources)
        outputs.append((numbered(path, call), ops))
    kept = tuple(op.name for op in graph.ops if op.name in ends)
    return graph.model_copy(update={"module_outputs": tuple(outputs), "answers": kept})


def _needed(graph: NetworkGraph, ends: set[str]) -> NetworkGraph:
    """Return the graph without ops that nothing reads and that are no end of it (states that nobody keeps)."""
    read, kept = set(ends), []
    for op in reversed(graph.ops):
        if op.name in read:
            kept.append(op)
            read.update(op.inputs)
    return graph.model_copy(update={"ops": tuple(kept[::-1])}) if kept else graph
