"""Ops and what they cost on gemmini_16x16, as its tests ask."""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from accel_models.cost import Cost, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.units.pricing import price
from tests.accel_models.units.convolutions import square_conv
from traces.graphs.parts import INPUT, Op

ARRAY = Placement(
    unit="gemmini",
    inputs_on_chip=False,
    output_on_chip=False,
    weights_resident=False,
    weight_prefetch_bytes=0,
    reserved_bytes=0,
)


@cache
def design(**overrides: object) -> Design:
    return load_design("gemmini_16x16", {name.replace("__", "."): value for name, value in overrides.items()})


def conv(
    channels: int,
    filters: int,
    size: int = 8,
    kernel: int = 1,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> Op:
    return square_conv(
        channels, filters, size=size, kernel=kernel, stride=stride, dilation=dilation, groups=groups
    )


def linear(channels: int, filters: int, rows: int = 1) -> Op:
    return Op(
        name="op", kind="linear", inputs=(INPUT,), in_channels=channels, out_channels=filters, in_height=rows,
        out_height=rows,
    )  # fmt: skip


def cost(
    op: Op,
    cin: ArrayLike | None = None,
    cout: ArrayLike | None = None,
    batch: int = 1,
    spread: float = 0.0,
    **overrides: object,
) -> Cost:
    ins, outs = np.broadcast_arrays(
        np.atleast_1d(op.in_channels if cin is None else cin), op.out_channels if cout is None else cout
    )
    runs = (ins > 0) & (outs > 0)
    work = WorkStates(
        op=op,
        runs=runs,
        in_channels=ins.astype(np.int64),
        out_channels=outs.astype(np.int64),
        out_rows=np.full(len(ins), op.out_height),
        batch=np.where(runs, batch, 0),
        useful_macs=np.where(runs, op.macs * batch, 0),
        weight_fetch_bytes=np.full(len(ins), op.weight_count * spread).astype(np.int64),
        gathered_elements=np.zeros(len(ins), np.int64),
    )
    return price(work, ARRAY, design(**overrides))
