"""Tensors of which parts are written: slices assigned in place, scattered values."""

from __future__ import annotations

from networks.capturing.calls import Ref
from networks.capturing.translation import CallStep, Written


def overlay(step: CallStep) -> None:
    """Note that part of a tensor was written; what is written piece by piece is joined when it is read."""
    words, out = step.all, step.call.outputs[0]
    under, *rest = (given.id for given in step.call.args if isinstance(given, Ref))
    over = rest[-1] if rest else under  # indices come before what is written there
    before = words.written.get(under)
    if before is None or f"t{under}" in words.shapes:
        base = None if step.constant(under) or over == under else under
        before = Written(step.name, base, ())
    parts = before.parts if step.constant(over) else (*before.parts, over)
    if not parts and before.under is None:  # only where was computed
        parts = tuple(step.dynamic()[:1])
    words.written[out] = Written(before.name, before.under, parts)
