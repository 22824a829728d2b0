"""Off-chip memory: how long a transfer takes and how many bytes it really moves.

Memory moves whole bursts.  What a tile, a strided row or a masked tensor asks for is rounded up to them
here, so that everything downstream counts bytes on the bus.

Kept channels break bursts wherever they lie.  Eight channels are one byte of a packed mask, so what they touch of the
stored vector is one of 256 entries of a table.  Where bursts are wider than channels an entry is a set of bursts, and
sets are united; where channels are wider it is their number, less those that neighbours share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.design.quantities import MOST_COUNT
from accel_models.design.sections import Dram, Memory
from traces import Bools, Floats, Ints, Packed

MEBICYCLE = 2**20  # bandwidth is kept as whole bytes per 2**20 cycles, exact to one part in a million
_VALUES = 256  # of a byte
_WORD = 64  # bursts in one word of a set


@dataclass(frozen=True)  # no slots: what follows from both is worked out once
class Bus:
    """A DRAM as a design's clock sees it; of designs side by side a number may be a column."""

    dram: Dram
    clock_hz: float

    @cached_property
    def bytes_per_mebicycle(self) -> int:
        """Bandwidth [bytes per 2**20 cycles]."""
        whole: int = _whole(self.dram.bandwidth / self.clock_hz * MEBICYCLE, 1)
        return whole

    @property
    def bytes_per_cycle(self) -> float:
        """Bandwidth [B/cycle]."""
        return self.bytes_per_mebicycle / MEBICYCLE

    @cached_property
    def latency_cycles(self) -> int:
        """From a request to its first byte [cycles]."""
        whole: int = _whole(self.dram.latency * self.clock_hz, 0)
        return whole

    @cached_property
    def start_cycles(self) -> int:
        """Before the first byte of a transfer: latency, issue and hand-over of its first burst [cycles]."""
        return self.latency_cycles + self.dram.request_overhead_cycles

    @cached_property
    def burst_cycles(self) -> float:
        """Time of one burst's data on the bus [cycles]."""
        return self.dram.burst * MEBICYCLE / self.bytes_per_mebicycle

    @cached_property
    def round_trip_cycles(self) -> float:
        """From issuing one request to having all of its data [cycles]."""
        return self.start_cycles + self.burst_cycles

    @cached_property
    def window_cycles(self) -> float:
        """Time between the requests of a full window [cycles]."""
        return self.round_trip_cycles / self.dram.requests_in_flight

    @cached_property
    def waits_for_requests(self) -> bool:
        """Whether the window of requests is slower than the bus, anywhere where designs stand side by side."""
        return bool(np.any(self.window_cycles > self.burst_cycles))

    @cached_property
    def cycles_per_burst(self) -> float:
        """Steady time per burst: the bus or the window of requests, whichever is slower [cycles]."""
        return max(self.burst_cycles, self.window_cycles)


def bus_behind(memory: Memory, clock_hz: float) -> Bus | None:
    """Return the way between the buffers and ``memory.l2``; ``None`` without one.

    Choice: bursts are the DRAM's, and as many are asked for as hide the latency of all but the first.
    """
    if memory.l2 is None:
        return None
    near = {
        "bandwidth": memory.l2.bandwidth,
        "latency": memory.l2.latency,
        "requests_in_flight": MOST_COUNT,
        "request_overhead_cycles": 0,
    }
    return Bus(memory.dram.model_copy(update=near), clock_hz)


def either_bus(far: Bus, near: Bus | None, is_near: Bools) -> Bus:
    """Return one bus of which each state has its own numbers: those of ``near`` where it says so, else of ``far``."""
    if near is None or not np.any(is_near):
        return far
    chosen = {
        name: np.where(is_near, getattr(near.dram, name), getattr(far.dram, name))
        for name in ("bandwidth", "latency", "requests_in_flight", "request_overhead_cycles")
    }
    return Bus(far.dram.model_copy(update=chosen), far.clock_hz)


def _whole(value: Any, least: int) -> Any:
    """Return a number, or every number of a column, rounded to a whole one that is at least ``least``."""
    if isinstance(value, np.ndarray):
        return np.maximum(np.rint(value), least).astype(np.int64)
    return max(least, round(value))


def transfer_cycles(bus: Bus, transferred_bytes: ArrayLike) -> Ints:
    """Time to move bytes between DRAM and a buffer [cycles]; no bytes take no time.

    With n bursts of t cycles each, latency L, overhead o per request and Q requests in flight:

        max(n t + L + o, n (t + L + o) / Q)

    Source: both arms are seen in RTL; Gemmini's loads of n rows of b beats at w cycles each are
    max(n b w + L + 20, n (b + L + 8) / 16).  Within 2 % on the reference's loads of 16-row commands, mean.
    """
    moved = np.asarray(transferred_bytes, np.int64)
    bursts = -(-moved // bus.dram.burst)
    return np.where(moved > 0, np.ceil(burst_train_cycles(bus, bursts)), 0).astype(np.int64)


def burst_train_cycles(bus: Bus, bursts: ArrayLike) -> Floats:
    """Time of ``n > 0`` bursts in a row, not rounded; see :func:`transfer_cycles`."""
    n = np.asarray(bursts, np.float64)
    alone = n * bus.burst_cycles + bus.start_cycles
    return np.maximum(alone, n * bus.window_cycles)


def whole_bursts(run_bytes: ArrayLike, burst_bytes: int) -> Ints:
    """Bytes on the bus for runs of ``run_bytes`` contiguous bytes each.

    Choice: a run begins at a burst's first byte; stored tensors are padded to make it so.
    """
    return np.asarray(-(-np.asarray(run_bytes, np.int64) // burst_bytes) * burst_bytes, np.int64)


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
