"""Bytes on the bus and the time they take."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.dram import MemoryParams, masked_fetch_bytes, transfer_cycles, whole_bursts
from traces.base.errors import ConfigError

MEMORY = MemoryParams(
    activation_buffer_bytes=0,
    weight_buffer_bytes=0,
    accumulator_buffer_bytes=0,
    dram_bytes_per_mebicycle=16 << 20,
    dram_latency_cycles=100,
    burst_bytes=64,
    requests_in_flight=16,
)


def changed_memory(name: str, value: int) -> MemoryParams:
    changes: dict[str, Any] = {name: value}
    return replace(MEMORY, **changes)


@pytest.mark.parametrize(
    ("moved", "cycles"),
    [
        (0, 0),
        (1, 104),  # one burst: its latency and four beats of 16 B
        (64, 104),
        (65, 108),
        (640, 140),
        (16 * 64, 164),
        (64 * 100, 650),  # 16 requests a round trip of 104 cycles: 6.5 cycles a burst, the bus needs 4
    ],
)
def test_a_transfer_by_hand(moved: int, cycles: int) -> None:
    assert transfer_cycles(MEMORY, moved) == cycles


def test_the_bus_is_full_once_enough_requests_are_in_flight() -> None:
    assert transfer_cycles(replace(MEMORY, requests_in_flight=26), 64 * 1000) == 4100  # 104 / 26 = 4
    assert transfer_cycles(replace(MEMORY, requests_in_flight=25), 64 * 1000) == 4160


def test_overhead_is_paid_in_every_round_trip() -> None:
    assert transfer_cycles(replace(MEMORY, request_overhead_cycles=8), 64 * 160) == 160 * (100 + 8 + 4) / 16


def test_runs_come_in_whole_bursts() -> None:
    assert whole_bursts([0, 1, 64, 65], 64).tolist() == [0, 64, 64, 128]


def mask(text: str) -> np.ndarray:
    return np.array([[bit == "1" for bit in text]])


@pytest.mark.parametrize(
    ("kept", "channel_bytes", "bursts"),
    [
        ("00000000", 1, 0),
        ("10000000", 1, 1),
        ("10001000", 1, 2),  # the same count, other positions
        ("11110000", 1, 1),
        ("11111111", 1, 2),
        ("00100000", 6, 2),  # bytes 12..17 of bursts of 4: bursts 3 and 4
        ("01100000", 6, 4),  # bytes 6..17: bursts 1 to 4
        ("10100000", 6, 4),  # bytes 0..5 and 12..17
        ("11111111", 6, 12),
    ],
)
def test_broken_bursts_by_hand(kept: str, channel_bytes: int, bursts: int) -> None:
    assert masked_fetch_bytes(mask(kept), channel_bytes, 4).tolist() == [4 * bursts]


def brute_force(kept: np.ndarray, channel_bytes: int, burst: int) -> int:
    touched = {
        byte // burst
        for c in np.flatnonzero(kept)
        for byte in range(c * channel_bytes, (c + 1) * channel_bytes)
    }
    return burst * len(touched)


@settings(deadline=None, max_examples=80)
@given(
    kept=st.lists(st.booleans(), min_size=1, max_size=40),
    channel_bytes=st.integers(1, 70),
    burst=st.sampled_from([1, 4, 16, 32, 64]),
)
def test_broken_bursts_equal_counting_bytes(kept: list[bool], channel_bytes: int, burst: int) -> None:
    row = np.array(kept)
    fetched = masked_fetch_bytes(np.stack([row, ~row]), channel_bytes, burst)
    assert fetched.tolist() == [
        brute_force(row, channel_bytes, burst),
        brute_force(~row, channel_bytes, burst),
    ]
    assert fetched[0] >= row.sum() * channel_bytes  # never less than what is kept


@settings(deadline=None, max_examples=80)
@given(
    moved=st.integers(0, 10**7),
    faster=st.integers(0, 64 << 20),
    latency=st.integers(0, 300),
    flight=st.integers(1, 32),
)
def test_more_bandwidth_is_never_slower(moved: int, faster: int, latency: int, flight: int) -> None:
    slow = replace(MEMORY, dram_latency_cycles=latency, requests_in_flight=flight)
    fast = replace(slow, dram_bytes_per_mebicycle=slow.dram_bytes_per_mebicycle + faster)
    assert transfer_cycles(fast, moved) <= transfer_cycles(slow, moved)
    assert transfer_cycles(slow, moved) * slow.dram_bytes_per_mebicycle >= moved << 20


@pytest.mark.parametrize(
    "name", ["burst_bytes", "requests_in_flight", "dram_bytes_per_mebicycle", "weight_bits"]
)
def test_nothing_is_nothing(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"memory\.{name} = 0: must be at least 1"):
        changed_memory(name, 0)


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"memory\.weight_buffer_bytes = -1: must not be negative"):
        replace(MEMORY, weight_buffer_bytes=-1)
