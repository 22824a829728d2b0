"""What of a forward pass its answer needs."""

from __future__ import annotations

from networks.capturing.calls import Call, Tracing


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
