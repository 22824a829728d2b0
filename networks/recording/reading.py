"""Decisions, scores and exits as the modules of a network put them out, read as traces hold them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from networks.capturing.noting import tensors
from networks.recording.watching import CallWatch
from traces import Decisions, Floats, Gate, GateRequest, GraphError, LacunaError, as_decisions, choose_exit


def read_decisions(gate: Gate, request: GateRequest, output: Any, inputs: int) -> Decisions:
    """Return what a gate decided, from what its module put out."""
    how = f"{'index' if gate.rules.stored == 'index' else 'open'}=lambda y: y"
    if request.read is not None:
        read = _call(f"gate {gate.name!r}: {how.partition('=')[0]}=", request.read, output)
        return as_decisions(gate, to_numpy(gate.name, read), inputs, how)
    candidates = list(tensors(output))
    if len(candidates) == 1:
        return as_decisions(gate, to_numpy(gate.name, candidates[0]), inputs, how)
    fitting = []
    for tensor in candidates:
        try:
            fitting.append(as_decisions(gate, to_numpy(gate.name, tensor), inputs, how))
        except GraphError:
            continue
    if len(fitting) != 1:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in candidates)
        raise GraphError(
            f"gate {gate.name!r}: its module puts out {len(candidates)} tensors ({shapes}), {len(fitting)} of them "
            f"could be its decisions; say which: {how}[0]"
        )
    return fitting[0]


def read_scores(gate: Gate, output: Any, inputs: int) -> NDArray[np.float16]:
    """Return the scores that scale what a gate keeps."""
    for tensor in tensors(output):
        if tensor.shape[:1] == (inputs,) and tensor.numel() == inputs * gate.size:
            values = tensor.detach().float().cpu().numpy().astype(np.float16)
            return values.reshape(gate.rules.decided(inputs, gate.size))
    raise GraphError(
        f"gate {gate.name!r}: scales what it keeps, but its module puts out no score per decision"
    )


@dataclass(frozen=True, slots=True)
class ExitAnswers:
    """What the exits of one batch answered."""

    chosen: NDArray[np.uint8]  # (n,), the exit that answered
    predictions: NDArray[np.int32] | None  # (n, exits); None where exits behind the answering one did not run
    confidences: NDArray[np.float16] | None


def read_exits(  # noqa: PLR0913, PLR0917  # exits, how sure each is, and what is sure enough
    watch: CallWatch,
    gate: Gate,
    request: GateRequest,
    heads: tuple[str, ...],
    sure: tuple[str, ...],
    inputs: int,
) -> ExitAnswers:
    """Return which exit answered each input of a batch, and what the others would have answered."""
    ran = [watch.called(call) for call in heads]
    if not all(ran):
        return _halted(gate, heads, ran, inputs)
    logits = [exit_logits(gate, call, watch.output(gate.name, call), inputs) for call in heads]
    each = [_confidence(gate, request, watch, k, logits[k], sure) for k in range(len(heads))]
    stored: NDArray[np.float16] = np.stack(each, 1).astype(np.float16)
    answers = np.stack([each.argmax(1).to(torch.int32).numpy() for each in logits], 1)
    return ExitAnswers(choose_exit(stored, _thresholds(gate, request, logits[0].shape[1])), answers, stored)


def exit_logits(gate: Gate, call: str, output: Any, inputs: int) -> Tensor:
    """Return an exit's logits, (inputs, classes)."""
    for tensor in tensors(output):
        if tensor.ndim == 2 and len(tensor) == inputs:
            return tensor.detach().float().cpu()
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(output))
    raise GraphError(
        f"gate {gate.name!r}: exit {call!r} puts out {shapes or 'no tensor'}, needs ({inputs}, classes); where "
        "a network sends on only the inputs that have no answer yet, record it with batches of one input"
    )


def to_numpy(gate: str, value: Any) -> NDArray[Any]:
    """Return any array-like as NumPy has it."""
    if isinstance(value, Tensor):
        value = value.detach()
        array: NDArray[Any] = (value.float() if value.dtype == torch.bfloat16 else value).cpu().numpy()
        return array
    if isinstance(value, list | tuple) and any(isinstance(each, Tensor) for each in value):
        value = [to_numpy(gate, each) for each in value]
    try:
        found: NDArray[Any] = np.asarray(value)
    except ValueError as problem:
        raise GraphError(f"gate {gate!r}: decisions cannot be read as an array: {problem}") from None
    return found


def read_answer(output: Any, answer: Callable[[Any], Any] | None, inputs: int) -> Tensor:
    """Return the predicted class of every input, from logits (n, classes) or classes (n,)."""
    if answer is not None:
        output = _call("answer=", answer, output)
    found = list(tensors(output))
    if len(found) != 1:
        raise GraphError(
            f"the network puts out {_described(output)}; say which tensor is its answer: "
            f"answer=lambda out: out{_first(output)}"
        )
    logits = found[0].detach().cpu()
    if logits.ndim == 1 and len(logits) == inputs and not logits.is_floating_point():
        return logits.to(torch.int32)
    if logits.ndim < 2 or len(logits) != inputs:
        raise GraphError(f"the network's answer has shape {tuple(logits.shape)}, needs ({inputs}, classes)")
    return logits.reshape(inputs, logits.shape[1], -1).mean(2).argmax(1).to(torch.int32)


def _described(output: Any) -> str:
    if isinstance(output, dict):
        return f"a dict of {', '.join(map(repr, output))}"
    return f"a {type(output).__name__} with {len(list(tensors(output)))} tensors"


def _first(output: Any) -> str:
    if isinstance(output, dict):
        return f"[{next(iter(output), '')!r}]"
    return "[0]" if isinstance(output, list | tuple) else ".logits"


def _halted(gate: Gate, heads: tuple[str, ...], ran: list[bool], inputs: int) -> ExitAnswers:
    """Return the exits of a network that really ended early: the last head that was called answered."""
    if inputs != 1:
        raise GraphError(
            f"gate {gate.name!r}: exit {heads[ran.index(False)]!r} was not called: the network ends early for the "
            "whole batch; record it with batches of one input"
        )
    if not any(ran):
        raise GraphError(f"gate {gate.name!r}: no exit was called in the forward pass")
    last = len(ran) - 1 - ran[::-1].index(True)
    return ExitAnswers(np.array([last], np.uint8), None, None)


def _confidence(  # noqa: PLR0913, PLR0917  # one exit of several, and how it is judged
    gate: Gate, request: GateRequest, watch: CallWatch, k: int, logits: Tensor, sure: tuple[str, ...]
) -> Floats:
    if sure:
        if k >= len(sure):  # the last exit answers whatever comes
            return np.ones(len(logits))
        values = [t for t in tensors(watch.output(gate.name, sure[k])) if t.numel() == len(logits)]
        if len(values) != 1:
            raise GraphError(f"gate {gate.name!r}: {sure[k]!r} puts out no single confidence per input")
        return np.asarray(to_numpy(gate.name, values[0]).reshape(-1), np.float64)
    if callable(request.confidence):
        found = to_numpy(gate.name, _call(f"gate {gate.name!r}: confidence=", request.confidence, logits))
        if found.size != len(logits):
            raise GraphError(
                f"gate {gate.name!r}: confidence= gives shape {found.shape}, needs ({len(logits)},)"
            )
        return np.asarray(found.reshape(-1), np.float64)
    shares = logits.softmax(1)
    if request.confidence == "entropy":
        entropy = -(shares * shares.clamp_min(1e-12).log()).sum(1) / math.log(shares.shape[1])
        return np.asarray((1 - entropy).numpy(), np.float64)
    return np.asarray(shares.amax(1).numpy(), np.float64)


def _thresholds(gate: Gate, request: GateRequest, classes: int) -> Floats:
    """Return per exit the confidence from which on it answers; the last one answers always."""
    given = request.threshold
    each = [1.01 if given is None else given] * gate.size if not isinstance(given, tuple) else list(given)
    if len(each) == gate.size - 1:
        each.append(0.0)
    if len(each) != gate.size:
        raise GraphError(f"gate {gate.name!r}: {len(each)} thresholds for {gate.size} exits")
    values = np.array(each, np.float64)
    if request.confidence == "entropy" and given is not None:  # at most so many nats: at least so sure
        values = 1 - values / math.log(classes)
    return values


def _call(what: str, function: Callable[[Any], Any], value: Any) -> Any:
    """Return the user's function of what a module put out; what goes wrong in it is the user's to mend."""
    try:
        return function(value)
    except LacunaError:
        raise
    except Exception as problem:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(value))
        raise GraphError(
            f"{what} fails on a {type(value).__name__} with tensors of shape {shapes or 'none'}: "
            f"{type(problem).__name__}: {problem}"
        ) from problem
