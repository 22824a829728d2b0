"""Convolutions and an array as the tests of its tiles take them."""

from __future__ import annotations

from accel_models.design.unit_sections import Array
from accel_models.work.shapes import Shapes, shapes_of
from tests.accel_models.units.convolutions import square_conv

ARRAY = Array(rows=8, cols=8, dataflow="ws", weight_preload="overlapped", drain="overlapped")
DATAFLOWS = ("ws", "is", "os")


def conv(
    in_channels: int,
    out_channels: int,
    size: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    batch: int = 1,
) -> Shapes:
    op = square_conv(in_channels, out_channels, size=size, kernel=kernel, stride=stride, groups=groups)
    return shapes_of(op, batch=batch)
