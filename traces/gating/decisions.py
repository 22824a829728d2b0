"""Decisions of any shape as traces hold them.

A decision is 0 or 1 per input (and channel, tile, row or element), or the index of a choice.  Anything else, a logit or
a probability say, is refused with the conversion that would help: guessing wrong would be silent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools, Ints
from traces.base.errors import GraphError
from traces.graphs.kinds import Decisions
from traces.graphs.parts import Gate

NUMBER_TYPES = "biuf"  # kinds of NumPy types that can be decisions or classes: bool, whole numbers, floats


def as_decisions(gate: Gate, values: NDArray[Any], inputs: int, how: str) -> Decisions:
    """Return the decisions of ``inputs`` inputs as a trace holds them.

    Parameters
    ----------
    gate
        The gate they are of.
    values
        Any shape that starts with the inputs and holds the gate's bits (or index) per input, in order.
    inputs
        How many inputs there are.
    how
        The start of a conversion that an error may offer: ``"open=lambda y: y"``, say.
    """
    if values.dtype.kind not in NUMBER_TYPES:
        raise GraphError(f"gate {gate.name!r}: decisions are {values.dtype}; needs bool, or 0 and 1")
    if gate.rules.stored == "index":
        return gate.rules.store(_indices(gate, values, inputs, how))
    bits = _bits(gate, values, how)
    if bits.shape[:1] != (inputs,) or bits.size != inputs * gate.size:
        raise GraphError(_misfit(gate, values.shape, inputs, how))
    return gate.rules.store(bits.reshape(gate.rules.decided(inputs, gate.size)))


def _bits(gate: Gate, values: NDArray[Any], how: str) -> Bools:
    if values.dtype == np.bool_:
        return values
    ones: Bools = values == 1
    if bool(np.all(ones | (values == 0))):
        return ones
    if np.isnan(values).any():
        raise GraphError(f"gate {gate.name!r}: decisions hold values that are not a number")
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint8 and values.shape[1:] == (-(-gate.size // 8),) and gate.size > 8:
        unpack = f"np.unpackbits({how}, axis=1, count={gate.size}, bitorder='little')"
        raise GraphError(
            f"gate {gate.name!r}: decisions look packed, eight to a byte; needs 0 and 1: {unpack}"
        )
    if low >= 0 and high <= 1:
        help_ = f"probabilities: {how} > 0.5; scores that skip at 0: {how} > 0"
    else:
        help_ = f"logits: {how} > 0; two logits per decision: {how}.argmax(1) == 1"
    raise GraphError(
        f"gate {gate.name!r}: decisions lie between {low:.4g} and {high:.4g}, which does not say where it is "
        f"open; needs 0 and 1. For {help_}"
    )


def _misfit(gate: Gate, shape: tuple[int, ...], inputs: int, how: str) -> str:
    needs = ", ".join(map(str, gate.rules.axes(gate)))
    text = f"gate {gate.name!r} ({gate.kind}): decisions have shape {shape}, need ({inputs}, {needs})"
    if math.prod(shape) == 2 * inputs * gate.size:
        text += f"; of two values per decision the larger one decides: {how}.argmax(1) == 1"
    elif shape[:1] != (inputs,):
        text += "; the first axis must be the inputs"
    return text


def _indices(gate: Gate, values: NDArray[Any], inputs: int, how: str) -> Ints:
    if values.shape[:1] != (inputs,) or values.size not in {inputs, inputs * gate.size}:
        raise GraphError(
            f"gate {gate.name!r} ({gate.kind}): decisions have shape {values.shape}, need ({inputs},), the index "
            f"of the choice, or ({inputs}, {gate.size}) with a single 1"
        )
    if values.size == inputs * gate.size and gate.size > 1:
        values = _one_hot(gate, values.reshape(inputs, gate.size), how)
    flat = values.reshape(inputs)
    with np.errstate(invalid="ignore"):  # what is no number is refused below
        index = flat.astype(np.int64)
    if not bool(np.all(index == flat)) or (inputs and not 0 <= index.min() <= index.max() < gate.size):
        raise GraphError(
            f"gate {gate.name!r} ({gate.kind}): decisions go from {flat.min()} to {flat.max()}, need whole "
            f"numbers from 0 to {gate.size - 1}, the index of the choice"
        )
    return index


def _one_hot(gate: Gate, values: NDArray[Any], how: str) -> Ints:
    hard = np.isin(values, (0, 1)).all() and bool(np.all(values.sum(1) == 1))
    if not hard:
        raise GraphError(
            f"gate {gate.name!r} ({gate.kind}): decisions are {gate.size} numbers per input but not a single 1; "
            f"the largest decides: {how.replace('open', 'index')}.argmax(1)"
        )
    chosen: Ints = values.argmax(1)
    return chosen
