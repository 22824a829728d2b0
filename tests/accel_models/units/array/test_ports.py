"""Ports of buffers: one as wide as the array's edge never makes it wait, a narrower one takes bytes over width."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models.design.unit_sections import Array
from accel_models.units.array.mapping import Mapping, map_ops
from accel_models.work.shapes import shapes_of
from tests.accel_models.units.convolutions import square_conv
from tests.sections import but, machine, memory

MEMORY = memory(32 << 10, 32 << 10, 16 << 10)
EDGE = but(
    MEMORY,
    ports={"activation": f"{16 * 8} bit", "weight": f"{16 * 8} bit", "accumulator": f"{2 * 16 * 32} bit"},
)  # a number per row and column of a 16 x 16 array, partial sums in and out
SIZES = st.integers(1, 70)


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
    shapes = shapes_of(square_conv(channels, filters, size=size, kernel=kernel))
    without, with_ports = (map_ops(shapes, machine(array(dataflow), beside)) for beside in (MEMORY, EDGE))
    for field in fields(Mapping):
        np.testing.assert_array_equal(
            getattr(without, field.name), getattr(with_ports, field.name), field.name
        )


@pytest.mark.parametrize(
    ("port", "read"),
    [("activation", "activation_read_bytes"), ("weight", "weight_read_bytes")],
)
def test_a_port_of_a_byte_takes_a_cycle_per_byte(port: str, read: str) -> None:
    way = map_ops(
        shapes_of(square_conv(64, 64, size=16, kernel=3)),
        machine(array("ws"), but(MEMORY, ports={port: "8 bit"})),
    )
    assert way.array_cycles[0] == getattr(way, read)[0] > way.compute_cycles[0]


def test_partial_sums_pass_their_port_both_ways() -> None:
    way = map_ops(
        shapes_of(square_conv(64, 64, size=16, kernel=3)),
        machine(array("ws"), but(MEMORY, ports={"accumulator": "8 bit"})),
    )
    assert way.array_cycles[0] == way.accumulator_read_bytes[0] + way.accumulator_write_bytes[0]


def test_what_shares_a_buffer_shares_its_port() -> None:
    shared = but(MEMORY, shared_buffer=True, ports={"activation": "8 bit"})
    way = map_ops(shapes_of(square_conv(64, 64, size=16, kernel=3)), machine(array("ws"), shared))
    assert way.array_cycles[0] == way.activation_read_bytes[0] + way.weight_read_bytes[0]
