"""What functions put out during a forward pass, by the names that a capture gives them: ``block1.softmax#2``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from networks.capturing.calls import living_calls
from networks.capturing.naming import operation_names
from networks.capturing.tracing import noted
from traces import GraphError, did_you_mean


def run_with_functions(
    model: nn.Module, inputs: tuple[Any, ...], answer: Callable[[Any], Any] | None, wanted: Sequence[str]
) -> tuple[Any, dict[str, Tensor]]:
    """Run a network and return its output, and what the operations of these names put out.

    Raises
    ------
    GraphError
        An operation is not there, or the network looks at its data, so that names may mean another one.
    """
    noter, output = noted(model, inputs, answer or (lambda out: out))
    tracing = noter.tracing
    if tracing.reason:
        raise GraphError(
            f"gate {wanted[0]!r} is a function, and the network looks at its data ({tracing.reason}): which call is "
            "meant depends on the input; make the gate a module, or give decide=lambda model, out: {...}"
        )
    calls = living_calls(tracing)
    names = zip(operation_names(calls), calls, strict=True)
    outputs = {name: call.outputs[0] for name, call in names if call.outputs}
    for name in wanted:
        if name not in outputs:
            raise GraphError(
                f"gate {name!r}: no function of this name runs{did_you_mean(name, outputs)}; "
                "record with the answer= of the capture"
            )
    return output, {name: noter.tensor(outputs[name]) for name in wanted}
