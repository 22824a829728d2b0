"""Which channels of a tensor are there, for every input at once.

A tensor either holds all channels, or those that a mask keeps, or (for inputs whose producer was skipped)
none.  Masks come from gates and are shared by the many tensors they pass through, so counts are taken once
per gate and most tensors need no work per input at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools

Counts = NDArray[np.int32]
Packed = NDArray[np.uint8]  # (n, ceil(channels / 8)), little bit order
_LOW_BITS = np.array([(1 << bits) - 1 for bits in range(9)], np.uint8)  # the byte whose lowest bits are set


@dataclass(frozen=True, eq=False)
class Mask:
    """Kept channels per input; the bits of derived masks are made only when somebody looks at them."""

    total: int  # channels
    count: Counts  # (n,), kept channels
    make_packed: Callable[[], Packed]

    @cached_property
    def packed(self) -> Packed:
        """Bits of the mask, shape (n, ceil(total / 8))."""
        return self.make_packed()

    @classmethod
    def of(cls, packed: Packed, total: int) -> Mask:
        """Return the mask that the packed bits hold."""
        return cls(total, np.bitwise_count(packed).sum(axis=1, dtype=np.int32), lambda: packed)


@dataclass(frozen=True, eq=False)
class Channels:
    """Channels of one tensor that are there, per input: the mask's where ``present``, else none."""

    total: int  # channels of the dense tensor
    present: Bools  # (n,); False where no channel is there
    mask: Mask | None = None  # None: all channels

    @cached_property
    def count(self) -> Counts:
        """Active channels per input, shape (n,)."""
        width = np.int32(self.total) if self.mask is None else self.mask.count
        return np.multiply(self.present, width, dtype=np.int32)

    @property
    def packed(self) -> Packed:
        """Bits of the active channels, shape (n, ceil(total / 8))."""
        bits = full_row(self.total) if self.mask is None else self.mask.packed
        return bits * self.present[:, None].view(np.uint8)

    def where(self, condition: Bools) -> Channels:
        """Return the channels where the condition holds, none elsewhere."""
        return Channels(self.total, self.present & condition, self.mask)

    def masked(self, mask: Mask | None) -> Channels:
        """Return the channels that the mask keeps too."""
        if mask is None or mask is self.mask:
            return self
        both = mask if self.mask is None else _intersection(self.mask, mask)
        return Channels(self.total, self.present & (both.count > 0), both)

    def repeated(self, times: int) -> Channels:
        """Return each channel ``times`` times in a row: a depthwise multiplier, or pixels flattened."""
        if times == 1:
            return self
        mask = self.mask
        if mask is not None:
            old = mask
            mask = Mask(
                old.total * times,
                old.count * np.int32(times),
                lambda: pack(np.repeat(unpack(old.packed, old.total), times, axis=1)),
            )
        return Channels(self.total * times, self.present, mask)

    def grouped(self, size: int) -> Channels:
        """Return which groups of ``size`` neighbouring channels hold at least one; undoes ``repeated``."""
        if size == 1:
            return self
        mask = self.mask
        if mask is not None:
            groups = mask.total // size
            bits = unpack(mask.packed, mask.total).reshape(len(mask.packed), groups, size)
            any_of_group: Bools = np.logical_or.reduce(bits, axis=2)
            mask = Mask.of(pack(any_of_group), groups)
        return Channels(self.total // size, self.present, mask)


def pack(bits: Bools) -> Packed:
    """Pack (n, channels) bits, little bit order."""
    return np.packbits(bits, axis=1, bitorder="little")


def unpack(packed: Packed, total: int) -> Bools:
    """Return the packed bits as booleans (n, total)."""
    return np.unpackbits(packed, axis=1, count=total, bitorder="little").view(np.bool_)


def full_row(total: int) -> Packed:
    """Return one packed row with every channel set, shape (1, ceil(total / 8))."""
    return prefix_rows([total], total)


def prefix_rows(widths: Sequence[int], total: int) -> Packed:
    """Return one packed row per width: its first channels set, shape (widths, ceil(total / 8))."""
    left = np.asarray(widths)[:, None] - np.arange(0, total, 8)[None, :]  # of the prefix, from each byte on
    return _LOW_BITS[np.clip(left, 0, 8)]


def union(operands: Sequence[Channels]) -> Channels:
    """Return the channels that at least one operand has: what is there after an addition."""
    first = operands[0]
    for operand in operands:
        if operand.mask is None and operand.present.all():
            return operand
    present = reduce(np.logical_or, (operand.present for operand in operands))
    able = [operand for operand in operands if operand.present.any()] or [first]
    if all(operand.mask is able[0].mask for operand in able):
        return Channels(first.total, present, able[0].mask)
    packed = reduce(np.bitwise_or, (operand.packed for operand in able))
    return Channels(first.total, present, Mask.of(packed, first.total))


def intersection(operands: Sequence[Channels]) -> Channels:
    """Return the channels that every operand has: what is there after a product."""
    result = operands[0]
    for operand in operands[1:]:
        result = result.masked(operand.mask).where(operand.present)
    return result


def concatenation(operands: Sequence[Channels]) -> Channels:
    """Return the operands' channels behind each other; absent operands leave a gap of inactive ones."""
    total = sum(operand.total for operand in operands)
    present = reduce(np.logical_or, (operand.present for operand in operands))
    if all(operand.mask is None and operand.present.all() for operand in operands):
        return Channels(total, present)
    count = reduce(np.add, (operand.count for operand in operands))
    return Channels(total, present, Mask(total, count, lambda: _side_by_side(operands)))


def _side_by_side(operands: Sequence[Channels]) -> Packed:
    return pack(np.concatenate([unpack(operand.packed, operand.total) for operand in operands], axis=1))


def _intersection(a: Mask, b: Mask) -> Mask:
    return Mask.of(a.packed & b.packed, a.total)
