"""Cycles per element of an op in the output stage, with what is fused or chained behind it."""

from __future__ import annotations

from typing import Literal

from accel_models.units.micronpu.settings import OutputCycles

OutputFunction = Literal["sum", "max_pool", "mul", "add", "other"]  # sum: convolutions, average pools, copies
Behind = Literal["clip", "table", "op"]


def element_cycles(  # noqa: PLR0913  # what the stage distinguishes
    output: OutputCycles,
    function: OutputFunction,
    *,
    elementwise: bool = False,
    in_bits: int = 8,
    out_bits: int = 8,
    binary: bool = False,
    behind: tuple[Behind, ...] = (),
) -> float:
    """Return the cycles per element.

    Parameters
    ----------
    output
        The output stage.
    function
        What the op computes.
    elementwise
        Whether it runs on the elementwise engine.
    in_bits, out_bits
        Of operands and results [bit].
    binary
        Whether it has two operands.
    behind
        What the same pass does to the results: a clip or a table is a floor; an op adds its own cycles where the
        stage chains ops (U85), otherwise it must be a pass of its own.
    """
    own = _own_cycles(output, function, elementwise, (in_bits, out_bits), binary)
    if not output.chained:
        return max([own, *(_floor(output, each) for each in behind[:1])])
    total = 0.0
    for each in behind:
        if each == "op":
            total, own = total + own, output.binary_32 if in_bits == 32 else output.default
        else:
            own = max(own, _floor(output, each))
    return total + own


def _own_cycles(
    output: OutputCycles, function: OutputFunction, elementwise: bool, bits: tuple[int, int], binary: bool
) -> float:
    if elementwise and bits[0] == 32:
        return output.binary_32 if binary else output.unary_32
    if function == "mul":
        return output.mul_to_32 if bits[1] == 32 else output.mul
    if function == "add":
        return output.add
    return output.max_pool if function == "max_pool" else output.default


def _floor(output: OutputCycles, behind: Behind) -> float:
    return {"clip": output.relu, "table": output.table, "op": 0.0}[behind]
