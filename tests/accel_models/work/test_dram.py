"""Bytes on the bus and the time they take."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.design.sections import Dram
from accel_models.dram import Bus, packed_fetch_bytes, transfer_cycles, whole_bursts
from tests.sections import CLOCK_HZ, but, dram, section
from traces import Bools, Ints, pack_mask
from traces.base.errors import ConfigError

MEMORY = section(Dram, **dram(bytes_per_cycle=16))


def fetched_for(masks: Bools, channel_bytes: int, burst: int) -> Ints:
    return packed_fetch_bytes(pack_mask(masks), masks.shape[1], channel_bytes, burst)


def on(**values: object) -> Bus:
    """The memory's bus at 1 GHz, with other values."""
    return Bus(but(MEMORY, **values), CLOCK_HZ)


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
    assert transfer_cycles(on(), moved) == cycles


def test_the_bus_is_full_once_enough_requests_are_in_flight() -> None:
    assert transfer_cycles(on(requests_in_flight=26), 64 * 1000) == 4100  # 104 / 26 = 4
    assert transfer_cycles(on(requests_in_flight=25), 64 * 1000) == 4160


def test_overhead_is_paid_in_every_round_trip() -> None:
    assert transfer_cycles(on(request_overhead_cycles=8), 64 * 160) == 160 * (100 + 8 + 4) / 16


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
    assert fetched_for(mask(kept), channel_bytes, 4).tolist() == [4 * bursts]


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
    fetched = fetched_for(np.stack([row, ~row]), channel_bytes, burst)
    assert fetched.tolist() == [
        brute_force(row, channel_bytes, burst),
        brute_force(~row, channel_bytes, burst),
    ]
    assert fetched[0] >= row.sum() * channel_bytes  # never less than what is kept


@settings(deadline=None, max_examples=80)
@given(
    moved=st.integers(0, 10**7),
    faster=st.integers(0, 64_000),
    latency=st.integers(0, 300),
    flight=st.integers(1, 32),
)
def test_more_bandwidth_is_never_slower(moved: int, faster: int, latency: int, flight: int) -> None:
    slow = on(latency=f"{latency} ns", requests_in_flight=flight)
    fast = Bus(but(slow.dram, bandwidth=f"{16_000 + faster} MB/s"), CLOCK_HZ)
    assert transfer_cycles(fast, moved) <= transfer_cycles(slow, moved)
    assert transfer_cycles(slow, moved) * slow.bytes_per_mebicycle >= moved << 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dram.burst", "0 B"),
        ("dram.requests_in_flight", 0),
        ("dram.bandwidth", "0 B/s"),
        ("weight_bits", 0),
        ("weight_buffer", "-1 B"),
    ],
)
def test_memory_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"memory\.{name}"):
        load_design("edge_npu_16x16", {f"memory.{name}": value})
