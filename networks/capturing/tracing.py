"""One forward pass of one input as a list of tensor operations, whoever called them.

Every operation that reaches PyTorch's dispatcher is noted with its module, so functions, methods, shared modules and
custom code count alike.  A network that looks at its data (``if gate > 0:``) shows only the path that its example
takes; that it looked is noted, and :attr:`Tracing.reason` says where.

Choice: not ``torch.export``.  On the small networks of `examples/families` both see as many MACs per kind of op (a test
compares them), but export takes ten times as long (21 networks 7.6 against 0.7 s; ResNet-50 1.1 against 0.3 s), refuses
networks that look at their data, and forgets which module's call put out what, which laying gates by name needs.

::

    model + example ──► calls: operation, arguments, shapes, module, MACs that torch counts itself
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from networks.capturing.calls import Tracing
from networks.capturing.modules import ModuleCalls
from networks.capturing.noting import Noter, tensors
from traces import GraphError

# Functions noted as one operation: torch runs their parts in kernels of its own, or step by step.
_WHOLE = frozenset(
    {"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "lstm", "gru", "rnn_tanh", "rnn_relu"}
    | {"scaled_dot_product_attention", "pad"}
)
# Of these, the first parameters: callers may name them.
_PARAMETERS = {
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask"),
    "pad": ("input", "pad", "mode", "value"),
}
_EXPORTS = frozenset({"numpy", "__array__", "tolist"})


@torch.no_grad()
def trace(model: nn.Module, example: tuple[Any, ...], answer: Callable[[Any], Any]) -> Tracing:
    """Return the operations of one forward pass in evaluation mode; the model is left as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        return _run(model, example, answer)
    finally:
        for module, training in modes.items():
            module.training = training


def _run(model: nn.Module, example: tuple[Any, ...], answer: Callable[[Any], Any]) -> Tracing:
    return noted(model, example, answer)[0].tracing


def noted(model: nn.Module, example: tuple[Any, ...], answer: Callable[[Any], Any]) -> tuple[Noter, Any]:
    """Run a network as it is; return what noted its operations, and its output."""
    calls = ModuleCalls(model)
    noter = Noter(calls)
    for tensor in tensors(example):
        noter.tracing.inputs.append(noter.new(tensor, constant=False))
    with ExitStack() as stack:
        stack.enter_context(calls.watching(noter.module_left))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))  # attention as products that torch counts
        stack.enter_context(_whole_attention(noter))
        stack.enter_context(_plain_transformers())
        stack.enter_context(_WholeFunctions(noter))
        stack.enter_context(noter)
        output = model(*example)
    noter.tracing.answers = [noter.known(tensor) for tensor in tensors(answer(output))]
    if not noter.tracing.answers:
        raise GraphError(
            f"{type(model).__name__} puts out a {type(output).__name__}, in which no tensor is found; say where its "
            "answer is: answer=lambda out: out.logits"
        )
    noter.tracing.module_calls = calls.times()
    return noter, output


class _WholeFunctions(TorchFunctionMode):
    """Notes a recurrent cell as one operation, and tensors that leave for NumPy."""

    def __init__(self, noter: Noter) -> None:
        super().__init__()
        self._noter = noter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        noter = self._noter
        if name in _EXPORTS and noter.depends(args[0]):
            noter.looked(name, [noter.known(args[0])])
        if name not in _WHOLE or noter.hidden_macs is not None:
            return func(*args, **kwargs)
        return _noted_whole(noter, func, args, kwargs)


@contextmanager
def _whole_attention(noter: Noter) -> Iterator[None]:
    """Note attention as one operation inside torch's own layers too, which hide it from function modes."""
    original = nn.functional.scaled_dot_product_attention

    def noted(*args: Any, **kwargs: Any) -> Any:
        return _noted_whole(noter, original, args, kwargs)

    nn.functional.scaled_dot_product_attention = noted
    try:
        yield
    finally:
        nn.functional.scaled_dot_product_attention = original


def _noted_whole(noter: Noter, func: Any, args: Any, kwargs: Any) -> Any:
    """Run a function and note it as one operation, with the MACs of its parts."""
    noter.hidden_macs = 0
    try:
        with _plain_kernels():
            out = func(*args, **kwargs)
        macs = noter.hidden_macs
    finally:
        noter.hidden_macs = None
    given, named = list(args), dict(kwargs)
    for parameter in _PARAMETERS.get(func.__name__, ())[len(given) :]:
        if parameter not in named:
            break
        given.append(named.pop(parameter))
    noter.note(func.__name__, tuple(given), named, out, macs, [])
    return out


@contextmanager
def _plain_transformers() -> Iterator[None]:
    """Turn torch's fused transformer layers off; their parts are what is counted."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Turn oneDNN off, whose LSTMs count as nothing."""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)
