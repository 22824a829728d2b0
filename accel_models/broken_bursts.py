"""Bytes on the bus for kept channels wherever they lie: tables by byte of a packed mask.

Eight channels are one byte of the mask, so what they touch of the stored vector is one of 256 entries.  Where bursts
are wider than channels an entry is a set of bursts, and sets are united; where channels are wider it is their number,
less those that neighbours share.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from traces import Ints, Packed

_VALUES = 256  # of a byte
_WORD = 64  # bursts in one word of a set


def packed_fetch_bytes(masks: Packed, channels: int, channel_bytes: int, burst_bytes: int) -> Ints:
    """Bytes on the bus to fetch the kept channels of one stored vector: broken bursts come whole.

    Parameters
    ----------
    masks
        Kept channels, packed, shape ``(n, ceil(C / 8))``.
    channels
        C.
    channel_bytes
        Contiguous bytes of one channel in the stored layout: 1 for a pixel of int8 channels-last
        activations, ``K`` for int8 weights stored one output channel after the other [B].
    burst_bytes
        Burst of the memory [B].

    Returns
    -------
    Ints
        Bytes moved, shape ``(n,)``: whole bursts that hold at least one byte of a kept channel.
    """
    bytes_of = np.ascontiguousarray(masks.T)
    bursts = _counted if channel_bytes >= burst_bytes else _united
    return bursts(bytes_of, channels, channel_bytes, burst_bytes) * burst_bytes


def kept_channels(masks: Packed) -> Ints:
    """Return how many channels are kept, shape (n,)."""
    size = masks.shape[1]
    if size in {1, 2, 4, 8}:
        words = np.ascontiguousarray(masks).view(f"<u{size}")[:, 0]
        return np.asarray(np.bitwise_count(words), np.int64)
    return np.asarray(np.bitwise_count(masks).sum(axis=1, dtype=np.int64))


def _counted(bytes_of: Packed, *stored: int) -> Ints:
    """Bursts that kept channels touch, where no burst holds parts of more than two: those shared count once."""
    tables, border = _number_tables(*stored)
    total = np.zeros(bytes_of.shape[1], np.int64)
    for b, (values, table) in enumerate(zip(bytes_of, tables, strict=True)):
        total += table.take(values)
        if b and border[b]:
            total -= (bytes_of[b - 1] >> 7) & values & 1
    return total


def _united(bytes_of: Packed, *stored: int) -> Ints:
    """Bursts that kept channels touch, where a burst holds parts of several: the union of what each touches."""
    total = np.zeros(bytes_of.shape[1], np.int64)
    for tables in _set_tables(*stored):
        touched = np.zeros(bytes_of.shape[1], np.uint64)
        for values, table in zip(bytes_of, tables, strict=True):
            if table[-1]:
                touched |= table.take(values)
        total += np.bitwise_count(touched)
    return total


def _spans(channels: int, channel_bytes: int, burst_bytes: int) -> tuple[Ints, Ints]:
    """Return the first and the last burst of each channel."""
    begin = np.arange(channels, dtype=np.int64) * channel_bytes
    return begin // burst_bytes, (begin + channel_bytes - 1) // burst_bytes


def _bits() -> NDArray[np.bool_]:
    """Return the bits of each value of a byte, the lowest first, shape (256, 8)."""
    return (np.arange(_VALUES)[:, None] >> np.arange(8) & 1).astype(np.bool_)


@lru_cache(maxsize=256)
def _number_tables(channels: int, channel_bytes: int, burst_bytes: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Return bursts by byte and its value, and whether a byte's first channel shares one with the byte before."""
    first, last = _spans(channels, channel_bytes, burst_bytes)
    count, bits = -(-channels // 8), _bits().astype(np.int64)
    each = np.zeros(8 * count, np.int64)
    each[:channels] = last - first + 1
    shared = np.zeros(8 * count, np.int64)  # with the channel before
    shared[1:channels] = first[1:] == last[:-1]
    inside = shared.reshape(-1, 8)[:, 1:]
    tables = each.reshape(-1, 8) @ bits.T - inside @ (bits[:, 1:] & bits[:, :-1]).T
    return tables, shared[::8].astype(np.bool_)


@lru_cache(maxsize=256)
def _set_tables(channels: int, channel_bytes: int, burst_bytes: int) -> NDArray[np.uint64]:
    """Return the sets of bursts by word, byte and its value, shape (words, bytes, 256)."""
    first, last = _spans(channels, channel_bytes, burst_bytes)
    count = -(-channels // 8)
    sets = np.zeros((-(-(int(last[-1]) + 1) // _WORD), 8 * count), np.uint64)
    for bursts in (first, last):  # a channel narrower than a burst touches two at most
        np.bitwise_or.at(
            sets, (bursts // _WORD, np.arange(channels)), np.uint64(1) << (bursts % _WORD).astype(np.uint64)
        )
    tables = np.zeros((len(sets), count, _VALUES), np.uint64)
    for k, bit in enumerate(_bits().T):
        tables |= np.where(bit, sets.reshape(len(sets), count, 8)[:, :, k, None], np.uint64(0))
    return tables
