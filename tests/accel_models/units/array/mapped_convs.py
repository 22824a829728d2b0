"""Convolutions and an array as the tests of its tiles take them."""

from __future__ import annotations

from accel_models.design.unit_sections import Array
from accel_models.work.shapes import Shapes, shapes_of
from traces.graphs.parts import Op

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
    op = Op(
        name="conv",
        kind="conv",
        inputs=("input",),
        in_channels=in_channels,
        out_channels=out_channels,
        in_height=size,
        in_width=size,
        out_height=-(-size // stride),
        out_width=-(-size // stride),
        kernel_height=kernel,
        kernel_width=kernel,
        stride_height=stride,
        stride_width=stride,
        groups=groups,
    )
    return shapes_of(op, batch=batch)
