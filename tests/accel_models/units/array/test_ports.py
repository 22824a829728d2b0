"""Ports of buffers: one as wide as the array's edge never makes it wait, a narrower one takes bytes over width."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models.design.sections import Array
from accel_models.dram import MemoryParams
from accel_models.units.array.mapping import Mapping, map_ops
from accel_models.work.shapes import shapes_of
from traces import INPUT, Op

MEMORY = MemoryParams(
    activation_buffer_bytes=32 << 10,
    weight_buffer_bytes=32 << 10,
    accumulator_buffer_bytes=16 << 10,
    dram_bytes_per_mebicycle=8 << 20,
    dram_latency_cycles=100,
    burst_bytes=64,
    requests_in_flight=16,
)
EDGE = replace(
    MEMORY, activation_port_bits=16 * 8, weight_port_bits=16 * 8, accumulator_port_bits=2 * 16 * 32
)  # a number per row and column of a 16 x 16 array, partial sums in and out
SIZES = st.integers(1, 70)


def changed_memory(name: str, value: int) -> MemoryParams:
    changes: dict[str, Any] = {name: value}
    return replace(MEMORY, **changes)


def conv(channels: int, filters: int, size: int, kernel: int) -> Op:
    return Op(
        name="conv", kind="conv", inputs=(INPUT,), in_channels=channels, out_channels=filters, in_height=size,
        in_width=size, out_height=size, out_width=size, kernel_height=kernel, kernel_width=kernel,
    )  # fmt: skip


def array(dataflow: Literal["ws", "os", "is"]) -> Array:
    return Array(rows=16, cols=16, dataflow=dataflow)


@given(
    dataflow=st.sampled_from(["ws", "os", "is"]),
    channels=SIZES,
    filters=SIZES,
    size=st.integers(1, 20),
    kernel=st.sampled_from([1, 3]),
)
def test_a_port_as_wide_as_the_edge_changes_nothing(
    dataflow: Literal["ws", "os", "is"], channels: int, filters: int, size: int, kernel: int
) -> None:
    shapes = shapes_of(conv(channels, filters, size, kernel))
    without, with_ports = (map_ops(shapes, array(dataflow), memory) for memory in (MEMORY, EDGE))
    for field in fields(Mapping):
        np.testing.assert_array_equal(
            getattr(without, field.name), getattr(with_ports, field.name), field.name
        )


@pytest.mark.parametrize(
    ("port", "read"),
    [("activation_port_bits", "activation_read_bytes"), ("weight_port_bits", "weight_read_bytes")],
)
def test_a_port_of_a_byte_takes_a_cycle_per_byte(port: str, read: str) -> None:
    way = map_ops(shapes_of(conv(64, 64, 16, 3)), array("ws"), changed_memory(port, 8))
    assert way.array_cycles[0] == getattr(way, read)[0] > way.compute_cycles[0]


def test_partial_sums_pass_their_port_both_ways() -> None:
    way = map_ops(shapes_of(conv(64, 64, 16, 3)), array("ws"), replace(MEMORY, accumulator_port_bits=8))
    assert way.array_cycles[0] == way.accumulator_read_bytes[0] + way.accumulator_write_bytes[0]


def test_what_shares_a_buffer_shares_its_port() -> None:
    shared = replace(MEMORY, shared_buffer=True, activation_port_bits=8)
    way = map_ops(shapes_of(conv(64, 64, 16, 3)), array("ws"), shared)
    assert way.array_cycles[0] == way.activation_read_bytes[0] + way.weight_read_bytes[0]
