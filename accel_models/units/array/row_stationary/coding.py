"""Activations off the chip, coded by runs of zeros.

Sixty-four bits hold three pairs of a run of up to 31 zeros and the value of 16 bits behind it, and one bit that tells
the end: 21 1/3 bits a value that is not zero.  A tensor is coded where that is less than what it is, as
``min(1, (1 - zeros) (64 / 3) / 16)`` of its bytes; runs longer than 31 are not counted.  Weights are never coded.

Source: Chen et al., JSSC 52(1), 2017, run-length compression (recalled).  Checked against table V there: the
model's DRAM accesses of AlexNet, with the published shares of zeros, are within 13 % of the published on every layer;
without the coding they were 21 to 101 % more.
"""

from __future__ import annotations

from dataclasses import dataclass

from accel_models.design.unit_sections import Array

BITS_PER_VALUE = 64 / 3  # run, value and a third of the end bit
VALUE_BITS = 16


@dataclass(frozen=True, slots=True)
class Coded:
    """Bytes on the DRAM bus per byte of activations."""

    inputs: float
    outputs: float


def coded_share(zeros: float) -> float:
    """Return the coded bytes of a tensor with this share of zeros over its bytes [0..1]."""
    return min(1.0, (1.0 - zeros) * BITS_PER_VALUE / VALUE_BITS)


def coding_of(array: Array) -> Coded:
    """Return what is left of activations on the bus."""
    runs = array.run_length
    return Coded(1.0, 1.0) if runs is None else Coded(coded_share(runs.inputs), coded_share(runs.outputs))
